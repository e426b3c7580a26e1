"""A failure becomes an event: in the journal, in a ring, and in the hands of plug-ins."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import commit, git, make_project, refs, warden
from shops import LEDGER, NAME, open_shop

from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import BlockedError, MachineError, ToolError, UsageError
from release.flows.context import Context
from release.flows.events import KEPT, event_of, keep_event
from release.ship.failures import failure_of


def events(project: Path) -> list[dict]:
    folder = project / ".release" / "run" / "events"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_a_refused_credential_is_in_the_journal_the_ring_and_the_run(tmp_path):
    with open_shop(tmp_path) as shop:
        ran = shop.publish(TWINE_PASSWORD="canary-password", GITHUB_RUN_ID="4711")
        assert ran.code == 1
        (event,) = events(shop.project)
        assert event["schema"] == "release-warden/event/1"
        told = {name: event[name] for name in ("class", "step", "version", "run", "task")}
        assert told == {
            "class": "auth",
            "step": "upload",
            "version": "1.0.0",
            "run": "4711",
            "task": "release.publish",
        }
        assert event["next"].startswith("see whether the credential is right")
        run = json.loads((shop.project / ".release/run/documents/run.json").read_text())
        assert run["event"] == event
        plug_in(shop.project / ".release/run/documents")
        alerts = (shop.project / ".release/run/alerts.txt").read_text()
        assert alerts.startswith("auth: shop refused plain_thing-1.0.0")
        (line,) = [e for e in shop.sealed("1.0.0", "journal")["entries"] if "-" in e["step"]]
        assert (line["step"], line["detail"][:5]) == ("upload-failed", "auth:")
        tip = git(shop.remote, "rev-parse", f"{LEDGER}/{NAME}/releases/1.0.0")
        assert shop.publish(TWINE_PASSWORD="canary-password").code == 1
        same = git(shop.remote, "rev-parse", f"{LEDGER}/{NAME}/releases/1.0.0")
        assert same == tip, "the same failure is one line"
        ended = shop.publish()
        assert ended.code == 0, ended.err
        assert "upload-failed" not in ended.document["timings"]
        kept = "".join(p.read_text() for p in (shop.project / ".release/run").rglob("*.json"))
        assert "canary-password" not in kept + ran.out + ran.err
        run = json.loads((shop.project / ".release/run/documents/run.json").read_text())
        assert run["event"] is None


def plug_in(folder: Path) -> None:
    """The example of the page about errors, run on what a run left."""
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    names: dict = {}
    exec(compile(code, "docs/errors.md", "exec"), names)
    names["tell"](folder)


@pytest.fixture
def context(tmp_path) -> Context:
    return Context(open_workspace(make_project(tmp_path / "project")), Clock(), lambda _: None)


def test_the_ring_is_bounded_and_keeps_the_newest(context):
    for number in range(KEPT + 3):
        error = BlockedError(f"number {number}", failure="gate")
        context.clock._offset = context.clock._offset.__class__(seconds=number)
        event = event_of(context, "release.publish", error)
        assert event
        keep_event(context.workspace, event)
    kept = events(context.workspace.root)
    assert (len(kept), kept[-1]["what"], kept[0]["what"]) == (KEPT, "number 52", "number 3")


def test_a_wrong_call_is_no_event(context):
    assert event_of(context, "release.scan", UsageError("what")) is None


def test_what_a_program_said_is_told_without_the_values_of_credentials(context, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "canary-9")
    error = ToolError("git failed with canary-9", why="it said: canary-9", remedy="not canary-9")
    event = event_of(context, "release.publish", error)
    assert event
    assert "canary" not in event.what + event.why + event.next_step


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as sink:
        try:
            while True:
                sink.write(b"x" * 4096)
        except OSError:
            pass
    return ballast


def test_a_full_disk_is_told_as_one_and_loses_nothing(small_disk):
    project = make_project(small_disk / "project")
    before = refs(project), git(project, "rev-parse", "HEAD")
    ballast = fill(small_disk)
    ran = warden(project, "release.publish")
    assert ran.code == 1, ran.err
    assert ran.document["what"] == "there is no room to write"
    assert "nothing is lost" in ran.document["next"]
    assert (refs(project), git(project, "rev-parse", "HEAD")) == before
    git(project, "fsck", "--no-dangling")
    ballast.unlink()
    assert warden(project, "release.reconcile").document["state"] == "clean"


def test_git_on_a_full_disk(small_disk):
    project = make_project(small_disk / "project")
    context = Context(open_workspace(project), Clock(), lambda _: None)
    ballast = fill(small_disk)
    with pytest.raises(MachineError) as caught:
        context.workspace.git.write_tree({"a": os.urandom(100_000)})
    assert failure_of(caught.value) == "disk"
    ballast.unlink()
    assert context.workspace.git.write_tree({"a": os.urandom(100_000)})
    commit_before = git(project, "rev-parse", "HEAD")
    (project / "x").write_text("x")
    commit(project)
    assert git(project, "rev-parse", "HEAD^") == commit_before
