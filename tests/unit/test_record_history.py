"""What became of each finding: spans, due days, response times, and the compliance report."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from worlds import NOON, finding, scanner, snapshot

from release.flows import words
from release.model.acceptance import Acceptance
from release.model.history import History, Response, Scanned
from release.model.snapshot import Word
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.compliance import as_csv, as_markdown
from release.record.history import SLA, response, stories

DAY = timedelta(days=1)
GONE = {"scanners": {"osv": scanner("jinja2==2.0")}, "closures": ()}
ANN = Acceptance(owner="ann", reason="r", expires=date(2027, 6, 1))


class Past:
    """A project that is scanned now and then, and its history."""

    def __init__(self):
        self.record, self.scans = None, []

    def scan(self, day, *findings, acceptances=None, **other):
        seen = replace(snapshot(*findings, **({"closures": ()} | other)), taken_at=NOON + day * DAY)
        after = carry_forward(self.record, seen, acceptances=acceptances or {})
        changes = SecurityChangeDetector().compare(self.record, after).changes
        entry = Scanned(entry=str(day), at=seen.taken_at, commit="c" * 40, changes=changes)
        self.record, self.scans = after, [entry, *self.scans]
        return self

    def stories(self, day):
        return stories(self.record, self.scans, NOON + day * DAY)

    def history(self, day):
        told = self.stories(day)
        return History(
            project="demo",
            repository="local",
            scans=tuple(self.scans),
            as_of=NOON + day * DAY,
            stories=told,
            response=response(told),
        )


def returning():
    return (
        Past()
        .scan(0, finding())
        .scan(10, **GONE)
        .scan(20, finding(), scanners={"osv": scanner("jinja2==1.0")})
    )


def test_first_seen_resolved_and_returned_are_told():
    (story,) = returning().stories(25)
    assert [(s.opened, s.closed, s.cause, s.evidence) for s in story.spans] == [
        (NOON, NOON + 10 * DAY, "upgraded", "now at 2.0"),
        (NOON + 20 * DAY, None, None, ""),
    ]
    assert (story.state, story.first_seen, story.age_days) == ("open", NOON, 5.0)
    assert (story.due, story.overdue) == (NOON + 50 * DAY, False)
    assert returning().stories(51)[0].overdue


@pytest.mark.parametrize(
    ("severity", "days"),
    [("critical", 7), ("high", 30), ("unknown", 30), ("medium", 90), ("low", 120)],
)
def test_each_severity_has_its_time(severity, days):
    past = Past().scan(0, finding(severity=severity))
    assert not past.stories(days)[0].overdue
    (story,) = stories(past.record, past.scans, NOON + days * DAY + timedelta(seconds=1))
    assert story.overdue
    mine = next(r for r in response([story]) if r.severity == severity)
    assert mine == Response(severity=severity, sla_days=days, open=1, overdue=1)


def test_only_remedies_of_ours_count_as_response():
    past = Past().scan(0, finding(), finding("CVE-2@jinja2"), finding("CVE-3@jinja2"))
    same = {"scanners": {"osv": scanner("jinja2==1.0")}}
    gone = Word(key="CVE-1@jinja2", ruling="withdrawn", evidence="w")
    past.scan(2, finding("CVE-2@jinja2"), finding("CVE-3@jinja2"), words=(gone,), **same)
    past.scan(3, finding("CVE-2@jinja2"), acceptances={"CVE-2@jinja2": ANN}, **same)
    past.scan(40, acceptances={"CVE-2@jinja2": ANN}, **GONE)
    told = past.stories(41)
    assert [story.state for story in told] == ["resolved"] * 3
    high = next(r for r in response(told) if r.severity == "high")
    # CVE-1 was withdrawn and CVE-2 accepted: neither is a remedy. CVE-3 took 40 days.
    assert (high.remedied, high.within, high.mttr_days) == (1, 0, 40.0)


def test_an_accepted_finding_is_not_overdue():
    past = Past().scan(0, finding(), acceptances={"CVE-1@jinja2": ANN})
    (story,) = past.stories(99)
    assert (story.state, story.due, story.overdue) == ("accepted", None, False)
    assert story.accepted.startswith("accepted by ann")
    past = Past().scan(0, finding()).scan(5, finding(), acceptances={"CVE-1@jinja2": ANN})
    assert past.stories(9)[0].spans[0].cause == "suppressed"


def test_what_only_the_oldest_versions_hold_is_told_and_promised_to_nobody():
    past = Past().scan(0, finding(scope="floor"))
    (story,) = past.stories(99)
    assert (story.state, story.due, story.overdue) == ("open", None, False)
    assert sum(one.open for one in response([story])) == 0


def test_a_finding_that_vanished_unexplained_is_still_open():
    past = Past().scan(0, finding()).scan(1, scanners={"osv": scanner("jinja2==1.0")})
    (story,) = past.stories(2)
    assert (story.state, story.age_days) == ("unexplained", 2.0)
    assert response([story])[1].open == 1


@pytest.mark.parametrize("kept", [0, 1])
def test_a_history_that_was_cut_agrees_with_the_record(kept):
    past = returning()
    past.scans = past.scans[:kept]
    (story,) = past.stories(25)
    assert story.spans[0].opened == NOON
    assert story.spans[-1].closed is None
    done = Past().scan(0, finding()).scan(10, **GONE)
    done.scans = []
    (story,) = done.stories(25)
    assert [(s.opened, s.closed, s.cause) for s in story.spans] == [
        (NOON, NOON + 10 * DAY, "upgraded")
    ]


def test_nothing_recorded_has_no_story():
    assert stories(None, (), NOON) == ()
    assert [r.mttr_days for r in response(())] == [None] * len(SLA)


def test_the_table_tells_causes_and_evidence():
    text = words.of_history(returning().history(60))
    assert "resolved: jinja2 CVE-1@jinja2 (high), upgraded: now at 2.0" in text
    assert "2027-01-12 overdue" in text
    assert "10 days" in text


HOSTILE = finding("CVE-2@p", ids=("=cmd|' /C calc'!A0", "><script>"), package="p|q", severity="low")


def test_the_report_as_markdown():
    past = returning().scan(
        21,
        finding(),
        HOSTILE,
        finding("B1@demo", kind="code", scope="code", path="x.py"),
        finding("S1@demo", kind="secret", scope="code", path="y.py"),
        scanners={"osv": scanner("jinja2==1.0", "p==1.0")},
    )
    text = as_markdown(past.history(60), past.record, code=False)
    assert "As of 2027-01-22, UTC, from 4 recorded scans." in text
    assert "| high | 30 days | 3 | 3 | 1 | 1 | 10 days |" in text
    assert "<script>" not in text
    assert "p\\|q" in text
    assert "B1" not in text
    assert "2 more in the project's own code, or secrets, are counted only." in text
    shown = as_markdown(past.history(60), past.record, code=True)
    assert "B1" in shown
    assert "S1" not in shown


def test_the_report_as_csv_is_read_back_and_computes_nothing():
    past = returning().scan(21, finding(), HOSTILE, scanners={"osv": scanner("jinja2==1.0")})
    rows = list(csv.DictReader(io.StringIO(as_csv(past.history(60), code=False))))
    assert [(r["key"], r["state"], r["opened"], r["closed"], r["cause"]) for r in rows] == [
        ("CVE-1@jinja2", "resolved", "2026-11-23", "2026-12-03", "upgraded"),
        ("CVE-1@jinja2", "open", "2026-12-13", "", ""),
        ("CVE-2@p", "open", "2026-12-14", "", ""),
    ]
    assert rows[1]["overdue"] == "yes"
    assert rows[2]["ids"].startswith("'=cmd")


def test_the_report_names_what_is_unknown():
    past = Past().scan(0, finding()).scan(1, scanners={})
    text = as_markdown(past.history(2), past.record, code=False)
    assert "- `osv`: absent; no word on `jinja2`" in text
