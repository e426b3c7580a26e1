"""Start-up: ``invoke --list`` of this project beside that of an empty tasks.py."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.result import Result, Taken, best, timed

ROOT = Path(__file__).parents[1]
LISTING = (sys.executable, "-m", "invoke", "--list")


def compare(rounds: int) -> list[Result]:
    """Both in turns, after one round that compiles; the ratio of CPU counts."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ours: list[Taken] = []
    bare: list[Taken] = []
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        (empty / "tasks.py").touch()
        for _ in range(rounds + 1):
            ours.append(timed(LISTING, ROOT, env))
            bare.append(timed(LISTING, empty, env, codes=(1,)))  # "no tasks found"
    found = {"ours": best(ours[1:]), "bare invoke": best(bare[1:])}
    ratio = found["ours"]["cpu"] / found["bare invoke"]["cpu"]
    return [Result("invoke --list", "times bare invoke, CPU", ratio, 1.35, found)]
