"""The book of runs and the figures out of it, as a user meets them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit import git, make_project, warden
from shops import LEDGER, open_shop
from test_watch_metrics import rich

from release.flows.prometheus import as_prometheus


def book(folder):
    return json.loads(git(folder, "show", f"{LEDGER}/runs:runs.json"))["ran"]


def test_every_run_of_a_release_is_measured_and_shared(tmp_path):
    with open_shop(tmp_path) as shop:
        refused = shop.publish(TWINE_PASSWORD="canary-password")
        assert refused.code == 1
        done = shop.publish()
        assert done.code == 0, done.err
        failed, ended = book(shop.remote)
        assert (failed["failure"], failed["exit_code"], failed["version"]) == ("auth", 1, "1.0.0")
        assert (ended["failure"], ended["exit_code"], ended["version"]) == (None, 0, "1.0.0")
        assert {"gates", "build", "verify", "upload"} <= failed["steps"].keys()
        assert {"upload", "confirm", "prove", "tag"} == ended["steps"].keys()
        assert 0 < ended["steps"]["upload"] <= ended["seconds"]
        found = warden(shop.project, "release.metrics").document
        told = found["publishing"]
        assert (told["attempts"], told["succeeded"], told["failed"]) == (2, 1, {"auth": 1})
        assert told["steps"]["build"]["count"] == 1
        assert found["releases"]["by_trigger"] == {"manual": 1}
        assert "canary-password" not in json.dumps(found)


def test_a_dry_run_and_a_question_leave_no_line(tmp_path):
    project = make_project(tmp_path / "project")
    warden(project, "release.publish", "--dry-run")
    warden(project, "release.history")
    assert "runs" not in git(project, "for-each-ref")


def test_runs_that_end_together_are_all_in_the_book(tmp_path):
    project = make_project(tmp_path / "project")
    (tmp_path / "none").mkdir()
    words = ("release.scan", "--advisories", str(tmp_path / "none"))
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: warden(project, *words), range(3)))
    assert {one.code for one in ended} <= {0, 4, 75}
    told = sum("the run is not in the shared book" in one.err for one in ended)
    ref = next(r for r in git(project, "for-each-ref").splitlines() if r.endswith("/runs"))
    held = json.loads(git(project, "show", f"{ref.split()[-1]}:runs.json"))["ran"]
    assert len(held) + told == 3
    assert all(one["scanners"] for one in held if one["exit_code"] != 75)


def test_the_forms_are_a_table_a_document_and_prometheus_text(tmp_path):
    project = make_project(tmp_path / "project")
    argv = [sys.executable, "-P", "-m", "release", "release.metrics", "--project", str(project)]
    table = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "attempts          0, of which 0 succeeded" in table
    text = subprocess.run(
        [*argv, "--format", "prometheus"], capture_output=True, text=True, check=True
    )
    sample = 'release_warden_publish_attempts{project="plain-thing",repository="local"} 0.0'
    assert sample in text.stdout.splitlines()
    wrong = warden(project, "release.metrics", "--format", "xml")
    assert wrong.code == 2
    assert "possible: table, prometheus" in wrong.document["why"]


def test_status_tasks_are_in_the_book_and_in_every_form_of_the_figures(tmp_path):
    project, none = make_project(tmp_path / "project"), tmp_path / "none"
    none.mkdir()
    warden(project, "release.scan", "--advisories", str(none))
    assert warden(project, "status.build").code == 0
    assert warden(project, "status.publish", "--to", str(tmp_path / "public")).code == 0
    assert warden(project, "status.publish", "--to", str(tmp_path / "x"), "--dry-run").code == 0
    ref = "refs/release-warden/plain-thing"
    tip = git(project, "rev-parse", f"{ref}/heartbeat")
    damage(project, f"{ref}/heartbeat", "grades.json")
    broken = warden(project, "status.build")
    assert broken.code == 1, broken.err
    git(project, "update-ref", f"{ref}/heartbeat", tip)
    warden(project, "status.check", "http://127.0.0.1:1/x", "--tries", "1")
    held = json.loads(git(project, "show", f"{ref}/runs:runs.json"))["ran"]
    tasks = [one["task"] for one in held]
    assert tasks == [
        "release.scan",
        "status.build",
        "status.publish",
        "status.build",
        "status.check",
    ], "no dry run"
    assert (held[3]["exit_code"], held[3]["failure"]) == (1, "document")
    assert 0 < held[0]["update"]["seconds"] < 60
    assert held[0]["update"].get("failure") is None
    assert all(one["seconds"] > 0 for one in held)
    found = warden(project, "release.metrics").document["status"]
    told = (found["updates"], found["succeeded"], found["failed"])
    assert told == (5, 4, {"document": 1}), "a check that is kept is followed by one, too"
    argv = [sys.executable, "-P", "-m", "release", "release.metrics", "--project", str(project)]
    table = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^updates +5, of which 4 succeeded$", table, re.MULTILINE)
    text = subprocess.run(
        [*argv, "--format", "prometheus"], capture_output=True, text=True, check=True
    ).stdout
    assert "release_warden_status_update_seconds" in text
    accepted_by_promtool(text)


def damage(project, ref, name):
    """Let a ref stand on a commit in which a document is none."""

    def made(*words, text):
        argv = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *words]
        done = subprocess.run(
            argv, cwd=project, input=text, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    blob = made("hash-object", "-w", "--stdin", text="{}")
    tree = made("mktree", text=f"100644 blob {blob}\t{name}\n")
    git(project, "update-ref", ref, made("commit-tree", tree, "-m", "damaged", text=""))


def accepted_by_promtool(text):
    """Prometheus' own tool has nothing to say of the format, the names or the units."""
    tool = shutil.which("promtool")
    if tool:  # Debian has it in the package prometheus
        done = subprocess.run(
            [tool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool of Prometheus is not here")
def test_prometheus_own_tool_has_nothing_to_say_of_all_figures():
    accepted_by_promtool(as_prometheus(rich()))
    with pytest.raises(AssertionError):
        accepted_by_promtool("# TYPE a_minutes gauge\na_minutes 1\n")
