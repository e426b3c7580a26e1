"""Ten runners at once on one remote and one index: one release, and a clear answer from each.

The runners are clones of one bare remote. What they race over is real: git's refs, the index, a
hook that refuses, a remote that goes away, a disk that is full (a small tmpfs where one may be
mounted, else a limit on the size of files, which the kernel enforces as well).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kit import Ran, advise, git, make_wheel
from shops import LEDGER, NAME, Shop, open_shop
from test_runners import require

from release.adapters.clock import Clock
from release.adapters.credentials import Credential, Given
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.adapters.workspace import open_workspace
from release.errors import TryAgainError
from release.flows.auto import NO_REQUEST, publish
from release.flows.context import Context

pytestmark = pytest.mark.proof

PATIENCE = 1200
"""Seconds for a run among ten on two cores."""
PYTHONS = 'pythons = ["3.11"]'
"""One install test a runner is enough: it is not what they race over."""
DONE, BLOCKED, AGAIN = 0, 3, 75


@pytest.fixture
def count(sample: bool) -> int:
    """How many runners race."""
    return 3 if sample else 10


def start(
    shop: Shop,
    project: Path,
    *words: str,
    task: str = "release.publish",
    limit: int | None = None,
) -> Ran:
    """One runner's run, to its end.

    :param limit: the largest file in bytes that it and its children may write.
    """
    argv = [sys.executable, "-P", "-m", "release", task, *words, "--json", "--project", project]
    bound = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=os.environ | shop.right,
        preexec_fn=bound,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def race(shop: Shop, runners: list[Path], *words: str, task: str = "release.publish") -> list[Ran]:
    """All at once."""
    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(lambda one: start(shop, one, *words, task=task), runners))


def clones(shop: Shop, count: int) -> list[Path]:
    return [shop.clone(f"runner-{number}") for number in range(count)]


def split(shop: Shop, runners: list[Path]) -> None:
    """Every other runner stands on a commit that is ahead of main; none is behind it."""
    shop.change(shop.project, "the other commit", push=False)
    git(shop.project, "push", "--quiet", "origin", "HEAD:next")
    for runner in runners[::2]:
        git(runner, "pull", "--quiet", "origin", "next")


def require_clear(ran: list[Ran], *codes: int) -> None:
    """Each ended with a code that tells, one document, what happened and what to do next."""
    for one in ran:
        assert one.code in codes, one.err
        assert "Traceback" not in one.err
        document = one.document
        if one.code:
            assert document["schema"] == "release-warden/error/1"
            assert document["what"]
            assert document["next"]


def require_one(shop: Shop, version: str, ran: list[Ran], others: tuple[str, ...] = ()) -> dict:
    """One seal of that version, confirmed; its bytes on the index and none beside them.

    :param others: versions that were there before.
    """
    releases = [ref for ref in shop.refs(LEDGER) if "/releases/" in ref]
    assert sorted(ref.rpartition("/")[2] for ref in releases) == sorted((*others, version))
    manifest, journal = shop.sealed(version, "manifest"), shop.sealed(version, "journal")
    assert journal["state"] == "confirmed"
    steps = [entry["step"] for entry in journal["entries"]]
    assert len(steps) == len(set(steps)), steps
    ours = {name: digest for name, digest in shop.served().items() if f"-{version}" in name}
    assert ours == {file["name"]: file["sha256"] for file in manifest["files"]}
    assert len(shop.served()) == 2 * (1 + len(others))
    assert git(shop.remote, "rev-parse", f"v{version}") == manifest["commit"]
    assert {r.document["seal"] for r in ran if r.code == DONE and "seal" in r.document} <= {
        manifest["seal"]
    }
    git(shop.remote, "fsck", "--strict", "--no-dangling")
    return manifest


def require_end(shop: Shop, runners: list[Path], *words: str, codes: tuple[int, ...]) -> list[Ran]:
    """The same command again, one runner after the other: it ends, and changes nothing."""
    before = (shop.served(), shop.refs())
    ran = [start(shop, one, *words) for one in runners]
    require_clear(ran, *codes)
    assert (shop.served(), shop.refs()) == before
    return ran


def lost(runners: list[Path], ran: list[Ran], at_most: int = 3) -> list[Path]:
    """Some of those who did not win, one for each way in which they did not."""
    by_words = {r.document["what"]: p for p, r in zip(runners, ran, strict=True) if r.code}
    return list(by_words.values())[:at_most]


def test_at_one_commit_one_of_them_releases(tmp_path, count):
    with open_shop(tmp_path, PYTHONS) as shop:
        runners = clones(shop, count)
        ran = race(shop, runners)
        require_clear(ran, DONE, BLOCKED, AGAIN)
        assert DONE in {r.code for r in ran}
        require_one(shop, "1.0.0", ran)
        require_end(shop, lost(runners, ran), codes=(BLOCKED,))


def test_of_two_commits_that_race_for_one_version_one_gets_it(tmp_path, count):
    with open_shop(tmp_path, PYTHONS) as shop:
        runners = clones(shop, count)
        split(shop, runners)
        ran = race(shop, runners, "--bump", "1.0.0")
        require_clear(ran, DONE, BLOCKED, AGAIN)
        manifest = require_one(shop, "1.0.0", ran)
        winners = [p for p, r in zip(runners, ran, strict=True) if r.code == DONE]
        assert winners
        require_end(shop, lost(runners, ran), "--bump", "1.0.0", codes=(BLOCKED,))
        other = next(p for p in runners if git(p, "rev-parse", "HEAD") != manifest["base"])
        following = start(shop, other)
        assert following.code == DONE, following.err
        require_one(shop, "1.0.1", [following], others=("1.0.0",))


def test_of_ten_who_want_ten_versions_one_seals_hers(tmp_path, count):
    """No version is raced for twice, and still no two may be under way at once."""
    with open_shop(tmp_path, PYTHONS) as shop:
        runners = clones(shop, count)
        with ThreadPoolExecutor(count) as pool:
            asked = [
                pool.submit(start, shop, one, "--bump", f"1.{number}.0")
                for number, one in enumerate(runners)
            ]
            ran = [one.result() for one in asked]
        require_clear(ran, DONE, BLOCKED, AGAIN)
        (ref,) = (ref for ref in shop.refs(LEDGER) if "/releases/" in ref)
        require_one(shop, ref.rpartition("/")[2], ran)


def when(seen: Callable[[], bool], act: Callable[[], None], ended: Callable[[], bool]) -> None:
    """Do something as soon as something is seen, unless all is over before."""
    while not ended():
        if seen():
            act()
            return
        time.sleep(0.01)


def race_while(
    shop: Shop, runners: list[Path], seen: Callable[[], bool], act: Callable[[], None]
) -> list[Ran]:
    """All at once, and in the middle of it something happens."""
    with ThreadPoolExecutor(1) as pool:
        over: list[bool] = []
        meanwhile = pool.submit(when, seen, act, lambda: bool(over))
        try:
            ran = race(shop, runners)
        finally:
            over.append(True)
        meanwhile.result()
    return ran


def is_sealed(shop: Shop) -> bool:
    """Whether somebody has won, looked at without git, which the remote may be in the middle of."""
    return (shop.remote / f"{LEDGER}/{NAME}/releases/1.0.0").exists()


def test_main_moves_midway(tmp_path, count):
    with open_shop(tmp_path, PYTHONS, 'commit = "push"') as shop:
        runners = clones(shop, count)
        ran = race_while(
            shop, runners, lambda: is_sealed(shop), lambda: shop.change(shop.project, "meanwhile")
        )
        require_clear(ran, DONE, BLOCKED, AGAIN)
        require_one(shop, "1.0.0", ran)
        assert git(shop.remote, "log", "-1", "--format=%s", "main") == "meanwhile"
        winner = next(r for r in ran if r.code == DONE)
        assert "v1.0.0: unmerged: run git merge v1.0.0" in winner.err
        require_end(shop, lost(runners, ran), codes=(BLOCKED,))


def test_main_is_protected(tmp_path, count):
    with open_shop(tmp_path, PYTHONS, 'commit = "push"') as shop:
        hook(shop, "update", '[ "$1" != refs/heads/main ]')
        runners, before = clones(shop, count), git(shop.remote, "rev-parse", "main")
        ran = race(shop, runners)
        require_clear(ran, DONE, BLOCKED, AGAIN)
        require_one(shop, "1.0.0", ran)
        assert git(shop.remote, "rev-parse", "main") == before
        winner = next(r for r in ran if r.code == DONE)
        assert "unmerged: origin did not take refs/heads/main; the next run tries" in winner.err
        require_end(shop, lost(runners, ran), codes=(BLOCKED,))


def hook(shop: Shop, name: str, script: str) -> None:
    """A hook of the bare remote."""
    path = shop.remote / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_remote_goes_down_midway(tmp_path, count):
    with open_shop(tmp_path, PYTHONS) as shop:
        runners = clones(shop, count)
        ran = race_while(shop, runners, lambda: is_sealed(shop), shop.go_down)
        require_clear(ran, AGAIN)
        assert any("does not answer" in r.document["what"] for r in ran)
        shop.come_back()
        sealed = shop.sealed("1.0.0", "manifest")
        again = race(shop, runners)
        require_clear(again, DONE, BLOCKED, AGAIN)
        manifest = require_one(shop, "1.0.0", again)
        assert manifest == sealed
        require_end(shop, lost(runners, again), codes=(BLOCKED,))


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of that many bytes over a folder; ``False`` where none may be mounted."""
    folder.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = not subprocess.run(
            ["mount", *options], check=False, capture_output=True
        ).returncode
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full(shop: Shop, room: int) -> tuple[Ran, Path, bool]:
    """A runner whose disk has that many bytes left, and where its project lies."""
    with small_disk(shop.folder / f"disk-{room}", 16 << 20) as mounted:
        if not mounted:
            project = shop.clone(f"limited-{room}")
            return start(shop, project, limit=room), project, mounted
        folder = shop.folder / f"disk-{room}"
        git(folder, "clone", "--quiet", str(shop.remote), "project")
        fill(folder, room)
        ran = start(shop, folder / "project")
        kept = shop.folder / f"kept-{room}"
        shutil.copytree(folder / "project", kept, symlinks=True)
        return ran, kept, mounted


