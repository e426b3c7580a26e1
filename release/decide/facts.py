"""What the rules look at: what the candidate would change for users, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from release.config import Policy
from release.decide.places import split as split_by_place
from release.decide.posture import LastRelease, Posture, doubts, posture
from release.decide.waivers import split
from release.model.base import sha256
from release.model.finding import Finding
from release.model.metadata import spelled
from release.model.names import normalised
from release.model.record import Record
from release.model.release import Release
from release.model.snapshot import Reach, Snapshot

WEEK = timedelta(days=7)
ADVISOR = "osv"
"""The scanner whose word on the closures' pins a removal rests on."""


@dataclass(frozen=True)
class Evidence:
    """All that a decision rests on.

    :param record: as carried forward over ``snapshot``.
    :param baseline: the digest of the record before that, or ``nothing``.
    :param config: the digest of the configuration.
    :param releases: the past releases of this repository, in any order.
    :param off: what in the environment switched automatic releases off, if anything did.
    :param last: what was known at the last release; only preset ``posture`` asks for it.
    :param identical: the release whose content is that of what was built of HEAD, if one has it.
    """

    snapshot: Snapshot
    record: Record
    baseline: str
    config: str
    releases: tuple[Release, ...] = ()
    off: str = ""
    last: LastRelease | None = None
    identical: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a release of HEAD would do about each finding that users get.

    ``removed`` users get today and HEAD is known not to have; of those in ``partly`` (keys) HEAD
    frees some users only, whom the finding then tells. ``added`` only HEAD has; ``held`` users get
    and HEAD still has, though an edit of ours (``edits``) frees them; ``rest`` is what
    else users get.
    """

    removed: tuple[Finding, ...]
    partly: frozenset[str]
    added: tuple[Finding, ...]
    held: tuple[Finding, ...]
    rest: tuple[Finding, ...]
    edits: tuple[Reach, ...]


@dataclass(frozen=True, kw_only=True)
class Facts(Findings):
    """The evidence, sorted for the rules.

    ``published`` says that what users get was resolved, ``resolved`` that what HEAD brings was,
    ``unreleased`` that there is nothing published.
    ``accepted`` is what a person lives with, as key and words. ``spent``, ``week``
    and ``minor`` name the releases that the governor counts. ``off`` and ``identical`` are as in
    the evidence. ``waivable`` gates may be red for a release that strictly improves security; for
    those in ``lapsed`` that has been so for too long.
    """

    published: bool
    unreleased: bool
    accepted: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    fingerprint: str
    spent: tuple[str, ...]
    week: tuple[str, ...]
    minor: tuple[str, ...]
    policy: Policy
    posture: Posture
    resolved: bool
    off: str
    identical: str
    waivable: tuple[str, ...]
    lapsed: tuple[str, ...]

    @property
    def strictly_better(self) -> bool:
        """Whether HEAD is known to remove findings, to add none, and nothing is unknown."""
        return bool(self.removed) and not self.added and not self.unknown


def in_order(snapshot: Snapshot) -> Snapshot:
    """The snapshot with findings, reach and words in order of key."""
    return replace(
        snapshot,
        findings=tuple(sorted(snapshot.findings, key=lambda finding: finding.key)),
        reach=tuple(sorted(snapshot.reach, key=lambda reach: reach.key)),
        words=tuple(sorted(snapshot.words, key=lambda word: (word.key, word.ruling))),
    )


def gather(evidence: Evidence, policy: Policy) -> Facts:
    """Sort the evidence. The snapshot's findings are in order of key."""
    snapshot = evidence.snapshot
    unknown = tuple(_unknown(evidence, policy))
    moved = _moved(evidence, policy, unknown)
    mark = _mark(fingerprint(snapshot), moved)
    waivable, lapsed = split(evidence.releases, policy, snapshot.taken_at)
    counted = _counted(evidence, mark)
    window = timedelta(days=policy.budget_window_days)
    return Facts(
        published=snapshot.closure("published") is not None,
        unreleased=_is_unreleased(evidence),
        **vars(_sorted(snapshot)),
        accepted=_accepted(evidence.record),
        unknown=unknown,
        fingerprint=mark,
        spent=_versions(r for r in evidence.releases if _spends(r, mark)),
        week=_versions(r for r in counted if _within(r, snapshot, WEEK)),
        minor=_versions(r for r in counted if r.weight == "minor" and _within(r, snapshot, window)),
        policy=policy,
        posture=moved,
        resolved=snapshot.closure("candidate") is not None,
        off=evidence.off,
        identical=evidence.identical,
        waivable=waivable,
        lapsed=lapsed,
    )


