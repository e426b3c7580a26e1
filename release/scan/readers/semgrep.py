"""``semgrep --json``.

Without a login it writes ``requires login`` where the flagged lines belong; its fingerprints differ
from version to version and are not used.
"""

from __future__ import annotations

from typing import Any

from release.model.finding import Severity
from release.model.snapshot import Gap
from release.scan.readers.code import Flag, Source, findings, first_line, is_secret_rule, path_of
from release.scan.readers.code import place as placed
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse, word
from release.scan.readers.reading import Reading, told

NAME = "semgrep"
WITHHELD = "requires login"
SEVERITIES: dict[str, Severity] = {
    "CRITICAL": "critical",
    "HIGH": "high",
    "ERROR": "high",
    "MEDIUM": "medium",
    "WARNING": "medium",
    "LOW": "low",
    "INFO": "low",
}


class Scanned(Part, frozen=True):
    """The files that were looked at, where the version tells them."""

    scanned: tuple[str, ...] | None = None


class Report(Part, frozen=True):
    """The whole."""

    results: RawEntries
    errors: RawEntries
    paths: Scanned = Scanned()


class Place(Part, frozen=True):
    """Where a match begins."""

    line: int


class Extra(Part, frozen=True):
    """What a match is about."""

    message: str
    severity: str
    lines: str | None = None
    is_ignored: bool = False


class Match(Part, frozen=True):
    """One flagged place."""

    check_id: Text
    path: Text
    start: Place
    extra: Extra


class Trouble(Part, frozen=True):
    """Something that went wrong; warnings are only remarks."""

    level: str = "error"
    message: str = ""
    path: str | None = None


def read(data: bytes, source: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    report: Report = parse(data, Report)
    gaps: list[Gap] = []

    def aside(content: Any, reason: str) -> None:
        gaps.append(_gap(word(content, "path"), reason, source))

    gaps += [
        _gap(trouble.path, trouble.message or "semgrep failed", source)
        for trouble in each(report.errors, Trouble, aside)
        if trouble.level.lower() != "warn"
    ]
    matches = each(report.results, Match, aside)
    scanned = report.paths.scanned
    names = scanned if scanned is not None else [match.path for match in matches]
    blind = {gap.name for gap in gaps}
    covered = {placed(path_of(name, source.tree)) for name in names} - blind
    found = findings(NAME, [_flag(match, source) for match in matches], source)
    return (told(NAME, found, covered, gaps, selective=scanned is None),)


def _gap(path: str | None, reason: str, source: Source) -> Gap:
    name = placed(path_of(path, source.tree)) if path else EVERYTHING
    return Gap(name=name, reason=" ".join(reason.split()))


def _flag(match: Match, source: Source) -> Flag:
    lines = match.extra.lines
    return Flag(
        rule=match.check_id,
        path=path_of(match.path, source.tree),
        severity=SEVERITIES.get(match.extra.severity.upper(), "unknown"),
        line=None if lines is None or lines.strip() == WITHHELD else first_line(lines),
        number=match.start.line,
        is_secret=is_secret_rule(match.check_id),
        summary=match.extra.message,
        suppressed=match.extra.is_ignored,
    )
