"""Packages of the registry are adopted from their sdists, gated, released and shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from adopting import Package, adopt, ends, nox, unpack
from kit import commit, git, served, warden

pytestmark = [pytest.mark.proof, pytest.mark.online]

PACKAGES = (
    Package("mypylogger==0.1.5", "setuptools", "flat", "0.1.5", {}),
    Package("mypylogger==0.2.8", "hatchling", "src", "0.2.8", {}),
    Package("iniconfig==2.0.0", "hatchling", "src", "from tags", {}, tag="v2.0.0"),
    Package("itsdangerous==2.2.0", "flit", "src", "2.2.0", {}),
    Package("python-slugify==9.2.0", "setuptools", "flat", "from a file", {}),
    Package("crashtest==0.4.1", "poetry", "flat", "0.4.1", {}),
    Package("pastel==0.2.1", "poetry", "flat", "0.2.1", {}),
    Package("findpython==0.9.0", "pdm", "src", "0.9.0", {}),
    Package("narwhals==2.29.0", "uv_build", "src", "2.29.0", {}),
    Package("six==1.17.0", "setuptools", "single module", "computed", {}),
    Package("isodate==0.7.2", "setuptools", "src", "from tags", {}, tag="v0.7.2"),
    Package("shellingham==1.5.4", "setuptools", "src", "computed", {}),
    Package("humanize==4.17.0", "hatchling", "src", "from tags", {}, tag="4.17.0"),
)


@pytest.fixture(scope="module", params=PACKAGES, ids=lambda package: package.release)
def package(request: pytest.FixtureRequest) -> Package:
    return request.param


def test_it_is_adopted_gated_released_shown_and_left_again(package: Package, tmp_path: Path) -> None:
    project = unpack(package.release, tmp_path)
    if package.tag:
        git(project, "tag", package.tag)
    before = git(project, "rev-parse", "HEAD^{tree}")
    adopted = adopt(project)
    assert adopted.code == 0, adopted.err
    found = {fact["about"]: fact["value"] for fact in adopted.document["facts"]}
    assert (found["backend"], found["layout"]) == (package.backend, package.layout)
    assert found["version"] == package.version
    print(found, ends(project, "lint", "types", "tests"), git(project, "status", "--porcelain"))
