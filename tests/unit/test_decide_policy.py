"""What a project may make of the rules, waivers of vulnerability gates, and the kill switch."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from worlds import ADDED, FREED, NOON, evidence, finding, reach, release, scanner, snapshot

from release.config import POSTURE_ONLY, Overrides, Policy, parse
from release.decide.engine import ReleaseAutomationEngine
from release.decide.rules import OWED, POSTURE
from release.decide.waivers import waivers
from release.errors import ConfigError
from release.model.snapshot import Gap

DAY = timedelta(days=1)
HIGH = snapshot(finding(severity="high", affects=FREED))
LOW = snapshot(finding(severity="low", affects=FREED))
HELD = snapshot(finding(), reach=(reach(finding()),))
STAYS = snapshot(finding(), reach=(reach(finding(), "no-fix"),))


def policy(text):
    """A policy as a pyproject.toml says it."""
    return parse(f"[tool.release-warden.policy]\n{text}").policy


def decide(scan, said="", *releases, **other):
    known = dataclasses.replace(evidence(scan, *releases), **other)
    return ReleaseAutomationEngine(policy(said)).decide(known)


FIXED = {"accepted", "required-unknown", "nothing-owed"}


def test_every_rule_may_be_made_more_careful_but_what_only_tells():
    fields = {field.encode_name for field in msgspec.structs.fields(Overrides)}
    assert fields == {rule.name for rule in POSTURE} - FIXED
    assert {r.name for r in POSTURE} - {r.name for r in OWED} == POSTURE_ONLY


@pytest.mark.parametrize(
    ("scan", "said", "action"),
    [
        (HIGH, "", "release"),
        (HIGH, 'removes-critical-high-or-unknown = "hold"', "hold"),
        (HIGH, 'removes-critical-high-or-unknown = "block"', "block"),
        (HIGH, 'removes-medium-or-low = "hold"', "release"),
        (LOW, 'removes-medium-or-low = "hold"', "hold"),
        (HELD, 'nothing-to-ship = "block"', "block"),
        (STAYS, 'status-only = "block"', "block"),
    ],
)
def test_a_rule_as_the_project_wants_it(scan, said, action):
    decision = decide(scan, f"[tool.release-warden.policy.rules]\n{said}")
    assert decision.action == action
    assert decision.trigger == ("security-auto" if action == "release" else "none")
    changed = f"This project's policy makes that a {action}." in decision.reasons[0].why
    assert changed == (action in said)


@pytest.mark.parametrize(
    ("said", "what", "why"),
    [
        ("rules = {remove-medium-or-low = 'hold'}", "unknown key 'remove-medium-or-low' in "
         "[tool.release-warden.policy.rules]", "did you mean 'removes-medium-or-low'?"),
        ("rules = {required-unknown = 'hold'}", "unknown key 'required-unknown'", ""),
        ("rules = {nothing-to-ship = 'release'}", "wrong type", "release"),
        ("rules = {nothing-to-ship = 'none'}", "wrong type", "none"),
        ("rules = {grade-better = 'hold'}", "preset 'owed' has no rule 'grade-better'", "never"),
        ("rules = 3", "is no table", ""),
        ("preset = 'postur'", "wrong type", "postur"),
        ("releases-per-week = -1", "wrong type", "releases-per-week"),
        ("waiver-days = 1000", "wrong type", "waiver-days"),
    ],
)  # fmt: skip
def test_what_a_policy_cannot_say(said, what, why):
    with pytest.raises(ConfigError) as caught:
        policy(said)
    assert what in caught.value.what
    assert why in caught.value.why


@pytest.mark.parametrize("preset", ["owed", "posture"])
@pytest.mark.parametrize("override", ["hold", "block"])
def test_no_policy_makes_a_release_of_the_unknown_or_calls_it_clean(preset, override):
    blind = snapshot(finding(affects=FREED), scanners={"osv": scanner(state="failed")})
    rules = {
        field.name: override
        for field in msgspec.structs.fields(Overrides)
        if preset == "posture" or field.encode_name not in POSTURE_ONLY
    }
    engine = ReleaseAutomationEngine(Policy(preset=preset, rules=Overrides(**rules)))
    decision = engine.decide(evidence(blind))
    assert (decision.action, decision.rule) == ("unknown", "required-unknown")


@pytest.mark.parametrize(
    ("said", "off", "evidence_of_it"),
    [
        ("", "RELEASE_WARDEN_AUTOMATIC=off", "RELEASE_WARDEN_AUTOMATIC=off"),
        ("automatic = false", "", "policy.automatic = false"),
        ("automatic = false", "X=0", "X=0, policy.automatic = false"),
    ],
)
def test_either_switch_holds(said, off, evidence_of_it):
    decision = decide(HIGH, said, off=off)
    assert (decision.action, decision.rule) == ("hold", "kill-switch")
    assert decision.reasons[0].evidence == evidence_of_it


def test_a_switch_holds_nothing_where_nothing_is_owed():
    assert decide(STAYS, off="X=off").rule == "status-only"


def test_the_content_of_the_last_release_is_not_released():
    decision = decide(HIGH, identical="1.4")
    assert (decision.action, decision.rule) == ("hold", "content-identical")
    assert decide(STAYS, identical="1.4").rule == "status-only"


def waived(days, *gates, **other):
    return release(f"1.{100 - days}", sealed_at=NOON - days * DAY, waived=gates, **other)


WAIVERS = [
    # what HEAD changes, past releases, policy, the gates that may be red
    ("removes one", HIGH, [], "", ("audit",)),
    ("removes a low one", LOW, [], "", ("audit",)),
    ("adds one of less weight", snapshot(finding(affects=FREED), finding(
        "CVE-2@jinja2", severity="low", affects=ADDED)), [], "", ()),
    ("leaves something unknown", snapshot(finding(affects=FREED), scanners={"osv": scanner(
        "jinja2==1.0", "jinja2==2.0", skipped=(Gap(name="x", reason="y"),))}), [], "", ()),
    ("changes nothing", STAYS, [], "", ()),
    ("other gates", HIGH, [], 'vulnerability-gates = ["sast", "cve"]', ("cve", "sast")),
    ("none", HIGH, [], "vulnerability-gates = []", ()),
    ("never", HIGH, [], "waiver-days = 0", ()),
    ("waived 13 days ago", HIGH, [waived(13, "audit")], "", ("audit",)),
    ("waived 14 days ago", HIGH, [waived(14, "audit")], "", ()),
    ("waived ever since", HIGH, [waived(20, "audit"), waived(3, "audit")], "", ()),
    ("green in between", HIGH, [waived(20, "audit"), waived(9), waived(3, "audit")], "",
     ("audit",)),
    ("abandoned in between", HIGH, [waived(20, "audit"), waived(9, state="abandoned"),
     waived(3, "audit")], "", ()),
    ("another gate", HIGH, [waived(20, "sast")], "", ("audit",)),
]  # fmt: skip


@pytest.mark.parametrize(("scan", "past", "said", "gates"), [row[1:] for row in WAIVERS],
                         ids=[row[0] for row in WAIVERS])  # fmt: skip
def test_which_gates_may_be_red(scan, past, said, gates):
    said = f"releases-per-week = 9\nbudget-window-days = 0\n{said}"
    decision = decide(scan, said, *past)
    assert decision.waivable == gates
    assert ("waived-gate" in [reason.rule for reason in decision.reasons]) == bool(gates)
    engine = ReleaseAutomationEngine(policy(said))
    by_hand = engine.by_hand(bump="", reason="", config="c", evidence=evidence(scan, *past))
    assert by_hand.waivable == gates


def test_a_waiver_that_is_over_is_told():
    decision = decide(HIGH, "", waived(14, "audit"))
    over = decision.reasons[-1]
    assert (decision.action, over.rule, over.evidence) == ("release", "waiver-expired", "audit")


def test_without_a_scan_a_person_gets_no_waiver():
    bare = ReleaseAutomationEngine(Policy()).by_hand(bump="", reason="", config="c")
    assert bare.waivable == ()


def test_a_hold_waives_nothing():
    assert decide(HIGH, "automatic = false").waivable == ()


def test_a_waiver_names_its_end():
    past = (waived(10, "audit"), waived(3, "audit"))
    old, new = waivers(("audit", "sast"), past, Policy(), version="2.0", now=NOON)
    assert (old.gate, old.since, old.expires) == ("audit", "1.90", NOON + 4 * DAY)
    assert (new.gate, new.since, new.expires) == ("sast", "2.0", NOON + 14 * DAY)
    assert {old.rule, new.rule} == {"waived-gate"}


def test_the_circumstances_hold_what_counts_and_no_more():
    """The moment is left out, unless a release leaves a window by it."""
    past = release("1.1", sealed_at=NOON - 2 * DAY)

    def mark(*releases, days=0, said="", **other):
        scan = msgspec.structs.replace(HIGH, taken_at=NOON + days * DAY)
        return decide(scan, said, *releases, **other).inputs.circumstances

    assert mark(past) == mark(past, days=4)
    assert mark(past) != mark(past, days=5)
    assert mark(past) != mark()
    assert mark(past) != mark(past, off="x")
    assert mark(past) != mark(past, identical="1.1")
