"""How each task ends for a person: what it means, and what to do next.

What happened, the task's own words tell before it (:mod:`release.flows.words`). An ending is of the
documents alone, in a sentence each; a failed run tells its why and its remedy in the same place.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from release.adapters.repository import REHEARSALS
from release.model.decision import Action, Decision
from release.model.finding import Finding, Severity
from release.model.plan import Plan
from release.model.receipt import Receipt
from release.model.reconciliation import Reconciliation, ReleaseState
from release.model.text import listing

if TYPE_CHECKING:
    from release.flows.alerts import Told
    from release.flows.scan import Scanned
    from release.model.adoption import Adoption
    from release.model.diagnosis import Diagnosis
    from release.model.metrics import Metrics

NOTHING = "nothing"
RUNBOOKS = "docs/operations.md"
WORST_FIRST: tuple[Severity, ...] = ("critical", "high", "unknown", "medium", "low")
"""An unknown severity is treated as high."""


class Ending(NamedTuple):
    """What a run means, and the next step; the step is empty where the words before tell it."""

    means: str
    next: str = NOTHING

    def __str__(self) -> str:
        told = f"what it means: {self.means}"
        return f"{told}\nnext: {self.next}" if self.next else told


def of_scan(scanned: Scanned) -> Ending:
    """What a scan means for those who install."""
    if scanned.unknown:
        names = ", ".join(scanned.unknown)
        return Ending(
            f"{names} could not speak for everything, and unknown is not clean",
            "its line above says why; when that is mended, release.scan again",
        )
    served = [one for one in scanned.record.open if "published" in one.affects]
    others = len(scanned.record.open) - len(served)
    if served:
        return Ending(f"users get {_counted(served)}", "release.decide --explain")
    if others:
        return Ending(
            f"users get nothing that is known to be vulnerable; HEAD has {_number(others)}",
            "release.decide --explain",
        )
    return Ending("users get nothing that is known to be vulnerable")


def _counted(found: list[Finding]) -> str:
    """How many findings, by severity, the worst first."""
    by = Counter(one.severity for one in found)
    named = [f"{by[name]} {name}" for name in WORST_FIRST if by[name]]
    return f"{_number(len(found))}: {', '.join(named)}"


def _number(count: int) -> str:
    return f"{count} known vulnerabilit{'y' if count == 1 else 'ies'}"


DECIDED: dict[Action, Ending] = {
    "release": Ending(
        "a release would free users of something that they get now",
        "release.auto releases it; release.publish does so by your word",
    ),
    "none": Ending("a release would free users of nothing that is known"),
    "hold": Ending(
        "a release would help, but not now, or not from this commit",
        "wait: the next run decides again",
    ),
    "block": Ending(
        "a release is owed, and something forbids it", "release.decide --explain tells what"
    ),
    "unknown": Ending(
        "what was seen does not suffice to say, and unknown is not clean",
        "release.scan tells who could not see what",
    ),
}


def of_decision(decision: Decision, *, told: bool) -> Ending:
    """What a decision means.

    :param told: whether its next step stands in the words before.
    """
    usual = DECIDED[decision.action]
    if not decision.next:
        return usual
    return Ending(usual.means, "" if told else decision.next)


def of_plan(plan: Plan) -> Ending:
    """What a plan means: nothing was changed."""
    if plan.problems:
        first = plan.problems[0]
        return Ending(
            f"a release would stop here, for {len(plan.problems)} reason(s); nothing was changed",
            first.next,
        )
    return Ending(
        "a release should go through; nothing was changed",
        "the same command without --dry-run, or release.publish",
    )


def of_receipt(receipt: Receipt) -> Ending:
    """What a release means for those who install."""
    if receipt.repository in REHEARSALS:
        return Ending(
            "the rehearsal went through, to the end; what users get is as before",
            "release.doctor --to pypi tells what stands in the way of a real one",
        )
    fixed = receipt.delta.fixed if receipt.delta else ()
    without = f", without {listing(one.name for one in fixed)}" if fixed else ""
    return Ending(
        f"a fresh install of {receipt.project} brings {receipt.version}{without}",
        f"nothing; to take it back: release.yank {receipt.version}",
    )


BUILT = Ending(
    "these are for looking at: nothing is sealed, and a release builds its own",
    "release.verify checks them",
)
VERIFIED = Ending(
    "they are what the commit says, they install, and they hold no secret",
    "release.publish --dry-run",
)

STATES: dict[ReleaseState, str] = {
    "clean": "git, remote, index, forge and ledger agree on every version",
    "sealed": "a release is half-done: its bytes are fixed, and none of them is up",
    "uploading": "a release is half-done: some of its files are up",
    "unconfirmed": "its files are up, and it was not looked whether they are the sealed ones",
    "untagged": "users have the release, and its tag is missing",
    "unmerged": "users have the release, and main lacks its commit",
    "tag-only": "a tag stands for which there is no release",
    "index-only": "the index has a version that the ledger does not know",
    "bytes-differ": "the index has other bytes than were sealed: somebody else may have uploaded",
    "abandoned": "a release was given up, and its number is used up",
    "closed": "a release is partly up for ever, and its number is used up",
    "unknown": "somebody did not answer, and unknown is not clean",
}


def of_reconciliation(found: Reconciliation) -> Ending:
    """What the five side by side mean."""
    again = "release.reconcile again, when all of them answer"
    return Ending(STATES[found.state], found.next or (again if found.unseen else NOTHING))


def of_diagnosis(found: Diagnosis) -> Ending:
    """What a diagnosis means for a release."""
    bad = [one for one in found.checks if one.state in {"problem", "unknown"}]
    steps = [one.next for one in bad if one.next]
    if found.state == "problems":
        means = f"a release to {found.repository} would fail, or not be what it should"
    elif found.state == "unknown":
        means = f"whether a release to {found.repository} would go through cannot be told"
    else:
        means = f"nothing that can be seen stands in the way of a release to {found.repository}"
    return Ending(means, steps[0] if steps else "release.publish --dry-run")


def of_metrics(found: Metrics) -> Ending:
    """What the figures amount to: what needs somebody comes first."""
    overdue = sum(one.overdue for one in found.response)
    it = found.publishing
    if overdue:
        return Ending(
            f"{overdue} finding(s) are open for longer than they may be", "release.decide --explain"
        )
    if not found.runs:
        return Ending("nothing was measured yet", "release.scan, or release.publish")
    if it.attempts > it.succeeded:
        return Ending(
            f"{it.attempts - it.succeeded} of {it.attempts} attempts to publish failed",
            "release.reconcile tells whether anything is left of them",
        )
    return Ending("no promise is known to be broken, and no attempt to publish failed")


def of_alerts(told: Told) -> Ending:
    """What the alerts mean: each has a runbook."""
    if any(one.trouble for one in told.deliveries):
        means = "not everybody could be told; the next run tries again"
        return Ending(means, "mend what the lines above name, then release.alert again")
    if told.wrong:
        pages = listing(dict.fromkeys(f"{RUNBOOKS}#{one.runbook}" for one in told.wrong))
        return Ending(f"{len(told.wrong)} thing(s) need somebody", pages)
    return Ending("nothing needs anybody")


def of_adoption(plan: Adoption, *, dry_run: bool, back: bool) -> Ending:
    """What adopting a project, or taking it back, came to."""
    steps = "\n      ".join(plan.next)
    if plan.problems:
        return Ending(f"it would stop here, for {len(plan.problems)} reason(s)", steps)
    if dry_run:
        return Ending("nothing was changed", "the same command without --dry-run")
    if back:
        return Ending("the project is as it was before; nothing is committed", "look, and commit")
    return Ending("the files are written, and nothing is committed", steps or "look, and commit")
