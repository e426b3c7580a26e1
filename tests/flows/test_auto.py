"""Decide and release by policy, on a real ledger and index; the world changes between the runs."""

import json

import pytest
from adopting import adopt, nox
from kit import commit, git, make_project, refs, warden

HISTORY = "refs/release-warden/plain-thing/history"


def advisory(name, **more):
    record = {
        "id": name,
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "elsewhere"}, "versions": ["1"]}],
    }
    return json.dumps(record | more)


@pytest.fixture
def advisories(tmp_path):
    folder = tmp_path / "advisories"
    folder.mkdir()
    (folder / "X-1.json").write_text(advisory("X-1"))
    return folder


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def auto(project, advisories, *words):
    return warden(project, "release.auto", "--advisories", str(advisories), *words)


def test_the_first_release_is_a_persons(project, advisories):
    ran = auto(project, advisories)
    assert ran.code == 0, ran.err
    assert ran.document["action"] == "none"
    assert ran.document["reasons"][0]["rule"] == "first-release-is-a-persons"
    assert git(project, "tag") == ""


def test_an_unchanged_scan_adds_nothing_to_history(project, advisories):
    warden(project, "release.publish")
    tips = set()
    for _ in range(3):
        assert auto(project, advisories).document["action"] == "none"
        tips.add(git(project, "rev-parse", HISTORY))
    assert len(tips) == 1
    assert git(project, "tag") == "local/v1.0.0"


def test_a_run_of_the_clock_without_change_does_nothing_and_says_why(project, advisories):
    """As CI calls it: nox, the door, the task."""
    assert adopt(project).code == 0
    assert warden(project, "release.publish", "--to", "local").code == 0
    words = ("-s", "auto", "--", "--to", "local", "--advisories", str(advisories))
    first, before = nox(project, *words), refs(project)
    again = nox(project, *words)
    assert (first.code, again.code) == (0, 0), again.err
    assert "No finding has changed" not in first.out
    assert again.out.startswith("No: no release is owed.\n")
    for line in (
        "nothing-owed: No release is owed: HEAD changes nothing about the findings",
        "evidence: nothing that users get is known to be vulnerable",
        "nothing: every scanner covered all that it was given",
        "No finding has changed since the scan before this one.",
    ):
        assert line in again.out
    changed = set(refs(project).splitlines()) - set(before.splitlines())
    assert {line.rpartition("/")[2] for line in changed} == {"heartbeat"}
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""


def test_an_unreachable_database_is_unknown_and_releases_nothing(project):
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.release-warden]\nosv-url = "http://127.0.0.1:9"\n')
    commit(project)
    warden(project, "release.publish")
    scanned = warden(project, "release.scan")
    assert scanned.code == 4
    assert scanned.document["scanners"]["osv"]["state"] == "failed"
    ran = warden(project, "release.auto")
    assert ran.code == 4
    assert ran.document["action"] == "unknown"
    assert ran.document["reasons"][0]["rule"] == "required-unknown"
    status = json.loads((project / "security-status" / "index.json").read_text())
    assert status["security_grade"] is None


def test_an_advisory_about_the_project_itself_is_seen(project, advisories):
    warden(project, "release.publish")
    affected = [{"package": {"ecosystem": "PyPI", "name": "Plain_Thing"}, "versions": ["1.0.0"]}]
    (advisories / "X-2.json").write_text(advisory("X-2", affected=affected))
    ran = auto(project, advisories)
    assert ran.code == 0, ran.err
    assert ran.document["action"] == "none"
    assert [reach["verdict"] for reach in ran.document["reach"]] == ["own-code"]
    assert ran.document["reasons"][0]["rule"] == "status-only"


def test_a_dry_run_writes_neither_ledger_nor_pages(project, advisories):
    warden(project, "release.publish")
    before = refs(project)
    ran = auto(project, advisories, "--dry-run")
    assert ran.code == 0, ran.err
    assert refs(project) == before
    assert not (project / "security").exists()


def test_a_decision_needs_a_scan_of_this_commit(project, advisories):
    assert warden(project, "release.decide").code == 4
    warden(project, "release.scan", "--advisories", str(advisories))
    assert warden(project, "release.decide").code == 0
    (project / "new.txt").write_text("x")
    commit(project)
    late = warden(project, "release.decide")
    assert late.code == 4
    assert "another commit" in late.document["what"]
