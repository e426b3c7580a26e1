"""Scans that are killed at any moment, and many at once: the next one goes on, nothing is lost."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import pytest
from kit import advise, git, make_project, warden
from test_kill import kill

pytestmark = pytest.mark.proof

AT = "2026-11-23T12:00:00Z"
KEY = "PYSEC-2026-plain-thing@plain-thing"
LEDGER = "refs/release-warden/plain-thing"
WRITTEN = """\
# Ann's plans
plans:
  - key: CVE-0@flask
    owner: ann  # ours
"""
OLDER = "metadata: {}\nfindings:\n  - id: CVE-0\n    package: flask\n    assigned_to: ann\n"
CORRUPT = "plans: [ # Ann's\n"


def start(project, advisories, at=AT):
    """A scan in a process group of its own."""
    argv = [sys.executable, "-P", "-m", "release", "release.scan", "--project", str(project)]
    return subprocess.Popen(
        [*argv, "--advisories", str(advisories), "--at", at],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def begin(folder, text):
    """A project with advisories about it, and plans that somebody wrote."""
    folder.mkdir()
    project = make_project(folder / "project")
    found = project / "security" / "findings"
    found.mkdir(parents=True)
    (found / "remediation-plans.yml").write_text(text)
    return project, advise(folder.parent / "advisories", "plain-thing")


def state(project):
    """All that a scan leaves behind, without the freshness fields."""
    found = project / "security" / "findings"
    files = {path.name: path.read_text() for path in found.iterdir() if path.name[0] != "."}
    record = git(project, "show", f"{LEDGER}/history:record.json")
    record = re.sub(r"(?<=T12:0)[\d:.]+(?=Z)", "", record)  # the clock runs on from AT
    return files, record, git(project, "rev-list", "--count", f"{LEDGER}/history")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What the plans hold when the scan is killed; a sample takes those that are set aside."""
    if "text" in metafunc.fixturenames:
        all_ = {"corrupt": CORRUPT, "older": OLDER, "ours": WRITTEN}
        some = dict(list(all_.items())[: 1 if metafunc.config.getoption("--sample") else 3])
        metafunc.parametrize("text", some.values(), ids=some.keys())


def test_a_scan_that_is_killed_is_finished_by_the_next(tmp_path, text, sample, capsys):
    """Every 100 ms until one ends before it is killed; with the sample, every 700 ms."""
    project, advisories = begin(tmp_path / "whole", text)
    assert warden(project, "release.scan", "--advisories", str(advisories), "--at", AT).code == 0
    whole = state(project)
    survived = 0
    for number in itertools.count(1):
        project, advisories = begin(tmp_path / f"killed{number}", text)
        child = start(project, advisories)
        try:
            child.communicate(timeout=number * (0.7 if sample else 0.1))
        except subprocess.TimeoutExpired:
            kill(child, whole=number % 2 == 0)
        else:
            break
        said = [path.read_text() for path in (project / "security" / "findings").iterdir()]
        assert any(text in words or "owner: ann" in words for words in said), "it is never gone"
        after = warden(project, "release.scan", "--advisories", str(advisories), "--at", AT)
        assert after.code == 0, after.err
        assert state(project) == whole
        git(project, "fsck", "--no-dangling")
        survived += 1
    with capsys.disabled():
        print(f"\nkilled {survived} scans: all ended alike")
    assert survived >= 2


def test_of_many_scans_at_once_each_one_is_in_history_or_told_to_come_again(tmp_path, sample):
    """Each sees another world. 75 is no loss: that run says so, and has changed nothing."""
    count = 4 if sample else 12
    project, _ = begin(tmp_path / "project", WRITTEN)
    running = []
    for number in range(count):
        world = advise(tmp_path / f"world{number}", "plain-thing")
        (record,) = world.glob("*.json")
        told = json.loads(record.read_text()) | {"summary": f"hole {number}"}
        record.write_text(json.dumps(told))
        running.append(start(project, world))
    ended = [(child.communicate()[1], child.returncode) for child in running]
    assert {code for _, code in ended} <= {0, 75}, ended
    entries = git(project, "rev-list", f"{LEDGER}/history").split()
    kept = [json.loads(git(project, "show", f"{entry}:record.json")) for entry in entries]
    summaries = [record["tracked"][0]["finding"]["summary"] for record in kept]
    done = [number for number, (_, code) in enumerate(ended) if code == 0]
    assert sorted(summaries) == sorted(f"hole {number}" for number in done)
    page = (project / "security/findings/SECURITY_FINDINGS.md").read_text()
    assert summaries[0] in page
    plans = (project / "security/findings/remediation-plans.yml").read_text()
    assert plans.startswith(WRITTEN)
    assert plans.count(KEY) == 1
