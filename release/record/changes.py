"""What changed between two records."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from release.model.base import digest
from release.model.changes import Change, ChangeKind, Changes, Unknown
from release.model.finding import RANK, Finding
from release.model.names import normalised
from release.model.record import Cause, Record, Tracked
from release.model.snapshot import Snapshot
from release.record.carry import carry_forward

NOTHING = "nothing"
SEVERITIES = ("critical", "high", "unknown", "medium", "low")
"""Worst first; ``unknown`` stands beside ``high``."""


class SecurityChangeDetector:
    """Compares two records of a project, or two scans of it."""

    def compare(self, before: Record | None, after: Record) -> Changes:
        """Tell what changed, worst first; nothing is resolved without its cause.

        :param before: the older record; ``None`` for nothing known.
        """
        known = {item.finding.key: item for item in before.tracked} if before else {}
        changes = [
            change
            for item in after.tracked
            for change in _changes(known.get(item.finding.key), item)
        ]
        changes.extend(_lost(known, after))
        return Changes(
            since=digest(before) if before else NOTHING,
            changes=tuple(sorted(changes, key=_order)),
            unknown=tuple(
                Unknown(scanner=name, package=package)
                for name, coverage in sorted(after.scanners.items())
                for package in sorted(coverage.unknown)
            ),
        )

    def compare_snapshots(
        self, before: Snapshot, after: Snapshot, *, accept_coverage: bool = False
    ) -> Changes:
        """Tell what changed from one scan to another, as if there had never been a third.

        What the later one did not cover stays open and is unknown; what it covered and does not
        report any more is resolved with a cause that it proves, or ``unexplained``.

        :param accept_coverage: believe the later one though it covers much less.
        """
        known = carry_forward(None, before)
        seen = carry_forward(known, after, accept_coverage=accept_coverage)
        return replace(self.compare(known, seen), since=digest(before))


def _order(change: Change) -> tuple[int, str, str, str]:
    return SEVERITIES.index(change.severity), change.package, change.key, change.kind


def _changes(before: Tracked | None, after: Tracked) -> Iterator[Change]:
    if before == after:
        return
    if before is None or not before.is_open:
        if after.is_open:
            kind: ChangeKind = "new" if before is None else "returned"
            yield _change(kind, after.finding, evidence=_reopened(before))
    elif not after.is_open:
        cause, evidence = _why(after)
        yield _change("resolved", after.finding, cause=cause, evidence=evidence)
    else:
        yield from _still_open(before, after)


def _still_open(before: Tracked, after: Tracked) -> Iterator[Change]:
    old, new = before.finding, after.finding
    kinds: list[ChangeKind] = []
    if _is_unexplained(after) and not _is_unexplained(before):
        kinds.append("unexplained")
    if RANK[new.severity] > RANK[old.severity]:
        kinds.append("worsened")
    if RANK[new.severity] < RANK[old.severity] and new.severity != "unknown":
        kinds.append("eased")
    if new.fixed_in and not old.fixed_in:
        kinds.append("fix-available")
    if not kinds:
        kinds.append("updated")
    for kind in kinds:
        yield _change(kind, new, evidence=_evidence(kind, before, after))


def _evidence(kind: ChangeKind, before: Tracked, after: Tracked) -> str:
    old, new = before.finding, after.finding
    if kind in {"worsened", "eased"}:
        return f"{old.severity} -> {new.severity}"
    if kind == "fix-available":
        return f"fixed in {', '.join(new.fixed_in)}"
    if kind == "unexplained":
        return "; ".join(s.evidence for s in after.sightings.values() if s.evidence)
    names = (name for name in Finding.__struct_fields__ if getattr(old, name) != getattr(new, name))
    return ", ".join(names) or "how its scanners see it"


def _reopened(before: Tracked | None) -> str:
    """The acceptance that held a finding, if one did."""
    return f"no longer {before.accepted.told}" if before and before.accepted else ""


def _is_unexplained(item: Tracked) -> bool:
    states = {sighting.state for sighting in item.sightings.values()}
    return "unexplained" in states and "open" not in states


def _why(item: Tracked) -> tuple[Cause | None, str]:
    """The cause that the first scanner gives, and every scanner's evidence; else the acceptance."""
    if item.accepted:
        return "suppressed", item.accepted.told
    words = [item.sightings[name] for name in sorted(item.sightings)]
    evidence = dict.fromkeys(word.evidence for word in words if word.evidence)
    return next((word.cause for word in words if word.cause), None), "; ".join(evidence)


def _lost(known: dict[str, Tracked], after: Record) -> Iterator[Change]:
    """Open findings that the later record does not hold, unless another took their ids over."""
    kept = {item.finding.key for item in after.tracked}
    lost = [item.finding for key, item in known.items() if key not in kept and item.is_open]
    ids = {h for item in after.tracked for h in _handles(item.finding)} if lost else set()
    for finding in lost:
        if ids.isdisjoint(_handles(finding)):
            evidence = "the later record does not hold it"
            yield replace(_change("unexplained", finding), evidence=evidence)


def _handles(finding: Finding) -> set[tuple[str, str]]:
    return {(normalised(finding.package), identifier) for identifier in finding.ids}


def _change(
    kind: ChangeKind, finding: Finding, *, cause: Cause | None = None, evidence: str = ""
) -> Change:
    return Change(
        kind=kind,
        key=finding.key,
        package=finding.package,
        ids=finding.ids,
        severity=finding.severity,
        cause=cause,
        evidence=evidence,
    )
