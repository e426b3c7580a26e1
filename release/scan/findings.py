"""From records and closures to findings: what affects whom, under which lasting key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.model.finding import Finding, Scope
from release.model.record import Record
from release.model.snapshot import Closure, Gap, Pin
from release.scan.advisories import (
    Advisory,
    Damaged,
    UndecidableError,
    alias_groups,
    fixes,
    is_affected,
    provenance,
)
from release.scan.severity import Rating, rate
from release.scan.source import Found

SCANNER = "osv"
Audience = Literal["users", "floor", "dev"]
"""Who gets a closure: users of a fresh install; those who stay at the lowest versions that our
requirements admit; our own developers."""
USERS: Literal["users"] = "users"
KEY_PREFERENCE = ("CVE-", "GHSA-", "PYSEC-")
"""Whose id a key is minted from, the first that the alias group has."""
REFERENCE_PREFERENCE = ("ADVISORY", "REPORT", "WEB", "ARTICLE", "FIX")
SUMMARY_LENGTH = 240
"""Characters kept of a description that stands in for a missing summary."""


@dataclass(frozen=True, eq=False)
class Weakness:
    """One alias group in one package, and the versions it affects of those that were asked."""

    package: str
    records: tuple[Advisory, ...]
    versions: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """All ids and aliases of the group."""
        return frozenset[str]().union(*(record.ids for record in self.records))

    @property
    def rating(self) -> Rating:
        """The severity of the whole group."""
        entries = [entry for record in self.records for entry in record.entries(self.package)]
        lists = [record.severity for record in self.records] + [e.severity for e in entries]
        specific = [record.database_specific for record in self.records]
        specific += [e.database_specific for e in entries] + [e.ecosystem_specific for e in entries]
        return rate(
            (score for scores in lists for score in scores or ()),
            (words.get("severity") for words in specific if words),
        )

    def affects(self, version: str) -> bool:
        """Whether a record of the group holds a version; what cannot be decided counts as held."""
        return any(_affected_or_unsure(record, self.package, version) for record in self.records)

    def fixed_in(self, version: str) -> tuple[Version, ...]:
        """The releases that end the ranges holding ``version``, lowest first."""
        held = (r for r in self.records if _affected_or_unsure(r, self.package, version))
        return tuple(sorted({fixed for record in held for fixed in _fixes(record, self, version)}))


def _affected_or_unsure(record: Advisory, package: str, version: str) -> bool:
    try:
        return is_affected(record, package, version)
    except UndecidableError:
        return True


def _fixes(record: Advisory, weakness: Weakness, version: str) -> frozenset[Version]:
    try:
        return fixes(record, weakness.package, version)
    except UndecidableError:
        return frozenset()


@dataclass(frozen=True)
class Assessment:
    """What the records say of some releases; ``undecided`` are those that they do not tell."""

    weaknesses: tuple[Weakness, ...]
    undecided: tuple[Damaged, ...]


def assess(found: Found, releases: Iterable[tuple[str, str]]) -> Assessment:
    """Evaluate records against releases, (normalized name, version) pairs.

    Of a record that was told twice the newest counts.
    """
    held: dict[str, dict[str, set[str]]] = {}
    told = sorted(found.advisories, key=lambda record: record.modified)
    records = {record.id: record for record in told}
    about = _by_package(records.values())
    undecided: set[Damaged] = set()
    for name, version in sorted(set(releases)):
        for record in about.get(name, ()):
            try:
                if is_affected(record, name, version):
                    held.setdefault(name, {}).setdefault(record.id, set()).add(version)
            except UndecidableError as error:
                undecided.add(Damaged(record.id, f"{name}: {error}", frozenset({name})))
    weaknesses = tuple(
        Weakness(name, group, frozenset().union(*(by_id[record.id] for record in group)))
        for name, by_id in sorted(held.items())
        for group in alias_groups(records[id_] for id_ in by_id)
    )
    return Assessment(weaknesses, tuple(sorted(undecided, key=lambda one: one.name)))


def attributed(found: Found, known: Record | None) -> Found:
    """An answer whose records that tell nothing at all are laid to the packages that others name
    beside their ids: so a torn record settles nothing of the findings that it once told of.

    About which further packages it may be, nobody knows: the answer stays partial.

    :param known: the record before the scan.
    """
    ids = {one.id for one in found.damaged if one.packages is None}
    about: dict[str, set[str]] = {id_: set() for id_ in ids}
    for record in found.advisories:
        for id_ in record.ids & ids:
            about[id_] |= record.packages
    for item in known.tracked if known else ():
        for id_ in ids.intersection(item.finding.ids):
            about[id_].add(canonicalize_name(item.finding.package))
    return replace(
        found,
        damaged=tuple(
            msgspec.structs.replace(one, others=frozenset(about.get(one.id, ())))
            for one in found.damaged
        ),
    )


def _by_package(records: Iterable[Advisory]) -> dict[str, list[Advisory]]:
    about: dict[str, list[Advisory]] = {}
    for record in records:
        for package in record.packages:
            about.setdefault(package, []).append(record)
    return about


def releases_of(pins: Iterable[Pin]) -> tuple[tuple[str, str], ...]:
    """The (name, version) pairs of some pins, sorted."""
    return tuple(sorted({(pin.name, pin.version) for pin in pins}))


def covered(closures: Iterable[Closure], damaged: Iterable[Damaged]) -> tuple[str, ...]:
    """The ``name==version`` that were settled: all pins but those that a lost record is about."""
    lost = frozenset[str]().union(*(one.lost for one in damaged))
    pins = releases_of(pin for closure in closures for pin in closure.pins)
    return tuple(f"{name}=={version}" for name, version in pins if name not in lost)


def skipped(closures: Iterable[Closure], damaged: Iterable[Damaged]) -> tuple[Gap, ...]:
    """All that was not seen, by name: the closures' gaps and the records set aside."""
    gaps = {Gap(name=one.name, reason=one.reason) for one in damaged}
    gaps |= {
        Gap(name=gap.name, reason=f"{closure.kind}: {gap.reason}")
        for closure in closures
        for gap in closure.gaps
    }
    return tuple(sorted(gaps, key=lambda gap: (gap.name, gap.reason)))


