"""Real projects in real repositories, and the tool run on them as a user would."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECTS = Path(__file__).parent / "projects"


def commit(project: Path, message: str = "work") -> None:
    """Commit everything as somebody."""
    git(project, "add", "--all")
    git(project, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "-m", message)


def git(project: Path, *args: str) -> str:
    """Run git, and return what it says."""
    done = subprocess.run(["git", *args], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def refs(project: Path, *patterns: str) -> str:
    """All refs, or those below some, with their commits; but the book, which every run is in."""
    listed = git(project, "for-each-ref", *patterns).splitlines()
    return "\n".join(line for line in listed if not line.endswith("/runs"))


def make_project(folder: Path, name: str = "plain") -> Path:
    """A copy of one of tests/projects in a repository of its own."""
    shutil.copytree(PROJECTS / name, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "the project")
    return folder


def advise(folder: Path, package: str, *, fixed: str = "") -> Path:
    """A folder of advisories, with an OSV record of all versions of a package before ``fixed``."""
    folder.mkdir(exist_ok=True)
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    record = {
        "schema_version": "1.7.0",
        "id": f"PYSEC-2026-{package}",
        "modified": "2026-11-01T00:00:00Z",
        "published": "2026-11-01T00:00:00Z",
        "summary": "A hole for a test.",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }
    (folder / f"{package}.json").write_text(json.dumps(record))
    return folder


def make_wheel(
    folder: Path, content: str = "", version: str = "1.0", readme: str = "", name: str = "tiny"
) -> Path:
    """A wheel of a small project, as small as an index takes it."""
    folder.mkdir(exist_ok=True)
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", content)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        kind = "Description-Content-Type: text/x-rst\n\n" if readme else ""
        archive.writestr(f"{info}/METADATA", head + kind + readme)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@dataclass(frozen=True)
class Ran:
    """A run of the tool that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


def warden(
    project: Path, *words: str, cwd: Path | None = None, python: str = sys.executable, **env: str
) -> Ran:
    """``release-warden WORDS --project PROJECT --json``, run in ``cwd`` (default: ours).

    :param python: the interpreter that Release Warden is installed beside.
    """
    argv = [python, "-P", "-m", "release", *words, "--json", "--project", str(project)]
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, **env},
        cwd=cwd,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def pypi_token() -> str:
    """A token of the form that PyPI's have, and good for nothing."""
    fields = ((1, b"index.example"), (2, b"an identifier of somebody" * 3))
    head = b"".join(bytes((kind, len(text))) + text for kind, text in fields)
    whole = b"\2" + head + b"\0\0\6\x20" + b"s" * 32
    return "pypi-" + base64.urlsafe_b64encode(whole).decode().rstrip("=")


def served(project: Path) -> dict[str, str]:
    """The archives in the index's own folder, name to sha256."""
    found = [
        p for p in (project / ".release" / "index").rglob("*") if p.name.endswith((".whl", ".gz"))
    ]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
