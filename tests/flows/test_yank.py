"""A yank: prepared by the tool, done by a person, seen on the index."""

from __future__ import annotations

import json

import pytest
from kit import advise, git, make_project, refs, warden
from warehouse import Warehouse

from release.adapters import embedded

YANKS = "refs/release-warden/plain-thing/local/yanks"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def owner(project):
    """Two releases on the embedded index, and its owner."""
    with embedded.serve(project / ".release" / "index") as server:
        warehouse = Warehouse(server, project / ".release" / "index")
        warehouse.upload_tiny("plain-thing", "0.9.0")
        warehouse.upload_tiny("plain-thing", "1.0.0")
        yield warehouse


def test_a_yank_is_prepared_then_done_by_a_person_and_seen(project, owner, tmp_path):
    reason = "It loses data <on Windows>."
    asked = warden(project, "release.yank", "1.0.0", "--reason", reason)
    assert asked.code == 0, asked.err
    yank = asked.document
    assert (yank["schema"], yank["state"]) == ("release-warden/yank/1", "requested")
    assert (yank["instead"], yank["reason"]) == ("0.9.0", reason)
    advisory = git(project, "show", f"{YANKS}/1.0.0:advisory.md")
    assert "- **Affected versions:** = 1.0.0" in advisory
    assert "plain-thing!=1.0.0" in advisory
    osv = json.loads(git(project, "show", f"{YANKS}/1.0.0:advisory.osv.json"))
    assert osv["affected"][0]["versions"] == ["1.0.0"]
    waited = warden(project, "release.yank", "1.0.0", "--watch=1")
    assert waited.code == 75, waited.err
    assert "not yanked on local yet" in waited.document["what"]
    owner.yank("plain-thing", "1.0.0")
    seen = warden(project, "release.yank", "1.0.0")
    assert (seen.code, seen.document["state"]) == (0, "done"), seen.err
    assert seen.document["done_at"]
    tip = git(project, "rev-parse", f"{YANKS}/1.0.0")
    assert warden(project, "release.yank", "1.0.0").document == seen.document
    assert git(project, "rev-parse", f"{YANKS}/1.0.0") == tip, "nothing new, nothing written"


def test_a_scan_sees_it_too_and_looks_at_the_release_before(project, owner, tmp_path):
    warden(project, "release.yank", "1.0.0", "--reason", "broken")
    owner.yank("plain-thing", "1.0.0")
    advisories = advise(tmp_path / "advisories", "somebody-elses")
    index = f'[tool.release-warden]\nindex-url = "{owner.server.simple_url}"\n'
    with (project / "pyproject.toml").open("a") as file:
        file.write(index)
    git(project, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qam", "work")
    scanned = warden(project, "release.scan", "--advisories", str(advisories))
    assert scanned.code == 0, scanned.err
    assert "1.0.0 is yanked on local: users get 0.9.0" in scanned.err
    published = [c for c in scanned.document["closures"] if c["kind"] == "published"]
    assert [one["version"] for one in published] == ["0.9.0"]
    assert json.loads(git(project, "show", f"{YANKS}/1.0.0:yank.json"))["state"] == "done"
    site = project / ".release" / "run" / "documents" / "yanks" / "1.0.0.json"
    assert json.loads(site.read_text())["state"] == "done"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("1.0.0",), "nobody said why 1.0.0 is to be yanked"),
        (("9", "--reason", "x"), "local lists no plain-thing 9"),
    ],
)
def test_wrong_usage_changes_nothing(project, owner, words, told):
    before = refs(project)
    ran = warden(project, "release.yank", *words)
    assert (ran.code, ran.document["what"]) == (2, told)
    assert refs(project) == before
