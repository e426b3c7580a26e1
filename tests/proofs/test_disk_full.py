"""A disk that is full at any moment of a release: told as that, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import git, make_project, served, warden

pytestmark = pytest.mark.proof

SIZE = 16 << 20
"""Bytes of the file system; a whole release of the project takes less."""
RELEASE = "refs/release-warden/plain-thing/local/releases/1.0.0"


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small file system; only root can make one."""
    folder = Path(tempfile.mkdtemp(prefix="small-"))
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def leave_room(folder: Path, kib: int) -> Path:
    """Fill the disk but for some room."""
    ballast = folder / "ballast"
    free = int(subprocess.check_output(["stat", "-f", "-c", "%a", str(folder)])) * 4
    with ballast.open("wb") as sink:
        sink.write(b"x" * max(0, free - kib) * 1024)
    return ballast


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """From no room at all to enough of it."""
    if "room" in metafunc.fixturenames:
        rooms = [0, 8, 40, 64, 96, 128, 160, 200, 256, 320, 400, 512, 700, 1000, 2000, 4000]
        every = 4 if metafunc.config.getoption("--sample") else 1
        metafunc.parametrize("room", rooms[::every])


def test_a_release_that_runs_out_of_room_goes_on_when_there_is_some(disk, room, capsys):
    project = make_project(disk / "project")
    head = git(project, "rev-parse", "HEAD")
    ballast = leave_room(disk, room)
    ran = warden(project, "release.publish", TMPDIR=str(disk))
    sealed = git(project, "for-each-ref", RELEASE)
    seal = json.loads(git(project, "show", f"{RELEASE}:manifest.json"))["seal"] if sealed else ""
    with capsys.disabled():
        print(f"\n{room} KiB: exit {ran.code}, {ran.document.get('what', 'released')!r}")
    if ran.code:
        assert "no room" in ran.document["what"] + ran.document["why"], ran.err
        assert ran.code == 1
    ballast.unlink()
    if ran.code:
        again = warden(project, "release.publish", TMPDIR=str(disk))
        assert again.code == 0, again.err
    manifest = json.loads(git(project, "show", f"{RELEASE}:manifest.json"))
    assert seal in {"", manifest["seal"]}, "what was sealed is what was released"
    assert served(project) == {f["name"]: f["sha256"] for f in manifest["files"]}
    assert git(project, "rev-parse", "HEAD") == head
    assert warden(project, "release.reconcile").document["state"] == "clean"
    git(project, "fsck", "--no-dangling")
