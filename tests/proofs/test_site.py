"""The site's folder is one whole, true state: killed at every effect, without room, two at once.

Each case runs in a fork of this process, so that thousands of them take minutes. What is served
before and after are the only two states that any of them may leave.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from status_worlds import NOW, finding, lay_out, world

from release.errors import DocumentError, FailedError
from status_site.build import build
from status_site.store import CURRENT, current_files
from status_site.unseen import SLACK, VALID_FOR

pytestmark = pytest.mark.proof

EFFECTS = {"os.rename", "os.mkdir", "os.symlink", "os.remove", "os.rmdir", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
EVERY, SAMPLE = 1, 40
Act = Callable[[], object]


class Fuse:
    """Kills this process at the N-th effect on the disk; at every write, in the middle of it."""

    def __init__(self, number: int) -> None:
        self.left = number

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def light(self) -> None:
        """From now on. Nothing takes it back: the process is one of its own."""
        sys.addaudithook(self._audit)
        os.fsync = self._burning(os.fsync)
        os.fchmod = self._burning(os.fchmod)
        write = os.write

        def torn(descriptor: int, data: Any) -> int:
            half = len(data) // 2
            done = write(descriptor, data[:half]) if half else 0
            self.burn()
            return done + write(descriptor, data[half:])

        os.write = torn

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in EFFECTS or (event == "open" and (args[2] or 0) & WRITING):
            self.burn()

    def _burning(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any) -> Any:
            self.burn()
            return work(*args)

        return step


def forked(act: Act) -> int:
    """Run something in a fork; 0 if it ended, 1 if it raised, else less: the signal."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            try:
                act()
                os._exit(0)
            except FailedError:
                os._exit(1)
            except BaseException:  # noqa: BLE001 - a fork tells of it, and goes no further
                traceback.print_exc()
        os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def burnt(act: Act, step: int) -> int:
    """Run something that is killed at one of its effects."""

    def lit() -> None:
        Fuse(step).light()
        act()

    return forked(lit)


def state(site: Path) -> dict[str, str]:
    """What a reader sees: every name that is served, with its digest. It has to be whole."""
    if not (site / CURRENT).exists():
        assert not (site / "index.json").exists()
        return {}
    told = json.loads((site / "build.json").read_bytes())["files"]
    seen = {name: hashlib.sha256((site / name).read_bytes()).hexdigest() for name in told}
    assert seen == told
    assert set(current_files(site)) == {*told, "build.json"}
    return seen


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Documents of two states, and of one that cannot be read."""
    some = [finding(), finding("jinja2/CVE-1", "medium", affects={"published": ("1",)})]
    made = [lay_out(world(*some[:n]), tmp_path / f"documents-{n}") for n in (2, 1)]
    broken = lay_out(world(*some), tmp_path / "broken")
    (broken / "record.json").write_bytes(b"{")
    return [*made, broken]


def failing(documents: Path, site: Path) -> None:
    """An update that fails, and marks the site."""
    with suppress(DocumentError):
        build(documents, site, NOW)


@pytest.mark.parametrize("case", ["first", "next", "failed"])
def test_killed_at_every_effect(
    case: str, folders: list[Path], tmp_path: Path, sample: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, broken = folders
    site = tmp_path / "site"
    act: Act = (lambda: failing(broken, site)) if case == "failed" else (lambda: build(new, site))

    def begin() -> dict[str, str]:
        if case == "first":
            os.system(f"rm -rf '{site}'")
            return {}
        build(old, site, NOW)
        return state(site)

    before = begin()
    act()
    after = state(site)
    assert after != before
    kills, step = 0, 1
    while True:
        assert begin() == before
        code = burnt(act, step)
        assert state(site) in (before, after), step
        if code != -signal.SIGKILL:
            assert code == 0
            break
        kills += 1
        act()
        assert state(site) == after, step
        step += SAMPLE if sample else EVERY
    builds = [path for path in (site / ".builds").iterdir() if path.is_dir()]
    assert len(builds) <= 2
    with capsys.disabled():
        print(f"\n{case}: killed at {kills} of {step - 1} effects, one whole state each time")
    assert step > 2 * len(after), "each file is made, and is half written"


def test_without_room_at_every_size(
    folders: list[Path], tmp_path: Path, sample: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit of the operating system on the size of files, from nothing up to enough."""
    old, new, _ = folders
    site = tmp_path / "site"
    build(old, site)
    before = state(site)
    largest = max(len(data) for data in current_files(site).values())
    refused = 0
    for room in (*range(0, largest, 8000 if sample else 500), 2 * largest):
        code = forked(lambda room=room: limited(room, lambda: build(new, site)))  # type: ignore[misc]
        assert code in {0, 1}
        refused += code
        assert (state(site) == before) == (code == 1)
        build(old, site)
    with capsys.disabled():
        print(f"\nno room at {refused} sizes: what was served before still was")
    assert refused > 3
    assert code == 0


