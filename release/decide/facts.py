"""What the rules look at: what the candidate would change for users, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from release.config import Policy
from release.decide.difference import Difference, difference, fingerprint, may_be_a_cause
from release.decide.posture import LastRelease, Posture, doubts, posture
from release.decide.waivers import split
from release.model.base import sha256
from release.model.finding import Finding
from release.model.record import Record, Tracked
from release.model.release import Release
from release.model.snapshot import Reach, Snapshot

WEEK = timedelta(days=7)


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
    """The snapshot with findings, reach and words in order of key; itself, where they are."""
    ordered = replace(
        snapshot,
        findings=tuple(sorted(snapshot.findings, key=lambda finding: finding.key)),
        reach=tuple(sorted(snapshot.reach, key=lambda reach: reach.key)),
        words=tuple(sorted(snapshot.words, key=lambda word: (word.key, word.ruling))),
    )
    return snapshot if ordered == snapshot else ordered


def gather(evidence: Evidence, policy: Policy) -> Facts:
    """Sort the evidence. The snapshot's findings are in order of key."""
    snapshot = evidence.snapshot
    unknown = tuple(_unknown(evidence, policy))
    moved = _moved(evidence, policy, unknown)
    found = difference(snapshot)
    mark = _mark(fingerprint(snapshot, found), moved)
    waivable, lapsed = split(evidence.releases, policy, snapshot.taken_at)
    counted = _counted(evidence, mark)
    window = timedelta(days=policy.budget_window_days)
    return Facts(
        published=snapshot.closure("published") is not None,
        unreleased=_is_unreleased(evidence),
        **vars(_sorted(snapshot, found)),
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


def _sorted(snapshot: Snapshot, found: Difference) -> Findings:
    """What a release of HEAD would do about each finding that users get."""
    users = [f for f in snapshot.findings if may_be_a_cause(f) and f.reaches("published")]
    parts = tuple(part for part, _ in found.eased)
    removed = tuple(sorted((*found.removed, *parts), key=lambda finding: finding.key))
    blocked = {r.key: r for r in snapshot.reach if r.verdict == "blocked-by-us" and r.edit}
    held = tuple(f for f in users if f.key in blocked and f.reaches("candidate"))
    named = {finding.key for finding in (*removed, *held)}
    return Findings(
        removed=removed,
        partly=frozenset(part.key for part in parts),
        added=found.added,
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


def _unknown(evidence: Evidence, policy: Policy) -> Iterator[str]:
    """Everything required that could not be seen, by name."""
    yield from doubts(evidence.record, policy)
    yield from _unresolved(evidence)
    yield from _unjudged(evidence.snapshot)
    for item in evidence.record.tracked:
        finding = item.finding
        if _has_vanished(item) and may_be_a_cause(finding) and finding.reaches("published"):
            yield f"{finding.package} {finding.key}: no longer reported, and nothing explains it"


def _has_vanished(item: Tracked) -> bool:
    """Whether a scanner no longer reports it, and nothing explains that."""
    return "unexplained" in [sighting.state for sighting in item.sightings.values()]


def _unjudged(snapshot: Snapshot) -> Iterator[str]:
    """Findings that users get and HEAD keeps, of which nobody could tell what frees them."""
    unjudged = [reach for reach in snapshot.reach if reach.verdict == "unknown"]
    if not unjudged:
        return
    causes = {f.key for f in snapshot.findings if may_be_a_cause(f) and f.reaches("candidate")}
    for reach in sorted(unjudged, key=lambda reach: reach.key):
        if reach.key in causes:
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
