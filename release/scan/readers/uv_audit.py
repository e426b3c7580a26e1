"""``uv audit --output-format json`` (preview): audited packages counted, flagged ones named."""

from __future__ import annotations

from typing import Any

from packaging.utils import canonicalize_name

from release.model.finding import Finding
from release.model.snapshot import Gap
from release.scan.findings import brief
from release.scan.readers.code import Source
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse, word
from release.scan.readers.reading import Dependency, Reading, covers, dependency, told

NAME = "uv-audit"


class Summary(Part, frozen=True):
    """The counts."""

    audited_packages: int
    vulnerabilities: int


class Report(Part, frozen=True):
    """The whole; ``adverse_statuses`` (yanked, archived) are no weaknesses."""

    summary: Summary
    vulnerabilities: RawEntries


class Package(Part, frozen=True):
    """What is vulnerable."""

    name: Text
    version: Text


class Vulnerability(Part, frozen=True):
    """One advisory that holds a package."""

    dependency: Package
    id: Text
    aliases: tuple[Text, ...]
    fix_versions: tuple[str, ...]
    summary: str | None = None
    description: str | None = None


def read(data: bytes, _: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    report: Report = parse(data, Report)
    gaps: list[Gap] = []

    def aside(content: Any, reason: str) -> None:
        gaps.append(Gap(name=word(content, "dependency", "name") or EVERYTHING, reason=reason))

    listed = each(report.vulnerabilities, Vulnerability, aside)
    if report.summary.vulnerabilities != len(report.vulnerabilities):
        counts = f"{report.summary.vulnerabilities}, but lists {len(report.vulnerabilities)}"
        gaps.append(Gap(name=EVERYTHING, reason=f"it counts {counts}"))
    if not report.summary.audited_packages:
        gaps.append(Gap(name=EVERYTHING, reason="it audited no package"))
    covered = {covers(one.dependency.name, one.dependency.version) for one in listed}
    detail = f"{report.summary.audited_packages} packages audited"
    found = [_finding(one) for one in listed]
    return (told(NAME, found, covered, gaps, selective=True, detail=detail),)


def _finding(one: Vulnerability) -> Finding:
    return dependency(
        NAME,
        Dependency(
            package=canonicalize_name(one.dependency.name),
            version=one.dependency.version,
            ids=(one.id, *one.aliases),
            fixed_in=one.fix_versions,
            summary=brief(one.summary or one.description or ""),
        ),
    )
