"""How far the gates are, by what nox says, one after the other and side by side."""

from __future__ import annotations

from watching import watching

from release.flows.gates import Progress

SEQUENTIAL = """\
nox > Running session lint
nox > ruff check
nox > Session lint was successful in 3 seconds.
nox > Running session tests-3.11
12 passed
nox > Session tests-3.11 failed.
nox > Ran 2 sessions in 9 seconds:"""

PARALLEL = """\
Starting session lint...
Starting session tests...
========== x lint: success ==========
nox > Running session lint
nox > Session lint was successful.
========== x tests: skipped ==========
nox > Running session tests
nox > Session tests skipped: no."""


def told(talk):
    said = []
    progress = Progress(("lint", "tests"), said.append)
    with watching() as seen:
        for line in talk.splitlines():
            progress.hear(line)
    assert progress.talk == talk.splitlines()
    assert said == ["gates: 1 of 2 done ...", "gates: 2 of 2 done ..."]
    return seen.parts


def test_one_after_the_other():
    parts = [("lint", ""), ("lint", "green"), ("tests", ""), ("tests", "red")]
    assert told(SEQUENTIAL) == parts


def test_side_by_side_each_is_told_once_though_nox_repeats_it():
    parts = [("lint", ""), ("tests", ""), ("lint", "green"), ("tests", "skipped")]
    assert told(PARALLEL) == parts