FixTime = Callable[[Weakness, str], "datetime | None"]
"""When the index first had a release that ends a weakness of a version, if it tells."""


def findings_of(
    weaknesses: Sequence[Weakness],
    closures: Sequence[Closure],
    known: Record | None,
    now: datetime,
    fix_time: FixTime,
    audience: Audience = USERS,
) -> tuple[Finding, ...]:
    """The findings of a scan, by key."""
    stories = _stories(weaknesses, known, audience)
    findings = [
        _finding(weakness, closures, *_story(weakness, stories, now, audience), fix_time, audience)
        for weakness in weaknesses
    ]
    return tuple(sorted(findings, key=lambda finding: finding.key))


def _finding(
    weakness: Weakness,
    closures: Sequence[Closure],
    key: str,
    first_seen: datetime,
    fix_time: FixTime,
    audience: Audience,
) -> Finding:
    held = {closure.kind: _held(weakness, closure) for closure in closures}
    held = {kind: pins for kind, pins in held.items() if pins}
    witness = held.get("published") or held.get("candidate") or next(iter(held.values()))
    version = max((pin.version for pin in witness), key=Version)
    rating = weakness.rating
    return Finding(
        key=key,
        kind="dependency",
        package=weakness.package,
        version=version,
        ids=tuple(sorted(weakness.ids)),
        named_by=provenance(weakness.records),
        severity=rating.severity,
        score=rating.score,
        scope=_scope(witness, audience),
        fixed_in=tuple(str(fixed) for fixed in weakness.fixed_in(version)),
        published_at=min((r.published for r in weakness.records if r.published), default=None),
        first_seen=first_seen,
        fix_available_at=fix_time(weakness, version),
        source=tuple(f"{SCANNER}:{record.id}" for record in weakness.records),
        summary=_summary(weakness.records),
        url=_url(weakness.records),
        affects={kind: _versions(pins) for kind, pins in held.items()},
        pythons=_in_order(closures, witness),
        extras=tuple(sorted({extra for pin in witness for extra in pin.extras})),
        scanners=(scanner_of(audience),),
    )


def _scope(witness: Iterable[Pin], audience: Audience) -> Scope:
    if audience != USERS:
        return audience
    return "runtime" if any("" in pin.extras for pin in witness) else "extra"


def scanner_of(audience: Audience) -> str:
    """Who reports what this audience gets: each settles its own findings, and no others."""
    return SCANNER if audience == USERS else f"{SCANNER}-{audience}"


def audience_of(finding: Finding) -> Audience | None:
    """Whom a finding in a dependency is about."""
    if finding.scope in {"runtime", "extra"}:
        return USERS
    return finding.scope if finding.scope in {"floor", "dev"} else None


def _held(weakness: Weakness, closure: Closure) -> tuple[Pin, ...]:
    return tuple(
        pin
        for pin in closure.pins
        if pin.name == weakness.package and pin.version in weakness.versions
    )


