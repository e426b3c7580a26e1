"""``pip-audit -f json``: both shapes, the bare list of before 2.5 and the object since.

Its exit code is no verdict: it is 0 when packages were skipped, so ``skip_reason`` counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from packaging.utils import canonicalize_name

from release.model.finding import Finding
from release.model.snapshot import Gap
from release.scan.findings import brief
from release.scan.readers.code import Source
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse, word
from release.scan.readers.reading import Dependency, Reading, covers, dependency, told

NAME = "pip-audit"


class Report(Part, frozen=True):
    """The object; ``fixes`` tells what ``--fix`` did and is passed over."""

    dependencies: RawEntries


class Audited(Part, frozen=True):
    """A package that was looked up, or with ``skip_reason`` was not."""

    name: Text
    version: Text | None = None
    vulns: RawEntries | None = None
    skip_reason: str | None = None


class Vulnerability(Part, frozen=True):
    """One advisory that holds it."""

    id: Text
    fix_versions: tuple[str, ...]
    aliases: tuple[Text, ...] = ()
    description: str | None = None


def read(data: bytes, _: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    found: tuple[Any, ...] | Report = parse(data, RawEntries | Report)
    entries = found.dependencies if isinstance(found, Report) else found
    pile = _Pile()
    for audited in each(entries, Audited, pile.aside):
        pile.add(audited)
    if not entries:
        pile.gaps.append(Gap(name=EVERYTHING, reason="it audited no package"))
    return (told(NAME, pile.findings, pile.covered, pile.gaps),)


class _Pile:
    """What was read so far."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.covered: list[str] = []
        self.gaps: list[Gap] = []

    def aside(self, content: Any, reason: str) -> None:
        self.gaps.append(Gap(name=word(content, "name") or EVERYTHING, reason=reason))

    def add(self, one: Audited) -> None:
        if one.skip_reason is not None or one.version is None or one.vulns is None:
            reason = one.skip_reason or "it tells neither vulnerabilities nor why it has none"
            self.gaps.append(Gap(name=one.name, reason=reason))
            return
        before = len(self.gaps)
        self.findings.extend(self._findings(one.name, one.version, one.vulns))
        if len(self.gaps) == before:
            self.covered.append(covers(one.name, one.version))

    def _findings(self, name: str, version: str, vulns: RawEntries) -> Iterator[Finding]:
        def aside(_: Any, reason: str) -> None:
            self.gaps.append(Gap(name=name, reason=reason))

        for vulnerability in each(vulns, Vulnerability, aside):
            yield dependency(
                NAME,
                Dependency(
                    package=canonicalize_name(name),
                    version=version,
                    ids=(vulnerability.id, *vulnerability.aliases),
                    fixed_in=vulnerability.fix_versions,
                    summary=brief(vulnerability.description or ""),
                ),
            )
