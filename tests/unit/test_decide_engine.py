"""The table "Is a release owed?" of the design, row by row, then its governor."""

from __future__ import annotations

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
from release.decide.engine import ReleaseAutomationEngine
from release.decide.rules import OWED
from release.model.base import digest, encode
from release.model.snapshot import Gap
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


def test_users_of_a_python_that_head_drops_are_not_helped():
    scan = snapshot(freed("high", pythons=("3.10", "3.11")))
    assert outcome(decide(scan))[0] == "none"


def test_the_hold_names_the_edit_and_no_command_that_is_not_there():
    decision = decide(snapshot(HELD, reach=(reach(HELD),)))
    assert decision.next == (
        "edit pyproject.toml: replace 'jinja2<2' by 'jinja2>=2.0'; commit, then run release.auto"
    )
    assert "release.fix" not in encode(decision).decode()


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


def test_the_fingerprint_is_of_what_changes_for_users():
    scan = snapshot(freed("high"))
    mark = decide(scan).fingerprint
    other = replace(scan, taken_at=NOON + DAYS, project=replace(scan.project, commit="d" * 40))
    assert decide(other).fingerprint == mark
    assert decide(snapshot(freed("high"), added("low"))).fingerprint != mark
    assert decide(snapshot(freed("high", "CVE-2@jinja2"))).fingerprint != mark
    edited = (scan.closures[0], replace(scan.closures[1], requires=("jinja2>=2",)))
    assert decide(replace(scan, closures=edited)).fingerprint != mark


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
    bare = engine.by_hand(snapshot=None, record=None, **asked)
    assert outcome(bare) == ("release", "a-person-asked")
    assert (bare.trigger, bare.bump, bare.inputs.snapshot) == ("manual", "minor", "nothing")
    known = evidence(snapshot(freed("high")))
    full = engine.by_hand(snapshot=known.snapshot, record=known.record, **asked)
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
    past = (release("1.1"), release("1.2", weight="minor"), release("1.3", trigger="manual"))
    one = decide(snapshot(*found, reach=reaches), *past)
    shuffled = snapshot(
        *chance.sample(found, len(found)), reach=tuple(chance.sample(reaches, len(reaches)))
    )
    assert encode(decide(shuffled, *past[::-1])) == encode(one)


@settings(max_examples=150, deadline=None)
@given(worlds, st.sampled_from(["failed", "absent"]))
def test_without_the_scanner_nothing_is_released_and_nothing_is_fine(found, state):
    decision = decide(snapshot(*found, scanners={"osv": scanner(state=state)}))
    assert outcome(decision) == ("unknown", "required-unknown")
