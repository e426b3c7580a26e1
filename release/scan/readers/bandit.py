"""``bandit -f json``.

Its ``metrics`` tell which files were scanned and how many findings of each severity each has,
those left out by ``-l`` or ``-i`` included: so a report that was cut down is known as one.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from release.model.finding import Severity
from release.model.snapshot import Gap
from release.scan.readers.code import Flag, Source, findings, path_of, place
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse, word
from release.scan.readers.reading import Reading, told

NAME = "bandit"
TOTALS = "_totals"
SEVERITIES: dict[str, Severity] = {
    "HIGH": "high",
    "MEDIUM": "medium",
    "LOW": "low",
    "UNDEFINED": "unknown",
}
SECRET_RULES = frozenset({"B105", "B106", "B107"})
"""Hard-coded passwords: the flagged line and the message hold the value."""
NUMBERED = re.compile(r"(\d+)[ \t]?(.*)")


class Report(Part, frozen=True):
    """The whole."""

    errors: RawEntries
    metrics: dict[str, dict[str, float]]
    results: RawEntries


class Weakness(Part, frozen=True):
    """The class of a weakness."""

    id: int | None = None


class Issue(Part, frozen=True):
    """One flagged place."""

    filename: Text
    test_id: Text
    issue_severity: str
    issue_text: str
    line_number: int
    code: str | None = None
    more_info: str | None = None
    issue_cwe: Weakness | None = None


class Failure(Part, frozen=True):
    """A file that bandit could not look at."""

    filename: Text
    reason: str = ""


def read(data: bytes, source: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    report: Report = parse(data, Report)
    gaps: list[Gap] = []

    def where(name: str) -> str:
        return place(path_of(name, source.tree))

    def aside(content: Any, reason: str) -> None:
        name = word(content, "filename")
        gaps.append(Gap(name=where(name) if name else EVERYTHING, reason=reason))

    gaps += [
        Gap(name=where(failure.filename), reason=failure.reason or "bandit failed")
        for failure in each(report.errors, Failure, aside)
    ]
    issues = each(report.results, Issue, aside)
    scanned = {where(name): counts for name, counts in report.metrics.items() if name != TOTALS}
    if not scanned:
        gaps.append(Gap(name=EVERYTHING, reason="it looked at no file"))
    listed = Counter((where(i.filename), i.issue_severity.upper()) for i in issues)
    blind = {gap.name for gap in gaps}
    covered = [
        item
        for path, counts in scanned.items()
        if path not in blind
        for item in _covered(path, counts, listed)
    ]
    found = findings(NAME, [_flag(issue, source) for issue in issues], source)
    return (told(NAME, found, covered, gaps, detail=_detail(scanned, listed)),)


def _covered(path: str, counts: dict[str, float], listed: Counter[tuple[str, str]]) -> list[str]:
    """The file; or its severities of which no finding was left out."""
    whole = [s for s in SEVERITIES if counts.get(f"SEVERITY.{s}", 0) <= listed[path, s]]
    if len(whole) == len(SEVERITIES):
        return [path]
    return [f"{path}=={SEVERITIES[severity]}" for severity in whole]


def _detail(scanned: dict[str, dict[str, float]], listed: Counter[tuple[str, str]]) -> str:
    counted = (c.get(f"SEVERITY.{s}", 0) for c in scanned.values() for s in SEVERITIES)
    left_out = int(sum(counted)) - listed.total()
    return f"it leaves out {left_out} findings that it counts" if left_out > 0 else ""


def _flag(issue: Issue, source: Source) -> Flag:
    is_secret = issue.test_id in SECRET_RULES
    return Flag(
        rule=issue.test_id,
        path=path_of(issue.filename, source.tree),
        severity=SEVERITIES.get(issue.issue_severity.upper(), "unknown"),
        line=_flagged_line(issue),
        number=issue.line_number,
        is_secret=is_secret,
        summary=issue.issue_text,
        url=issue.more_info,
    )


def _flagged_line(issue: Issue) -> str | None:
    """The flagged one of the numbered lines that are quoted."""
    for line in (issue.code or "").splitlines():
        numbered = NUMBERED.fullmatch(line)
        if numbered and int(numbered[1]) == issue.line_number:
            return numbered[2]
    return None
