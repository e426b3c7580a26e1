"""``osv-scanner --format json``: whole OSV records, for packages of any ecosystem.

It lists only packages with vulnerabilities, unless it was told ``--all-packages``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from release.errors import DocumentError
from release.model.finding import Finding
from release.model.snapshot import Gap
from release.scan.advisories import ECOSYSTEM, Advisory, alias_groups, read_advisory
from release.scan.findings import Weakness
from release.scan.readers.code import Source
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse, plain, word
from release.scan.readers.reading import Dependency, Reading, covers, dependency, told
from release.scan.severity import Score, rate

NAME = "osv-scanner"


class Report(Part, frozen=True):
    """The whole."""

    results: RawEntries


class Result(Part, frozen=True):
    """What it found in one lockfile or folder."""

    packages: RawEntries


class Package(Part, frozen=True):
    """A package at a version."""

    name: Text
    version: str
    ecosystem: Text

    @property
    def label(self) -> str:
        """The normalized name; of other ecosystems than PyPI with the ecosystem before it."""
        name = canonicalize_name(self.name)
        return name if self.ecosystem == ECOSYSTEM else f"{self.ecosystem}:{self.name}"


class Listed(Part, frozen=True):
    """A package with what is known of it."""

    package: Package
    vulnerabilities: RawEntries | None = None


def read(data: bytes, _: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    report: Report = parse(data, Report)
    gaps: list[Gap] = []

    def aside(content: Any, reason: str) -> None:
        gaps.append(Gap(name=word(content, "package", "name") or EVERYTHING, reason=reason))

    packages = [
        listed
        for result in each(report.results, Result, aside)
        for listed in each(result.packages, Listed, aside)
    ]
    found = [finding for listed in packages for finding in _findings(listed, gaps)]
    blind = {gap.name for gap in gaps}
    covered = {
        covers(one.package.label, one.package.version)
        for one in packages
        if one.package.label not in blind
    }
    selective = all(listed.vulnerabilities for listed in packages)
    return (told(NAME, found, covered, gaps, selective=selective),)


def _findings(listed: Listed, gaps: list[Gap]) -> Iterator[Finding]:
    package = listed.package
    records = []
    for entry in listed.vulnerabilities or ():
        try:
            records.append(read_advisory(bytes(entry), origin=package.label))
        except DocumentError as error:
            gaps.append(Gap(name=package.label, reason=f"a record cannot be read: {error.why}"))
            yield from _by_name(package, entry)
    for group in alias_groups(records):
        yield _finding(package, group)


def _by_name(package: Package, entry: msgspec.Raw) -> Iterator[Finding]:
    """Of a record that cannot be read at least the id, if that can."""
    identifier = word(plain(entry), "id")
    if identifier:
        one = Dependency(package=package.label, version=package.version, ids=(identifier,))
        yield dependency(NAME, one)


def _finding(package: Package, group: tuple[Advisory, ...]) -> Finding:
    weakness = Weakness(package.label, group, frozenset({package.version}))
    told_ids = tuple(record.id for record in group)
    fixed = weakness.fixed_in(package.version) if package.ecosystem == ECOSYSTEM else ()
    made = dependency(
        NAME,
        Dependency(
            package=package.label,
            version=package.version,
            ids=(*told_ids, *sorted(weakness.ids - set(told_ids))),
            fixed_in=tuple(map(str, fixed)),
            summary=next((record.summary for record in group if record.summary), ""),
        ),
    )
    rating = rate(
        (score for record in group for score in _scores(record)),
        (word(record.database_specific, "severity") for record in group),
    )
    return replace(
        made,
        severity=rating.severity,
        score=rating.score,
        published_at=min((r.published for r in group if r.published), default=None),
    )


def _scores(record: Advisory) -> Iterator[Score]:
    yield from record.severity or ()
    for entry in record.affected or ():
        yield from entry.severity or ()
