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

from kit import Ran, commit, git, warden

from release.adapters.index import SimpleIndex, pypi_simple_url


@dataclass(frozen=True)
class Package:
    """A release, what ``init`` has to find in it, and how its gates end.

    ``ends`` are success, failed or skipped, as nox reports them: a gate may rightly be red, as
    not every sdist holds what its own tests need. ``tag`` stands for the history that an sdist
    lacks, where the version comes from tags.
    """

    release: str
    backend: str
    layout: str
    version: str
    ends: dict[str, str] = field(hash=False)
    tag: str = ""

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


def nox(project: Path, *words: str, timeout: float = 900) -> Ran:
    """``nox WORDS`` in a project, by the nox that Release Warden is installed beside."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nox", *words],
        cwd=project,
        env=os.environ | {"UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def ends(project: Path, *gates: str) -> dict[str, str]:
    """How the gates of a project end, by nox's own report."""
    report = project / ".nox" / "report.json"
    ran = nox(project, "--report", str(report), "-s", *gates)
    assert report.is_file(), ran.err
    return {s["name"]: s["result"] for s in json.loads(report.read_text())["sessions"]}


def adopt(project: Path) -> Ran:
    """``release-warden init --yes``, and the commit that a person makes of it."""
    done = warden(project, "init", "--yes")
    commit(project, "Release Warden takes care of releases")
    return done
