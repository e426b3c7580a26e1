"""A decision, told as a person would tell it: plain text, under 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from release.model.decision import Action, Decision, Reason
from release.model.finding import RANK, Finding
from release.model.snapshot import Closure, Reach, Snapshot
from release.model.text import VERDICTS, listing, plain

WIDTH = 96

ANSWERS: dict[Action, str] = {
    "release": "Yes: a release is owed.",
    "none": "No: no release is owed.",
    "hold": "Hold: a release would help, but not now or not from this commit.",
    "block": "Blocked: a release is owed, but something forbids it.",
    "unknown": "Unknown: what was seen does not suffice to say.",
}


def explain(decision: Decision, snapshot: Snapshot | None) -> str:
    """Tell the answer, the rules that fired, each finding, what is unknown, and what is next.

    :param snapshot: the scan that the decision rests on, if there was one.
    """
    lines = [_answer(decision), "", "Why"]
    for reason in decision.reasons:
        lines += _reason(reason)
    lines += _findings(decision, snapshot)
    lines += _unknown(snapshot)
    if decision.next:
        lines += ["", "Next", *_wrapped(decision.next, "  ")]
    return "\n".join(lines) + "\n"


def _answer(decision: Decision) -> str:
    if decision.trigger == "manual":
        return "Yes: a person asked for a release."
    return ANSWERS[decision.action]


def _reason(reason: Reason) -> Iterator[str]:
    yield from _wrapped(f"{reason.rule}: {reason.why}", "  ", "    ")
    if reason.evidence:
        yield from _wrapped(f"evidence: {reason.evidence}", "    ", "      ")


def _findings(decision: Decision, snapshot: Snapshot | None) -> Iterator[str]:
    known = {finding.key: finding for finding in snapshot.findings} if snapshot else {}
    reach = {item.key: item for item in decision.reach}
    named = {key for reason in decision.reasons for key in reason.keys}
    keys = sorted({*reach, *named}, key=lambda key: (-_rank(known.get(key)), key))
    if keys:
        yield from ("", "Findings")
    for key in keys:
        yield from _finding(key, known.get(key), reach.get(key))


def _rank(finding: Finding | None) -> int:
    return RANK[finding.severity] if finding else 0


def _finding(key: str, finding: Finding | None, reach: Reach | None) -> Iterator[str]:
    yield from _wrapped(_heading(key, finding, reach), "  ", "    ")
    if finding:
        yield from _wrapped(_place(finding), "    ")
    if reach is None:
        return
    yield from _wrapped(f"{reach.verdict}: {VERDICTS[reach.verdict]}", "    ", "      ")
    if reach.blocker:
        yield from _wrapped(f"held by: {reach.blocker}", "    ", "      ")
    for edit in reach.edit:
        yield from _wrapped(f"- {edit.requirement}", "      ", "        ")
        yield from _wrapped(f"+ {edit.becomes}", "      ", "        ")
    if reach.witness:
        yield from _wrapped(f"witness: {reach.witness}", "    ", "      ")


def _heading(key: str, finding: Finding | None, reach: Reach | None) -> str:
    if finding:
        fixed = f", fixed in {listing(finding.fixed_in, 5)}" if finding.fixed_in else ""
        score = f" ({finding.score:g})" if finding.score is not None else ""
        ids = listing(finding.ids, 5) or key
        return f"{finding.package} {finding.version}: {finding.severity}{score}, {ids}{fixed}"
    return f"{reach.package}: {listing(reach.ids, 5)}" if reach else key


def _place(finding: Finding) -> str:
    if not finding.affects:
        return "in what users get and in HEAD"
    users, head = finding.affects.get("published"), finding.affects.get("candidate")
    return "; ".join(
        (
            f"users get {listing(users, 5)}" if users else "users do not get it",
            f"HEAD has {listing(head, 5)}" if head else "HEAD does not have it",
        )
    )


def _unknown(snapshot: Snapshot | None) -> Iterator[str]:
    yield from ("", "Unknown")
    if snapshot is None:
        yield "  everything: there was no scan"
        return
    gaps = [line for closure in snapshot.closures for line in _gaps(closure)]
    gaps += [
        f"{name} is {scanner.state}{': ' if scanner.detail else ''}{scanner.detail}"
        for name, scanner in sorted(snapshot.scanners.items())
        if scanner.state != "ok"
    ]
    gaps += [
        f"{name} has no word on {gap.name}: {gap.reason}"
        for name, scanner in sorted(snapshot.scanners.items())
        for gap in scanner.skipped
    ]
    for line in gaps or ["nothing: every scanner covered all that it was given"]:
        yield from _wrapped(line, "  ", "    ")


def _gaps(closure: Closure) -> list[str]:
    return [f"{gap.name} ({closure.kind}): {gap.reason}" for gap in closure.gaps]


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    return textwrap.wrap(
        plain(text, 2000),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_on_hyphens=False,
    )
