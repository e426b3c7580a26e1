"""Alerts reach people: issues at a forge, and a receiver of Apprise's, each fired and recovered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import pytest
from forge_server import TOKEN, Forge, Trouble, github
from kit import Ran as Ended
from kit import advise, commit, git, make_project, make_wheel, warden

from release.adapters.clock import Clock
from release.adapters.repository import open_repository
from release.adapters.upload import upload
from release.adapters.workspace import open_workspace
from release.flows.alerts import alert
from release.flows.context import Context
from release.flows.runs import keep
from release.model.alerts import Alert, AlertKind
from release.model.runs import Ran

LEDGER = "refs/release-warden/plain-thing"
PASSWORD = "canary-of-the-receiver"
CONFIG = """
[tool.release-warden]
alerts = ["github", "apprise"]
forge = "github"
forge-url = "{url}"
"""


@dataclass
class Receiver:
    """Somebody who is told by HTTP; ``status`` is what it answers."""

    port: int = 0
    status: int = 200
    heard: list[dict] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"json://ann:{PASSWORD}@127.0.0.1:{self.port}/"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status == 200:
                receiver.heard.append(json.loads(body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class World:
    """A project with both targets."""

    project: Path
    forge: Forge
    receiver: Receiver
    env: dict[str, str]

    def ran(self, minutes: float, **facts: object) -> None:
        """A run that somebody made."""
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)
        known = {"run": str(minutes), "task": "release.publish", "seconds": 1.0, "exit_code": 0}
        known |= {"steps": {"upload": 1.0}, "version": "1.0.0", "at": at}
        keep(self.context(), Ran(**(known | facts)), share=False)

    def context(self) -> Context:
        return Context(open_workspace(str(self.project)), Clock(), lambda _: None)

    def alert(self, *words: str, **env: str) -> Ended:
        return warden(self.project, "release.alert", *words, **(self.env | env))

    @property
    def issues(self) -> list[tuple[str, str]]:
        return [(one["state"], one["title"]) for one in self.forge.issues]

    @property
    def heard(self) -> list[str]:
        return [one["title"] for one in self.receiver.heard]


@pytest.fixture
def world(tmp_path):
    project = make_project(tmp_path / "project")
    bare = tmp_path / "remote.git"
    git(project, "clone", "--quiet", "--bare", str(project), str(bare))
    with github(bare) as forge, receiving() as receiver:
        with (project / "pyproject.toml").open("a") as file:
            file.write(CONFIG.format(url=forge.url))
        commit(project, "alerts")
        env = {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": forge.repository,
            "RELEASE_WARDEN_APPRISE": receiver.address,
        }
        yield World(project, forge, receiver, env)


def test_a_failed_upload_is_told_once_to_everybody_and_so_is_its_end(world):
    world.ran(-3, exit_code=1, failure="auth")
    first = world.alert()
    assert first.code == 0, first.err
    what = "plain-thing: publishing 1.0.0 failed: auth"
    assert world.issues == [("open", what)]
    assert world.heard == [f"Alert: {what}"]
    assert "Runbook: docs/operations.md#credential-failed" in world.forge.issues[0]["body"]
    assert world.alert().code == 0
    assert (len(world.issues), len(world.heard)) == (1, 1), "nobody is told twice"
    world.ran(-1)
    assert world.alert().document["standing"] == []
    assert world.issues == [("closed", what)]
    assert "This is over" in world.forge.issues[0]["comments"][0]
    assert world.heard[1:] == [f"Over: {what}"]


def test_a_target_that_is_down_is_written_down_and_told_later(world):
    world.ran(-3, exit_code=1, failure="network")
    world.receiver.status = 500
    down = world.alert()
    assert down.code == 75, down.err
    assert "apprise could not be told of publish-failed:publishing" in down.err
    (undelivered,) = down.document["undelivered"]
    assert (undelivered["target"], undelivered["key"]) == ("apprise", "publish-failed:publishing")
    assert len(world.issues) == 1, "the other target was told all the same"
    world.receiver.status = 200
    assert world.alert().code == 0
    assert (len(world.heard), len(world.issues)) == (1, 1)
    everything = down.out + down.err + git(world.project, "show", f"{LEDGER}/alerts:alerts.json")
    assert PASSWORD not in everything
    assert TOKEN not in everything


def test_an_answer_that_is_lost_makes_no_second_issue(world):
    world.ran(-3, exit_code=1, failure="network")
    world.forge.troubles.append(Trouble("POST", "/issues$", status=-1))
    assert world.alert().code == 0
    assert len(world.issues) == 1
    git(world.project, "update-ref", "-d", f"{LEDGER}/alerts")
    assert world.alert().code == 0
    assert len(world.issues) == 1, "it is found again by its marker, though the book is lost"


def test_a_job_that_failed_without_a_word_is_told_by_the_workflow(world):
    jobs = {"check": {"result": "success"}, "upload": {"result": "failure", "outputs": {}}}
    dry = world.alert("--dry-run", RELEASE_WARDEN_JOBS=json.dumps(jobs))
    assert (dry.code, world.issues, world.heard) == (0, [], [])
    assert world.alert(RELEASE_WARDEN_JOBS=json.dumps(jobs)).code == 0
    assert world.heard == ["Alert: plain-thing: a job of the release failed: upload"]
    wrong = world.alert(RELEASE_WARDEN_JOBS="[1")
    assert (wrong.code, wrong.document["next"]) == (2, "set it to toJSON(needs)")


def test_jobs_that_deploy_the_site_are_alerted_to_and_stand_in_the_figures(world):
    jobs = {"render": {"result": "success"}, "deploy": {"result": "failure", "outputs": {}}}
    assert world.alert(RELEASE_WARDEN_JOBS=json.dumps(jobs)).code == 0
    what = "plain-thing: a job of the status site failed: deploy"
    assert world.heard == [f"Alert: {what}"]
    jobs["deploy"] = {"result": "success"}
    assert world.alert(RELEASE_WARDEN_JOBS=json.dumps(jobs)).code == 0
    assert world.heard[1:] == [f"Over: {what}"]
    told = warden(world.project, "release.metrics").document["status"]
    assert (told["updates"], told["succeeded"], told["failed"]) == (2, 1, {"unknown": 1})
    assert told["seconds"] is None, "nobody measured them"


def test_a_job_whose_workflow_alerts_later_does_not_try_by_itself(world):
    """The job that looks at the site has no right to write issues, and knows no address."""
    words = ("status.check", "http://127.0.0.1:1/x", "--tries", "1")
    unable = world.env | {"GITHUB_TOKEN": "", "RELEASE_WARDEN_APPRISE": "", "CI": "true"}
    tried = warden(world.project, *words, **unable)
    assert "nobody could be alerted" in tried.err
    quiet = warden(world.project, *words, **unable, RELEASE_WARDEN_ALERTS="later")
    assert quiet.code == tried.code == 4
    assert "alerted" not in quiet.err
    assert world.alert().code == 0
    assert [one.partition(":")[0] for one in world.heard] == ["Alert"]


def test_a_site_that_answers_rubbish_is_told_and_its_end_too(world):
    """As the monitor's two jobs do it: one looks, the other tells."""
    ours = {"RELEASE_WARDEN_ALERTS": "later", "CI": "true"}
    url = f"http://127.0.0.1:{world.receiver.port}/"  # it answers 501 to whoever asks
    bad = warden(world.project, "status.check", url, "--tries", "1", **world.env, **ours)
    assert bad.code == 1, bad.err
    assert world.alert().code == 0
    what = "plain-thing: the status site does not serve what it should"
    assert world.heard == [f"Alert: {what}"]
    assert "docs/operations.md#status-failed" in world.forge.issues[0]["body"]
    world.ran(1, task="status.check", steps={})
    assert world.alert().code == 0
    assert world.heard[1:] == [f"Over: {what}"]


