"""Real projects in real repositories, and the tool run on them as a user would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
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


def make_project(folder: Path, name: str = "plain") -> Path:
    """A copy of one of tests/projects in a repository of its own."""
    shutil.copytree(PROJECTS / name, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "the project")
    return folder


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


def warden(project: Path, *words: str, **env: str) -> Ran:
    """``release-warden WORDS --project PROJECT --json``."""
    argv = [sys.executable, "-P", "-m", "release", *words, "--json", "--project", str(project)]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=180, env={**os.environ, **env}
    )
    return Ran(done.returncode, done.stdout, done.stderr)
