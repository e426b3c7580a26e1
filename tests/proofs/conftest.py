"""Proofs take minutes; ``--sample`` runs a few of their cases, as CI does."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--sample``."""
    parser.addoption("--sample", action="store_true", help="a few cases of every proof")


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> bool:
    """Whether a few cases suffice."""
    return bool(request.config.getoption("--sample"))
