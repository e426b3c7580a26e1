"""The table "Is a release owed?" of the design, row by row, then its governor."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import (
    ADDED,
    FREED,
    NOON,
    closure,
    evidence,
    finding,
    reach,
    release,
    scanner,
    snapshot,
)

from release.config import Policy
from release.decide.delta import security_delta
from release.decide.engine import ReleaseAutomationEngine
from release.decide.explain import explain
from release.decide.rules import OWED
from release.model.base import digest, encode, sha256
from release.model.decision import Reason
from release.model.record import Coverage
from release.model.snapshot import Gap, Pin, Word
from release.record.carry import carry_forward

HELD = finding()
NEW = "CVE-9@jinja2"


def decide(scan, *releases, before=None, **policy):
    return ReleaseAutomationEngine(Policy(**policy)).decide(
        evidence(scan, *releases, before=before)
    )


def outcome(decision):
    return decision.action, decision.rule


def freed(severity, key="CVE-1@jinja2", **other):
    return finding(key, severity=severity, affects=FREED, **other)


def added(severity):
    return finding(NEW, severity=severity, affects=ADDED, version="2.0")


@pytest.mark.parametrize(
    ("scan", "action", "rule"),
    [
        # candidate removes at least one critical, high or unknown, and adds none worse
        (snapshot(freed("critical")), "release", "removes-critical-high-or-unknown"),
        (snapshot(freed("high")), "release", "removes-critical-high-or-unknown"),
        (snapshot(freed("unknown")), "release", "removes-critical-high-or-unknown"),
        (
            snapshot(freed("high"), freed("low", "CVE-2@jinja2")),
            "release",
            "removes-critical-high-or-unknown",
        ),
        (
            snapshot(freed("critical"), added("high")),
            "release",
            "removes-critical-high-or-unknown",
        ),
        (snapshot(freed("high", scope="extra")), "release", "removes-critical-high-or-unknown"),
        # candidate removes only medium or low ones
        (snapshot(freed("medium")), "release", "removes-medium-or-low"),
        (snapshot(freed("low")), "release", "removes-medium-or-low"),
        (snapshot(freed("medium"), added("low")), "release", "removes-medium-or-low"),
        # ... but adds as bad or worse
        (snapshot(freed("high"), added("high")), "hold", "adds-worse"),
        (snapshot(freed("high"), added("unknown")), "hold", "adds-worse"),
        (snapshot(freed("unknown"), added("high")), "hold", "adds-worse"),
        (snapshot(freed("low"), added("medium")), "hold", "adds-worse"),
        # an edit of ours would help and HEAD lacks it
        (snapshot(HELD, reach=(reach(HELD),)), "hold", "nothing-to-ship"),
        # installable-fix, blocked-upstream, no-fix: status only
        (snapshot(HELD, reach=(reach(HELD, "installable-fix"),)), "none", "status-only"),
        (snapshot(HELD, reach=(reach(HELD, "blocked-upstream"),)), "none", "status-only"),
        (snapshot(HELD, reach=(reach(HELD, "no-fix"),)), "none", "status-only"),
        (snapshot(HELD, reach=(reach(HELD, "own-code"),)), "none", "status-only"),
        # what nobody could tell is not "nothing to do"
        (snapshot(HELD, reach=(reach(HELD, "unknown"),)), "unknown", "required-unknown"),
        # code, features, other changes of dependencies: none
        (snapshot(), "none", "nothing-owed"),
        (snapshot(added("critical")), "none", "nothing-owed"),
        # never a cause
        (snapshot(freed("critical", suppressed=True)), "none", "nothing-owed"),
        (snapshot(freed("critical", scope="floor")), "none", "nothing-owed"),
        (snapshot(freed("critical", scope="dev")), "none", "nothing-owed"),
        (snapshot(freed("critical", scope="code")), "none", "nothing-owed"),
        # nothing published yet
        (
            snapshot(closures=(closure("candidate", ["jinja2==2.0"]),)),
            "none",
            "first-release-is-a-persons",
        ),
    ],
)
def test_the_table(scan, action, rule):
    decision = decide(scan)
    assert outcome(decision) == (action, rule)
    assert decision.trigger == ("security-auto" if action == "release" else "none")
    assert decision.bump == ("patch" if action == "release" else "")


FAILED = {"osv": scanner(state="failed")}
GAP = (Gap(name="docker (>4)", reason="no wheel"),)


@pytest.mark.parametrize(
    "scan",
    [
        snapshot(scanners=FAILED),
        snapshot(scanners={}),
        snapshot(scanners={"osv": scanner("jinja2==1.0", "jinja2==2.0", state="partial")}),
        snapshot(scanners={"osv": scanner("jinja2==1.0")}),
        snapshot(closures=()),
        snapshot(closures=(closure("published", ["jinja2==1.0"]),)),
        snapshot(
            closures=(
                closure("published", ["jinja2==1.0"], gaps=GAP),
                closure("candidate", ["jinja2==2.0"], gaps=GAP),
            )
        ),
        snapshot(HELD, scanners=FAILED, reach=(reach(HELD, "no-fix"),)),
        # a removal that is not positively known is none
        snapshot(freed("high"), scanners=FAILED),
        snapshot(freed("high"), scanners={"osv": scanner("jinja2==1.0")}),
        snapshot(freed("high"), closures=(closure("published", ["jinja2==1.0"]),)),
        snapshot(
            freed("high"),
            closures=(
                closure("published", ["jinja2==1.0"]),
                closure("candidate", ["jinja2==2.0"], gaps=(Gap(name="jinja2", reason="?"),)),
            ),
        ),
        snapshot(
            freed("high"),
            closures=(
                closure("published", ["jinja2==1.0"]),
                closure("candidate", ["jinja2==2.0"], gaps=GAP),
            ),
        ),
        snapshot(
            freed("high"),
            scanners={"osv": scanner("jinja2==1.0", "flask==1.0", state="partial")},
            closures=(
                closure("published", ["jinja2==1.0"]),
                closure("candidate", ["flask==1.0"]),
            ),
        ),
    ],
)
def test_nothing_known_fires_and_something_required_is_unknown(scan):
    assert outcome(decide(scan)) == ("unknown", "required-unknown")


def test_an_unexplained_silence_is_unknown():
    before = carry_forward(None, snapshot(HELD))
    assert outcome(decide(snapshot(), before=before)) == ("unknown", "required-unknown")


def test_a_published_closure_that_vanished_is_unknown_not_a_first_release():
    scan = snapshot(closures=(closure("candidate", ["jinja2==2.0"]),))
    assert outcome(decide(scan, release("1.0"))) == ("unknown", "required-unknown")


def test_unknown_does_not_block_what_positive_evidence_justifies():
    gap = (Gap(name="flask", reason="no wheel"),)
    osv = {"osv": scanner("jinja2==1.0", "jinja2==2.0", skipped=gap)}
    decision = decide(snapshot(freed("high"), scanners=osv))
    assert outcome(decision) == ("release", "removes-critical-high-or-unknown")
    assert "required-unknown" in [reason.rule for reason in decision.reasons]


def released_as(scan, *releases, **policy):
    decision = decide(scan, *releases, **policy)
    return decision.rule, [reason.rule for reason in decision.reasons[1:]]


MAJOR = "removes-critical-high-or-unknown"


@pytest.mark.parametrize(
    "scan",
    [
        # users already get it, however bad it is: HEAD does not add it
        snapshot(freed("high"), finding("CVE-2@jinja2", severity="critical")),
        # what neither closure can resolve is no difference between them
        snapshot(
            freed("high"),
            closures=(
                closure("published", ["jinja2==1.0"], gaps=GAP),
                closure("candidate", ["jinja2==2.0"], gaps=GAP),
            ),
        ),
        # a partial report covered just what HEAD would bring
        snapshot(freed("high"), scanners={"osv": scanner("jinja2==2.0", state="partial")}),
        snapshot(freed("high"), scanners={"osv": scanner("jinja2==2.0")}),
        # a package that HEAD no longer requires, by the word of a whole report
        snapshot(
            freed("high"),
            closures=(closure("published", ["jinja2==1.0"]), closure("candidate", [])),
        ),
    ],
    ids=["not added", "gap of both", "partial, covered", "all that is covered", "dropped"],
)
def test_a_removal_that_is_positively_known(scan):
    assert outcome(decide(scan)) == ("release", MAJOR)


@pytest.mark.parametrize("state", ["failed", "absent"])
def test_what_a_failed_scanner_lists_as_covered_counts_for_nothing(state):
    osv = {"osv": scanner("jinja2==1.0", "jinja2==2.0", state=state)}
    assert decide(snapshot(freed("high"), scanners=osv)).rule == "required-unknown"


def test_a_blocker_without_an_edit_that_helps_holds_nothing():
    stuck = reach(HELD, "blocked-by-us", edit=())
    assert released_as(snapshot(HELD, reach=(stuck,))) == ("status-only", [])
    other = reach(HELD, "blocked-upstream", edit=reach(HELD).edit)
    assert released_as(snapshot(HELD, reach=(other,))) == ("status-only", [])


def test_what_is_known_is_not_told_as_unknown():
    unreleased = snapshot(closures=(closure("candidate", ["jinja2==2.0"]),))
    assert released_as(unreleased) == ("first-release-is-a-persons", [])
    assert released_as(snapshot(), release("1.0")) == ("nothing-owed", [])


def test_what_the_resolver_could_not_tell_matters_for_what_a_release_would_leave():
    told = "whether an edit of ours frees users of CVE-1@jinja2: no answer"
    cases = ((HELD, [told]), (freed("high"), []), (finding(suppressed=True), []))
    for item, unknown in cases:
        scan = snapshot(item, reach=(reach(item, "unknown", witness="no answer"),))
        reasons = decide(scan).reasons
        assert [r.evidence for r in reasons if r.rule == "required-unknown"] == unknown


def test_what_is_unknown_is_told_in_order_and_in_words():
    gaps = (Gap(name="b", reason="y"), Gap(name="b", reason="x"), Gap(name="a", reason="z"))
    known = evidence(
        snapshot(closures=(closure("published", ["jinja2==1.0"], gaps=gaps),)), release("1.0")
    )
    scanners = {
        "osv": Coverage(state="partial"),
        "two": Coverage(state="failed", unknown=("flask", "jinja2")),
        "three": Coverage(state="absent", unknown=("*",)),
    }
    known = dataclasses.replace(known, record=replace(known.record, scanners=scanners))
    engine = ReleaseAutomationEngine(Policy(required=("two", "osv", "never", "three")))
    assert engine.decide(known).reasons[0].evidence == (
        "never: it has never reported, osv is partial: no word on everything, "
        "three is absent: no word on everything, two is failed: no word on flask, jinja2, "
        "what HEAD would install could not be resolved, "
        "a (published): z, b (published): x, b (published): y"
    )
    neither = evidence(snapshot(closures=()), release("1.0"))
    assert ReleaseAutomationEngine(Policy(required=())).decide(neither).reasons[0].evidence == (
        "what HEAD would install could not be resolved, what users get could not be resolved"
    )


def test_users_of_a_python_that_head_drops_are_not_helped():
    scan = snapshot(freed("high", pythons=("3.10", "3.11")))
    assert outcome(decide(scan))[0] == "none"


def test_the_hold_names_the_edit_and_the_command_that_makes_it():
    decision = decide(snapshot(HELD, reach=(reach(HELD),)))
    assert decision.next == (
        "run release.fix, or edit pyproject.toml: replace 'jinja2<2' by 'jinja2>=2.0'; "
        "commit, then run release.auto"
    )


DAYS = timedelta(days=1)


@pytest.mark.parametrize(
    ("severity", "releases", "policy", "rule"),
    [
        ("high", (), {"automatic": False}, "kill-switch"),
        ("low", (), {"automatic": False}, "kill-switch"),
        ("high", ("2", "3", "4"), {}, "weekly-budget-spent"),
        ("high", ("2", "3"), {}, "removes-critical-high-or-unknown"),
        ("high", ("2", "3"), {"releases_per_week": 2}, "weekly-budget-spent"),
        ("high", (), {"releases_per_week": 0}, "weekly-budget-spent"),
        ("high", ("9", "8", "7"), {}, "removes-critical-high-or-unknown"),
        ("low", ("2-minor",), {}, "minor-budget-spent"),
        ("low", ("2",), {}, "removes-medium-or-low"),
        ("low", ("7-minor",), {}, "removes-medium-or-low"),
        ("low", ("7-minor",), {"budget_window_days": 8}, "minor-budget-spent"),
        ("high", ("2-minor",), {}, "removes-critical-high-or-unknown"),
        ("high", ("1-manual", "1-manual", "1-manual"), {}, "removes-critical-high-or-unknown"),
    ],
)
def test_the_governor(severity, releases, policy, rule):
    """Releases are written as days ago, then ``minor`` weight or ``manual`` trigger."""
    past = []
    for number, (days, _, kind) in enumerate(item.partition("-") for item in releases):
        facts = {"minor": {"weight": "minor"}, "manual": {"trigger": "manual"}}.get(kind, {})
        past.append(release(f"1.{number}", sealed_at=NOON - int(days) * DAYS, **facts))
    decision = decide(snapshot(freed(severity)), *past, **policy)
    assert decision.rule == rule
    assert decision.action == ("release" if rule.startswith("removes") else "hold")


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ("confirmed", "fingerprint-spent"),
        ("abandoned", "removes-critical-high-or-unknown"),
        ("open", "removes-critical-high-or-unknown"),
    ],
)
def test_a_fingerprint_is_spent_when_confirmed(state, rule):
    scan = snapshot(freed("high"))
    mark = decide(scan).fingerprint
    past = release("1.1", fingerprint=mark, state=state)
    assert decide(scan, past, releases_per_week=2).rule == rule


def test_a_release_under_way_does_not_count_against_itself():
    scan = snapshot(freed("low"))
    past = release("1.1", fingerprint=decide(scan).fingerprint, state="open", weight="minor")
    assert decide(scan, past, releases_per_week=1).action == "release"


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"fingerprint": "another", "state": "open"}, "weekly-budget-spent"),
        ({"state": "abandoned"}, "weekly-budget-spent"),
        ({"state": "open"}, MAJOR),
    ],
)
def test_only_the_release_to_be_resumed_is_left_out_of_the_budget(other, rule):
    scan = snapshot(freed("high"))
    past = release("1.1", **{"fingerprint": decide(scan).fingerprint, **other})
    assert decide(scan, past, releases_per_week=1).rule == rule


def test_the_fingerprint_outlives_versions_of_this_tool():
    """The ledger holds fingerprints that are spent: another spelling would release twice."""
    scan = snapshot(freed("high"), added("low"))
    spelled = [["CVE-1@jinja2", "present", "absent"], [NEW, "absent", "present"]]
    text = json.dumps([spelled, ["jinja2"]], separators=(",", ":"))
    assert decide(scan).fingerprint == hashlib.sha256(text.encode()).hexdigest()


def test_the_fingerprint_is_of_what_changes_for_users():
    scan = snapshot(freed("high"))
    mark = decide(scan).fingerprint
    other = replace(scan, taken_at=NOON + DAYS, project=replace(scan.project, commit="d" * 40))
    assert decide(other).fingerprint == mark
    assert decide(snapshot(freed("high"), added("low"))).fingerprint != mark
    assert decide(snapshot(freed("high", "CVE-2@jinja2"))).fingerprint != mark
    edited = (scan.closures[0], replace(scan.closures[1], requires=("jinja2>=2",)))
    assert decide(replace(scan, closures=edited)).fingerprint != mark


def test_a_decision_depends_on_the_words_it_was_given():
    word = Word(key="CVE-1@jinja2", ruling="withdrawn", evidence="x")
    one, other = decide(snapshot(HELD)), decide(snapshot(HELD, words=(word,)))
    assert one.inputs.snapshot != other.inputs.snapshot


def test_a_decision_names_its_inputs():
    scan = snapshot(freed("high"))
    decision = decide(scan)
    assert decision.inputs.snapshot == digest(scan)
    assert decision.inputs.baseline == "nothing"
    assert decision.inputs.config == "config"
    assert decide(scan, releases_per_week=9).inputs.policy != decision.inputs.policy
    assert decision.reasons[0].keys == ("CVE-1@jinja2",)


def test_a_person_may_always_ask():
    engine = ReleaseAutomationEngine(Policy(automatic=False))
    asked = {"bump": "minor", "reason": "a new feature", "config": "c"}
    bare = engine.by_hand(**asked)
    assert outcome(bare) == ("release", "a-person-asked")
    assert (bare.trigger, bare.bump, bare.inputs.snapshot) == ("manual", "minor", "nothing")
    known = evidence(snapshot(freed("high")))
    full = engine.by_hand(evidence=known, **asked)
    assert bare.fingerprint == sha256(b'["minor","a new feature"]')
    assert bare.reasons == (
        Reason(rule="a-person-asked", why="A person asked for it.", evidence="a new feature"),
    )
    assert (bare.inputs.baseline, bare.inputs.config, bare.reach) == ("nothing", "c", ())
    assert bare.next == "release.publish ships it"
    assert full.inputs.snapshot == digest(known.snapshot)
    assert full.inputs.baseline == known.baseline
    assert full.inputs.record == digest(known.record)
    assert full.inputs.policy == engine.decide(known).inputs.policy
    held = snapshot(HELD, reach=(reach(HELD),))
    assert engine.by_hand(evidence=evidence(held), **asked).reach == held.reach
    assert full.fingerprint == engine.decide(known).fingerprint


def test_every_rule_has_its_name_and_one_always_fires():
    assert len({rule.name for rule in OWED}) == len(OWED)
    assert outcome(decide(snapshot()))[1] == OWED[-1].name


findings = st.builds(
    finding,
    st.sampled_from([f"CVE-{n}@jinja2" for n in range(5)]),
    severity=st.sampled_from(["critical", "high", "medium", "low", "unknown"]),
    scope=st.sampled_from(["runtime", "extra", "floor", "dev"]),
    affects=st.sampled_from([FREED, ADDED, HELD.affects]),
)
worlds = st.lists(findings, unique_by=lambda item: item.key)


@settings(max_examples=150, deadline=None)
@given(worlds, st.randoms(use_true_random=False))
def test_order_never_changes_a_decision(found, chance):
    reaches = tuple(reach(item) for item in found)
    words = tuple(
        Word(key=item.key, ruling=ruling, evidence=f"{item.key} {ruling}")
        for item in found
        for ruling in ("withdrawn", "unknown")
    )
    past = (release("1.1"), release("1.2", weight="minor"), release("1.3", trigger="manual"))
    one = decide(snapshot(*found, reach=reaches, words=words), *past)
    shuffled = snapshot(
        *chance.sample(found, len(found)),
        reach=tuple(chance.sample(reaches, len(reaches))),
        words=tuple(chance.sample(words, len(words))),
    )
    assert encode(decide(shuffled, *past[::-1])) == encode(one)


@settings(max_examples=150, deadline=None)
@given(worlds, st.sampled_from(["failed", "absent"]))
def test_without_the_scanner_nothing_is_released_and_nothing_is_fine(found, state):
    decision = decide(snapshot(*found, scanners={"osv": scanner(state=state)}))
    assert outcome(decision) == ("unknown", "required-unknown")


def test_a_verdict_that_nobody_could_give_is_named_with_what_was_seen():
    silent = reach(HELD, "unknown", witness="the index did not answer")
    scan = snapshot(HELD, reach=(silent, reach(finding("CVE-0@jinja2"), "no-fix")))
    told = next(r for r in decide(scan).reasons if r.rule == "required-unknown").evidence
    assert told == f"whether an edit of ours frees users of {HELD.key}: the index did not answer"


def test_a_verdict_matters_only_for_what_head_keeps_and_may_be_a_cause():
    mended, ignored = freed("low"), finding("CVE-7@jinja2", suppressed=True)
    for item in (mended, ignored):
        scan = snapshot(item, reach=(reach(item, "unknown"),))
        assert "required-unknown" not in [reason.rule for reason in decide(scan).reasons]


BOTH = ("3.11", "3.12")


def on(closure_, *pins):
    """A closure whose pins are ``version@pythons`` of jinja2."""
    held = tuple(
        Pin(name="jinja2", version=pin.partition("@")[0],
            pythons=tuple(pin.partition("@")[2].split()), extras=("",))
        for pin in pins
    )  # fmt: skip
    return replace(closure_, pythons=BOTH, pins=held)


def eased(**other):
    """HEAD brings the fix, which runs on Python 3.12 and newer."""
    one = finding(pythons=BOTH, severity="high", fixed_in=("2.0",))
    closures = (
        on(closure("published", []), "1.0@3.11 3.12"),
        on(closure("candidate", []), "1.0@3.11", "2.0@3.12"),
    )
    return snapshot(one, closures=closures, **other)


def test_a_fix_that_runs_on_some_pythons_frees_their_users():
    scan = eased()
    decision = decide(scan)
    assert outcome(decision) == ("release", "removes-critical-high-or-unknown")
    assert decision.reasons[0].evidence == "high jinja2 CVE-1; CVE-1 only on Python 3.12"
    told = explain(decision, scan)
    assert "users get 1.0 on Python 3.11, 3.12; HEAD has 1.0 only on Python 3.11" in told
    spent = release("1.1", fingerprint=decision.fingerprint)
    assert outcome(decide(scan, spent)) == ("hold", "fingerprint-spent")
    whole = replace(scan, closures=(scan.closures[0], on(scan.closures[1], "2.0@3.11 3.12")))
    freed_all = replace(whole, findings=(replace(scan.findings[0], affects=FREED),))
    assert decide(freed_all).fingerprint != decision.fingerprint
    delta = security_delta(scan, "1.1")
    (mended,), (left,) = delta.fixed, delta.open
    assert (mended.was, mended.becomes, mended.pythons) == (("1.0",), ("2.0",), ("3.12",))
    assert (left.was, left.becomes, left.pythons) == (("1.0",), ("1.0",), ("3.11",))


@pytest.mark.parametrize(
    "candidate",
    [
        ("1.0@3.11 3.12",),  # the same
        ("1.0@3.12",),  # nothing is known of what 3.11 gets instead, but that it is free
        (),  # it is said to be there, and is not resolved
    ],
)
def test_where_nobody_is_freed_or_nothing_is_sure_there_is_no_part(candidate):
    scan = eased()
    scan = replace(scan, closures=(scan.closures[0], on(scan.closures[1], *candidate)))
    action, _ = outcome(decide(scan))
    assert action == ("release" if candidate == ("1.0@3.12",) else "none")


def test_a_python_that_head_drops_or_cannot_resolve_is_not_freed():
    scan = eased()
    dropped = replace(on(scan.closures[1], "1.0@3.11"), pythons=("3.11",))
    assert decide(replace(scan, closures=(scan.closures[0], dropped))).action == "none"
    unsure = replace(scan.closures[1], gaps=(Gap(name="demo on Python 3.12", reason="no"),))
    assert decide(replace(scan, closures=(scan.closures[0], unsure))).action == "unknown"
    brought = (on(scan.closures[0], "1.0@3.11"), on(scan.closures[1], "1.0@3.12"))
    assert decide(replace(scan, closures=brought)).action == "none"


def test_what_is_accepted_says_so_and_drives_nothing():
    scan = snapshot(replace(HELD, suppressed=True))
    decision = decide(scan)
    assert decision.action == "none"
    shown = replace(decision, reasons=(replace(decision.reasons[0], keys=(HELD.key,)),))
    assert "accepted or suppressed by the project: it drives no release" in explain(shown, scan)
