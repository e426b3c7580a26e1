"""The edit of our requirements that a snapshot calls for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from release.model.finding import Finding
from release.model.snapshot import Edit, Snapshot
from release.scan.requirements import package_of, unite

USERS_GET = frozenset({"runtime", "extra"})
"""The scopes of what a fresh install brings."""


@dataclass(frozen=True)
class Wanted:
    """One edit for all findings that it frees; ``findings`` are those, by key."""

    edits: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()


def wanted(snapshot: Snapshot, *, floors: bool = False) -> Wanted:
    """The edit that frees users of every finding that an edit of ours can free.

    :param floors: also raise our lower bounds above the releases that are known to be vulnerable;
        a fresh install does not get those, an old environment may keep them.
    """
    asked = [(finding, edits) for finding, edits in _asked(snapshot, floors) if edits]
    return Wanted(
        edits=unite(edit for _, edits in asked for edit in edits),
        findings=tuple(finding for finding, _ in asked),
    )


def _asked(snapshot: Snapshot, floors: bool) -> Iterator[tuple[Finding, tuple[Edit, ...]]]:
    """Each open finding of HEAD with the edit that frees it."""
    reach = {one.key: one for one in snapshot.reach}
    for finding in sorted(snapshot.findings, key=lambda one: one.key):
        if finding.suppressed:
            continue
        found = reach.get(finding.key)
        if finding.scope in USERS_GET and finding.reaches("candidate"):
            yield finding, found.edit if found and found.verdict == "blocked-by-us" else ()
        elif floors and finding.scope == "floor":
            ours = (e for e in snapshot.floors if package_of(e.requirement) == finding.package)
            yield finding, tuple(ours)
