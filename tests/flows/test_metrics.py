"""The book of runs and the figures out of it, as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from kit import git, make_project, warden
from shops import LEDGER, open_shop


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
