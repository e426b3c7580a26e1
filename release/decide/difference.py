"""What HEAD would change about the findings that users get, and the mark of that change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from release.decide.places import Places
from release.model.base import sha256
from release.model.finding import Finding
from release.model.metadata import spelled
from release.model.names import normalised
from release.model.snapshot import Pin, Snapshot

ADVISOR = "osv"
"""The scanner whose word on the closures' pins a removal rests on."""


@dataclass(frozen=True)
class Difference:
    """What the candidate is known to change about what users get, in the snapshot's order.

    ``removed`` users get and HEAD is free of; ``added`` only HEAD has; of ``eased`` HEAD frees
    some users: each as it is for them, and for the others.
    """

    removed: tuple[Finding, ...] = ()
    added: tuple[Finding, ...] = ()
    eased: tuple[tuple[Finding, Finding], ...] = ()


def difference(snapshot: Snapshot) -> Difference:
    """Compare HEAD with what users get; where that was not resolved nothing is known."""
    if snapshot.closure("published") is None:
        return Difference()
    places = Places(snapshot)
    head = Head(snapshot, places.packages)
    causes = [finding for finding in snapshot.findings if may_be_a_cause(finding)]
    stay = [finding for finding in causes if finding.reaches("candidate")]
    gone = (finding for finding in causes if not finding.reaches("candidate"))
    split = (places.split(finding) for finding in stay if head.knows(finding))
    return Difference(
        removed=tuple(f for f in gone if f.reaches("published") and head.lacks(f)),
        added=tuple(f for f in stay if not f.reaches("published")),
        eased=tuple(parts for parts in split if parts),
    )


def may_be_a_cause(finding: Finding) -> bool:
    """Whether a release may be owed for it: users get it, and nobody lives with it knowingly."""
    return finding.scope in {"runtime", "extra"} and not finding.suppressed


def fingerprint(snapshot: Snapshot, found: Difference) -> str:
    """What a release would change: each finding before and after, and the requirements shipped.

    It holds no version, time, place or spelling, so that one change is released once.
    """
    verdicts = [(f.key, "present", "absent") for f in found.removed]
    verdicts += [(f.key, "absent", "present") for f in found.added]
    for part, _ in found.eased:
        verdicts += [(part.key, "present", f"absent on {part.pythons} {part.extras}")]
    candidate = snapshot.closure("candidate")
    requires = sorted(map(spelled, candidate.requires)) if candidate else []
    return sha256(msgspec.json.encode([sorted(verdicts), requires]))


class Head:
    """How far it is known what HEAD brings.

    :param packages: its pins, by the normalised name of their package.
    """

    def __init__(self, snapshot: Snapshot, packages: Mapping[str, Iterable[Pin]]) -> None:
        published, candidate = snapshot.closure("published"), snapshot.closure("candidate")
        scanner = snapshot.scanners.get(ADVISOR)
        self._state = scanner.state if scanner else "absent"
        self._pinned = packages.keys()
        gaps = {gap.package for gap in candidate.gaps} if candidate else set()
        self._unsure = gaps | _uncovered(packages, scanner.covered if scanner else ())
        known = {gap.package for gap in published.gaps} if published else set()
        self._pythons = set(candidate.pythons) if candidate else set()
        self._usable = published is not None and candidate is not None and gaps <= known

    def lacks(self, finding: Finding) -> bool:
        """Whether one that HEAD was not seen to have was looked for wherever users get it.

        Users of a Python that HEAD no longer supports stay on the release that they have, so that
        nothing is removed for them.
        """
        return self._pythons.issuperset(finding.pythons) and self.knows(finding)

    def knows(self, finding: Finding) -> bool:
        """Whether its package was resolved and covered; a gap of HEAD alone makes it unsure."""
        name = normalised(finding.package)
        spoke = self._state == "ok" or (self._state == "partial" and name in self._pinned)
        return self._usable and spoke and name not in self._unsure


def _uncovered(packages: Mapping[str, Iterable[Pin]], covered: Collection[str]) -> set[str]:
    """The packages of which a scanner did not cover every pin."""
    missed = {f"{name}=={pin.version}" for name, pins in packages.items() for pin in pins}
    missed -= {*covered}
    if missed:  # or they are spelled otherwise
        missed -= {*map(_normalised, covered)}
    return {item.partition("==")[0] for item in missed}


def _normalised(item: str) -> str:
    name, _, version = item.partition("==")
    return f"{normalised(name)}=={version}"
