"""Verdicts and smallest edits agree with brute force over all installable combinations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from made_index import made_index
from made_worlds import MadeWorld, disagreements, made_worlds

pytestmark = pytest.mark.proof

WORLDS, FEW = 300, 20


def test_verdicts_and_edits_agree_with_brute_force(
    tmp_path: Path, sample: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts: Counter[str] = Counter()
    with made_index() as index:

        @seed(1)
        @settings(
            max_examples=FEW if sample else WORLDS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(world=made_worlds())
        def compare(world: MadeWorld) -> None:
            snapshot, uv = world.scan(index, tmp_path)
            assert disagreements(world, snapshot, uv) == []
            verdicts.update(f"{one.verdict}{' + edit' * bool(one.edit)}" for one in snapshot.reach)
            verdicts["worlds"] += 1

        compare()
    with capsys.disabled():
        print(f"\n{dict(sorted(verdicts.items()))}")
    assert verdicts["worlds"] >= (FEW if sample else WORLDS) - 1
    if not sample:
        assert all(verdicts[verdict] > 10 for verdict in ("no-fix", "blocked-by-us + edit"))