def _sorted(snapshot: Snapshot) -> Findings:
    """What a release of HEAD would do about each finding that users get."""
    causes = [finding for finding in snapshot.findings if _may_be_a_cause(finding)]
    users = [finding for finding in causes if finding.reaches("published")]
    whole, added = difference(snapshot)
    parts = tuple(part for part, _ in eased_for_some(snapshot))
    removed = tuple(sorted((*whole, *parts), key=lambda finding: finding.key))
    blocked = {r.key: r for r in snapshot.reach if r.verdict == "blocked-by-us" and r.edit}
    held = tuple(f for f in users if f.key in blocked and f.reaches("candidate"))
    named = {finding.key for finding in (*removed, *held)}
    return Findings(
        removed=removed,
        partly=frozenset(part.key for part in parts),
        added=added,
        held=held,
        rest=tuple(finding for finding in users if finding.key not in named),
        edits=tuple(blocked[finding.key] for finding in held),
    )


def _accepted(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple(
        (item.finding.key, f"{item.finding.key} {item.accepted.told}")
        for item in record.tracked
        if item.accepted
    )


def _moved(evidence: Evidence, policy: Policy, unknown: tuple[str, ...]) -> Posture:
    if evidence.last is None or policy.preset != "posture":
        return Posture()
    return posture(evidence.last, evidence.record, policy, unknown)


def _mark(mark: str, moved: Posture) -> str:
    """The fingerprint of a release that also tells of a posture that moved."""
    return sha256(msgspec.json.encode([mark, *moved.mark])) if moved.has_moved else mark


def difference(snapshot: Snapshot) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What the candidate is known to remove from what users get, and what it adds to it."""
    causes = [finding for finding in snapshot.findings if _may_be_a_cause(finding)]
    if snapshot.closure("published") is None:
        return (), ()
    head = Head(snapshot)
    removed = (f for f in causes if f.reaches("published") and head.lacks(f))
    added = (f for f in causes if f.reaches("candidate") and not f.reaches("published"))
    return tuple(removed), tuple(added)


def eased_for_some(snapshot: Snapshot) -> tuple[tuple[Finding, Finding], ...]:
    """What the candidate is known to free some users of, as it is for them and for the others."""
    head = Head(snapshot)
    causes = (f for f in snapshot.findings if _may_be_a_cause(f) and f.reaches("candidate"))
    known = (split_by_place(snapshot, finding) for finding in causes if head.knows(finding))
    return tuple(parts for parts in known if parts)


def fingerprint(snapshot: Snapshot) -> str:
    """What a release would change: each finding before and after, and the requirements shipped.

    It holds no version, time, place or spelling, so that one change is released once.
    """
    removed, added = difference(snapshot)
    verdicts = [(f.key, "present", "absent") for f in removed]
    verdicts += [(f.key, "absent", "present") for f in added]
    for part, _ in eased_for_some(snapshot):
        verdicts += [(part.key, "present", f"absent on {part.pythons} {part.extras}")]
    candidate = snapshot.closure("candidate")
    requires = sorted(map(spelled, candidate.requires)) if candidate else []
    return sha256(msgspec.json.encode([sorted(verdicts), requires]))


def _may_be_a_cause(finding: Finding) -> bool:
    return finding.scope in {"runtime", "extra"} and not finding.suppressed


class Head:
    """What HEAD would bring, indexed, to tell what it positively lacks."""

    def __init__(self, snapshot: Snapshot) -> None:
        published, candidate = snapshot.closure("published"), snapshot.closure("candidate")
        scanner = snapshot.scanners.get(ADVISOR)
        self._state = scanner.state if scanner else "absent"
        self._seen = set(map(_normalised, scanner.covered)) if scanner else set()
        self._pins: dict[str, set[str]] = {}
        for pin in candidate.pins if candidate else ():
            name = normalised(pin.name)
            self._pins.setdefault(name, set()).add(f"{name}=={pin.version}")
        self._gaps = {gap.package for gap in candidate.gaps} if candidate else set()
        known = {gap.package for gap in published.gaps} if published else set()
        self._pythons = set(candidate.pythons) if candidate else set()
        self._usable = published is not None and candidate is not None and self._gaps <= known

    def lacks(self, finding: Finding) -> bool:
        """Whether it was resolved wherever users get the finding, covered, and is free of it.

        Users of a Python that HEAD no longer supports stay on the release that they have, so that
        nothing is removed for them.
        """
        if finding.reaches("candidate") or not set(finding.pythons) <= self._pythons:
            return False
        return self.knows(finding)

    def knows(self, finding: Finding) -> bool:
        """Whether its package was resolved and covered; a gap of HEAD alone makes it unsure."""
        name = normalised(finding.package)
        pins = self._pins.get(name, set())
        spoke = self._state == "ok" or (self._state == "partial" and bool(pins))
        return self._usable and name not in self._gaps and spoke and pins <= self._seen


def _normalised(item: str) -> str:
    name, _, version = item.partition("==")
    return f"{normalised(name)}=={version}"


def _unknown(evidence: Evidence, policy: Policy) -> Iterator[str]:
    """Everything required that could not be seen, by name."""
    yield from doubts(evidence.record, policy)
    yield from _unresolved(evidence)
    yield from _unjudged(evidence.snapshot)
    for item in evidence.record.tracked:
        states = {sighting.state for sighting in item.sightings.values()}
        finding = item.finding
        if states & {"unexplained"} and _may_be_a_cause(finding) and finding.reaches("published"):
            yield f"{finding.package} {finding.key}: no longer reported, and nothing explains it"


def _unjudged(snapshot: Snapshot) -> Iterator[str]:
    """Findings that users get and HEAD keeps, of which nobody could tell what frees them."""
    causes = {f.key for f in snapshot.findings if _may_be_a_cause(f) and f.reaches("candidate")}
    for reach in sorted(snapshot.reach, key=lambda reach: reach.key):
        if reach.verdict == "unknown" and reach.key in causes:
            yield f"whether an edit of ours frees users of {reach.key}: {reach.witness}"


def _unresolved(evidence: Evidence) -> Iterator[str]:
    snapshot = evidence.snapshot
    if snapshot.closure("candidate") is None:
        yield "what HEAD would install could not be resolved"
    if snapshot.closure("published") is None and _was_released(evidence):
        yield "what users get could not be resolved"
    for closure in sorted(snapshot.closures, key=lambda closure: closure.kind):
        for gap in sorted(closure.gaps, key=lambda gap: (gap.name, gap.reason)):
            yield f"{gap.name} ({closure.kind}): {gap.reason}"


def _is_unreleased(evidence: Evidence) -> bool:
    """Whether the scan could look, saw no release, and none was ever made from here."""
    kinds = {closure.kind for closure in evidence.snapshot.closures}
    return kinds == {"candidate"} and not _was_released(evidence)


def _was_released(evidence: Evidence) -> bool:
    return any(release.state == "confirmed" for release in evidence.releases)


def _spends(release: Release, mark: str) -> bool:
    return release.fingerprint == mark and release.state == "confirmed"


def _counted(evidence: Evidence, mark: str) -> list[Release]:
    """The automatic releases; one under way with this fingerprint is the one to be resumed."""
    return [
        release
        for release in evidence.releases
        if release.trigger == "security-auto"
        and not (release.fingerprint == mark and release.state == "open")
    ]


def _within(release: Release, snapshot: Snapshot, window: timedelta) -> bool:
    return release.sealed_at > snapshot.taken_at - window


def _versions(releases: Iterable[Release]) -> tuple[str, ...]:
    return tuple(sorted(release.version for release in releases))
