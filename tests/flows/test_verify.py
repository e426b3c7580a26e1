"""Archives are verified against their commit and the rules of indexes before anything is sealed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from release.adapters.interpreters import interpreters
from tests.kit import commit, make_project, pypi_token, warden

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
# Put together here, so that this file holds none itself.
TOKEN = pypi_token()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def changed(project: Path, file: str, old: str, new: str) -> None:
    path = project / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    commit(project)


def verified(project: Path, out: Path) -> tuple[int, str]:
    """Build and verify; the exit code, and all that was told."""
    built = warden(project, "release.build", "--output", str(out))
    assert built.code == 0, built.err
    ran = warden(project, "release.verify", "--artifacts", str(out))
    return ran.code, "\n".join(ran.document.get("checks", ())) + ran.err


def test_a_sound_project_passes_on_every_python_that_is_there(project, tmp_path):
    code, told = verified(project, tmp_path / "out")
    assert code == 0, told
    there = interpreters(["3.11", "3.12", "3.13", "3.14"])
    assert f"on Python {', '.join(there)}" in told
    assert "contents are the commit's" in told


def test_a_build_that_changes_a_module_is_stopped(project, tmp_path):
    evil = 'Path("plain_thing.py").write_text("evil = 1\\n")\n'
    changed(project, "plain_backend.py", "FILES = (", f"{evil}FILES = (")
    code, told = verified(project, tmp_path / "out")
    assert code == 1
    assert "plain_thing.py is not what the commit holds" in told


def test_a_token_in_a_module_is_stopped_and_never_told(project, tmp_path):
    changed(project, "plain_thing.py", "__version__", f'KEY = "{TOKEN}"\n__version__')
    code, told = verified(project, tmp_path / "out")
    assert code == 1
    assert "plain_thing.py holds a PyPI token" in told
    assert TOKEN not in told


def test_line_ends_that_git_converts_are_no_change(project, tmp_path):
    (project / ".gitattributes").write_text("*.py text eol=crlf\n")
    commit(project)
    code, told = verified(project, tmp_path / "out")
    assert code == 0, told


def test_an_interpreter_stands_for_its_version():
    found = interpreters([OURS, "3.99"])
    assert list(found) == [OURS]


def test_a_shim_of_pyenv_is_passed_by(tmp_path, monkeypatch):
    """It is a shell script that may lead to no Python at all, and takes longer than Python does."""
    real = tmp_path / "versions" / "3.99.1" / "bin" / "python3.99"
    shim, asked = tmp_path / "shims" / "python3.99", tmp_path / "asked"
    for path, script in ((real, "echo 3.99 final"), (shim, f"touch {asked}; echo 3.99 final")):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{shim.parent}:/usr/bin:/bin")
    assert interpreters(["3.99"]) == {"3.99": str(real)}
    assert not asked.exists()
