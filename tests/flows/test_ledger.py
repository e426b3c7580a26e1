"""The ledger on a real git repository."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from subprocess import PIPE
from threading import Timer

import pytest

from release.adapters import locks
from release.adapters.git import Git
from release.adapters.ledger import Ledger, documents
from release.adapters.remote import Remote
from release.errors import ProjectError, TryAgainError
from release.flows.seals import last_taken, read_seal, sealed_bytes, take_seal
from release.model.changes import Changes
from release.model.decision import Decision, Inputs, Reason
from release.model.plan import Plan
from release.ship.archives import describe

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def git(tmp_path):
    git = Git(tmp_path)
    git.run("init", "--quiet", "--initial-branch=main")
    (tmp_path / "a.txt").write_text("a\n")
    git.run("add", ".")
    git.run("-c", "user.name=n", "-c", "user.email=e@x", "commit", "--quiet", "-m", "one")
    return git


def put(ledger, text, old):
    files = documents(changes=Changes(since=text))
    return ledger.write(ledger.ref("history"), files, old=old, message=text, at=AT)


def test_what_is_written_is_read_and_the_tree_is_never_touched(git):
    ledger = Ledger(git, "p")
    first = put(ledger, "one", None)
    second = put(ledger, "two", first)
    assert ledger.read(Changes, ledger.tip("history"), "changes.json") == Changes(since="two")
    assert list(ledger.past("history")) == [second, first]
    assert git.dirty() == ()
    assert git.run("branch", "--all").stdout.split() == ["*", "main"]


def test_a_ref_that_moved_meanwhile_is_not_overwritten(git):
    ledger = Ledger(git, "p")
    first = put(ledger, "one", None)
    put(ledger, "two", first)
    with pytest.raises(TryAgainError):
        put(ledger, "late", first)
    assert ledger.read(Changes, ledger.tip("history"), "changes.json") == Changes(since="two")


def test_what_another_run_moved_is_seen_at_the_next_look_and_never_overwritten(git):
    ours, theirs = Ledger(git, "p"), Ledger(git, "p")
    first = put(ours, "one", None)
    assert ours.tip("history") == first
    second = put(theirs, "two", first)
    assert ours.tip("history") == first
    with pytest.raises(TryAgainError):
        put(ours, "late", first)
    assert ours.tip("history") == second
    third = put(theirs, "three", second)
    ours.fetch()
    assert ours.tip("history") == third
    assert list(ours.past("history")) == [third, second, first]


def test_refs_are_read_once_between_two_moves(git, monkeypatch):
    ledger = Ledger(git, "p")
    first = put(ledger, "one", None)
    asked = commands(git, monkeypatch)
    for _ in range(3):
        assert ledger.tip("history") == first
        assert ledger.releases("local") == {}
        assert ledger.read(Changes, first, "changes.json") == Changes(since="one")
    assert asked == ["for-each-ref", "cat-file"]


def test_the_files_of_a_tree_are_stored_by_one_process_as_they_are(git, monkeypatch):
    git.run("config", "core.autocrlf", "true")
    (git.folder / ".gitattributes").write_text("* text eol=lf\n")
    files = {"a": b"1\r\n", "b": b"", "c": b"1\r\n", "d": bytes(range(256))}
    asked = commands(git, monkeypatch)
    tree = git.write_tree(files)
    assert asked == ["hash-object", "mktree"]
    held = git.blobs([f"{tree}:{name}" for name in files])
    assert dict(zip(files, held, strict=True)) == files
    asked.clear()
    assert git.write_tree(files) == tree
    assert asked == ["mktree"]


def test_a_tree_is_amended_by_edits_and_removals(git, tmp_path):
    scratch = tmp_path / ".git" / "scratch"
    scratch.mkdir()
    edits = {"a.txt": None, "sp ace/b.txt": b"b\n", "c.txt": b"b\n"}
    tree = git.amend_tree(git.head(), edits, scratch)
    assert git.files(tree) == ("c.txt", "sp ace/b.txt")
    assert git.blobs([f"{tree}:c.txt"]) == [b"b\n"]
    assert git.dirty() == ()


def commands(git, monkeypatch):
    """The commands that git is given from now on."""
    given, run = [], git.run

    def noted(*words, **options):
        given.append(words[0])
        return run(*words, **options)

    monkeypatch.setattr(git, "run", noted)
    return given


def test_the_lock_of_a_git_that_was_killed_is_outlived(git, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    ledger = Ledger(git, "p")
    first = put(ledger, "one", None)
    lock = git.folder / ".git/refs/release-warden/p/history.lock"
    lock.write_text(f"{first}\n")
    second = put(ledger, "two", first)
    assert ledger.tip("history") == second
    assert not lock.exists()


def test_the_lock_of_a_git_that_lives_is_waited_for(git):
    ledger = Ledger(git, "p")
    first = put(ledger, "one", None)
    update = ["git", "update-ref", "--stdin"]
    with subprocess.Popen(update, cwd=git.folder, stdin=PIPE, stdout=PIPE, text=True) as living:
        living.stdin.write(f"start\nupdate {ledger.ref('history')} {first} {first}\nprepare\n")
        living.stdin.flush()
        assert [living.stdout.readline() for _ in range(2)] == ["start: ok\n", "prepare: ok\n"]
        lock = git.folder / ".git/refs/release-warden/p/history.lock"
        assert lock.exists()
        Timer(0.5, lambda: living.communicate("abort\n")).start()
        second = put(ledger, "two", first)
    assert ledger.tip("history") == second


def test_of_ten_that_create_one_ref_exactly_one_wins(git):
    ledger = Ledger(git, "p")

    def take(number):
        try:
            put(ledger, f"run {number}", None)
        except TryAgainError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(take, range(10))) == 1


def test_commits_need_no_identity_and_are_the_tools_own(git):
    commit = put(Ledger(git, "p"), "one", None)
    assert git.run("show", "-s", "--format=%an %cn", commit).stdout.split("\n")[0] == (
        "Release Warden Release Warden"
    )


def test_archives_come_back_byte_for_byte(git):
    data = bytes(range(256)) * 3 + b"\r\n\xff"
    ledger = Ledger(git, "p")
    commit = ledger.write(ledger.ref("x"), {"a.whl": data}, old=None, message="b", at=AT)
    assert ledger.files(commit) == {"a.whl": data}


def test_a_clone_stands_on_a_commit_of_no_branch_with_the_planned_tag_only(git, tmp_path):
    git.run("tag", "local/v1.0")
    git.run("tag", "v1.0")
    tree = git.amend_tree(git.head(), {"b/c.txt": b"new\n"}, tmp_path)
    commit = git.commit(tree, parents=(git.head(),), message="C", at=AT)
    folder = tmp_path / "clone with space"
    git.checkout(commit, folder, tag="v1.1")
    assert (folder / "b" / "c.txt").read_text() == "new\n"
    assert Git(folder).run("tag").stdout.split() == ["v1.0", "v1.1"]
    assert Git(folder).run("remote").stdout == ""
    assert not (tmp_path / "b").exists()


def test_a_folder_without_a_repository_says_what_to_do(tmp_path):
    with pytest.raises(ProjectError, match="in no git repository"):
        Git(tmp_path).top()


def test_a_repository_without_a_commit_says_what_to_do(tmp_path):
    Git(tmp_path).run("init", "--quiet")
    with pytest.raises(ProjectError, match="no commit yet"):
        Git(tmp_path).head()


def plan_of(git, version, after=""):
    decision = Decision(
        action="release",
        trigger="manual",
        bump="",
        reasons=(Reason(rule="a-person-asked", why="x"),),
        fingerprint="f",
        inputs=Inputs(snapshot="", baseline="", policy="", config=""),
    )
    return Plan(
        decision=decision,
        project="p",
        repository="local",
        version=version,
        tag=f"local/v{version}",
        commit=git.head(),
        notes="",
        steps=(),
        after=after,
    )


@pytest.fixture(params=["alone", "shared"])
def ledgers(request, git, tmp_path_factory):
    """Ten ledgers of ten runs: in one repository, or in ten that share a remote."""
    if request.param == "alone":
        return [Ledger(git, "p") for _ in range(10)]
    folder = tmp_path_factory.mktemp("shared")
    git.run("clone", "--quiet", "--bare", str(git.folder), str(folder / "remote.git"))
    clones = [Git(folder / str(number)) for number in range(10)]
    for clone in clones:
        git.run("clone", "--quiet", str(folder / "remote.git"), str(clone.folder))
    return [Ledger(clone, "p", Remote(clone, "origin")) for clone in clones]


def test_of_ten_that_seal_ten_versions_at_once_one_wins(ledgers):
    """No new plan while a seal is open: what was planned beside it may not be sealed."""

    def seal(number, after=""):
        ledger = ledgers[number]
        ledger.fetch()
        plan, archives = plan_of(ledger.git, f"1.{number}", after), {"p.whl": b"%d" % number}
        try:
            return take_seal(ledger, plan, plan.commit, archives, content="", entries=(), at=AT)
        except TryAgainError:
            return None

    with ThreadPoolExecutor(10) as pool:
        won = [taken for taken in pool.map(seal, range(10)) if taken]
    (first,) = won
    for ledger in ledgers:
        ledger.fetch()
        assert ledger.versions("local") == (first.manifest.version,)
        assert last_taken(ledger, "local") == first.tip
    ours = int(first.manifest.version[2:])
    assert seal((ours + 1) % 10, after=first.tip), "who knows of it may go on"
    assert seal((ours + 2) % 10, after=first.tip) is None


def test_of_ten_that_seal_one_version_one_wins_and_its_bytes_are_the_ones_that_stay(git):
    ledger = Ledger(git, "p")
    plan = plan_of(git, "1.0")

    def seal(number):
        archives = {"p-1.0.tar.gz": b"bytes of run %d" % number}
        try:
            return take_seal(ledger, plan, git.head(), archives, content="", entries=(), at=AT)
        except TryAgainError:
            return None

    with ThreadPoolExecutor(10) as pool:
        won = [taken for taken in pool.map(seal, range(10)) if taken]
    assert len(won) == 1
    kept = read_seal(ledger, "local", "1.0")
    assert kept.manifest == won[0].manifest
    (archive,) = kept.manifest.files
    for stored in (
        sealed_bytes(ledger, kept.manifest),
        ledger.files(ledger.tip("local", "bytes", "1.0")),
    ):
        assert describe(archive.name, stored[archive.name]) == archive