def limited(room: int, act: Act) -> None:
    """Run something that can make no file larger than ``room`` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    act()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, in memory; a container may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=2k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("a disk of four megabytes has to be mounted, which needs root and its rights")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _filled(disk: Path, room: int) -> None:
    """Leave this much room on a disk, in pages."""
    pages = os.statvfs(disk).f_bavail
    page = os.statvfs(disk).f_frsize
    (disk / "ballast").write_bytes(bytes(max(0, pages - room) * page))


def _few_names(disk: Path, room: int) -> None:
    """Leave room for this many names on a disk."""
    told = os.statvfs(disk)
    most = told.f_files - told.f_favail + room
    subprocess.run(["mount", "-o", f"remount,nr_inodes={most}", str(disk)], check=True)


def _roomy(disk: Path) -> None:
    (disk / "ballast").unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,nr_inodes=2k", str(disk)], check=True)


@pytest.mark.parametrize("fill", [_filled, _few_names])
def test_on_a_disk_that_is_full(
    fill: Callable[[Path, int], None],
    folders: list[Path],
    disk: Path,
    sample: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file system that has no room: from nothing on, in every measure, up to enough."""
    old, new, broken = folders
    site = disk / "site"
    refused, room, code, marked = 0, 0, 1, 1
    while code or marked:
        for act in (lambda: build(new, site), lambda: failing(broken, site)):
            _roomy(disk)
            build(old, site, NOW)
            before = state(site)
            fill(disk, room)
            marked, code = code, forked(act)
            assert code in {0, 1}
            assert (state(site) == before) == (code == 1), room
            refused += code
        room += 13 if sample else 1
    with capsys.disabled():
        print(f"\n{fill.__name__}: no room {refused} times, one whole state each time")
    assert refused > (4 if sample else 60)


def test_builders_that_die_while_readers_read(
    folders: list[Path], tmp_path: Path, sample: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two builders at a time, each with its own state, killed at random; a reader never rests."""
    site = tmp_path / "site"
    build(folders[0], site)
    states = []
    for folder in folders[:2]:
        build(folder, site)
        states.append(state(site))
    end = time.monotonic() + (5 if sample else 60)
    choose, reads, kills = random.Random(1), 0, 0
    while time.monotonic() < end:
        children = [os.fork() or _builder(folder, site) for folder in folders[:2]]
        deadline = time.monotonic() + choose.uniform(0.01, 0.25)
        while time.monotonic() < deadline:
            reads += _read(site, states)
        for child in children:
            if choose.random() < 0.7:
                os.kill(child, signal.SIGKILL)
            kills += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) < 0
        assert state(site) in states
    with capsys.disabled():
        print(f"\n{reads} whole reads while {kills} builders were killed")
    assert reads > 50
    assert kills > 5


def _builder(documents: Path, site: Path) -> int:
    with suppress(BaseException):
        for _ in range(12):
            build(documents, site)
    os._exit(3)


def _read(site: Path, states: list[dict[str, str]]) -> int:
    """One reader that follows the link once; two builds later its folder is gone."""
    top = (site / CURRENT).resolve()
    with suppress(FileNotFoundError):
        told = json.loads((top / "build.json").read_bytes())["files"]
        seen = {name: hashlib.sha256((top / name).read_bytes()).hexdigest() for name in told}
        assert seen == told
        assert seen in states
        return 1
    return 0


hours = st.integers(-200, 200).map(lambda number: timedelta(hours=number / 2))


def test_clocks_that_jump(tmp_path: Path, sample: bool) -> None:
    """Scans and builders whose clocks jump back and ahead: no grade but for a scan of now."""
    site = tmp_path / "site"

    @seed(1)
    @settings(
        max_examples=10 if sample else 300, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(jumps=st.lists(st.tuples(hours, hours), min_size=1, max_size=4))
    def jump(jumps: list[tuple[timedelta, timedelta]]) -> None:
        for number, (scanned, now) in enumerate(jumps):
            folder = lay_out(world(at=NOW + scanned), tmp_path / f"jump-{number}")
            status = build(folder, site, NOW + now).status
            age = now - scanned
            assert (status.security_grade == "A") == (-SLACK <= age <= VALID_FOR)
            assert state(site)
            told = json.loads((site / "index.json").read_bytes())
            assert told["security_grade"] == status.security_grade
            assert status.valid_until == NOW + scanned + VALID_FOR

    jump()


def unreadable() -> Iterator[bytes]:
    """What a document may have become."""
    good = json.dumps({"schema": "release-warden/record/1"}).encode()
    yield from (b"", b"{", b"[]", b"null", b"\xff\xfe", b"<html>", good, good[:-3], b"\0" * 4096)


def test_documents_that_cannot_be_read(folders: list[Path], tmp_path: Path) -> None:
    """Whatever a document became, what was known is still told, and without a grade."""
    site = tmp_path / "site"
    for name in ("record", "snapshot", "heartbeat", "run", "releases/1.2.3"):
        for number, data in enumerate(unreadable()):
            build(folders[0], site, NOW)
            good = json.loads((site / "index.json").read_bytes())
            broken = lay_out(world(), tmp_path / f"{name.replace('/', '-')}-{number}")
            (broken / f"{name}.json").write_bytes(data)
            with pytest.raises(DocumentError):
                build(broken, site, NOW)
            state(site)
            told = json.loads((site / "index.json").read_bytes())
            assert told["findings"] == good["findings"]
            assert told["security_grade"] is None
            assert told["failed_update"]
