"""The status tasks as a user runs them, on a project that was scanned and released for real."""

import json
import subprocess
import sys

import pytest
from kit import advise, git, make_project, warden

from status_site.readme import END, START

REFS = "refs/release-warden/*"
URL = "https://plain.example/security-status"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A project with a release, and a scan after it that found what its dependency brings."""
    project = make_project(tmp_path_factory.mktemp("status") / "plain")
    advisories = advise(project.parent / "advisories", "plain-thing")
    assert warden(project, "release.publish").code == 0
    assert warden(project, "release.scan", "--advisories", str(advisories)).code == 0
    return project


def site(project, name):
    return json.loads((project / "security-status" / name).read_text())


def test_every_run_leaves_the_whole_site(released):
    index = site(released, "index.json")
    assert index["security_grade"] == "C"
    assert [found["ids"] for found in index["findings"]] == [["PYSEC-2026-plain-thing"]]
    finding = site(released, index["findings"][0]["file"])
    assert finding["build_id"] == index["build_id"]
    assert finding["spans"][0]["closed"] is None
    release = site(released, index["releases"][0]["file"])
    assert (release["release"]["version"], release["is_latest"]) == ("1.0.0", True)
    assert site(released, "history.json")["days"][-1]["open"]["total"] == 1
    assert site(released, index["links"]["sbom"])["metadata"]["component"]["name"] == "plain-thing"
    assert site(released, index["links"]["vex"])["statements"][0]["status"] == "affected"
    assert "security-status" not in git(released, "status", "--porcelain")


def test_building_again_changes_nothing(released):
    before = (released / "security-status" / ".current").resolve()
    built = warden(released, "status.build")
    assert built.code == 0
    assert built.document["build_id"] == site(released, "index.json")["build_id"]
    assert (released / "security-status" / ".current").resolve() == before


def test_a_fresh_checkout_builds_the_same_site_from_the_ledger(released, tmp_path):
    """As a CI job does that only publishes the site."""
    project = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(released), str(project)], check=True)
    assert warden(project, "release.decide").code == 0
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    git(tmp_path / "clone", "fetch", "--quiet", "origin", f"{REFS}:{REFS}")
    built = warden(tmp_path / "clone", "status.build")
    assert built.code == 0, built.err
    here = site(project, "index.json")
    assert built.document["last_decision"] == here["last_decision"]
    assert here["last_decision"]["reasons"][0]["rule"] == "status-only"
    assert built.document["last_run"]["task"] == "release.decide"
    assert built.document["build_id"] == here["build_id"]


def test_building_late_withdraws_the_grade(released, tmp_path):
    place = tmp_path / "elsewhere"
    late = warden(released, "status.build", "--at", "2099-01-01T00:00Z", "--output", str(place))
    assert late.code == 0
    assert late.document["security_grade"] is None
    assert json.loads((place / "badges" / "grade.json").read_text())["message"].startswith("unkn")


def test_before_the_first_scan_it_is_named_and_the_scan_is_next(tmp_path):
    project = make_project(tmp_path / "plain")
    argv = [sys.executable, "-P", "-m", "release", "status.build", "--project", str(project)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert said.startswith("plain-thing: grade withheld")
    assert "next: release.scan" in said


@pytest.mark.parametrize("name", ["index.html", "badges/coverage.svg"])
def test_what_others_wrote_is_not_replaced(released, tmp_path, name):
    """As with ``--output docs``: nothing of ours is left there either."""
    theirs = tmp_path / "docs" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("my handbook")
    before = sorted((tmp_path / "docs").rglob("*"))
    ran = warden(released, "status.build", "--output", str(tmp_path / "docs"))
    assert (ran.code, theirs.read_text()) == (2, "my handbook")
    assert "--output" in ran.document["next"]
    assert sorted((tmp_path / "docs").rglob("*")) == before


@pytest.mark.parametrize("flag", ["build --output", "publish --to"])
@pytest.mark.parametrize("folder", [".", ".."])
def test_the_project_itself_is_no_place_for_the_site(released, flag, folder):
    before = sorted(released.iterdir())
    ran = warden(released, *f"status.{flag}".split(), str(released / folder))
    assert (ran.code, sorted(released.iterdir())) == (2, before)
    assert "holds the project itself" in ran.document["what"]


def test_a_ledger_that_cannot_be_read_marks_the_site(released, tmp_path):
    project = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(released), str(project)], check=True)
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=project, input="{}", capture_output=True,
        text=True, check=True,
    ).stdout.strip()  # fmt: skip
    tree = subprocess.run(
        ["git", "mktree"], cwd=project, input=f"100644 blob {blob}\trecord.json\n",
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    name = ("-c", "user.name=n", "-c", "user.email=e@x")
    broken = git(project, *name, "commit-tree", tree, "-m", "broken")
    git(project, "update-ref", "refs/release-warden/plain-thing/history", broken)
    ran = warden(project, "status.build", "--at", "2026-12-01T00:00Z")
    assert (ran.code, ran.document["schema"]) == (1, "release-warden/error/1")
    index = site(project, "index.json")
    assert index["failed_update"]["at"] == "2026-12-01T00:00:00Z"
    assert "record.json of the ledger" in index["failed_update"]["why"]
    assert index["security_grade"] is None
    assert index["build_id"] == site(released, "index.json")["build_id"]


@pytest.fixture
def project(tmp_path):
    made = make_project(tmp_path / "plain")
    (made / "README.md").write_bytes(
        f"# Plain\r\n\r\n```\r\n{START}\r\n{END}\r\n```\r\n{START} old {END}\r\nText.\r\n".encode()
    )
    return made


def test_badges_are_kept_between_the_markers(project):
    readme = project / "README.md"
    before = readme.read_bytes()
    dry = warden(project, "status.badges", "--url", URL, "--dry-run")
    assert (dry.code, dry.document["changed"], readme.read_bytes()) == (0, True, before)
    ran = warden(project, "status.badges", "--url", URL)
    assert (ran.code, ran.document["changed"]) == (0, True)
    after = readme.read_bytes().decode()
    assert f"[![Security grade]({URL}/badges/grade.svg)]({URL}/)\r\n" in after
    assert after.startswith(f"# Plain\r\n\r\n```\r\n{START}\r\n{END}\r\n```\r\n")
    assert after.endswith(f"{END}\r\nText.\r\n")
    assert " old " not in after
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.release-warden]\nstatus-url = "{URL}/"\n')
    again = warden(project, "status.badges")
    assert (again.code, again.document["changed"]) == (0, False)
    assert readme.read_bytes().decode() == after
