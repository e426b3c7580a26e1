"""Real packages out of their sdists, adopted as a stranger would do it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kit import Ran, commit, git, warden
from uv import find_uv_bin

from release.adapters.index import SimpleIndex, pypi_simple_url
from release.adapters.interpreters import interpreters

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Package:
    """A release, what ``init`` has to find in it, and how its gates end.

    ``ends`` are success, failed or skipped, as nox reports them: a gate may rightly be red, as
    not every sdist holds what its own tests need. ``tag`` stands for the history that an sdist
    lacks, where the version comes from tags. ``python`` is one that it supports where ours is
    none.
    """

    release: str
    backend: str
    layout: str
    version: str
    ends: dict[str, str] = field(hash=False)
    tag: str = ""
    python: str = ""

    @property
    def green(self) -> list[str]:
        """The gates that a release of it can have."""
        return [gate for gate, end in self.ends.items() if end != "failed"]


def unpack(release: str, folder: Path) -> Path:
    """The sdist of a release, unpacked in a repository of its own.

    :param release: as ``name==version``.
    """
    name, _, version = release.partition("==")
    index = SimpleIndex(pypi_simple_url())
    sdists = (f for f in index.files(name) if f.name.endswith(".tar.gz"))
    sdist = next(f for f in sdists if str(f.version) == version)
    with tarfile.open(fileobj=io.BytesIO(index.download(sdist))) as archive:
        # Python 3.11 has the filter from 3.11.4 on (PEP 706)
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **safe)
    project = folder / sdist.name.removesuffix(".tar.gz")
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project, "the sdist")
    return project


def installed(version: str, folder: Path) -> str:
    """Release Warden installed for a Python, as a stranger with that one does; its interpreter.

    :param version: such as ``3.12``; empty for ours, beside which it is installed already.
    """
    if not version:
        return sys.executable
    found = interpreters([version])
    if not found:
        pytest.skip(f"there is no Python {version} on this machine")
    place, uv = folder / "warden", find_uv_bin()
    python = str(place / "bin" / "python")
    subprocess.run([uv, "venv", "--quiet", "--python", found[version], place], check=True)
    argv = [uv, "pip", "install", "--quiet", "--python", python, str(ROOT)]
    subprocess.run(argv, check=True)
    return python


def nox(project: Path, *words: str, timeout: float = 900, python: str = sys.executable) -> Ran:
    """``nox WORDS`` in a project, by the nox that Release Warden is installed beside."""
    done = subprocess.run(
        [python, "-P", "-m", "nox", *words],
        cwd=project,
        env=os.environ | {"UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def ends(project: Path, *gates: str, python: str = sys.executable) -> dict[str, str]:
    """How the gates of a project end, by nox's own report."""
    report = project / ".nox" / "report.json"
    ran = nox(project, "--report", str(report), "-s", *gates, python=python)
    assert report.is_file(), ran.err
    return {s["name"]: s["result"] for s in json.loads(report.read_text())["sessions"]}


def adopt(project: Path, python: str = sys.executable) -> Ran:
    """``release-warden init --yes``, and the commit that a person makes of it."""
    done = warden(project, "init", "--yes", python=python)
    commit(project, "Release Warden takes care of releases")
    return done
