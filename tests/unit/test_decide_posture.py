"""Preset ``posture``: what moved since the last release told users of it, row by row.

DESIGN: "a new critical or high, anything resolved with a cause, or a grade better by a letter
releases automatically".
"""

from __future__ import annotations

import dataclasses

import pytest
from worlds import (
    ADDED,
    FREED,
    closure,
    evidence,
    finding,
    reach,
    release,
    scanner,
    snapshot,
)

from release.config import POSTURE_ONLY, Policy
from release.decide.engine import ReleaseAutomationEngine
from release.decide.posture import LastRelease
from release.decide.rules import MINOR, POSTURE
from release.model.base import digest
from release.model.snapshot import Word
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector

BLIND = {"osv": scanner(state="failed")}


def at(severity, key="CVE-1@jinja2", **other):
    """A finding that users get and HEAD does not mend."""
    return finding(key, severity=severity, **other)


def world(*findings, gone=(), **other):
    """A scan; ``gone`` are keys that the advisory database has withdrawn."""
    words = tuple(Word(key=key, ruling="withdrawn", evidence="withdrawn") for key in gone)
    found = tuple(reach(item, "no-fix") for item in findings)
    return snapshot(*findings, reach=found, words=words, **other)


def since(then, now, *releases, mended=(), preset="posture", **policy):
    """The decision on a scan, where the last release was made on another one."""
    before = carry_forward(None, then)
    known = evidence(now, *releases, before=before)
    changes = SecurityChangeDetector().compare(before, known.record)
    known = dataclasses.replace(known, last=LastRelease(before, mended, changes))
    return ReleaseAutomationEngine(Policy(preset=preset, **policy)).decide(known)


