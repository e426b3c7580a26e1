"""Verdicts and smallest edits in made-up worlds agree with brute force: a few worlds of many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from made_index import MadeIndex, made_index
from made_worlds import MadeWorld, disagreements, made_worlds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@pytest.fixture(scope="module")
def index() -> Iterator[MadeIndex]:
    with made_index() as made:
        yield made


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(world=made_worlds())
def test_verdicts_and_edits_agree_with_brute_force(
    index: MadeIndex, folder: Path, world: MadeWorld
) -> None:
    assert disagreements(world, *world.scan(index, folder)) == []
