"""``release.auto`` on a project where nothing changed, the resolver's time apart.

The project is released to its embedded index first, and depends on nothing, so that no registry is
asked; uv resolves it all the same. Advisories come from a folder. What is left to the run is all
but the resolver: its own start, the index's server, the ledger, the documents, the site.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.result import Result, Taken, best, timed

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from kit import advise, git, make_project  # noqa: E402

WARDEN = (sys.executable, "-P", "-m", "release")
WATCHED = (sys.executable, "-P", str(Path(__file__).parent / "watched.py"))


def compare(rounds: int) -> list[Result]:
    """The best of some rounds, after two that warm; CPU counts, of all processes together."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as name:
        project = make_project(Path(name, "thing"))
        git(project, "config", "user.name", "n")
        git(project, "config", "user.email", "e@x")
        advisories = advise(Path(name, "advisories"), "jinja2")
        timed([*WARDEN, "release.publish", "--yes"], project, env)
        auto = (*WATCHED, "release.auto", "--advisories", advisories)
        found = [timed(auto, project, env) for _ in range(rounds + 2)][2:]
    return [_result(found)]


def _result(found: list[Taken]) -> Result:
    apart = [_without_resolver(one) for one in found]
    wall, cpu, children = (min(values) for values in zip(*apart, strict=True))
    detail = {"all": best(found), "without uv": {"wall": wall, "cpu": cpu}, "children": children}
    return Result("unchanged release.auto, beside the resolver", "s of CPU", cpu, 1.5, detail)


def _without_resolver(one: Taken) -> tuple[float, float, float]:
    """Wall time, CPU and the number of children; the last line on stderr tells uv's share."""
    wall, cpu, children = map(float, one.err.splitlines()[-1].split())
    return one.wall - wall, one.cpu - cpu, children