ONE, TWO = "CVE-1@jinja2", "CVE-2@jinja2"
NOTHING = world()
SETTLED = world(gone=[ONE])
ROWS = [
    # when the last release was made, now, what is decided, by which rule
    ("a new critical", NOTHING, world(at("critical")), "release", "new-critical-or-high"),
    ("a new high", NOTHING, world(at("high")), "release", "new-critical-or-high"),
    ("a new one of unknown severity", NOTHING, world(at("unknown")), "release",
     "new-critical-or-high"),
    ("a new medium", NOTHING, world(at("medium")), "none", "status-only"),
    ("a new low", NOTHING, world(at("low")), "none", "status-only"),
    ("it has become high", world(at("medium")), world(at("high")), "release",
     "new-critical-or-high"),
    ("the same high", world(at("high")), world(at("high")), "none", "status-only"),
    ("a high resolved, with a cause", world(at("high")), world(gone=[ONE]), "release",
     "resolved-with-a-cause"),
    ("a low resolved, with a cause", world(at("low")), world(gone=[ONE]), "release",
     "resolved-with-a-cause"),
    ("gone without a cause", world(at("high")), NOTHING, "unknown", "required-unknown"),
    ("a grade better by a letter", world(at("critical")), world(at("medium")), "release",
     "grade-better"),
    ("eased within a letter", world(at("critical"), at("critical", TWO), at("medium", "CVE-3@x")),
     world(at("critical"), at("high", TWO), at("medium", "CVE-3@x")), "none", "status-only"),
    ("a grade worse, by a medium", NOTHING, world(at("medium")), "none", "status-only"),
    ("one in code only, or only under development", NOTHING,
     world(at("high", scope="code"), at("high", TWO, scope="dev")), "none", "nothing-owed"),
    ("one below the floor", NOTHING, world(at("high", scope="floor")), "none", "nothing-owed"),
    ("a suppressed one", NOTHING, world(at("high", suppressed=True)), "none", "nothing-owed"),
    ("one that only HEAD would bring", NOTHING, world(at("high", affects=ADDED)), "none",
     "nothing-owed"),
    ("HEAD mends a high", world(at("high")), snapshot(at("high", affects=FREED)), "release",
     "removes-critical-high-or-unknown"),
    ("HEAD mends a low", world(at("low")), snapshot(at("low", affects=FREED)), "release",
     "removes-medium-or-low"),
    ("nothing at all", NOTHING, NOTHING, "none", "nothing-owed"),
    # and it is never worse for users
    ("a new high, and HEAD adds one", NOTHING, world(at("high"), at("low", TWO, affects=ADDED)),
     "hold", "adds-worse"),
    ("the scanner failed", world(at("high")), world(scanners=BLIND), "unknown",
     "required-unknown"),
    ("HEAD cannot be resolved", NOTHING,
     world(at("high"), closures=(closure("published", ["jinja2==1.0"]),)), "unknown",
     "required-unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("then", "now", "action", "rule"), [r[1:] for r in ROWS],
                         ids=[r[0] for r in ROWS])  # fmt: skip
def test_the_rows(then, now, action, rule):
    decision = since(then, now)
    assert (decision.action, decision.rule) == (action, rule)
    assert decision.bump == ("patch" if action == "release" else "")


@pytest.mark.parametrize("row", [row for row in ROWS if row[4] in POSTURE_ONLY],
                         ids=lambda row: row[0])  # fmt: skip
def test_preset_owed_releases_for_none_of_it(row):
    assert since(*row[1:3], preset="owed").action != "release"


def test_what_the_last_release_took_from_users_is_no_news():
    then, now = world(at("high")), world(gone=[ONE])
    assert since(then, now, mended=(ONE,)).action == "none"


def test_what_the_index_still_shows_after_the_release_that_mended_it_is_no_news():
    """An index may be behind: neither the finding nor the grade has moved."""
    then = world(at("high"))
    assert since(then, then, mended=(ONE,)).action == "none"


def test_without_a_release_to_compare_with_nothing_is_news():
    engine = ReleaseAutomationEngine(Policy(preset="posture"))
    assert engine.decide(evidence(world(at("high")))).rule == "status-only"


def test_a_grade_that_was_unknown_is_not_better_now():
    assert since(world(scanners=BLIND), NOTHING).action == "none"


GOVERNOR = [
    # severity now, past releases, policy, the rule that holds or releases
    ("high", [], {}, "new-critical-or-high"),
    ("high", [], {"automatic": False}, "kill-switch"),
    ("high", ["major"] * 3, {}, "weekly-budget-spent"),
    ("high", ["minor"], {}, "new-critical-or-high"),
    (None, ["minor"], {}, "minor-budget-spent"),
    (None, ["major"], {}, "resolved-with-a-cause"),
]


@pytest.mark.parametrize(("severity", "past", "policy", "rule"), GOVERNOR)
def test_the_governor(severity, past, policy, rule):
    """Without a severity, a high was resolved: news of minor weight."""
    then, now = (
        (NOTHING, world(at(severity))) if severity else (world(at("high")), world(gone=[ONE]))
    )
    made = [release(f"1.{n}", weight=weight) for n, weight in enumerate(past)]
    assert since(then, now, *made, **policy).rule == rule


def test_news_that_were_released_are_not_released_again():
    decision = since(NOTHING, world(at("high")))
    spent = release("1.1", fingerprint=decision.fingerprint)
    assert since(NOTHING, world(at("high")), spent).rule == "fingerprint-spent"


def test_a_finding_that_comes_again_has_the_same_fingerprint():
    first = since(NOTHING, world(at("high")))
    resolved = carry_forward(carry_forward(None, world(at("high"))), world(gone=[ONE]))
    known = evidence(world(at("high")), before=resolved)
    changes = SecurityChangeDetector().compare(resolved, known.record)
    assert [change.kind for change in changes.changes] == ["returned"]
    known = dataclasses.replace(known, last=LastRelease(resolved, (), changes))
    again = ReleaseAutomationEngine(Policy(preset="posture")).decide(known)
    assert (again.action, again.fingerprint) == ("release", first.fingerprint)


def test_the_inputs_name_what_was_known_at_the_last_release():
    decision = since(NOTHING, world(at("high")))
    assert decision.inputs.released == digest(carry_forward(None, NOTHING))
    mended = since(NOTHING, world(at("high")), mended=("x",))
    assert mended.inputs.circumstances != decision.inputs.circumstances


def test_every_rule_of_minor_weight_is_a_rule():
    assert {rule.name for rule in POSTURE} >= MINOR