def fill(folder: Path, room: int) -> None:
    """Leave that many bytes of a file system free."""
    free = shutil.disk_usage(folder).free
    (folder / "ballast").write_bytes(b"\0" * max(free - room, 0))


ROOMS = (1 << 12, 1 << 15, 1 << 17, 1 << 19, 1 << 20)


def test_disks_are_full(tmp_path, sample, count):
    """Some of the runners have no room, each for another moment to run out of it."""
    rooms = ROOMS[:1] if sample else ROOMS
    with open_shop(tmp_path, PYTHONS) as shop, ThreadPoolExecutor(count) as pool:
        runners = clones(shop, count - len(rooms))
        cramped = [pool.submit(full, shop, room) for room in rooms]
        roomy = [pool.submit(start, shop, one) for one in runners]
        ran = [one.result() for one in roomy]
        poor = [one.result() for one in cramped]
        require_clear(ran, DONE, BLOCKED, AGAIN)
        require_clear([one for one, *_ in poor], 1, DONE, BLOCKED, AGAIN)
        assert any(one.code == 1 for one, *_ in poor), [one.err for one, *_ in poor]
        settle(shop, [project for _, project, _ in poor])
        require_one(shop, "1.0.0", ran)


def settle(shop: Shop, runners: list[Path]) -> None:
    """Runners that had no room have some now."""
    for project in runners:
        again = start(shop, project)
        require_clear([again], DONE, BLOCKED)


