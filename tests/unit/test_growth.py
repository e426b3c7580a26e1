"""What grows with findings, scans and runs grows about linearly: a change in growth is red.

Time alone never is. CPU of this process is counted, the least of a few rounds, over sizes far
apart, and the bound lies far from both: linear work with sorting stays near 1.1, and whatever
looks at every pair is at 2.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import process_time

import pytest
from worlds import NOON

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import growth, record, status
from benchmarks.growth import BOUND, LEAST
from release.model.runs import Ran, Runs
from release.watch.metrics import Seen, metrics

SMALL, LARGE, ROUNDS = 200, 1_200, 2


def least(measure, size):
    """The least of each figure over some rounds."""
    rounds = [measure(size) for _ in range(ROUNDS)]
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


def grown(measure, sizes=(SMALL, LARGE)):
    """The exponent of each figure between the sizes."""
    found = [least(measure, size) for size in sizes]
    return {name: growth.exponent(sizes, [one[name] for one in found]) for name in found[0]}


def recording_and_deciding(size):
    found = record.measure(size, 0)
    return {name: max(value, LEAST) for name, value in found.items() if not name.startswith("peak")}


def site(size):
    found = status.measure(size, 30)
    return {name: found[name] for name in ("ours, s", "unchanged, CPU, s")}


def figures(size):
    """``release.metrics`` of so many runs and findings, half of them open."""
    known = status.documents(size, 30)
    ran = tuple(
        Ran(task="release.auto", run=str(n), at=NOON + timedelta(hours=n), seconds=9, exit_code=0)
        for n in range(size)
    )
    seen = Seen(
        runs=Runs(project="demo", ran=ran),
        history=known["history"],
        journals=(),
        record=known["record"],
        heartbeat=known["heartbeat"],
    )
    began = process_time()
    metrics(seen, NOON + timedelta(hours=size))
    return {"metrics": process_time() - began}


def pairs(size):
    """What must not pass: every one is looked at beside every other."""
    began = process_time()
    sum(1 for one in range(size) for other in range(size) if one == other)
    return {"pairs": process_time() - began}


@pytest.mark.parametrize("measure", [recording_and_deciding, site, figures])
def test_growth_stays_about_linear(measure, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    over = {name: power for name, power in grown(measure).items() if power > BOUND}
    assert not over, f"grows faster than size ** {BOUND}: {over}"


def test_looking_at_every_pair_would_be_seen():
    assert grown(pairs, (200, 1_200))["pairs"] > BOUND
