"""The rules, as data. The first that fires settles the decision; the others are told beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from release.decide.facts import Facts
from release.model.decision import Action, Reason
from release.model.finding import RANK, RELEASABLE, Finding
from release.model.text import listing, plain

Fired = tuple[tuple[str, ...], str] | None
"""The keys it fired for, and the evidence; ``None`` if it did not fire."""

MINOR = "removes-medium-or-low"
"""The rule whose releases are of minor weight."""


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
    held = list(findings)
    names = (f"{f.severity} {plain(f.package, 80)} {f.ids[0] if f.ids else f.key}" for f in held)
    return tuple(finding.key for finding in held), listing(names, 10)


def _adds_worse(facts: Facts) -> bool:
    return bool(facts.removed) and worst(facts.added) >= worst(facts.removed)


def _improves(facts: Facts) -> bool:
    return bool(facts.removed) and not _adds_worse(facts)


def _is_minor(facts: Facts) -> bool:
    return all(finding.severity not in RELEASABLE for finding in facts.removed)


def _first_release(facts: Facts) -> Fired:
    return ((), "the index lists no release of it") if facts.unreleased else None


def _when_adds_worse(facts: Facts) -> Fired:
    return _told(facts.added) if _adds_worse(facts) else None


def _kill_switch(facts: Facts) -> Fired:
    stopped = _improves(facts) and not facts.policy.automatic
    return ((), "policy.automatic = false") if stopped else None


def _fingerprint_spent(facts: Facts) -> Fired:
    if not (_improves(facts) and facts.spent):
        return None
    return (), f"{facts.fingerprint[:12]} was shipped as {listing(facts.spent)}"


def _weekly_budget(facts: Facts) -> Fired:
    if not _improves(facts) or len(facts.week) < facts.policy.releases_per_week:
        return None
    return (), f"{len(facts.week)} in seven days: {listing(facts.week) or 'the budget is 0'}"


def _minor_budget(facts: Facts) -> Fired:
    if not (_improves(facts) and _is_minor(facts) and facts.minor):
        return None
    return (), f"{listing(facts.minor)} within {facts.policy.budget_window_days} days"


def _removes_major(facts: Facts) -> Fired:
    return _told(facts.removed) if _improves(facts) and not _is_minor(facts) else None


def _removes_minor(facts: Facts) -> Fired:
    return _told(facts.removed) if _improves(facts) and _is_minor(facts) else None


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

OWED: tuple[Rule, ...] = (
    Rule(
        "first-release-is-a-persons",
        "Nothing is published yet, and the first release is a person's to make.",
        "none",
        _first_release,
        "run release.publish to make the first release",
    ),
    Rule(
        "adds-worse",
        "HEAD removes findings that users get, but adds some that are as bad or worse.",
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
        "HEAD removes only medium or low findings, and one such release was made in the window.",
        "hold",
        _minor_budget,
        "wait for release.auto to ship it when the window is over, or run release.publish by hand",
    ),
    Rule(
        "removes-critical-high-or-unknown",
        "HEAD removes findings of critical, high or unknown severity that users get, "
        "and adds none as bad.",
        "release",
        _removes_major,
        SHIP,
    ),
    Rule(
        MINOR,
        "HEAD removes medium or low findings that users get, and adds none as bad.",
        "release",
        _removes_minor,
        SHIP,
    ),
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
"""Preset ``owed``: a release helps users only by what it changes for them."""
