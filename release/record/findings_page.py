"""SECURITY_FINDINGS.md: the record for people. Same findings, same bytes: dates, never ages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from release.model.finding import ClosureKind, Finding, Severity
from release.model.record import Record, Tracked
from release.model.snapshot import Reach
from release.model.text import VERDICTS, code, edit_text, escape, link, listing

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "unknown", "medium", "low")
"""Worst first; policy treats ``unknown`` as ``high``."""

RESOLVED_SHOWN = 50

MARK = "Rendered from the record of the scans"
"""What tells a page of ours from one that somebody else wrote."""

SECTIONS = {
    "users": ("What users get", "A fresh install of the latest release gets these."),
    "head": ("Not released", "Only the next release would bring these."),
    "floor": ("With the oldest permitted versions", "Never in the grade, never a cause."),
    "dev": ("In the development environment", "Users do not get these; never a cause."),
}


def render_findings(record: Record, reach: Sequence[Reach], *, own_code: bool = False) -> str:
    """The page, as Markdown; all text from advisories and people is escaped.

    Findings in the project's own code appear as counts only, unless ``own_code``; secrets always.

    :param reach: what the last scan says of how users can avoid each finding.
    :param own_code: name the findings in the project's own code.
    """
    remedies = {item.key: item for item in reach}
    lines = [f"# Security findings of {escape(record.project)}", ""]
    lines += [f"{MARK}; edits are overwritten. Dates are UTC.", ""]
    lines += [*_unknown(record), *_summary(record)]
    for place, (title, meaning) in SECTIONS.items():
        held = [item for item in _worst_first(record) if _place(item.finding) == place]
        if held or place == "users":
            lines += [f"## {title}", "", meaning if held else "Nothing is known to be open.", ""]
        for item in held:
            lines += _entry(item, remedies.get(item.finding.key))
    if own_code:
        lines += _own_code(record)
    lines += [*_accepted(record), *_resolved(record)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _place(finding: Finding) -> str:
    if finding.kind != "dependency" or finding.scope == "code":
        return "own-code"
    if finding.scope in SECTIONS:
        return finding.scope
    return "users" if finding.reaches("published") else "head"


def _worst_first(record: Record) -> list[Tracked]:
    held = (item for item in record.tracked if item.is_open)
    return sorted(held, key=lambda i: (SEVERITIES.index(i.finding.severity), i.finding.key))


def _unknown(record: Record) -> Iterator[str]:
    yield from ("## What is unknown", "")
    if not record.scanners:
        yield from ("No scanner has spoken yet: everything is unknown.", "")
        return
    unsure = [(n, c) for n, c in sorted(record.scanners.items()) if c.state != "ok" or c.unknown]
    for name, coverage in unsure:
        about = (
            "everything" if "*" in coverage.unknown else listing(map(code, coverage.unknown), 50)
        )
        yield f"- {code(name)} is {coverage.state}. It has no word on {about}."
    if unsure:
        yield from ("", "What was known of these stands as it was; nothing of it counts as clean.")
    else:
        yield "Nothing: every scanner covered all that it was given."
    yield ""


def _summary(record: Record) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    for finding in record.open:
        cell = (finding.severity, _place(finding))
        counts[cell] = counts.get(cell, 0) + 1
    places = ("users", "head", "floor", "dev", "own-code")
    yield from ("## Summary", "")
    yield "| severity | users get | not released | oldest versions | development | own code |"
    yield "|---|---|---|---|---|---|"
    for severity in SEVERITIES:
        cells = (str(counts.get((severity, place), 0)) for place in places)
        yield f"| {severity} | {' | '.join(cells)} |"
    yield ""


def _entry(item: Tracked, reach: Reach | None) -> Iterator[str]:
    finding = item.finding
    yield f"### {_title(finding)}"
    yield ""
    score = "" if finding.score is None else f" ({finding.score:g})"
    yield f"- Severity: {finding.severity}{score}"
    yield f"- Ids: {listing(map(code, finding.ids))}"
    yield f"- Package: {code(finding.package)} at {_versions(finding)}"
    yield f"- Scanner: {listing(map(code, sorted(item.sightings)))}"
    yield f"- Discovered: {_day(finding.first_seen)}"
    yield f"- Published: {_day(finding.published_at)}"
    yield f"- Description: {escape(finding.summary) or 'none given'}"
    yield f"- Impact: {_impact(finding)}"
    yield f"- Reference: {link(finding.url) if finding.url else 'none given'}"
    yield f"- Fixed in: {listing(map(code, finding.fixed_in)) or 'no release'}"
    yield f"- Remediation: {_remediation(finding, reach)}"
    for scanner, sighting in sorted(item.sightings.items()):
        if sighting.state == "unexplained":
            yield f"- Unexplained by {code(scanner)}: {escape(sighting.evidence, 300)}"
    yield ""


def _own_code(record: Record) -> Iterator[str]:
    """What the project chose to publish of its own code; a secret is never among it."""
    held = [i for i in _worst_first(record) if i.finding.kind == "code"]
    if not held:
        return
    yield from ("## In the project's own code", "")
    for item in held:
        where = f" in {code(item.finding.path)}" if item.finding.path else ""
        said = escape(item.finding.summary) or "no description"
        rule = code(_name(item.finding))
        yield f"- {item.finding.severity}: {rule}{where}: {said} ({_day(item.finding.first_seen)})"
    yield ""


def _accepted(record: Record) -> Iterator[str]:
    """What a person decided to live with, by whom, until when and why."""
    held = [i for i in record.tracked if i.accepted and _place(i.finding) != "own-code"]
    if not held:
        return
    yield from ("## Accepted", "", "Open, and accepted in remediation-plans.yml.", "")
    for item in held:
        yield f"- {_title(item.finding)}: {_causes(item)}"
    yield ""


def _impact(finding: Finding) -> str:
    """Who gets it: what the closure that holds it says."""
    gets = ["a plain install" if not e else f"the extra {code(e)}" for e in finding.extras]
    pythons = f" on Python {listing(map(escape, finding.pythons))}" if finding.pythons else ""
    return f"it comes with {listing(gets)}{pythons}" if gets else "unknown"


def _title(finding: Finding) -> str:
    return f"{finding.severity}: {escape(finding.package)} {escape(_name(finding))}"


def _name(finding: Finding) -> str:
    return finding.ids[0] if finding.ids else finding.key


def _versions(finding: Finding) -> str:
    if not finding.affects:
        return code(finding.version)
    names: dict[ClosureKind, str] = {
        "published": "the latest release",
        "candidate": "HEAD",
        "floor": "the lowest that HEAD admits",
        "dev": "development",
    }
    parts = (
        f"{listing(map(code, versions))} ({names[kind]})"
        for kind, versions in sorted(finding.affects.items(), reverse=True)
    )
    return ", ".join(parts)


def _remediation(finding: Finding, reach: Reach | None) -> str:
    upgrade = f"use {finding.package} {finding.fixed_in[0]} or later" if finding.fixed_in else ""
    if reach is None:
        return escape(upgrade) or "none known"
    blocker = f" ({code(reach.blocker)})" if reach.blocker else ""
    remedy = edit_text(reach) or upgrade
    return f"{VERDICTS[reach.verdict]}{blocker}" + (f"; {escape(remedy)}" if remedy else "")


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "unknown"


def _resolved(record: Record) -> Iterator[str]:
    done = [
        item for item in record.tracked if not item.is_there and _place(item.finding) != "own-code"
    ]
    newest = sorted(done, key=lambda item: item.finding.key)
    newest.sort(key=lambda item: _day(item.resolved_at), reverse=True)
    if not newest:
        return
    yield from ("## Resolved", "")
    if len(newest) > RESOLVED_SHOWN:
        yield from (f"The last {RESOLVED_SHOWN} of {len(newest)}.", "")
    for item in newest[:RESOLVED_SHOWN]:
        yield f"- {_day(item.resolved_at)}: {_title(item.finding)}, {_causes(item)}"


def _causes(item: Tracked) -> str:
    if item.accepted:
        return escape(item.accepted.told, 500)
    words = (item.sightings[name] for name in sorted(item.sightings))
    told: Iterable[str] = dict.fromkeys(
        f"{word.cause} ({escape(word.evidence, 200)})" for word in words if word.cause
    )
    return "; ".join(told)
