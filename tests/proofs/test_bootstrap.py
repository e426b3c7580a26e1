"""A checkout of an adopted project, and a nox that nothing else is installed beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from adopting import adopt
from kit import make_project

from release.adapters import process

pytestmark = [pytest.mark.proof, pytest.mark.online]

ROOT = Path(__file__).parents[2]


def run(*argv: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        argv, cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=600
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_a_bare_nox_fetches_what_the_noxfile_needs(tmp_path: Path) -> None:
    """By the script metadata of the noxfile (PEP 723); a folder stands in for an index with us."""
    uv, wheels, venv = process.script("uv"), tmp_path / "wheels", tmp_path / "venv"
    project = make_project(tmp_path / "plain")
    assert adopt(project).code == 0
    run(uv, "build", "--wheel", "--python", sys.executable, "--out-dir", wheels, ROOT, cwd=tmp_path)
    run(uv, "venv", "--python", sys.executable, venv, cwd=tmp_path)
    run(uv, "pip", "install", "--python", venv / "bin" / "python", "nox", "uv", cwd=tmp_path)
    # The wheel's version may be an index's too one day: only the folder knows of this one.
    alone = {"UV_FIND_LINKS": str(wheels), "PATH": f"{venv / 'bin'}{os.pathsep}{os.defpath}"}
    said = run(venv / "bin" / "nox", cwd=project, **alone)
    assert "tests: skipped (there are no test files)" in said
    words = ("-s", "publish", "--", "--dry-run", "--to", "local")
    planned = run(venv / "bin" / "nox", *words, cwd=project, **alone)
    assert "no problem can be seen beforehand" in planned
    listed = run(uv, "pip", "list", "--python", venv / "bin" / "python", cwd=tmp_path)
    assert "release-warden" not in listed
