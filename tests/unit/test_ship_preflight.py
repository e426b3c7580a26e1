"""What can be seen to go wrong before anything is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from release.ship.preflight import Preflight, preflight

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def checks(**facts) -> list[str]:
    given = {"now": NOW, "committed": NOW - timedelta(days=1)} | facts
    return [problem.check for problem in preflight(Preflight(**given))]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, []),
        ({"branches": ("main",), "allowed": ("main", "1.x")}, []),
        ({"branches": ("topic", "origin/main"), "allowed": ("main", "origin/main")}, []),
        ({"branches": ("topic",)}, []),
        ({"branches": ("topic",), "allowed": ("main",)}, ["branch"]),
        ({"allowed": ("main",)}, ["branch"]),
        ({"branches": ("1.4",), "allowed": ("main", "1.*")}, []),
        ({"behind": "origin/main"}, ["up-to-date"]),
        ({"told": NOW + timedelta(minutes=9)}, []),
        ({"told": NOW + timedelta(minutes=11)}, ["clock"]),
        ({"told": NOW - timedelta(minutes=11)}, ["clock"]),
        ({"committed": NOW + timedelta(minutes=9)}, []),
        ({"committed": NOW + timedelta(hours=1)}, ["clock"]),
        ({"now": None, "told": NOW, "committed": NOW + timedelta(days=9)}, []),
        ({"refused": ("one", "two")}, ["metadata-accepted", "metadata-accepted"]),
        ({"lacks": ("3.12", "3.13")}, ["python"]),
        ({"lacks": ()}, ["python"]),
        (
            {"allowed": ("main",), "behind": "o/main", "told": NOW.replace(year=2000)},
            ["branch", "up-to-date", "clock"],
        ),
    ],
)
def test_every_problem_is_told_at_once(facts, found):
    assert checks(**facts) == found
