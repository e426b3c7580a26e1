"""The generated workflows run for real: every ``run:`` line, by act, on this machine."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator

import pytest
from ci import FACTS, REPOSITORY, TOKEN, Ci, Ran, open_ci
from fix_world import warn
from forge_server import github
from git_server import git_server
from kit import git

BY_HAND = ["check", "build", "record", "upload", "prove", "finish", "render", "deploy"]


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs us may be a job itself, and its page is not for ours."""
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "ACTIONS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def ci(tmp_path) -> Iterator[Ci]:
    with open_ci(tmp_path) as opened:
        yield opened


def require_silence(ci: Ci, ran: Ran) -> None:
    """No token in any log."""
    tokens = [TOKEN, ci.issuer.request_token, *ci.issuer.given, *ci.mint.minted]
    assert not [token for token in tokens if token in ran.said]


def test_a_push_runs_the_gates(ci):
    ran = ci.run("gates.yml", "push")
    assert (ran.code, ran.results()) == (0, {"lint": "success"}), ran.log
    assert "lint ran" in ran.jobs["lint"].log
    assert (ran.store / "cache-keys").read_text().startswith("uv-Linux-lint-3.11-")


def test_the_clock_without_anything_owed(ci):
    """It looks, writes the record down with the right to push, and says why it stops there."""
    ran = ci.run("release.yml", "schedule")
    assert ran.code == 0, ran.log
    assert list(ran.results()) == ["check", "record", "findings", "render", "deploy"]
    assert set(ran.results().values()) == {"success"}
    assert set(ran.jobs["check"].outputs) == {"metadata"}
    assert "digest" not in ran.jobs["record"].outputs
    for name in ("check", "record"):
        assert "first-release-is-a-persons" in ran.jobs[name].summary
    assert "refs/release-warden/plain-thing/history" in ci.shop.refs()
    (alerts,) = (ran.store / "alerts").glob("*.sarif")
    assert json.loads(alerts.read_text())["version"] == "2.1.0"
    site = ran.store / "deployed" / "security-status" / "index.json"
    assert json.loads(site.read_text())["project"] == "plain-thing"
    assert ci.shop.served() == {}
    require_silence(ci, ran)


NASTY = [
    "\"quotes\" and 'quotes'",
    "`touch PWNED` $(touch PWNED) ${IFS} && touch PWNED; exit 1",
    "two lines\n::set-output name=digest::0000\ndigest=0000",
    "EOF\ndigest<<EOF\n0000\nEOF",
    "```\n# A heading\n![x](http://127.0.0.1:9/x)\n##[set-output name=digest]0000",
    "${{ github.token }}",
]


@pytest.mark.proof
def test_a_pull_request_whose_every_word_is_hostile_runs_the_gates(ci):
    """Title, text, branch and labels are in the event, and nowhere else."""
    words = "\n".join(NASTY)
    head = {"ref": "x`touch${IFS}PWNED`$(touch${IFS}PWNED)\";touch${IFS}PWNED;'", "label": words}
    told = {"title": words, "body": words, "head": head, "labels": [{"name": words}]}
    ran = ci.run("gates.yml", "pull_request", {"pull_request": told | {"base": {"ref": "main"}}})
    assert (ran.code, ran.results()) == (0, {"lint": "success"}), ran.log
    assert ran.jobs["lint"].outputs == {}
    assert not list(ci.shop.folder.rglob("PWNED"))
    require_silence(ci, ran)


@pytest.mark.proof
def test_a_release_by_hand_then_one_that_is_owed_by_the_clock(ci):
    """The words of the person who asks can become neither an output, nor a command, nor markup."""
    ci.stock("tiny")
    ci.require("tiny")
    words = "\n".join(NASTY)
    inputs = {"what": "by-hand", "bump": "", "reason": words}
    asked = ci.run("release.yml", "workflow_dispatch", {"inputs": inputs})
    assert (asked.code, list(asked.results())) == (0, BY_HAND), asked.log
    assert asked.jobs["record"].outputs["trigger"] == "manual"
    assert "0000" not in {v for one in asked.jobs.values() for v in one.outputs.values()}
    assert not list(ci.shop.folder.rglob("PWNED"))
    assert "plain-thing 1.0.0 -> shop" in asked.jobs["check"].summary
    assert "\n# A heading" not in asked.jobs["check"].summary.replace("```text", "")
    assert ci.mint.uploads == [200, 200]
    assert git(ci.shop.remote, "rev-parse", "v1.0.0")
    assert "1.0.0" in asked.jobs["finish"].summary
    require_silence(ci, asked)

    warn(ci.osv, "PYSEC-2026-1", "tiny", "9")
    ci.require()
    owed = ci.run("release.yml", "schedule")
    assert owed.code == 0, owed.log
    assert set(owed.results()) == {*BY_HAND, "findings"}
    assert owed.jobs["record"].outputs["trigger"] == "security-auto"
    assert "removes-critical-high-or-unknown" in owed.jobs["check"].summary
    assert len(ci.shop.served()) == 4
    assert len(ci.mint.uploads) == 4
    site = owed.store / "deployed" / "security-status" / "index.json"
    assert json.loads(site.read_text())["releases"][0]["version"] == "1.0.1"
    require_silence(ci, owed)

    # What it dropped is gone and not unknown: the clock's next run is green, and owes nothing.
    after = ci.run("release.yml", "schedule")
    assert after.code == 0, after.log
    assert list(after.results()) == ["check", "record", "findings", "render", "deploy"]
    assert "digest" not in after.jobs["record"].outputs
    site = after.store / "deployed" / "security-status" / "index.json"
    assert json.loads(site.read_text())["security_grade"] == "A"
    assert len(ci.mint.uploads) == 4


