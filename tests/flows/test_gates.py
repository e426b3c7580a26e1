"""The gates under a real nox: exit codes, streams, and when a session installs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOXFILE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import nox
from release import gates
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True

@nox.session(venv_backend="none")
def door(session):
    gates.run_task(session, "end", *session.posargs)

@nox.session(venv_backend="none")
def after(session):
    session.log("the next session ran")

@nox.session
def installs(session):
    gates.install(session, "--no-index", "--find-links", ".", "tiny")
    session.run("python", "-c", "import tiny")
"""
TASKS = """
import sys
from invoke.tasks import task
from invoke.exceptions import Exit

@task
def end(_, code=0):
    sys.stdout.write("a document")
    sys.stderr.write("talk")
    raise Exit(code=code)
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "noxfile.py").write_text(NOXFILE)
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def nox(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "nox", "-f", str(project / "noxfile.py"), *words]
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    env = os.environ | {"PATH": path}  # "python" has to be ours, which has Invoke
    return subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("task", "ours"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (75, 75), (9, 1)]
)
def test_a_door_exits_with_the_code_of_its_task(project, task, ours):
    assert nox(project, "-s", "door", "--", f"--code={task}").returncode == ours


def test_stdout_holds_the_document_alone(project):
    ran = nox(project, "-s", "door", "--", "--code=4")
    assert ran.stdout == "a document"
    assert "talk" in ran.stderr


def test_sessions_after_a_door_that_did_its_work_still_run(project):
    ran = nox(project, "-s", "door", "after")
    assert (ran.returncode, "the next session ran" in ran.stderr) == (0, True)


def make_wheel(project: Path) -> None:
    """A wheel of one empty module, so that installing needs no network."""
    metadata = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(project / "tiny-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", metadata)
        archive.writestr("tiny-1.0.dist-info/WHEEL", wheel)
        archive.writestr("tiny-1.0.dist-info/RECORD", "")


def test_a_session_installs_once_and_again_when_pyproject_changes(project):
    make_wheel(project)

    def installed() -> bool:
        ran = nox(project, "-s", "installs")
        assert ran.returncode == 0, ran.stderr
        return "install --no-index" in ran.stderr

    assert installed()
    assert not installed()
    (project / "pyproject.toml").write_text("[project]\n")
    assert installed()


def test_no_install_leaves_no_stamp(project):
    """With ``-R`` nothing is installed, so the next run without it has to."""
    make_wheel(project)
    nox(project, "-s", "installs")
    (project / "pyproject.toml").write_text("[project]\n")
    assert "install --no-index" not in nox(project, "-R", "-s", "installs").stderr
    assert "install --no-index" in nox(project, "-s", "installs").stderr


def test_a_failed_install_leaves_no_stamp(project):
    assert nox(project, "-s", "installs").returncode == 1
    make_wheel(project)
    assert nox(project, "-s", "installs").returncode == 0