def _versions(pins: Iterable[Pin]) -> tuple[str, ...]:
    return tuple(sorted({pin.version for pin in pins}, key=Version))


def _in_order(closures: Iterable[Closure], pins: Sequence[Pin]) -> tuple[str, ...]:
    """The Python versions of some pins, in the closures' order."""
    order = dict.fromkeys(minor for closure in closures for minor in closure.pythons)
    return tuple(minor for minor in order if any(minor in pin.pythons for pin in pins))


def _summary(records: Sequence[Advisory]) -> str:
    """The first summary, else the beginning of the first description, on one line."""
    summaries = [record.summary for record in records if record.summary]
    if summaries:
        return " ".join(summaries[0].split())
    return brief(next((record.details for record in records if record.details), ""))


def brief(description: str) -> str:
    """The beginning of a description, which may fill pages, on one line."""
    words = " ".join(description.split())
    return words if len(words) <= SUMMARY_LENGTH else words[:SUMMARY_LENGTH].rstrip() + "…"


def _url(records: Iterable[Advisory]) -> str | None:
    """The reference that explains most, over https only."""
    urls = [
        (_rank(reference.type, REFERENCE_PREFERENCE), reference.url)
        for record in records
        for reference in record.references or ()
        if reference.url.startswith("https://")
    ]
    return min(urls)[1] if urls else None


def _rank(text: str, preference: Sequence[str]) -> int:
    return next(
        (at for at, start in enumerate(preference) if text.startswith(start)), len(preference)
    )


def _stories(
    weaknesses: Sequence[Weakness], known: Record | None, audience: Audience
) -> dict[Weakness, list[Finding]]:
    """For each weakness the known findings that it goes on from, the oldest first.

    A finding is found again through any id. When its group was split, the part that holds the
    id in its key goes on from it; when groups were merged, the older key stays.
    """
    holders: dict[tuple[str, str], list[Weakness]] = {}
    for weakness in weaknesses:
        for id_ in weakness.ids:
            holders.setdefault((weakness.package, id_), []).append(weakness)
    stories: dict[Weakness, list[Finding]] = {}
    for finding in (one for one in _by_age(known) if audience_of(one) == audience):
        package = canonicalize_name(finding.package)
        heirs = {w: w.ids for id_ in finding.ids for w in holders.get((package, id_), ())}
        if heirs:
            named = finding.key.rpartition("@")[0]
            heir = min(heirs, key=lambda w: (named not in heirs[w], sorted(heirs[w])))
            stories.setdefault(heir, []).append(finding)
    return stories


def _by_age(known: Record | None) -> list[Finding]:
    tracked = (item.finding for item in known.tracked) if known else ()
    dependencies = (finding for finding in tracked if finding.kind == "dependency")
    return sorted(
        dependencies, key=lambda f: (f.first_seen is None, f.first_seen, f.key)
    )  # no first_seen: last; such findings compare by key


def _story(
    weakness: Weakness,
    stories: dict[Weakness, list[Finding]],
    now: datetime,
    audience: Audience,
) -> tuple[str, datetime]:
    """The key and the first sight of a weakness."""
    past = stories.get(weakness, [])
    if not past:
        own = mint(weakness.ids, weakness.package)
        return own + ("" if audience == USERS else f"#{audience}"), now
    return past[0].key, min((f.first_seen for f in past if f.first_seen), default=now)


def mint(ids: Iterable[str], package: str) -> str:
    """The key of a weakness at its first sight.

    :param ids: all of its alias group; at least one.
    :param package: the normalized name (PEP 503).
    """
    best = min(ids, key=lambda id_: (_rank(id_, KEY_PREFERENCE), id_))
    return f"{best}@{package}"


def vanished(
    known: Record | None,
    findings: Iterable[Finding],
    settled: Iterable[str],
    audience: Audience = USERS,
) -> tuple[Finding, ...]:
    """The open findings whose package and version are still there, and which nothing reports."""
    present = {finding.key for finding in findings}
    covers = set(settled)
    return tuple(
        finding
        for finding in (known.open if known else ())
        if finding.kind == "dependency"
        and audience_of(finding) == audience
        and finding.key not in present
        and any(f"{canonicalize_name(finding.package)}=={v}" in covers for v in seen_at(finding))
    )


def seen_at(finding: Finding) -> frozenset[str]:
    """Every version at which a finding was seen."""
    return frozenset({finding.version}).union(*finding.affects.values())
