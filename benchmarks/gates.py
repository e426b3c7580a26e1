"""Gates with new environments: ``nox -j`` as a release runs them, one after the other, and alone.

tox is left out: its runs would have to do the same work by a configuration of its own, and then it
would be two configurations that are compared.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.result import Result, Taken, timed

ROOT = Path(__file__).parents[1]


def compare(names: Sequence[str]) -> list[Result]:
    """Each way once, after each gate alone has warmed the caches of uv."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        alone = {name: _run(fresh / name, name) for name in names}
        longest = max(alone.values(), key=lambda one: one.wall)
        sequential = _run(fresh / "sequential", *names)
        parallel = _run(fresh / "parallel", *names, words=("-j", "auto"))
    detail = {
        "alone": {name: one.wall for name, one in alone.items()},
        "sequential": sequential.wall,
        "parallel": parallel.wall,
    }
    title = f"gates {', '.join(names)}, cold"
    return [
        Result(title, "times the longest", parallel.wall / longest.wall, 1.15, detail),
        Result(title, "times sequential", parallel.wall / sequential.wall, 0.65, detail),
    ]


def _run(place: Path, *names: str, words: tuple[str, ...] = ()) -> Taken:
    argv = [sys.executable, "-m", "nox", "--envdir", place, *words, "--session", *names]
    return timed(argv, ROOT, os.environ)