def test_a_version_that_nobody_here_released_is_told_until_it_is_known(world, tmp_path):
    with open_repository("local", world.project) as repository:
        upload(repository, [make_wheel(tmp_path / "dist", name="plain_thing", version="9.9")])
    assert world.alert().code == 0
    (title,) = world.heard
    assert title == "Alert: plain-thing: 9.9 on local is not known to the ledger"
    known = warden(world.project, "release.reconcile", "--rebuild")
    assert known.code == 0, known.err
    assert world.alert().code == 0
    assert world.heard[1:] == [f"Over: {title.removeprefix('Alert: ')}"]


def test_a_promise_that_is_about_to_break_is_told_and_its_end_too(world, tmp_path):
    advisories = advise(tmp_path / "advisories", "plain-thing")  # of unknown severity: 30 days
    first = warden(world.project, "release.publish")
    assert first.code == 0, first.err
    seen = warden(world.project, "release.scan", "--advisories", str(advisories))
    assert seen.code == 0, seen.err
    assert world.alert().document["standing"] == []
    later = (datetime.now(UTC) + timedelta(days=26)).isoformat()
    assert world.alert("--at", later).code == 0
    what = "plain-thing: 1 unknown finding at the end of their time"
    assert world.heard == [f"Alert: {what}"]
    withdrawn = json.loads((advisories / "plain-thing.json").read_text())
    withdrawn["withdrawn"] = "2026-11-20T00:00:00Z"
    (advisories / "plain-thing.json").write_text(json.dumps(withdrawn))
    warden(world.project, "release.scan", "--advisories", str(advisories))
    assert world.alert("--at", later).code == 0
    assert world.heard[1:] == [f"Over: {what}"]


