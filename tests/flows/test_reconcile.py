"""Reconciliation on a real repository, a real remote and a real index.

Every state, each with the very command that is named next, is among the proofs
(test_reconcile_far.py); what a state means is in tests/unit/test_ship_reconcile.py.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from kit import git, make_project, served, warden
from shops import open_shop
from warehouse import Warehouse

from release.adapters import embedded

RELEASES = "refs/release-warden/plain-thing/local/releases"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which 1.0.0 is released to the embedded index."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    (project / "plain_thing.py").write_text('"""Better."""\n\n__version__ = "1.0.0"\n')
    git(project, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qam", "better")
    assert warden(project, "release.publish", "--reason", "The first.").code == 0
    return project


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


def look(project: Path, *words: str) -> tuple[dict, int]:
    ran = warden(project, "release.reconcile", *words)
    assert ran.out, ran.err
    return ran.document, ran.code


def lose_the_ledger(project: Path) -> None:
    for ref in git(project, "for-each-ref", "--format=%(refname)", "refs/release-warden").split():
        git(project, "update-ref", "-d", ref)


def test_a_lost_ledger_is_rebuilt_from_index_and_tag(project):
    sealed = json.loads(git(project, "show", f"{RELEASES}/1.0.0:manifest.json"))
    lose_the_ledger(project)
    found, code = look(project)
    assert (found["state"], code) == ("index-only", 3)
    assert found["next"] == "release-warden release.reconcile --rebuild"
    rebuilt, code = look(project, "--rebuild")
    assert (rebuilt["state"], code) == ("clean", 0)
    manifest = json.loads(git(project, "show", f"{RELEASES}/1.0.0:manifest.json"))
    told = ("project", "version", "repository", "commit", "base", "tag", "files", "content")
    assert {name: manifest[name] for name in told} == {name: sealed[name] for name in told}
    assert (manifest["trigger"], manifest["fingerprint"]) == ("rebuilt", "")
    receipt = json.loads(git(project, "show", f"{RELEASES}/1.0.0:receipt.json"))
    assert {f["name"]: f["sha256"] for f in receipt["files"]} == served(project)
    plan = warden(project, "release.plan").document
    assert plan["version"] == "1.0.1", "the next number, and nothing is released twice"
    assert [problem["check"] for problem in plan["problems"]] == ["something-new"]
    tip = git(project, "rev-parse", f"{RELEASES}/1.0.0")
    assert look(project, "--rebuild")[1] == 0
    assert git(project, "rev-parse", f"{RELEASES}/1.0.0") == tip


def test_a_stranger_on_the_index_is_an_alarm_until_somebody_took_note(project):
    with embedded.serve(project / ".release" / "index") as server:
        stranger = Warehouse(server, project / ".release" / "index")
        stranger.upload_tiny("plain-thing", "7.0.0")
        found, code = look(project)
        assert (found["state"], code) == ("index-only", 3)
        assert [(d["version"], d["part"]) for d in found["differences"]] == [("7.0.0", "ledger")]
        assert [v["state"] for v in found["versions"]] == ["clean", "index-only"]
        noted, code = look(project, "--rebuild")
        assert (noted["state"], code) == ("clean", 0)
        assert [v["ledger"] for v in noted["versions"]] == ["confirmed", "observed"]
        text = warden(project, "release.reconcile")
        assert "7.0.0" in text.out


def test_what_does_not_answer_is_unknown_and_nothing_is_rebuilt_from_it(tmp_path):
    with open_shop(tmp_path) as shop:
        shop.go_down()
        found, code = look(shop.project)
        assert (found["state"], code) == ("unknown", 4)
        assert [one["part"] for one in found["unseen"]] == ["remote"]
        refused = warden(shop.project, "release.reconcile", "--rebuild")
        assert (refused.code, refused.document["error"]) == (4, "unknown")
        shop.come_back()
    found, code = look(shop.project)
    assert (found["state"], code) == ("unknown", 4), "now the index is gone"
    assert [one["part"] for one in found["unseen"]] == ["index"]
