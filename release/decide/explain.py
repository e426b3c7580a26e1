"""A decision, told as a person would tell it: plain text, under 100 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from release.decide.difference import difference
from release.model.decision import Action, Decision, Reason
from release.model.finding import RANK, Finding
from release.model.snapshot import Closure, Reach, Snapshot
from release.model.text import VERDICTS, listing, plain

WIDTH = 96
SHOWN = 20
"""How many situations are told in full."""
BRIEF = 60
"""How many more are told in a line each, and how many lines of what is unknown."""
EDITS = 10
"""How many edits of one situation are told."""

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


@dataclass(frozen=True)
class _Case:
    """One finding as far as it is known: what the scan saw of it, and who stands in the way."""

    key: str
    finding: Finding | None
    reach: Reach | None
    left: Finding | None = None
    """What stays of it where HEAD frees some users only."""

    @property
    def rank(self) -> int:
        """How bad it is."""
        return RANK[self.finding.severity] if self.finding else 0

    @property
    def situation(self) -> tuple[object, ...]:
        """What several findings may share, so that it is told once for all of them."""
        seen, told = self.finding, self.reach
        if seen is None and told is None:
            return (self.key,)
        place = (
            (
                *(seen.package, seen.version, seen.pythons, seen.extras, repr(seen.affects)),
                seen.suppressed,
            )
            if seen
            else ()
        )
        way = (told.package, told.verdict, told.blocker, told.edit, told.witness) if told else ()
        return (*place, *way)


Group = tuple[_Case, ...]
"""Findings in one situation, worst first."""


def _findings(decision: Decision, snapshot: Snapshot | None) -> Iterator[str]:
    groups = _grouped(decision, snapshot)
    if not groups:
        return
    cases = [case for group in groups for case in group]
    yield from ("", "Findings")
    if len(groups) > 1:
        yield from _wrapped(_tally(cases), "  ", "    ")
    for group in groups[:SHOWN]:
        yield from _group(group)
    rest = groups[SHOWN:]
    if rest:
        yield from ("", "  And in brief")
    for group in rest[:BRIEF]:
        yield from _wrapped(_brief(group), "  ", "    ")
    left = sum(map(len, rest[BRIEF:]))
    if left:
        yield f"  and {left} more; release.decide --json tells all"


def _grouped(decision: Decision, snapshot: Snapshot | None) -> list[Group]:
    """The findings by situation: those that settle the decision first, then the worst."""
    known = {finding.key: finding for finding in snapshot.findings} if snapshot else {}
    reach = {item.key: item for item in decision.reach}
    named = {key for reason in decision.reasons for key in reason.keys}
    settling = set(decision.reasons[0].keys)
    left = {kept.key: kept for _, kept in difference(snapshot).eased} if snapshot else {}
    cases = [_Case(key, known.get(key), reach.get(key), left.get(key)) for key in {*reach, *named}]
    found: dict[tuple[object, ...], list[_Case]] = {}
    for case in sorted(cases, key=lambda case: (-case.rank, case.key)):
        found.setdefault((case.key in settling, case.situation), []).append(case)
    in_order = sorted(found.items(), key=lambda entry: (not entry[0][0], -entry[1][0].rank))
    return [tuple(group) for _, group in in_order]


def _tally(cases: Sequence[_Case]) -> str:
    """How many there are, of which severity and with which verdict."""
    severities = Counter(case.finding.severity for case in cases if case.finding)
    verdicts = Counter(case.reach.verdict for case in cases if case.reach)
    worst = sorted(severities.items(), key=lambda entry: (-RANK[entry[0]], entry[0]))
    told = [
        ", ".join(f"{n} {name}" for name, n in counts)
        for counts in (worst, sorted(verdicts.items()))
    ]
    return f"{len(cases)} in all: " + "; ".join(filter(None, told))


def _group(group: Group) -> Iterator[str]:
    first = group[0]
    yield from _wrapped(_heading(group), "  ", "    ")
    if first.finding:
        yield from _wrapped(_place(first.finding, first.left), "    ")
    if first.finding and first.finding.suppressed:
        yield "    accepted or suppressed by the project: it drives no release"
    if first.reach:
        yield from _way(first.reach)


def _way(reach: Reach) -> Iterator[str]:
    """The verdict, who stands in the way, the edit that frees it, and how that is known."""
    yield from _wrapped(f"{reach.verdict}: {VERDICTS[reach.verdict]}", "    ", "      ")
    if reach.blocker:
        yield from _wrapped(f"held by: {reach.blocker}", "    ", "      ")
    for edit in reach.edit[:EDITS]:
        yield from _wrapped(f"- {edit.requirement}", "      ", "        ")
        yield from _wrapped(f"+ {edit.becomes}", "      ", "        ")
    if reach.edit[EDITS:]:
        yield f"      and {len(reach.edit) - EDITS} more edits"
    if reach.witness:
        yield from _wrapped(f"witness: {reach.witness}", "    ", "      ")


def _heading(group: Group) -> str:
    first = group[0]
    if first.finding is None:
        ids = [name for case in group for name in (case.reach.ids if case.reach else (case.key,))]
        return f"{first.reach.package}: {listing(ids, 5)}" if first.reach else first.key
    seen, fixed = first.finding, {case.finding.fixed_in for case in group if case.finding}
    ends = f", fixed in {listing(seen.fixed_in, 5)}" if len(fixed) == 1 and seen.fixed_in else ""
    score = f" ({seen.score:g})" if seen.score is not None else ""
    names = listing(seen.ids, 5) or first.key
    if len(group) > 1:
        firsts = (c.finding.ids[0] if c.finding and c.finding.ids else c.key for c in group)
        names = f"{len(group)} findings, {listing(firsts, 5)}"
    return f"{seen.package} {seen.version}: {seen.severity}{score}, {names}{ends}"


def _brief(group: Group) -> str:
    """A group in one line: package, worst severity, how many, the verdict."""
    first = group[0]
    package = first.finding or first.reach
    severity = f"{first.finding.severity}, " if first.finding else ""
    verdict = f", {first.reach.verdict}" if first.reach else ""
    count = f"{len(group)} finding{'s' if len(group) > 1 else ''}"
    return f"{package.package if package else first.key}: {severity}{count}{verdict}"


def _place(finding: Finding, left: Finding | None) -> str:
    """What users get and what HEAD has, on which Pythons and with which extras."""
    pythons = f" on Python {listing(finding.pythons, 8)}" if finding.pythons else ""
    named = "" not in finding.extras and finding.extras
    where = pythons + (f" with the extra {listing(finding.extras, 5)}" if named else "")
    if not finding.affects:
        return f"in what users get and in HEAD{where}"
    kept = f" only on Python {listing(left.pythons, 8)}" if left else ""
    users, head = finding.affects.get("published"), finding.affects.get("candidate")
    return "; ".join(
        (
            f"users get {listing(users, 5)}{where}" if users else "users do not get it",
            f"HEAD has {listing(head, 5)}{kept if users else where}"
            if head
            else "HEAD does not have it",
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
    for line in gaps[:BRIEF] or ["nothing: every scanner covered all that it was given"]:
        yield from _wrapped(line, "  ", "    ")
    if gaps[BRIEF:]:
        yield f"  and {len(gaps) - BRIEF} more"


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