def test_in_ci_a_run_alerts_by_itself_and_a_target_that_fails_does_not_fail_it(world):
    world.ran(-3, exit_code=1, failure="network")
    (world.project / "none").mkdir()
    words = ("release.scan", "--advisories", str(world.project / "none"))
    world.receiver.status = 500
    usual = warden(world.project, *words)
    ran = warden(world.project, *words, **world.env, CI="true")
    assert ran.code == usual.code, ran.err
    assert "apprise could not be told" in ran.err
    assert world.issues == [
        ("open", "plain-thing: publishing 1.0.0 failed: network"),
        ("open", "plain-thing: osv could not speak for everything, twice in a row"),
    ]
    assert PASSWORD not in ran.out + ran.err


def test_words_of_others_do_no_harm_in_an_issue(world):
    world.ran(-3, exit_code=1, failure="network", version="1.0 <b>@everyone</b>\n# x")
    assert world.alert().code == 0
    (title,) = [title for _, title in world.issues]
    assert "\n" not in title


@pytest.mark.parametrize(
    ("targets", "env", "told"),
    [
        ('"pigeon"', {}, "there is no alert target 'pigeon'"),
        ('"apprise"', {"RELEASE_WARDEN_APPRISE": ""}, "RELEASE_WARDEN_APPRISE is not set"),
        ('"github"', {"GITHUB_TOKEN": ""}, "there is no token for GitHub"),
    ],
)
def test_a_target_that_cannot_be_is_told_so(world, targets, env, told):
    path = world.project / "pyproject.toml"
    path.write_text(path.read_text().replace('"github", "apprise"', targets))
    commit(world.project, "other targets")
    ran = world.alert(**env)
    assert ran.code in {1, 2}
    assert told in ran.document["what"]


def test_an_address_that_apprise_does_not_know_is_told_by_its_number(world):
    world.ran(-3, exit_code=1, failure="network")
    addresses = f"{world.receiver.address} bogus://{PASSWORD}"
    ran = world.alert(RELEASE_WARDEN_APPRISE=addresses)
    assert ran.code == 75
    assert "not everybody could be told: number 2" in ran.err
    assert PASSWORD not in ran.err + ran.out


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise asks for it on 3.11
@pytest.mark.parametrize("kind", get_args(AlertKind))
def test_every_kind_is_fired_once_and_recovers_once(world, kind, monkeypatch):
    """The judgement is a test of its own; here each kind goes the whole way to both receivers."""
    wrong = [Alert(kind=kind, subject="x", what=f"{kind} is so")]
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("release.flows.alerts.alerts", lambda *_: tuple(wrong))
    for _ in range(2):
        alert(world.context(), None)
    wrong.clear()
    for _ in range(2):
        alert(world.context(), None)
    assert [state for state, _ in world.issues] == ["closed"]
    assert [title.partition(":")[0] for title in world.heard] == ["Alert", "Over"]


@pytest.mark.slow
def test_four_releases_in_a_day_are_told_once_and_left_to_a_person(world):
    for number in range(4):
        (world.project / "NOTES").write_text(str(number))
        commit(world.project, f"change {number}")
        words = ("--bump", "patch", "--reason", "another") if number else ()
        released = warden(world.project, "release.publish", *words)
        assert released.code == 0, released.err
    for _ in range(2):
        assert world.alert().code == 0
    what = "plain-thing: the release of 1.0.3 is unusual: 4 releases within a day"
    assert world.heard == [f"Alert: {what}"]
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    assert world.alert("--at", later).code == 0
    assert world.heard == [f"Alert: {what}"], "what happened cannot be over"
    assert world.issues == [("open", what)], "a person closes it"


def test_a_scanner_that_saw_nothing_twice_is_told_and_its_end_too(world, tmp_path):
    empty, advisories = tmp_path / "empty", tmp_path / "advisories"
    empty.mkdir()
    advise(advisories, "somebody-else")
    assert warden(world.project, "release.scan", "--advisories", str(empty)).code == 4
    assert world.alert().document["standing"] == [], "once is weather"
    assert warden(world.project, "release.scan", "--advisories", str(empty)).code == 4
    for _ in range(2):
        assert world.alert().code == 0
    what = "plain-thing: osv could not speak for everything, twice in a row"
    assert world.heard == [f"Alert: {what}"]
    seen = warden(world.project, "release.scan", "--advisories", str(advisories))
    assert seen.code == 0, seen.err
    assert world.alert().code == 0
    assert world.heard[1:] == [f"Over: {what}"]
    assert world.issues == [("closed", what)]
