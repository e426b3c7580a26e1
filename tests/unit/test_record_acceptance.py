"""Acceptance: read strictly, effective while it holds, told before and after, never on unknown."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from worlds import FREED, NOON, evidence, finding, scanner, snapshot

from release.config import Policy
from release.decide.engine import ReleaseAutomationEngine
from release.errors import DocumentError
from release.model.acceptance import Acceptance, Vex
from release.model.base import decode, encode
from release.model.record import Record
from release.record.acceptance import Acceptances, marked, read_acceptances, remarks, words
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import render_findings
from release.record.remediation import update_plans

KEY = "CVE-1@jinja2"
WORLD = snapshot(finding(), closures=())
KNOWN = carry_forward(None, WORLD)
ANN = Acceptance(owner="ann", reason="no templates of users", expires=date(2027, 1, 1))
ANNS = {KEY: ANN}
HELD = carry_forward(KNOWN, WORLD, acceptances=ANNS)
PLANS = f"""\
plans:
  - key: {KEY}
    status: open
    accept:
      owner: "ann"
      reason: no templates of users
      expires: 2027-01-01
"""


def at(day, scan=WORLD):
    return replace(scan, taken_at=day)


def told(before, after):
    changes = SecurityChangeDetector().compare(before, after).changes
    return [(change.kind, change.cause, change.evidence) for change in changes]


def test_what_people_write_is_read():
    assert read_acceptances(PLANS) == Acceptances(ANNS)
    assert read_acceptances(None).by_key == {}
    vex = PLANS + "      until-fixed: true\n      vex: {status: not_affected, impact: unused}\n"
    word = read_acceptances(vex).by_key[KEY]
    assert (word.until_fixed, word.vex) == (True, Vex(status="not_affected", impact="unused"))
    assert word.until == "2027-01-01 or a fix is known"


@pytest.mark.parametrize(
    ("accept", "why"),
    [
        ("3", "Expected `object`, got `int`"),
        ("{reason: r, until-fixed: true}", "missing required field `owner`"),
        ("{owner: a, reason: '  ', until-fixed: true}", "it gives no reason"),
        ("{owner: ' ', reason: r, until-fixed: true}", "it names no owner"),
        ("{owner: a, reason: r}", "it never ends"),
        ("{owner: a, reason: r, expires: 2027-13-01}", "RFC3339"),
        ("{owner: a, reason: r, expires: soon}", "RFC3339"),
        ("{owner: a, reason: r, until_fixed: true}", "unknown field `until_fixed`"),
        ("{owner: a, reason: r, until-fixed: true, vex: {status: fixed}}", "'fixed'"),
        ("{owner: a, reason: r, until-fixed: true, vex: {status: not_affected}}", "justification"),
        ("{owner: a, reason: r, until-fixed: true, vex: {justification: no}}", "justification"),
    ],
)
def test_a_bad_acceptance_is_named_and_does_nothing(accept, why):
    quoted = accept.replace("2027-13-01", "'2027-13-01'")
    found = read_acceptances(f"plans:\n  - key: {KEY}\n    accept: {quoted}\n")
    assert found.by_key == {}
    (remark,) = found.bad
    assert (remark.kind, remark.key) == ("bad", KEY)
    assert why in remark.text
    assert remarks(found, KNOWN, NOON) == (remark,)


def test_an_acceptance_without_a_key_or_with_anothers_is_named():
    accept = "accept: {owner: a, reason: r, until-fixed: true}"
    found = read_acceptances(
        f"plans:\n  - {accept}\n  - key: K\n    {accept}\n  - key: K\n    {accept}\n  - odd\n"
    )
    assert [(r.key, r.text.partition(",")[0]) for r in found.bad] == [
        ("plan 1", "the plan has no key"),
        ("K", "another plan of the same key has an acceptance already; the first one counts"),
    ]
    assert list(found.by_key) == ["K"]
    with pytest.raises(DocumentError):
        read_acceptances("accept: [")


def test_an_accepted_finding_is_suppressed_with_owner_and_end():
    cause = ("resolved", "suppressed", "accepted by ann until 2027-01-01: no templates of users")
    assert told(KNOWN, HELD) == [cause]
    assert HELD.open == ()
    assert HELD.tracked[0].sightings["osv"].state == "open"
    assert decode(Record, encode(HELD)) == HELD
    again = carry_forward(HELD, at(NOON + timedelta(days=3)), acceptances=ANNS)
    assert encode(again) == encode(HELD)


def test_it_holds_to_the_end_of_its_last_day_and_the_finding_returns():
    last = at(NOON.replace(year=2027, month=1, day=1, hour=23))
    assert carry_forward(HELD, last, acceptances=ANNS).open == ()
    after = carry_forward(HELD, at(last.taken_at + timedelta(hours=1)), acceptances=ANNS)
    reopened = "no longer accepted by ann until 2027-01-01: no templates of users"
    assert told(HELD, after) == [("returned", None, reopened)]
    assert after.tracked == KNOWN.tracked


def test_it_ends_when_it_is_taken_away():
    assert told(HELD, carry_forward(HELD, WORLD))[0][0] == "returned"


@pytest.mark.parametrize("acceptances", [{}, ANNS])
def test_it_ends_though_no_scanner_has_a_word(acceptances):
    silent = at(NOON + timedelta(days=99), snapshot(scanners={}, closures=()))
    after = carry_forward(HELD, silent, acceptances=acceptances)
    assert [item.key for item in after.open] == [KEY]


def test_until_fixed_ends_as_soon_as_a_fix_is_known():
    word = {KEY: replace(ANN, expires=None, until_fixed=True)}
    held = carry_forward(KNOWN, WORLD, acceptances=word)
    assert held.open == ()
    fixed = snapshot(finding(fixed_in=("2.0",)), closures=())
    after = carry_forward(held, fixed, acceptances=word)
    assert told(held, after)[0][0] == "returned"
    (remark,) = remarks(Acceptances(word), after, NOON)
    assert (remark.kind, remark.text) == (
        "ended",
        "a fix is known: 2.0; the finding is open again",
    )


@pytest.mark.parametrize("state", ["failed", "absent"])
def test_it_settles_nothing_that_the_scan_did_not_list(state):
    silent = snapshot(scanners={"osv": scanner(state=state)}, closures=())
    after = carry_forward(KNOWN, silent, acceptances=ANNS)
    assert after.tracked == KNOWN.tracked
    assert after.scanners["osv"].unknown == ("jinja2",)
    (remark,) = remarks(Acceptances(ANNS), after, NOON)
    assert remark.text == "the last scan has no word on the finding"


def test_beneath_it_the_truth_goes_on():
    gone = snapshot(scanners={"osv": scanner("jinja2==2.0")}, closures=())
    after = carry_forward(HELD, gone, acceptances=ANNS)
    (item,) = after.tracked
    assert (item.accepted, item.sightings["osv"].cause) == (None, "upgraded")
    assert item.resolved_at == HELD.tracked[0].resolved_at
    silent = snapshot(scanners={"osv": scanner("jinja2==1.0")}, closures=())
    (item,) = carry_forward(HELD, silent, acceptances=ANNS).tracked
    assert (item.is_open, item.sightings["osv"].state) == (False, "unexplained")


@pytest.mark.parametrize(
    ("key", "days", "kinds"),
    [
        (KEY, 0, []),
        (KEY, 9, ["expiring"]),
        (KEY, 39, ["expiring"]),
        (KEY, 40, ["ended"]),
        ("CVE-2@jinja2", 0, ["unused"]),
    ],
)
def test_people_are_told_in_time(key, days, kinds):
    now = NOON + timedelta(days=days)
    held = carry_forward(KNOWN, at(now), acceptances={key: ANN})
    found = remarks(Acceptances({key: ANN}), held, now)
    assert [remark.kind for remark in found] == kinds
    assert all(line.startswith(f"acceptance of {key} (") for line in words(found))


def test_one_whose_finding_is_resolved_is_unused():
    gone = snapshot(scanners={"osv": scanner("jinja2==2.0")}, closures=())
    after = carry_forward(HELD, gone, acceptances=ANNS)
    assert [r.text for r in remarks(Acceptances(ANNS), after, NOON)] == [
        "the finding is resolved; remove it"
    ]


def test_an_accepted_finding_drives_no_release_and_is_told():
    scan = snapshot(finding(affects=FREED, severity="critical"))
    engine = ReleaseAutomationEngine(Policy())
    assert engine.decide(evidence(scan)).action == "release"
    record = carry_forward(None, scan, acceptances=ANNS)
    known = replace_evidence(scan, record)
    decision = engine.decide(known)
    assert (decision.action, decision.rule) == ("none", "accepted")
    assert decision.reasons[0].keys == (KEY,)
    assert "accepted by ann until 2027-01-01" in decision.reasons[0].evidence


def replace_evidence(scan, record):
    from dataclasses import replace as changed

    return changed(evidence(scan), snapshot=marked(scan, record), record=record)


def test_a_scan_without_acceptances_is_left_as_it_is():
    assert marked(WORLD, KNOWN) is WORLD
    assert [f.suppressed for f in marked(WORLD, HELD).findings] == [True]


def test_its_plan_stays_as_people_wrote_it():
    assert update_plans(PLANS, HELD, ()) == PLANS
    assert update_plans(PLANS, carry_forward(HELD, WORLD), ()) == PLANS


def test_the_page_names_it_with_owner_and_end():
    hostile = replace(ANN, reason="<b>no</b>\n# x")
    page = render_findings(carry_forward(KNOWN, WORLD, acceptances={KEY: hostile}), ())
    line = "- high: jinja2 CVE-1: accepted by ann until 2027-01-01: &lt;b&gt;no&lt;/b&gt; \\# x\n"
    assert f"## Accepted\n\nOpen, and accepted in remediation-plans.yml.\n\n{line}" in page
    assert "## Resolved" not in page
    assert "| high | 0 |" in page
