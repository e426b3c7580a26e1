"""The record carried forward: unknown is never clean, and nothing is resolved without a cause."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import NOON, closure, finding, reach, scanner, snapshot

from release.model.base import digest, encode
from release.model.changes import Change
from release.model.record import Coverage, Record, Sighting, Tracked
from release.model.snapshot import Gap, Word
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import render_findings
from release.record.identity import lasting
from release.record.retired import without_scanner

LATER = NOON + timedelta(days=1)
KNOWN = carry_forward(None, snapshot(finding()))


def scan(*findings, covered=("jinja2==2.0",), state="ok", closures=(), **other):
    osv = scanner(*covered, state=state, skipped=other.pop("skipped", ()))
    return snapshot(*findings, scanners={"osv": osv}, closures=closures, taken_at=LATER, **other)


def only(record: Record) -> Tracked:
    (tracked,) = record.tracked
    return tracked


def told(before: Record | None, after: Record) -> list[tuple[str, str | None]]:
    changes = SecurityChangeDetector().compare(before, after).changes
    return [(change.kind, change.cause) for change in changes]


def pins(version: str):
    item = f"jinja2=={version}"
    return closure("published", [item]), closure("candidate", [item])


WITHDRAWN = Word(key="CVE-1@jinja2", ruling="withdrawn", evidence="withdrawn on 2026-11-01")
CORRECTED = Word(key="CVE-1@jinja2", ruling="range-corrected", evidence="from 1.5")
STILL = Word(key="CVE-1@jinja2", ruling="still-affected", evidence="it lists 1.0")
SAME = ("jinja2==1.0",)


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (scan(), "upgraded"),
        (scan(covered=("flask==1.0",)), "package-gone"),
        (scan(covered=SAME, words=(WITHDRAWN,)), "withdrawn"),
        (scan(covered=SAME, words=(CORRECTED,)), "range-corrected"),
        (scan(finding(suppressed=True), covered=SAME), "suppressed"),
        (scan(covered=("jinja2==1.0", "jinja2==2.0"), closures=pins("2.0")), "out-of-scope"),
    ],
)
def test_what_resolves_a_finding(after, cause):
    if cause == "package-gone":  # the second scan confirms that the package is gone
        record = carry_forward(carry_forward(KNOWN, after), after)
    else:
        record = carry_forward(KNOWN, after)
    assert not only(record).is_open
    assert only(record).resolved_at == LATER
    assert only(record).sightings["osv"].cause == cause
    assert told(KNOWN, record) == [("resolved", cause)]


@pytest.mark.parametrize(
    ("after", "evidence"),
    [
        (scan(covered=("jinja2==2.0", "jinja2==3.0")), "now at 2.0, 3.0"),
        (scan(covered=SAME, words=(WITHDRAWN,)), "withdrawn on 2026-11-01"),
        (scan(finding(suppressed=True), covered=SAME), "suppressed by the project"),
        (
            scan(covered=(*SAME, "jinja2==2.0"), closures=pins("2.0")),
            "no closure of users holds 1.0 any longer",
        ),
        (scan(covered=SAME, words=(STILL,)), "it lists 1.0"),
        (scan(covered=SAME), "its package and version stayed, no word explains it"),
    ],
)
def test_what_settles_a_finding_is_told_in_words(after, evidence):
    record = carry_forward(KNOWN, after)
    assert only(record).sightings["osv"].evidence == evidence
    (change,) = SecurityChangeDetector().compare(KNOWN, record).changes
    assert (change.key, change.evidence) == ("CVE-1@jinja2", evidence)


def test_a_package_that_is_gone_is_told_in_words():
    gone = scan(covered=("flask==1.0",))
    record = carry_forward(carry_forward(KNOWN, gone), gone)
    assert only(record).sightings["osv"].evidence == "jinja2 is no longer installed"


@pytest.mark.parametrize("after", [scan(), scan(finding(suppressed=True), covered=SAME)])
def test_the_day_of_resolution_stays_until_the_finding_returns(after):
    once = carry_forward(KNOWN, after)
    again = replace(after, taken_at=LATER + timedelta(days=1))
    assert encode(carry_forward(once, again)) == encode(once)
    back = carry_forward(once, scan(finding(), covered=SAME))
    assert only(carry_forward(back, again)).resolved_at == again.taken_at


def test_what_was_resolved_needs_no_second_word():
    resolved = carry_forward(KNOWN, scan(covered=SAME, words=(WITHDRAWN,)))
    assert only(carry_forward(resolved, scan(covered=SAME))) == only(resolved)


def test_a_scanner_that_reports_no_more_resolves_nothing():
    known = carry_forward(None, snapshot(finding(scanners=("sarif:x",))))
    assert only(carry_forward(known, scan())) == only(known)


def test_the_record_is_of_the_repository_that_was_scanned():
    assert carry_forward(None, snapshot(repository="pypi")).repository == "pypi"


@pytest.mark.parametrize("words", [(), (STILL,)])
def test_silence_about_a_version_that_stayed_is_unexplained_and_open(words):
    record = carry_forward(KNOWN, scan(covered=(*SAME, "jinja2==2.0"), words=words))
    assert only(record).is_open
    assert only(record).sightings["osv"].state == "unexplained"
    assert told(KNOWN, record) == [("unexplained", None)]


@pytest.mark.parametrize(
    "after",
    [
        scan(state="failed"),
        scan(state="absent"),
        scan(state="partial"),
        scan(state="partial", covered=()),
        scan(covered=("jinja2==2.0",), skipped=(Gap(name="jinja2", reason="no wheel"),)),
        scan(closures=pins("2.0"), skipped=(Gap(name="jinja2 (>1)", reason="no wheel"),)),
        scan(covered=("jinja2==2.0",), closures=pins("1.0")),
        scan(covered=()),
        snapshot(scanners={}, closures=()),
    ],
    ids=[
        "failed",
        "absent",
        "partial",
        "empty",
        "skipped",
        "skipped, though resolved",
        "pin missed",
        "turned empty",
        "none",
    ],
)
def test_what_was_not_seen_stays_and_is_named(after):
    record = carry_forward(KNOWN, after)
    assert only(record) == only(KNOWN)
    assert record.scanners["osv"].state != "ok"
    assert record.scanners["osv"].unknown == ("jinja2",)
    changes = SecurityChangeDetector().compare(KNOWN, record)
    assert changes.changes == ()
    assert [(u.scanner, u.package) for u in changes.unknown] == [("osv", "jinja2")]


def test_a_partial_report_settles_what_it_covers_when_the_resolver_vouches_for_it():
    gap = (Gap(name="flask", reason="no wheel"),)
    record = carry_forward(KNOWN, scan(closures=pins("2.0"), skipped=gap))
    assert only(record).sightings["osv"].cause == "upgraded"
    assert record.scanners["osv"].unknown == ("flask",)


VOUCHING = closure("published", ["jinja2==2.0"]), closure("candidate", ["jinja2==2.0"])
FLASK = (Gap(name="Flask (>1)", reason="no wheel"),)


def gapped(**other):
    return tuple(replace(item, **{"gaps": FLASK, **other}) for item in VOUCHING)


@pytest.mark.parametrize(
    ("closures", "held", "is_open"),
    [
        (gapped(), finding(), False),
        (gapped(), finding(scope="extra"), False),
        (gapped(pythons=("3.11", "3.12"), extras=("", "x")), finding(), False),
        (gapped(gaps=(Gap(name="Jinja2 (<3)", reason="no wheel"),)), finding(), True),
        (gapped(), finding(pythons=("3.11", "3.12")), True),
        (gapped(), finding(extras=("", "x")), True),
        (gapped()[:1], finding(), True),
        (gapped()[:1], finding(affects={"published": ("1.0",)}), False),
        (VOUCHING[:1], finding(affects={}), True),
        (VOUCHING[1:], finding(affects={}), True),
        (VOUCHING, finding(affects={}), False),
        (VOUCHING, finding(scope="dev"), True),
    ],
)
def test_the_resolver_vouches_for_what_it_resolved(closures, held, is_open):
    known = carry_forward(None, snapshot(held))
    after = scan(closures=closures, state="partial")
    assert only(carry_forward(known, after)).is_open is is_open


def test_a_version_that_only_developers_keep_is_not_out_of_scope():
    known = carry_forward(None, snapshot(finding(scope="dev")))
    record = carry_forward(known, scan(covered=(*SAME, "jinja2==2.0"), closures=pins("2.0")))
    assert only(record).sightings["osv"].state == "unexplained"


@pytest.mark.parametrize(("name", "unknown"), [("osv", "jinja2"), ("pip-audit", "*")])
def test_a_failed_first_scan_knows_nothing(name, unknown):
    failed = snapshot(scanners={name: scanner(state="failed")}, closures=pins("1.0"))
    coverage = carry_forward(None, failed).scanners[name]
    assert (coverage.state, coverage.unknown) == ("failed", (unknown,))
    assert carry_forward(None, scan(state="failed")).scanners["osv"].unknown == ("*",)


def test_what_is_covered_and_unknown_is_carried_over_reports_that_are_not_whole():
    def coverage(record):
        return record.scanners["osv"]

    first = carry_forward(None, scan(covered=("a==1", "b==1", "c==1"), skipped=FLASK))
    assert coverage(first) == Coverage(
        state="partial", covered=("a==1", "b==1", "c==1"), unknown=("flask",)
    )
    second = carry_forward(first, scan(covered=("a==1", "a==2", "d==1"), state="partial"))
    assert coverage(second) == Coverage(
        state="partial",
        covered=("a==1", "a==2", "b==1", "c==1", "d==1"),
        unknown=("b", "c", "flask"),
    )
    missed = scan(covered=(*coverage(second).covered, "flask==1.0"), closures=pins("2.0"))
    assert coverage(carry_forward(second, missed)).unknown == ("jinja2",)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"p{number}==1" for number in range(count))


@pytest.mark.parametrize(
    ("kept", "states"), [(8, ["ok", "ok"]), (7, ["partial", "ok"]), (0, ["partial", "ok"])]
)
def test_a_report_that_lost_more_than_a_fifth_awaits_a_second(kept, states):
    record = carry_forward(None, scan(covered=names(10)))
    for state in states:
        record = carry_forward(record, scan(covered=names(kept)))
        assert record.scanners["osv"].state == state


@pytest.mark.parametrize("between", [{"state": "failed"}, {"covered": names(7), "skipped": FLASK}])
def test_a_report_that_lost_more_awaits_its_second_over_a_bad_one(between):
    record = carry_forward(None, scan(covered=names(10)))
    less = scan(covered=names(7))
    record = carry_forward(record, less)
    assert record.scanners["osv"].unknown == ("p7", "p8", "p9")
    record = carry_forward(record, scan(**between))
    assert record.scanners["osv"].pending == names_only(7)
    assert carry_forward(record, less).scanners["osv"].state == "ok"


WHOLE = closure("published", ["p0==1"]), closure("candidate", ["p0==1"])


@pytest.mark.parametrize(
    ("closures", "state"),
    [
        (WHOLE, "ok"),
        (WHOLE[:1], "partial"),
        (WHOLE[1:], "partial"),
        ((WHOLE[0], replace(WHOLE[1], gaps=FLASK)), "partial"),
        ((), "partial"),
    ],
    ids=["whole", "candidate only", "published only", "a gap", "no closure"],
)
def test_packages_that_no_closure_holds_any_more_are_not_lost(closures, state):
    """As after a release that dropped most of them; the resolver has to have seen everything."""
    held = finding("CVE-1@p9", version="1", package="p9", affects={"published": ("1",)})
    known = carry_forward(None, scan(held, covered=names(10)))
    record = carry_forward(known, scan(covered=names(1), closures=closures))
    assert record.scanners["osv"].state == state
    assert only(record).is_open is (state != "ok")
    if state == "ok":
        assert only(record).sightings["osv"].cause == "package-gone"


def test_the_resolver_vouches_only_for_what_is_handed_its_closures():
    reports = {"pip-audit": scanner(*names(10))}, {"pip-audit": scanner(*names(1))}
    known = carry_forward(None, snapshot(scanners=reports[0], closures=()))
    record = carry_forward(known, snapshot(scanners=reports[1], closures=WHOLE))
    assert record.scanners["pip-audit"].state == "partial"


def names_only(count: int) -> tuple[str, ...]:
    return tuple(f"p{number}" for number in range(count))


def test_a_person_may_accept_a_smaller_report():
    record = carry_forward(
        None, scan(finding("CVE-1@p9", version="1", affects={}), covered=names(10))
    )
    assert only(carry_forward(record, scan(covered=names(2)))).is_open
    accepted = carry_forward(record, scan(covered=names(2)), accept_coverage=True)
    assert only(accepted).sightings["osv"].cause == "package-gone"


def test_a_finding_is_found_again_by_any_id_and_keeps_its_key_and_clocks():
    renamed = finding("GHSA-9@jinja2", ids=("CVE-1", "GHSA-9"), first_seen=LATER)
    record = carry_forward(KNOWN, scan(renamed, covered=SAME))
    assert only(record).finding.key == "CVE-1@jinja2"
    assert only(record).finding.first_seen == NOON
    assert told(KNOWN, record) == [("updated", None)]


def test_when_two_findings_turn_out_to_be_one_the_older_key_stays():
    both = carry_forward(KNOWN, scan(finding(), finding("GHSA-9@jinja2"), covered=SAME))
    one = carry_forward(both, scan(finding("A@jinja2", ids=("CVE-1", "GHSA-9")), covered=SAME))
    assert only(one).finding.key == "CVE-1@jinja2"
    assert told(both, one) == [("updated", None)]


def test_the_key_that_stays_is_the_older_not_the_first_in_the_alphabet():
    old = carry_forward(None, snapshot(finding("Z-9@jinja2")))
    both = carry_forward(old, scan(finding("Z-9@jinja2"), finding("A-1@jinja2"), covered=SAME))
    one = carry_forward(both, scan(finding("M@jinja2", ids=("A-1", "Z-9")), covered=SAME))
    assert only(one).finding.key == "Z-9@jinja2"


def test_what_every_scanner_said_of_findings_that_are_one_is_kept():
    two = finding("CVE-1@jinja2"), finding("GHSA-9@jinja2", scanners=("pip-audit",))
    heard = {"osv": scanner(*SAME), "pip-audit": scanner(*SAME)}
    both = carry_forward(None, snapshot(*two, scanners=heard, closures=()))
    joined = finding(ids=("CVE-1", "GHSA-9"))
    deaf = {"osv": scanner(*SAME), "pip-audit": scanner(state="failed")}
    one = carry_forward(both, snapshot(joined, scanners=deaf, closures=()))
    assert {n: s.state for n, s in only(one).sightings.items()} == {
        "osv": "open",
        "pip-audit": "open",
    }
    moved = {"osv": scanner(*SAME), "pip-audit": scanner("jinja2==2.0")}
    two_words = carry_forward(one, snapshot(joined, scanners=moved, closures=()))
    assert only(two_words).sightings["pip-audit"].cause == "upgraded"


@pytest.mark.parametrize(
    ("scope", "key"),
    [("extra", "CVE-1@jinja2"), ("dev", "GHSA-9@jinja2"), ("floor", "GHSA-9@jinja2")],
)
def test_what_developers_get_is_another_finding_than_what_users_get(scope, key):
    other = finding("GHSA-9@jinja2", ids=("CVE-1", "GHSA-9"), scope=scope)
    assert [item.key for item in lasting(KNOWN, snapshot(other)).findings] == [key]
    known = carry_forward(None, snapshot(finding(scope="extra")))
    assert [item.key for item in lasting(known, snapshot(other)).findings] == [key]


def test_known_clocks_and_a_known_severity_outlast_a_later_scan():
    known = carry_forward(None, snapshot(finding(score=7.5, fix_available_at=NOON)))
    later = finding(first_seen=LATER, fix_available_at=LATER, score=9.8)
    aged = only(carry_forward(known, snapshot(later))).finding
    assert (aged.first_seen, aged.fix_available_at, aged.score) == (NOON, NOON, 9.8)
    unsure = finding(severity="unknown", fix_available_at=None)
    aged = only(carry_forward(known, snapshot(unsure))).finding
    assert (aged.severity, aged.score, aged.fix_available_at) == ("high", 7.5, NOON)
    fixed = finding(fix_available_at=LATER)
    assert only(carry_forward(KNOWN, snapshot(fixed))).finding.fix_available_at == LATER


def test_clocks_that_an_old_record_lacks_are_set_once():
    clockless = replace(KNOWN, tracked=(replace(only(KNOWN), finding=finding()),))
    assert only(carry_forward(clockless, scan(finding(), covered=SAME))).finding.first_seen == LATER
    told_noon = scan(finding(first_seen=NOON), covered=SAME)
    assert only(carry_forward(clockless, told_noon)).finding.first_seen == NOON


def test_what_several_scanners_say_of_one_finding_is_joined():
    one = finding(ids=("CVE-1",), source=("a",), suppressed=True)
    other = finding(ids=("GHSA-1",), source=("b",), scanners=("pip-audit",))
    other = replace(other, summary="in other words", severity="low")
    joined = only(carry_forward(None, snapshot(one, other))).finding
    assert joined == only(carry_forward(None, snapshot(other, one))).finding
    assert joined.ids == ("CVE-1", "GHSA-1")
    assert joined.source == ("a", "b")
    assert joined.scanners == ("osv", "pip-audit")
    assert not joined.suppressed


def test_when_one_finding_falls_into_two_its_key_stays_with_its_bearer():
    both = carry_forward(None, scan(finding(ids=("A-9", "CVE-1")), covered=SAME))
    two = carry_forward(both, scan(finding(), finding("A-9@jinja2"), covered=SAME))
    assert [item.finding.key for item in two.tracked] == ["A-9@jinja2", "CVE-1@jinja2"]
    assert told(both, two) == [("new", None), ("updated", None)]


def test_an_id_is_the_same_finding_only_in_the_same_package():
    record = carry_forward(KNOWN, scan(finding("CVE-1@flask"), covered=(*SAME, "flask==1.0")))
    assert len(record.tracked) == 2


def test_a_resolved_finding_returns_under_its_key():
    resolved = carry_forward(KNOWN, scan())
    record = carry_forward(resolved, scan(finding(), covered=SAME))
    assert only(record).is_open
    assert only(record).resolved_at is None
    assert told(resolved, record) == [("returned", None)]


def test_a_scanner_that_is_retired_settles_what_it_alone_held_open():
    both, alone = finding(scanners=("bandit", "osv")), finding("B1@jinja2", scanners=("bandit",))
    scanners = {"osv": scanner("jinja2==1.0"), "bandit": scanner("./a.py")}
    known = carry_forward(None, snapshot(both, alone, scanners=scanners, closures=()))
    after = without_scanner(known, "bandit", NOON)
    assert [item.finding.key for item in after.tracked if item.is_open] == ["CVE-1@jinja2"]
    assert set(after.scanners) == {"osv"}
    (change,) = (c for c in SecurityChangeDetector().compare(known, after).changes if c.cause)
    assert (change.kind, change.key, change.cause) == ("resolved", "B1@jinja2", "out-of-scope")
    assert change.evidence == "bandit was retired by --forget-scanner"
    assert without_scanner(after, "bandit", NOON) == after
    again = carry_forward(after, snapshot(both, alone, scanners=scanners, closures=()))
    assert len(again.open) == 2, "what it finds once more has returned"


def test_an_unknown_severity_eases_nothing():
    record = carry_forward(KNOWN, scan(finding(severity="unknown"), covered=SAME))
    assert only(record).finding.severity == "high"

    worse = carry_forward(None, snapshot(finding(severity="critical")))
    unsure = carry_forward(None, snapshot(finding(severity="unknown")))
    assert told(worse, unsure) == [("updated", None)]


def test_each_scanner_has_its_own_word():
    seen = finding(scanners=("osv", "pip-audit"))
    both = {"osv": scanner(*SAME), "pip-audit": scanner(*SAME)}
    before = carry_forward(None, snapshot(seen, scanners=both, closures=()))
    one = {"osv": scanner("jinja2==2.0"), "pip-audit": scanner(state="failed")}
    record = carry_forward(before, snapshot(scanners=one, closures=()))
    assert only(record).is_open
    assert {n: s.state for n, s in only(record).sightings.items()} == {
        "osv": "resolved",
        "pip-audit": "open",
    }


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"severity": "critical"}, ["worsened"]),
        ({"severity": "medium"}, ["eased"]),
        ({"fixed_in": ("2.0",)}, ["fix-available"]),
        ({"severity": "critical", "fixed_in": ("2.0",)}, ["fix-available", "worsened"]),
        ({"summary": "in other words"}, ["updated"]),
    ],
)
def test_changes_of_an_open_finding(change, kinds):
    record = carry_forward(KNOWN, scan(finding(**change), covered=SAME))
    assert [kind for kind, _ in told(KNOWN, record)] == kinds


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        ({"severity": "critical"}, ["high -> critical"]),
        ({"severity": "medium"}, ["high -> medium"]),
        ({"fixed_in": ("2.0", "3.0")}, ["fixed in 2.0, 3.0"]),
        ({"summary": "in other words", "url": "u"}, ["summary, url"]),
        ({"scanners": ("osv", "pip-audit")}, ["scanners"]),
    ],
)
def test_changes_of_an_open_finding_are_told_in_words(change, evidence):
    record = carry_forward(KNOWN, scan(finding(**change), covered=SAME))
    changes = SecurityChangeDetector().compare(KNOWN, record)
    assert [item.evidence for item in changes.changes] == evidence
    assert changes.since == digest(KNOWN)


def seen_as(**sightings: Sighting) -> Record:
    return replace(KNOWN, tracked=(Tracked(finding=only(KNOWN).finding, sightings=sightings),))


OPEN = Sighting(state="open")
SILENT = Sighting(state="unexplained", evidence="silent")
DONE = Sighting(state="resolved", cause="upgraded", evidence="now at 2.0")


@pytest.mark.parametrize(
    ("before", "after", "kind", "evidence"),
    [
        (seen_as(a=OPEN, b=OPEN), seen_as(a=SILENT, b=SILENT), "unexplained", "silent; silent"),
        (seen_as(a=OPEN, b=OPEN), seen_as(a=SILENT, b=DONE), "unexplained", "silent; now at 2.0"),
        (seen_as(a=OPEN, b=OPEN), seen_as(a=SILENT, b=OPEN), "updated", "how its scanners see it"),
        (seen_as(a=SILENT), seen_as(a=SILENT, b=DONE), "updated", "how its scanners see it"),
        (seen_as(a=OPEN), seen_as(a=replace(DONE, cause=None)), "resolved", "now at 2.0"),
        (
            seen_as(a=OPEN, b=OPEN),
            seen_as(b=DONE, a=replace(DONE, evidence="gone")),
            "resolved",
            "gone; now at 2.0",
        ),
    ],
)
def test_how_several_scanners_words_are_told(before, after, kind, evidence):
    (change,) = SecurityChangeDetector().compare(before, after).changes
    assert (change.kind, change.evidence) == (kind, evidence)


def test_a_finding_that_the_later_record_lost_is_unexplained():
    (change,) = SecurityChangeDetector().compare(KNOWN, replace(KNOWN, tracked=())).changes
    assert change == Change(
        kind="unexplained",
        key="CVE-1@jinja2",
        package="jinja2",
        ids=("CVE-1",),
        severity="high",
        evidence="the later record does not hold it",
    )
    assert told(None, KNOWN) == [("new", None)]
    assert [c.evidence for c in SecurityChangeDetector().compare(None, KNOWN).changes] == [""]


def test_two_hundred_unchanged_scans_leave_the_bytes_alone():
    world = [finding(), finding("CVE-2@jinja2"), finding("CVE-3@flask", ids=("CVE-3", "GHSA-3"))]
    covered = (*SAME, "flask==1.0")
    record = carry_forward(None, scan(*world, covered=covered))
    for day in range(200):
        shuffled = [
            replace(item, ids=item.ids[::-1]) for item in world[day % 3 :] + world[: day % 3]
        ]
        again = replace(
            scan(*shuffled, covered=covered[:: 1 - 2 * (day % 2)]), taken_at=NOON + timedelta(day)
        )
        assert encode(carry_forward(record, again)) == encode(record)


findings = st.builds(
    finding,
    st.sampled_from(["CVE-1@a", "CVE-2@a", "CVE-3@b", "CVE-4@c"]),
    version=st.sampled_from(["1.0", "2.0"]),
    severity=st.sampled_from(["critical", "high", "medium", "low", "unknown"]),
    affects=st.just({}),
)
worlds = st.lists(findings, unique_by=lambda item: item.key)
items = st.sampled_from(["a==1.0", "a==2.0", "b==1.0", "b==2.0", "c==1.0", "d==1.0"])
coverage = st.lists(items, unique=True)


@settings(max_examples=200, deadline=None)
@given(worlds, worlds, coverage, st.sampled_from(["failed", "absent", "partial"]))
def test_a_scanner_that_is_not_ok_resolves_nothing(first, second, covered, state):
    before = carry_forward(None, scan(*first, covered=tuple(covered)))
    after = carry_forward(before, scan(*second, covered=tuple(covered), state=state))
    resolved = {item.finding.key for item in after.tracked if not item.is_open}
    assert not resolved & {item.key for item in before.open}


@settings(max_examples=100, deadline=None)
@given(worlds, worlds, coverage, st.randoms(use_true_random=False))
def test_order_never_changes_a_byte(first, second, covered, chance):
    def shuffled(stuff):
        return tuple(chance.sample(stuff, len(stuff)))

    one = carry_forward(None, scan(*first, covered=tuple(covered)))
    other = carry_forward(None, scan(*shuffled(first), covered=shuffled(covered)))
    assert encode(one) == encode(other)
    after = carry_forward(one, scan(*second, covered=tuple(covered)))
    assert encode(after) == encode(
        carry_forward(other, scan(*shuffled(second), covered=shuffled(covered)))
    )
    detector = SecurityChangeDetector()
    assert encode(detector.compare(one, after)) == encode(detector.compare(other, after))


def test_reach_and_words_of_a_snapshot_come_under_lasting_keys_in_order():
    renamed = finding("GHSA-9@jinja2", ids=("CVE-1", "GHSA-9"))
    reaches = reach(renamed), reach(finding("CVE-0@gone"))
    words = (STILL, CORRECTED, replace(STILL, key="A"))
    kept = lasting(KNOWN, scan(renamed, covered=SAME, reach=reaches, words=words))
    assert [item.key for item in kept.reach] == ["CVE-0@gone", "CVE-1@jinja2"]
    assert kept.words == (words[2], CORRECTED, STILL)


def test_a_snapshot_under_lasting_keys_is_stable():
    once = lasting(KNOWN, scan(finding("GHSA-9@jinja2", ids=("CVE-1", "GHSA-9")), covered=SAME))
    assert lasting(KNOWN, once) == once


def calls(work) -> int:
    """How many functions, of Python and of C, are called meanwhile."""
    count = 0

    def tell(_, event, __):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def many(count, mark):
    """A world of so many findings, each under ids of its own and of ``mark``."""
    held = (
        finding(f"CVE-{n}-{mark}@p{n}", ids=(f"CVE-{n}-{mark}", f"GHSA-{n}")) for n in range(count)
    )
    return scan(*held, covered=tuple(f"p{n}==1.0" for n in range(count)))


@pytest.mark.parametrize("mark", ["a", "b"], ids=["unchanged", "all under other ids"])
def test_the_work_grows_with_the_number_of_findings_and_no_faster(mark):
    """Counted, not timed: eight times the findings take at most nine times the calls."""

    def work(count):
        before = carry_forward(None, many(count, "a"))
        after = carry_forward(before, many(count, mark))
        SecurityChangeDetector().compare(before, after)
        render_findings(after, ())

    assert calls(lambda: work(800)) < 9 * calls(lambda: work(100))


def test_a_verdict_follows_its_finding_to_the_key_that_the_record_knows():
    before = carry_forward(None, snapshot(finding("CVE-1@jinja2", ids=("CVE-1", "GHSA-1"))))
    again = finding("GHSA-1@jinja2", ids=("GHSA-1", "PYSEC-1"))
    other = finding("CVE-0@flask", ids=("CVE-0",))
    unknown = Word(key="CVE-3@flask", ruling="unknown", evidence="")
    gone = Word(key="CVE-2@flask", ruling="withdrawn", evidence="")
    scan = snapshot(
        again, other, reach=(reach(again), reach(other, "no-fix")), words=(unknown, gone)
    )
    after = lasting(before, scan)
    assert [item.key for item in after.findings] == ["CVE-0@flask", "CVE-1@jinja2"]
    assert [(item.key, item.verdict) for item in after.reach] == [
        ("CVE-0@flask", "no-fix"),
        ("CVE-1@jinja2", "blocked-by-us"),
    ]
    assert [word.key for word in after.words] == ["CVE-2@flask", "CVE-3@flask"]
