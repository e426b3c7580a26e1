"""What people write beside the record, and many scans at once: nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from kit import advise, git, make_project, warden
from worlds import NOON, finding, snapshot

from release.adapters import process
from release.adapters.clock import Clock
from release.adapters.ledger import documents
from release.adapters.workspace import open_workspace
from release.errors import UnknownError, UsageError
from release.flows import tasks
from release.flows.context import Context
from release.flows.history import history as history_of
from release.flows.scan import render
from release.model.changes import Changes
from release.model.history import History
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.identity import lasting

HISTORY = "refs/release-warden/plain-thing/history"
KEY = "PYSEC-2026-plain-thing@plain-thing"
AT = "2026-11-24T12:00:00Z"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def advisories(tmp_path):
    return advise(tmp_path / "advisories", "plain-thing")


def scan(project, advisories, at=AT):
    return warden(project, "release.scan", "--advisories", str(advisories), "--at", at)


def plans(project):
    return project / "security" / "findings" / "remediation-plans.yml"


def history(project):
    return git(project, "rev-list", HISTORY).split()


def document(project, name, at=HISTORY):
    return json.loads(git(project, "show", f"{at}:{name}.json"))


def test_an_accepted_finding_is_suppressed_until_the_acceptance_ends(project, advisories):
    assert scan(project, advisories).code == 0
    text = plans(project).read_text()
    assert KEY in text
    accept = "    accept: {owner: ann, reason: not used, expires: 2026-12-24}\n"
    plans(project).write_text(text + accept)
    ran = scan(project, advisories)
    assert "(expiring): it ends after 2026-12-24" in ran.err
    (change,) = document(project, "changes")["changes"]
    assert (change["kind"], change["cause"]) == ("resolved", "suppressed")
    assert "accepted by ann until 2026-12-24" in change["evidence"]
    assert [f["suppressed"] for f in ran.document["findings"]] == [True]
    decided = warden(project, "release.decide").document
    assert "accepted" in [reason["rule"] for reason in decided["reasons"]]
    assert (
        "(expiring): it ends after 2026-12-24"
        in scan(project, advisories, "2026-12-24T23:00:00Z").err
    )
    assert len(history(project)) == 2
    after = scan(project, advisories, "2026-12-25T00:00:00Z")
    assert "(ended)" in after.err
    assert document(project, "changes")["changes"][0]["kind"] == "returned"
    assert plans(project).read_text() == text + accept


@pytest.fixture
def rendered(project):
    """Renders a record of one finding over the plans at hand, and returns what was told."""
    known = lasting(None, snapshot(finding(KEY, ids=("PYSEC-2026-plain-thing",))))
    files = documents(record=carry_forward(None, known), snapshot=known)
    told = []
    context = Context(open_workspace(project), Clock(AT), told.append)
    ledger = context.ledger
    ledger.write(ledger.ref("history"), files, old=None, message="scan", at=NOON)

    def run(data=None):
        told.clear()
        if data is not None:
            plans(project).parent.mkdir(parents=True, exist_ok=True)
            plans(project).write_bytes(data)
        render(context)
        return "".join(told)

    return run


@pytest.mark.parametrize("data", [b"plans: [\n# Ann's\n", b"\xff\xfe notes", b"- a\n"])
def test_plans_that_nobody_can_read_are_set_aside(project, rendered, data):
    told = rendered(data)
    (kept,) = plans(project).parent.glob("*.bak")
    assert kept.read_bytes() == data
    assert f"set aside as {kept.name}" in told
    assert KEY in plans(project).read_text()
    assert rendered() == ""
    assert list(plans(project).parent.glob("*.bak")) == [kept]
    rendered(data + b"more")
    assert len(list(plans(project).parent.glob("*.bak"))) == 2


def test_plans_of_the_older_layout_are_migrated_and_kept(project, rendered):
    old = b"metadata: {}\r\nfindings:\r\n  - id: PYSEC-2026-plain-thing\r\n    assigned_to: ann\r\n"
    told = rendered(old)
    (kept,) = plans(project).parent.glob("*.bak")
    assert kept.read_bytes() == old
    assert f"migrated, the original is {kept.name}" in told
    assert b"owner: ann\r\n" in plans(project).read_bytes()
    assert plans(project).read_text().count(KEY) == 1
    assert rendered() == ""


def test_plans_keep_their_line_ends(project, rendered):
    rendered()
    data = plans(project).read_bytes().replace(b"\n", b"\r\n")
    rendered(data)
    assert plans(project).read_bytes() == data


def test_nothing_is_rendered_before_the_first_scan(project):
    render(Context(open_workspace(project), Clock(AT), print))
    assert not plans(project).exists()


def test_a_history_of_hundreds_of_commits_is_read_by_few_children(project, monkeypatch):
    context = Context(open_workspace(project), Clock(AT), print)
    ledger, tip = context.ledger, None
    seen = lasting(None, snapshot(finding()))
    known = carry_forward(None, seen)
    first = SecurityChangeDetector().compare(None, known)
    for number in range(120):
        changes = first if number == 0 else Changes(since=str(number))
        files = documents(record=known, snapshot=seen, changes=changes)
        tip = ledger.store(files, message="scan", at=NOON, parents=(tip,) if tip else ())
    ledger.git.move(ledger.ref("history"), tip, old=None)
    started = []
    real = process.run
    monkeypatch.setattr(process, "run", lambda *a, **k: started.append(a) or real(*a, **k))
    told = history_of(context)
    assert len(told.scans) == 120
    assert told.scans[-1].changes == first.changes
    assert told.scans[0].at == NOON
    assert [story.key for story in told.stories] == ["CVE-1@jinja2"]
    assert len(started) < 15


def test_many_files_are_read_at_once(project):
    repository = open_workspace(project).git
    data = b"a\nb\0\xff\n\n"
    names = [
        f"{repository.commit(repository.write_tree({'x': d}), parents=(), message='', at=NOON)}:x"
        for d in (data, b"")
    ]
    assert repository.blobs([names[0], "HEAD:nowhere", names[1]]) == [data, None, b""]
    assert repository.blobs([]) == []


@pytest.mark.parametrize(
    ("form", "begins"),
    [("markdown", "# Compliance report of"), ("csv", "key,package"), ("vex", "{"), ("sarif", "{")],
)
def test_a_report_is_written(project, rendered, tmp_path, form, begins):
    context = Context(open_workspace(project), Clock(AT), print)
    path = tmp_path / "out" / "file"
    assert tasks.report(context, form, str(path)).text == f"wrote {path}"
    assert path.read_text().startswith(begins)
    again = tasks.report(context, form, None)
    assert again.text.splitlines() == path.read_text().splitlines()
    assert isinstance(again.document, History)


def test_a_report_before_the_first_scan_is_unknown(project):
    context = Context(open_workspace(project), Clock(AT), print)
    with pytest.raises(UnknownError):
        tasks.report(context, "vex", None)
    with pytest.raises(UsageError):
        tasks.report(context, "pdf", None)


def test_of_many_scans_at_once_none_is_lost(project, tmp_path):
    """Each sees another world; history holds every one that changed something, in a line."""
    argv = [sys.executable, "-P", "-m", "release", "release.scan", "--project", str(project)]
    worlds = [advise(tmp_path / f"world{n}", "plain-thing") for n in range(3)]
    for number, world in enumerate(worlds):
        (record,) = world.glob("*.json")
        told = json.loads(record.read_text()) | {"summary": f"hole {number}"}
        record.write_text(json.dumps(told))
    running = [
        subprocess.Popen(
            [*argv, "--advisories", str(world), "--at", AT],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for world in worlds
    ]
    ended = [(child.communicate()[1], child.returncode) for child in running]
    assert [code for _, code in ended] == [0] * 3, ended
    entries = history(project)
    summaries = [
        document(project, "record", at)["tracked"][0]["finding"]["summary"] for at in entries
    ]
    assert sorted(summaries) == [f"hole {n}" for n in range(3)]
    page = (project / "security" / "findings" / "SECURITY_FINDINGS.md").read_text()
    assert summaries[0] in page, "the page shows the newest truth"
    assert plans(project).read_text().count(KEY) == 1
    git(project, "fsck", "--no-dangling")