@pytest.mark.proof
def test_in_a_private_repository_the_jobs_that_hold_nothing_read_a_mirror(ci):
    """All stages of a release by hand, then the clock; the server shows nothing without a token."""
    with git_server(ci.shop.folder, TOKEN) as server:
        private = dataclasses.replace(ci, server=server)
        private.configure(dataclasses.replace(FACTS, private=True))
        asked = private.run("release.yml", "workflow_dispatch", {"inputs": {"what": "by-hand"}})
        assert (asked.code, list(asked.results())) == (0, BY_HAND), asked.log
        assert git(ci.shop.remote, "rev-parse", "v1.0.0")
        ran = private.run("release.yml", "schedule")
        assert ran.code == 0, ran.log
        assert "nothing-owed" in ran.jobs["check"].summary
        site = ran.store / "deployed" / "security-status" / "index.json"
        assert json.loads(site.read_text())["releases"][0]["version"] == "1.0.0"
        require_silence(ci, asked)
        require_silence(ci, ran)


@pytest.mark.proof
def test_the_status_workflow_renders_and_deploys(ci):
    ran = ci.run("status.yml", "push")
    assert (ran.code, ran.results()) == (0, {"render": "success", "deploy": "success"}), ran.log
    assert (ran.store / "deployed" / "security-status" / "index.html").is_file()


@pytest.mark.proof
def test_a_hand_over_that_another_job_has_changed_is_refused(ci):
    """Any job can overwrite an artifact; the digest in the output is what counts."""
    stand_in = ci.shop.project / ".github" / "workflows" / "release.yml"
    text = stand_in.read_text()
    write = "[p.write_text('x') for p in pathlib.Path('.release/handover').glob('*/plan.json')]"
    evil = f'run: python -c "import pathlib; {write}"'
    marked = text.replace(
        "      - name: Build and verify the archives\n",
        f"      - name: Evil\n        {evil}\n      - name: Build and verify the archives\n",
    )
    assert marked != text
    stand_in.write_text(marked)
    ci.push("another job writes there")
    ran = ci.run("release.yml", "workflow_dispatch", {"inputs": {"what": "by-hand"}})
    assert ran.code == 1
    assert ran.results()["build"] == "failure"
    assert "was changed on the way" in ran.jobs["build"].summary
    assert "upload" not in ran.results()
    assert ci.shop.served() == {}


@pytest.mark.proof
def test_a_site_that_is_not_there_becomes_an_issue(ci):
    """The job that looks fails; the one after it tells, and is the only one that may."""
    with github(ci.shop.remote, repository=REPOSITORY, rights=frozenset({"issues"})) as forge:
        ci.configure(
            dataclasses.replace(FACTS, monitor=True, alerts=("github",)),
            'alerts = ["github"]',
            'forge = "github"',
            f'forge-url = "{forge.url}"',
            f'status-url = "{forge.url}/nothing/"',
        )
        ran = ci.run("monitor.yml", "schedule")
        assert ran.results() == {"monitor": "failure", "alert": "success"}, ran.log
        (issue,) = forge.issues
        assert "`status-failed` since" in issue["body"]
        assert "refs/release-warden/plain-thing/alerts" in ci.shop.refs()
        again = ci.run("monitor.yml", "schedule")
        assert again.results() == {"monitor": "failure", "alert": "success"}, again.log
        assert (forge.issues, issue["state"], issue["comments"]) == ([issue], "open", [])
    require_silence(ci, ran)
