"""Lasting identity: a finding seen again keeps the key and the clocks of its first sight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from release.model.base import encode
from release.model.finding import Finding
from release.model.names import normalised
from release.model.record import Record, Tracked
from release.model.snapshot import Snapshot

Handle = tuple[str, ...]
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Matching:
    """Which findings of a scan the record knows.

    ``keys`` leads from a scan's key to the lasting one; ``absorbed`` from a lasting key to the
    other known findings that turned out to be the same.
    """

    keys: dict[str, str]
    absorbed: dict[str, tuple[Tracked, ...]]


@dataclass(frozen=True)
class Recognised:
    """A scan under the record's keys, and the known findings that turned out to be one."""

    snapshot: Snapshot
    absorbed: dict[str, tuple[Tracked, ...]]


def lasting(before: Record | None, snapshot: Snapshot) -> Snapshot:
    """The snapshot under the record's keys, in order of key, whatever order it came in.

    A known finding keeps its key, first sight and fix date; an unknown severity does not replace
    a known one.
    """
    return recognise(before, snapshot).snapshot


def recognise(before: Record | None, snapshot: Snapshot) -> Recognised:
    """Put a scan under the record's keys, and tell which known findings became one."""
    findings = _joined(snapshot.findings)
    matching = match(before, findings)
    keys = matching.keys
    known = {item.finding.key: item.finding for item in before.tracked} if before else {}
    aged = (_aged(item, known.get(keys[item.key]), snapshot.taken_at) for item in findings)
    reach = (replace(item, key=keys.get(item.key, item.key)) for item in snapshot.reach)
    named = replace(
        snapshot,
        findings=tuple(sorted(aged, key=lambda finding: finding.key)),
        reach=tuple(sorted(reach, key=lambda item: item.key)),
        words=tuple(sorted(snapshot.words, key=lambda word: (word.key, word.ruling))),
    )
    return Recognised(named, matching.absorbed)


def match(before: Record | None, findings: Iterable[Finding]) -> Matching:
    """Find a scan's findings again by key, or by any id of their alias group in the package.

    When a finding joins two known ones, the older key stays; when two findings fall out of one
    known, the one that bears its key keeps it, else the first in order of key.
    """
    named = sorted(findings, key=lambda finding: finding.key)
    keys = {item.key: item.key for item in named}
    tracked = {item.finding.key: item for item in before.tracked} if before else {}
    owned: dict[str, list[Tracked]] = {}
    for known, owner in _owners(tracked.keys() - keys.keys(), tracked, named):
        bearer = [tracked[owner]] if owner in tracked else []
        owned.setdefault(owner, bearer).append(tracked[known])
    absorbed = {}
    for key, same in owned.items():
        oldest, *others = sorted(same, key=_age)
        keys[key] = oldest.finding.key
        if others:
            absorbed[oldest.finding.key] = tuple(others)
    return Matching(keys, absorbed)


def _owners(
    lost: Set[str], tracked: Mapping[str, Tracked], findings: list[Finding]
) -> Iterator[tuple[str, str]]:
    """From known keys that no finding of the scan bears to the finding that bears their ids."""
    first = _first_holders(findings) if lost else {}
    for key in sorted(lost):
        claims = {first[h] for h in _handles(tracked[key].finding) if h in first}
        if claims:
            yield key, min(claims)


def _first_holders(findings: Iterable[Finding]) -> dict[Handle, str]:
    """From each id to the first finding, in order of key, that bears it."""
    first: dict[Handle, str] = {}
    for finding in findings:
        for handle in _handles(finding):
            first.setdefault(handle, finding.key)
    return first


def _handles(finding: Finding) -> Iterator[Handle]:
    if finding.kind == "dependency":
        package = normalised(finding.package)
        audience = "users" if finding.scope in {"runtime", "extra"} else finding.scope
        for identifier in finding.ids:
            yield package, audience, identifier


def _age(item: Tracked) -> tuple[datetime, str]:
    return item.finding.first_seen or _NEVER, item.finding.key


def _aged(finding: Finding, known: Finding | None, now: datetime) -> Finding:
    if known is None:
        return replace(finding, first_seen=finding.first_seen or now)
    unsure = finding.severity == "unknown"
    aged = replace(
        finding,
        key=known.key,
        first_seen=known.first_seen or finding.first_seen or now,
        fix_available_at=known.fix_available_at or finding.fix_available_at,
        severity=known.severity if unsure else finding.severity,
        score=known.score if unsure else finding.score,
    )
    return known if aged == known else aged  # one noun for both, as most findings do not change


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a key, ids and sources in order; several scanners' words on it are joined."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.key, []).append(finding)
    return [
        _join(sorted(group, key=encode)) if group[1:] else _tidy(*group)
        for group in groups.values()
    ]


def _tidy(finding: Finding) -> Finding:
    """The finding itself where its lists are in order already, as most are."""
    lists = (finding.ids, finding.source, finding.scanners)
    in_order = all(len(items) < 2 or items == _union([items]) for items in lists)
    return finding if in_order else _join([finding])


def _join(group: list[Finding]) -> Finding:
    return replace(
        group[0],
        ids=_union(finding.ids for finding in group),
        source=_union(finding.source for finding in group),
        scanners=_union(finding.scanners for finding in group),
        suppressed=all(finding.suppressed for finding in group),
    )


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({item for group in groups for item in group}))
