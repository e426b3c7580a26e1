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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a sample what is marked as beyond it: chosen, and so not skipped."""
    if not config.getoption("--sample"):
        return
    beyond = [item for item in items if item.get_closest_marker("beyond_sample")]
    config.hook.pytest_deselected(items=beyond)
    items[:] = [item for item in items if item not in beyond]
