"""``detect-secrets scan``: only where a secret is; its ``hashed_secret`` is never looked at."""

from __future__ import annotations

from typing import Any

from release.model.snapshot import Gap
from release.scan.readers.code import Flag, Source, findings, path_of, place
from release.scan.readers.form import EVERYTHING, Part, RawEntries, Text, each, parse
from release.scan.readers.reading import Reading, told

NAME = "detect-secrets"


class Report(Part, frozen=True):
    """The whole; files without secrets are not in ``results``."""

    version: Text
    plugins_used: RawEntries
    results: dict[str, RawEntries]


class Found(Part, frozen=True):
    """One secret; ``is_secret`` is a person's word after an audit."""

    type: Text
    line_number: int
    is_secret: bool | None = None


def read(data: bytes, source: Source) -> tuple[Reading, ...]:
    """Read a report.

    :raises UnreadableReportError: it is none.
    """
    report: Report = parse(data, Report)
    flags: list[Flag] = []
    gaps: list[Gap] = []
    for name, entries in report.results.items():
        path = path_of(name, source.tree)

        def aside(_: Any, reason: str, path: str = path) -> None:
            gaps.append(Gap(name=place(path), reason=reason))

        flags += [_flag(path, found) for found in each(entries, Found, aside)]
    if not report.plugins_used:
        gaps.append(Gap(name=EVERYTHING, reason="it looked for nothing: no plugins were used"))
    covered = {place(flag.path) for flag in flags} - {gap.name for gap in gaps}
    return (told(NAME, findings(NAME, flags, source), covered, gaps, selective=True),)


def _flag(path: str, found: Found) -> Flag:
    return Flag(
        rule=found.type,
        path=path,
        severity="unknown",
        number=found.line_number,
        is_secret=True,
        suppressed=found.is_secret is False,
    )
