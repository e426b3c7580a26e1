"""Packages of the registry are adopted from their sdists, gated, released and shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from adopting import Package, adopt, ends, installed, nox, unpack
from kit import commit, git, served, warden

pytestmark = [pytest.mark.proof, pytest.mark.online]

OK, RED, SKIPPED = "success", "failed", "skipped"


ROOTS = "failed" if os.geteuid() == 0 else "success"
"""How a test ends that root cannot pass, as root may read everything."""


def _ends(lint: str, types: str, tests: str = "") -> dict[str, str]:
    told = {"lint": lint, "types": types, "tests": tests}
    return {gate: end for gate, end in told.items() if end}


PACKAGES = (
    Package("itsdangerous==2.2.0", "flit", "src", "2.2.0", _ends(OK, OK, OK)),
    Package(
        "shellingham==1.5.4", "setuptools", "src", "from a file", _ends(SKIPPED, SKIPPED, RED)
    ),
    Package("mypylogger==0.1.5", "setuptools", "flat", "0.1.5", _ends(RED, OK, RED)),
    Package("mypylogger==0.2.8", "hatchling", "src", "0.2.8", _ends(RED, OK)),
    Package(
        "mypylogger==1.0.1", "hatchling", "src", "from a file", _ends(OK, OK, OK), python="3.12"
    ),
    Package(
        "iniconfig==2.0.0", "hatchling", "src", "from tags", _ends(SKIPPED, OK, SKIPPED),
        tag="v2.0.0",
    ),
    Package("python-slugify==9.2.0", "setuptools", "flat", "from a file", _ends(SKIPPED, OK, OK)),
    Package("crashtest==0.4.1", "poetry", "flat", "0.4.1", _ends(SKIPPED, RED, SKIPPED)),
    Package("findpython==0.9.0", "pdm", "src", "0.9.0", _ends(OK, OK, ROOTS)),
    Package("narwhals==2.29.0", "uv_build", "src", "2.29.0", _ends(OK, RED, RED)),
    Package("six==1.17.0", "setuptools", "single module", "computed", _ends(RED, SKIPPED, OK)),
    Package(
        "isodate==0.7.2", "setuptools", "src", "from tags", _ends(OK, SKIPPED, OK), tag="v0.7.2"
    ),
)  # fmt: skip
"""Red are gates whose files the sdist lacks, or whose tools have moved on since that release.

A gate without an end is not run: mypylogger 0.2.8 has 1,099 tests, and many take a minute each.
"""

CASES = [
    pytest.param(one, id=one.release, marks=[pytest.mark.beyond_sample] if at else [])
    for at, one in enumerate(PACKAGES)
]


@pytest.mark.parametrize("package", CASES)
def test_it_is_adopted_gated_released_shown_and_left_again(
    package: Package, tmp_path: Path
) -> None:
    python = installed(package.python, tmp_path)
    project = unpack(package.release, tmp_path)
    if package.tag:
        git(project, "tag", package.tag)
    before = git(project, "rev-parse", "HEAD")

    adopted = adopt(project, python)
    assert adopted.code == 0, adopted.err
    found = {fact["about"]: fact["value"] for fact in adopted.document["facts"]}
    assert (found["backend"], found["layout"]) == (package.backend, package.layout)
    assert found["version"] == package.version
    assert warden(project, "init", "--yes", python=python).document["files"] != []
    assert git(project, "status", "--porcelain") == ""

    assert ends(project, *package.ends, python=python) == package.ends
    choose_gates(project, package.green)
    planned = nox(project, "-s", "publish", "--", "--dry-run", "--to", "local", python=python)
    assert planned.code == 0, planned.out + planned.err
    assert f"gates: {', '.join(package.green)}" in planned.out

    released = warden(project, "release.publish", "--to", "local", python=python)
    assert released.code == 0, released.err
    assert {file["name"] for file in released.document["files"]} == set(served(project))
    assert nox(project, "-s", "status", python=python).code == 0
    shown = (project / "security-status" / "index.html").read_text()
    assert package.release.partition("==")[0] in shown

    back = warden(project, "init", "--undo", "--yes", python=python)
    assert back.code == 0, back.err
    assert changed_since(before, project) == []
    assert git(project, "for-each-ref", "refs/release-warden") == ""


def choose_gates(project: Path, gates: list[str]) -> None:
    """What a person does about gates that are red from the start."""
    path = project / "pyproject.toml"
    line = 'repository = "pypi"\n'
    path.write_text(path.read_text().replace(line, f"{line}gates = {gates!r}\n"))
    commit(project, "the gates that are green")


def changed_since(start: str, project: Path) -> list[str]:
    """The files that differ from a commit, without what a build of the project rewrites."""
    git(project, "add", "--update")
    listed = git(project, "diff", "--cached", "--name-only", start).splitlines()
    return [path for path in listed if ".egg-info/" not in path]
