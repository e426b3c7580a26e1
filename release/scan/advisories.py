"""OSV records: read, evaluated against a version, and grouped by alias.

After the OSV schema, "Evaluation" (ossf.github.io/osv-schema/#evaluation), for PyPI packages only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.errors import DocumentError
from release.model.base import Instant
from release.scan.severity import Score
from release.scan.union import roots

ECOSYSTEM = "PyPI"
EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
TURN_ORDER: dict[EventKind, int] = {"limit": 0, "fixed": 0, "introduced": 1, "last_affected": 2}
"""At one version a range that ends gives way to one that begins, and ``last_affected`` counts."""


class UndecidableError(Exception):
    """A record does not tell whether a version is affected; the message says why."""


class Part(msgspec.Struct, frozen=True):
    """A part of an OSV record; fields that are not needed here are passed over."""


class Package(Part, frozen=True):
    """What is affected."""

    name: str
    ecosystem: str


class Event(Part, frozen=True):
    """A turn in a range; exactly one field is set."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None

    def turns(self) -> Iterator[tuple[EventKind, str]]:
        """What the event says, as (kind, version)."""
        for kind in TURN_ORDER:
            version = getattr(self, kind)
            if version is not None:
                yield kind, version


class Range(Part, frozen=True):
    """A range of versions, or of commits (``GIT``), which are nothing that an index lists."""

    type: str
    events: tuple[Event, ...]


class Affected(Part, frozen=True):
    """What one record says of one package."""

    package: Package | None = None
    versions: tuple[str, ...] | None = None
    ranges: tuple[Range, ...] | None = None
    severity: tuple[Score, ...] | None = None
    database_specific: dict[str, Any] | None = None
    ecosystem_specific: dict[str, Any] | None = None

    def concerns(self, package: str) -> bool:
        """Whether this is about the PyPI package of that normalized name."""
        return (
            self.package is not None
            and self.package.ecosystem == ECOSYSTEM
            and canonicalize_name(self.package.name) == package
        )


class Reference(Part, frozen=True):
    """A page about it."""

    type: str
    url: str


class Advisory(Part, frozen=True):
    """One OSV record."""

    id: str
    modified: Instant
    published: Instant | None = None
    withdrawn: Instant | None = None
    aliases: tuple[str, ...] | None = None
    summary: str | None = None
    details: str | None = None
    severity: tuple[Score, ...] | None = None
    affected: tuple[Affected, ...] | None = None
    references: tuple[Reference, ...] | None = None
    database_specific: dict[str, Any] | None = None

    @property
    def ids(self) -> frozenset[str]:
        """Its id and its aliases; ``related`` names other weaknesses and never counts."""
        return frozenset({self.id, *(self.aliases or ())})

    @property
    def packages(self) -> frozenset[str]:
        """The normalized names of the PyPI packages that it is about."""
        named = (entry.package for entry in self.affected or ())
        return frozenset(
            canonicalize_name(package.name)
            for package in named
            if package is not None and package.ecosystem == ECOSYSTEM
        )

    def entries(self, package: str) -> tuple[Affected, ...]:
        """What it says of one package."""
        return tuple(entry for entry in self.affected or () if entry.concerns(package))


class Damaged(Part, frozen=True):
    """A record that could not be read; ``packages`` is ``None`` when not even they could be.

    ``others`` are packages that it is about by the word of others, who name its id.
    """

    name: str
    reason: str
    packages: frozenset[str] | None = None
    others: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The id that its file is named after, or that it was asked for by."""
        return self.name.rpartition("/")[2].removesuffix(".json")

    @property
    def lost(self) -> frozenset[str]:
        """The packages of which nothing is settled without it, as far as anybody can tell."""
        return (self.packages or frozenset()) | self.others

    def may_concern(self, packages: frozenset[str]) -> bool:
        """Whether a reader who lacks this record may lack something about these packages."""
        return self.packages is None or bool(self.packages & packages)

    def also_about(self, packages: Iterable[str]) -> Damaged:
        """The same, when it came in answer to a question about these packages."""
        asked = frozenset(packages) | (self.packages or frozenset())
        return msgspec.structs.replace(self, packages=asked)


def newest(records: Iterable[Advisory]) -> datetime | None:
    """When the latest of some records was changed."""
    return max((record.modified for record in records), default=None)


_decoder = msgspec.json.Decoder(Advisory)


def read_advisory(data: bytes, *, origin: str) -> Advisory:
    """Read one record.

    :param origin: its file or id, for the error.
    :raises DocumentError: no JSON, or a field that is needed is missing or of another type.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(
            f"{origin} is no OSV record", why=str(error), remedy="get the advisories anew"
        ) from error


def read_or_set_aside(data: bytes, *, origin: str) -> Advisory | Damaged:
    """Read one record; one that cannot be read is set aside, with the packages that it names."""
    try:
        return read_advisory(data, origin=origin)
    except DocumentError as error:
        return Damaged(name=origin, reason=error.why, packages=_packages_named(data))


class _Named(Part, frozen=True):
    """So much of an entry of ``affected`` as must be whole to tell whom it concerns."""

    package: Package


class _Outline(Part, frozen=True):
    affected: Annotated[tuple[_Named, ...], msgspec.Meta(min_length=1)]


