"""The rules, as data. The first that fires settles the decision; the others are told beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from release.decide.facts import Facts
from release.model.changes import Change
from release.model.decision import Action, Reason
from release.model.finding import RANK, RELEASABLE, Finding
from release.model.text import listing, plain

Fired = tuple[tuple[str, ...], str] | None
"""The keys it fired for, and the evidence; ``None`` if it did not fire."""

MINOR = frozenset({"removes-medium-or-low", "resolved-with-a-cause", "grade-better"})
"""The rules whose releases are of minor weight."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``says`` is what it means, in one sentence; ``fires`` gives the keys and the evidence, or
    ``None``; ``next`` is what a person does then.
    """

    name: str
    says: str
    action: Action
    fires: Callable[[Facts], Fired]
    next: str = ""

    def reason(self, facts: Facts) -> Reason | None:
        """The reason, if the rule fires."""
        fired = self.fires(facts)
        if fired is None:
            return None
        return Reason(rule=self.name, why=self.says, keys=fired[0], evidence=fired[1])


def worst(findings: Iterable[Finding]) -> int:
    """The highest rank among findings; 0 for none."""
    return max((RANK[finding.severity] for finding in findings), default=0)


def _told(findings: Iterable[Finding]) -> tuple[tuple[str, ...], str]:
    held = tuple(findings)
    return tuple(finding.key for finding in held), listing(held, 10, _name)


def _name(finding: Finding) -> str:
    known_as = finding.ids[0] if finding.ids else finding.key
    return f"{finding.severity} {plain(finding.package, 80)} {known_as}"


def _told_removed(facts: Facts) -> tuple[tuple[str, ...], str]:
    """What HEAD removes, and of what it removes for some users only, for whom."""
    keys, told = _told(facts.removed)
    some = [f for f in facts.removed if f.key in facts.partly]
    only = (f"{f.ids[0] if f.ids else f.key} only on Python {listing(f.pythons)}" for f in some)
    return keys, "; ".join([told, *only])


def _told_of(changes: Iterable[Change]) -> tuple[tuple[str, ...], str]:
    held = tuple(changes)
    return tuple(change.key for change in held), listing(held, 10, _name_of_change)


def _name_of_change(change: Change) -> str:
    known_as = change.ids[0] if change.ids else change.key
    cause = f" ({change.cause})" if change.cause else ""
    return f"{change.kind} {change.severity} {plain(change.package, 80)} {known_as}{cause}"


def _has_news(facts: Facts) -> bool:
    """Whether users are to be told something, and what a release would bring them is resolved."""
    return facts.posture.has_moved and facts.published and facts.resolved


def _adds_worse(facts: Facts) -> bool:
    if not (facts.added and (facts.removed or _has_news(facts))):
        return False
    return worst(facts.added) >= worst(facts.removed)


def _improves(facts: Facts) -> bool:
    return bool(facts.removed) and not _adds_worse(facts)


def _tells(facts: Facts) -> bool:
    return _has_news(facts) and not _adds_worse(facts)


def _is_owed(facts: Facts) -> bool:
    return _improves(facts) or _tells(facts)


def _removes_only_minor(facts: Facts) -> bool:
    return all(finding.severity not in RELEASABLE for finding in facts.removed)


def _is_minor(facts: Facts) -> bool:
    return _removes_only_minor(facts) and not facts.posture.fresh


def _first_release(facts: Facts) -> Fired:
    return ((), "the index lists no release of it") if facts.unreleased else None


def _when_adds_worse(facts: Facts) -> Fired:
    return _told(facts.added) if _adds_worse(facts) else None


def _kill_switch(facts: Facts) -> Fired:
    switches = [facts.off, "" if facts.policy.automatic else "policy.automatic = false"]
    thrown = ", ".join(switch for switch in switches if switch)
    return ((), thrown) if thrown and _is_owed(facts) else None


def _content_identical(facts: Facts) -> Fired:
    if not (_is_owed(facts) and facts.identical):
        return None
    return (), f"{facts.identical} has the very content that HEAD was built to"


def _fingerprint_spent(facts: Facts) -> Fired:
    if not (_is_owed(facts) and facts.spent):
        return None
    return (), f"{facts.fingerprint[:12]} was shipped as {listing(facts.spent)}"


def _weekly_budget(facts: Facts) -> Fired:
    if not _is_owed(facts) or len(facts.week) < facts.policy.releases_per_week:
        return None
    return (), f"{len(facts.week)} in seven days: {listing(facts.week) or 'the budget is 0'}"


def _minor_budget(facts: Facts) -> Fired:
    if not (_is_owed(facts) and _is_minor(facts) and facts.minor):
        return None
    return (), f"{listing(facts.minor)} within {facts.policy.budget_window_days} days"


def _removes_major(facts: Facts) -> Fired:
    return _told_removed(facts) if _improves(facts) and not _removes_only_minor(facts) else None


def _removes_minor(facts: Facts) -> Fired:
    return _told_removed(facts) if _improves(facts) and _removes_only_minor(facts) else None


def _new_critical_or_high(facts: Facts) -> Fired:
    fresh = facts.posture.fresh
    return _told_of(fresh) if fresh and _tells(facts) else None


def _resolved_with_a_cause(facts: Facts) -> Fired:
    settled = facts.posture.settled
    return _told_of(settled) if settled and _tells(facts) else None


def _grade_better(facts: Facts) -> Fired:
    moved = facts.posture
    return ((), f"{moved.before} -> {moved.after}") if moved.is_better and _tells(facts) else None


def _nothing_to_ship(facts: Facts) -> Fired:
    return _told(facts.held) if facts.held else None


def _required_unknown(facts: Facts) -> Fired:
    return ((), listing(facts.unknown, 10)) if facts.unknown else None


def _status_only(facts: Facts) -> Fired:
    return _told(facts.rest) if facts.published and facts.rest else None


def _accepted(facts: Facts) -> Fired:
    if not facts.accepted:
        return None
    return tuple(key for key, _ in facts.accepted), listing((w for _, w in facts.accepted), 10)


def _nothing_owed(_: Facts) -> Fired:
    return (), "nothing that users get is known to be vulnerable"


SHIP = "release.auto ships it"
WAIT = "nothing to do; the finding stays on the status page"

GOVERNOR: tuple[Rule, ...] = (
    Rule(
        "first-release-is-a-persons",
        "Nothing is published yet, and the first release is a person's to make.",
        "none",
        _first_release,
        "run release.publish to make the first release",
    ),
    Rule(
        "adds-worse",
        "HEAD adds findings that are as bad as what it removes, or worse.",
        "hold",
        _when_adds_worse,
        "raise or replace what brings the added findings, commit, then run release.auto",
    ),
    Rule(
        "kill-switch",
        "A release is owed, but automatic releases are switched off.",
        "hold",
        _kill_switch,
        "run release.publish by hand, or set policy.automatic = true",
    ),
    Rule(
        "content-identical",
        "A release is owed, but what was built has the very content of the last release.",
        "hold",
        _content_identical,
        "see that what has changed is in the package: users would get nothing new",
    ),
    Rule(
        "fingerprint-spent",
        "This very change has been released and confirmed; it is not released twice.",
        "hold",
        _fingerprint_spent,
        "nothing to do; if users still get the findings, the index is behind: scan again later",
    ),
    Rule(
        "weekly-budget-spent",
        "A release is owed, but this week's budget of automatic releases is spent.",
        "hold",
        _weekly_budget,
        "wait for release.auto to ship it when the week is over, or run release.publish by hand",
    ),
    Rule(
        "minor-budget-spent",
        "What is owed is of minor weight, and one such release was made in the window.",
        "hold",
        _minor_budget,
        "wait for release.auto to ship it when the window is over, or run release.publish by hand",
    ),
)
"""What holds a release that is owed."""

REMOVES_MAJOR = Rule(
    "removes-critical-high-or-unknown",
    "HEAD removes findings of critical, high or unknown severity that users get, "
    "and adds none as bad.",
    "release",
    _removes_major,
    SHIP,
)
REMOVES_MINOR = Rule(
    "removes-medium-or-low",
    "HEAD removes medium or low findings that users get, and adds none as bad.",
    "release",
    _removes_minor,
    SHIP,
)
NEW_MAJOR = Rule(
    "new-critical-or-high",
    "Since the last release users get a new finding of critical, high or unknown severity.",
    "release",
    _new_critical_or_high,
    SHIP,
)
RESOLVED = Rule(
    "resolved-with-a-cause",
    "Since the last release a finding was resolved, with a proved cause.",
    "release",
    _resolved_with_a_cause,
    SHIP,
)
BETTER = Rule(
    "grade-better",
    "Since the last release the security grade is better by a letter.",
    "release",
    _grade_better,
    SHIP,
)

NO_RELEASE: tuple[Rule, ...] = (
    Rule(
        "nothing-to-ship",
        "An edit of our own requirements would free users of findings, and HEAD lacks it.",
        "hold",
        _nothing_to_ship,
    ),
    Rule(
        "required-unknown",
        "Nothing known calls for a release, and something required could not be seen.",
        "unknown",
        _required_unknown,
        "mend what is named above, then run release.scan again",
    ),
    Rule(
        "status-only",
        "Users get findings that no release of ours would change.",
        "none",
        _status_only,
        WAIT,
    ),
    Rule(
        "accepted",
        "Findings are accepted in remediation-plans.yml; they drive no release.",
        "none",
        _accepted,
        "nothing to do until an acceptance ends",
    ),
    Rule(
        "nothing-owed",
        "No release is owed: HEAD changes nothing about the findings that users get.",
        "none",
        _nothing_owed,
        "nothing to do",
    ),
)
"""What is said where no release is owed; the last one always fires."""

OWED = (*GOVERNOR, REMOVES_MAJOR, REMOVES_MINOR, *NO_RELEASE)
"""Preset ``owed``: a release helps users only by what it changes for them."""

POSTURE = (
    *GOVERNOR,
    REMOVES_MAJOR,
    NEW_MAJOR,
    REMOVES_MINOR,
    RESOLVED,
    BETTER,
    *NO_RELEASE,
)
"""Preset ``posture``: the findings document inside the package is content, and shall be true."""

PRESETS: dict[str, tuple[Rule, ...]] = {"owed": OWED, "posture": POSTURE}