def test_the_only_disk_is_full(tmp_path, sample):
    """Nobody else carries it on: with room again, the runner itself does."""
    rooms = ROOMS[1:2] if sample else ROOMS
    with open_shop(tmp_path, PYTHONS) as shop:
        poor = [full(shop, room) for room in rooms]
        require_clear([one for one, *_ in poor], 1, DONE, BLOCKED, AGAIN)
        assert poor[0][0].code == 1, poor[0][0].err
        settle(shop, [project for _, project, _ in poor])
        require_one(shop, "1.0.0", [])


@contextlib.contextmanager
def full_remote(shop: Shop) -> Iterator[None]:
    """The remote has no room to store anything; where nothing may be mounted, a hook says so."""
    disk = shop.folder / "disk"
    with small_disk(disk, 16 << 20) as mounted:
        if mounted:
            there = Path(shutil.move(shop.remote, disk / "remote.git"))
            shop.remote.symlink_to(there)
            fill(disk, 0)
            yield
            shop.remote.unlink()
            shutil.copytree(there, shop.remote)
        else:
            hook(shop, "pre-receive", "echo 'no space left on device' >&2; exit 1")
            yield
            (shop.remote / "hooks" / "pre-receive").unlink()


def test_the_remotes_disk_is_full(tmp_path, count):
    """Its git stores nothing: no runner has won, none says that it has, and nothing is uploaded."""
    with open_shop(tmp_path, PYTHONS) as shop:
        runners = clones(shop, count)
        with full_remote(shop):
            ran = race(shop, runners)
        require_clear(ran, AGAIN)
        assert shop.served() == {}
        assert not [ref for ref in shop.refs(LEDGER) if "/releases/" in ref]
        again = race(shop, runners)
        require_clear(again, DONE, BLOCKED, AGAIN)
        require_one(shop, "1.0.0", again)