def _packages_named(data: bytes) -> frozenset[str] | None:
    """The PyPI packages that a malformed record names, or ``None`` if it cannot be told."""
    try:
        entries = msgspec.json.decode(data, type=_Outline).affected
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    packages = (entry.package for entry in entries)
    return frozenset(canonicalize_name(p.name) for p in packages if p.ecosystem == ECOSYSTEM)


def is_affected(advisory: Advisory, package: str, version: str) -> bool:
    """Whether a record says that a version is affected; a withdrawn one says nothing.

    :param package: the normalized name.
    :raises UndecidableError: no range says yes, and one cannot say no: a version in it or
        ``version`` itself is none (PEP 440).
    """
    if advisory.withdrawn:
        return False
    entries = advisory.entries(package)
    if any(_is_listed(entry, version) for entry in entries):
        return True
    doubt: UndecidableError | None = None
    for range_ in (range_ for entry in entries for range_ in _version_ranges(entry)):
        try:
            if _contains(range_, _version(version)):
                return True
        except UndecidableError as error:
            doubt = error
    if doubt:
        raise doubt
    return False


def fixes(advisory: Advisory, package: str, version: str) -> frozenset[Version]:
    """Of each range that holds ``version``, the lowest ``fixed`` above it.

    Where only a list of versions names it, the ranges that it lies outside of count instead.
    """
    ranges = [r for entry in advisory.entries(package) for r in _version_ranges(entry)]
    at = _version(version)
    holding = [range_ for range_ in ranges if _contains(range_, at)] or ranges
    above = [[fixed for fixed in _turns(r, "fixed") if fixed > at] for r in holding]
    return frozenset(min(fixed) for fixed in above if fixed)


def _is_listed(entry: Affected, version: str) -> bool:
    """Compared as versions where they are, so that 1.0 is 1.0.0; a local build counts as public."""
    listed = entry.versions or ()
    if version in listed:
        return True
    at = _parsed(version)
    return at is not None and not _readable(listed).isdisjoint((at, _parsed(at.public)))


@functools.lru_cache(maxsize=1 << 14)
def _readable(versions: tuple[str, ...]) -> frozenset[Version | None]:
    """Those of a list that are versions; each list is looked through for many releases."""
    return frozenset(map(_parsed, versions)) - {None}


@functools.lru_cache(maxsize=1 << 17)
def _parsed(text: str) -> Version | None:
    """A version, or ``None`` for one of before PEP 440, which no resolver picks.

    The same lists of versions are gone through for every release that is asked about.
    """
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _version_ranges(entry: Affected) -> list[Range]:
    return [range_ for range_ in entry.ranges or () if range_.type in {"ECOSYSTEM", "SEMVER"}]


def _contains(range_: Range, version: Version) -> bool:
    """The schema's ``IncludedInRanges`` for one range: its turns in order, the last one holds."""
    if not any(event.introduced is not None for event in range_.events):
        raise UndecidableError("a range that nothing introduces")
    if not _before_limits(range_, version):
        return False
    inside = False
    for kind, at in sorted(_all_turns(range_), key=lambda turn: (turn[1], TURN_ORDER[turn[0]])):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (
            kind == "last_affected" and _above(version, at)
        ):
            inside = False
    return inside


def _above(version: Version, at: Version) -> bool:
    """As installers compare (PEP 440, "Inclusive ordered comparison"): 2+cpu is not above 2."""
    return version > at and (at.local is not None or _version(version.public) > at)


def _before_limits(range_: Range, version: Version) -> bool:
    limits = [event.limit for event in range_.events if event.limit is not None]
    return not limits or any(limit == "*" or version < _version(limit) for limit in limits)


def _all_turns(range_: Range) -> list[tuple[EventKind, Version]]:
    turns = [turn for event in range_.events for turn in event.turns()]
    return [(kind, _turn_version(kind, text)) for kind, text in turns if kind != "limit"]


def _turns(range_: Range, kind: EventKind) -> list[Version]:
    return [version for turn, version in _all_turns(range_) if turn == kind]


def _turn_version(kind: EventKind, text: str) -> Version:
    """``introduced: "0"`` is below every version, pre-releases of 0 included."""
    return Version("0.dev0") if kind == "introduced" and text == "0" else _version(text)


def _version(text: str) -> Version:
    version = _parsed(text)
    if version is None:
        raise UndecidableError(f"{text!r} is no version (PEP 440)")
    return version


def alias_groups(advisories: Iterable[Advisory]) -> tuple[tuple[Advisory, ...], ...]:
    """Part the records of one package into weaknesses: union-find over ids and aliases.

    The order of the records never matters.
    """
    records = sorted({record.id: record for record in advisories}.values(), key=lambda r: r.id)
    groups: dict[str, list[Advisory]] = {}
    for root, record in zip(roots(record.ids for record in records), records, strict=True):
        groups.setdefault(root, []).append(record)
    return tuple(tuple(group) for group in groups.values())


def provenance(group: Iterable[Advisory]) -> dict[str, tuple[str, ...]]:
    """Who says that the ids of an alias group are one weakness: each id, and the records naming it.

    The order of the records never matters.
    """
    told: dict[str, list[str]] = {}
    for record in sorted(group, key=lambda record: record.id):
        for name in sorted(record.ids):
            told.setdefault(name, []).append(record.id)
    return {name: tuple(records) for name, records in sorted(told.items())}
