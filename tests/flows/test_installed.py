"""As users install it: the wheel in an empty environment, run in an empty folder."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kit import advise, git, make_project

from release.adapters import process

pytestmark = pytest.mark.online  # dependencies come from the registry

ROOT = Path(__file__).parents[2]
MINORS = ("3.11", "3.12", "3.13")


def interpreter(minor: str) -> str | None:
    """A Python of that version on this machine: ours, one on PATH, or one of pyenv's."""
    home = Path(os.environ.get("PYENV_ROOT") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv")
    found = [sys.executable, shutil.which(f"python{minor}") or ""]
    found += sorted(str(path) for path in home.glob(f"versions/{minor}.*/bin/python"))
    return next((path for path in found if path and _is(path, minor)), None)


def _is(path: str, minor: str) -> bool:
    """pyenv's shims exist for versions that they then refuse to run."""
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", asked], check=False, capture_output=True, text=True)
    return done.stdout.strip() == minor


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this very repository."""
    out = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", out, ROOT)
    return next(out.glob("*.whl"))


def uv(*words: str | Path) -> None:
    done = subprocess.run([process.script("uv"), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=MINORS)
def installed(request, tmp_path, wheel):
    """Runs a program of an environment that holds the wheel and its dependencies, no extras."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} on this machine")
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    uv("venv", "--quiet", "--python", python, venv)
    uv("pip", "install", "--quiet", "--python", venv / "bin" / "python", wheel)

    def run(program: str, *words: str) -> str:
        argv = [venv / "bin" / program, *words]
        done = subprocess.run(argv, cwd=empty, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert list(empty.iterdir()) == []
        return done.stdout

    return run


def test_the_wheel_alone_does_the_whole_job(installed, tmp_path):
    where = installed("python", "-c", "import release, status_site as s; print(release, s)")
    assert str(ROOT) not in where
    assert where.count("site-packages") == 2
    listing = installed("release-warden", "--list")
    assert all(task in listing for task in ("release.scan", "release.publish", "status.build"))
    project = make_project(tmp_path / "project")
    here = ("--json", "--project", str(project))
    receipt = json.loads(installed("release-warden", "release.publish", *here))
    assert (receipt["version"], receipt["tag"]) == ("1.0.0", "local/v1.0.0")
    assert git(project, "tag") == "local/v1.0.0"
    advisories = ("--advisories", str(advise(tmp_path / "advisories", "plain-thing")))
    snapshot = json.loads(installed("release-warden", "release.scan", *here, *advisories))
    assert [finding["package"] for finding in snapshot["findings"]] == ["plain-thing"]
    shutil.rmtree(project / "security-status")
    installed("release-warden", "status.build", "--project", str(project))
    page = (project / "security-status" / "index.html").read_text()
    assert "plain-thing" in page
    assert "PYSEC-2026-plain-thing" in page