@pytest.mark.parametrize("same", [True, False], ids=["its-commit", "another-commit"])
def test_a_run_that_was_overtaken_seals_nothing(tmp_path, monkeypatch, same):
    """The other run seals and uploads after ours read the ledger, and before ours asks the index.

    What the index shows is then newer than what the ledger showed, and the next number looks free.
    """
    with open_shop(tmp_path, PYTHONS) as shop:
        for name, value in shop.right.items():
            monkeypatch.setenv(name, value)
        slow, quick = clones(shop, 2)
        if not same:
            split(shop, [slow])
        context = Context(open_workspace(slow), Clock(), lambda _: None)
        assert context.ledger.versions(NAME) == ()
        ran = start(shop, quick)
        assert ran.code == DONE, ran.err
        with (
            context.open_repository() as repository,
            pytest.raises(
                TryAgainError, match=r"1\.0\.1 is not sealed: 1\.0\.0 was, by another run"
            ),
        ):
            publish(context, repository, NO_REQUEST, dry_run=False)
        require_one(shop, "1.0.0", [ran])


@pytest.fixture
def owed(tmp_path) -> Iterator[tuple[Shop, tuple[str, str]]]:
    """A shop whose last release needs a package with a hole, which HEAD has dropped."""
    with open_shop(tmp_path, PYTHONS, "beside = []") as shop:
        given = Given(Credential(shop.server.username, shop.server.password))
        own = Repository("own", shop.server.simple_url, shop.server.upload_url, given)
        upload(own, [make_wheel(tmp_path / "w")])
        require(shop.project, '["tiny"]')
        first = start(shop, shop.project)
        assert first.code == DONE, first.err
        require(shop.project, "[]")
        yield shop, ("--advisories", str(advise(tmp_path / "advisories", "tiny")))


def test_of_ten_automatic_runs_one_releases_what_is_owed(owed, count):
    shop, advisories = owed
    runners = clones(shop, count)
    ran = race(shop, runners, *advisories, task="release.auto")
    require_clear(ran, DONE, AGAIN)
    assert any(r.code == DONE for r in ran)
    require_released_once(shop)
    again = [start(shop, one, *advisories, task="release.auto") for one in lost(runners, ran)]
    require_clear(again, DONE)
    assert {r.document["action"] for r in again} <= {"none"}
    require_released_once(shop)


def test_automatic_runs_at_two_commits_release_what_is_owed_once(owed, count):
    shop, advisories = owed
    runners = clones(shop, count)
    split(shop, runners)
    ran = race(shop, runners, *advisories, task="release.auto")
    require_clear(ran, DONE, AGAIN)
    require_released_once(shop)
    again = [start(shop, one, *advisories, task="release.auto") for one in lost(runners, ran)]
    require_clear(again, DONE)
    require_released_once(shop)


def require_released_once(shop: Shop) -> None:
    """1.0.1 is out and nothing after it; the history of what was seen is whole."""
    served = shop.served()
    versions = {name.partition("-")[2].removesuffix(".tar.gz").partition("-")[0] for name in served}
    assert versions == {"1.0.0", "1.0.1"}
    manifest = shop.sealed("1.0.1", "manifest")
    assert shop.sealed("1.0.1", "journal")["state"] == "confirmed"
    for file in manifest["files"]:
        assert served[file["name"]] == file["sha256"]
    history = git(shop.remote, "rev-list", "--first-parent", f"{LEDGER}/history").split()
    assert history
    for commit in history:
        assert "tracked" in json.loads(git(shop.remote, "show", f"{commit}:record.json"))
    git(shop.remote, "fsck", "--strict", "--no-dangling")
