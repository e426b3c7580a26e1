"""The compliance report: what was known when, and how quickly it was remedied."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from release.model.history import History, Story
from release.model.record import Record
from release.model.text import code as span
from release.model.text import escape, listing, plain

COLUMNS = (
    "key", "package", "ids", "severity", "state", "first_seen", "opened", "closed", "cause",
    "evidence", "due", "overdue",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""


def as_csv(history: History, *, code: bool) -> str:
    """One row for each time in which a finding was open, as RFC 4180.

    :param code: name the findings in the project's own code.
    """
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(COLUMNS)
    for story in _public(history, code):
        for time in story.spans:
            last = time is story.spans[-1]
            cells = (
                story.key, story.package, " ".join(story.ids), story.severity,
                story.state if last else "resolved", _day(story.first_seen), _day(time.opened),
                _day(time.closed), time.cause or "", time.evidence,
                _day(story.due) if last else "", "yes" if last and story.overdue else "",
            )  # fmt: skip
            writer.writerow([_cell(text) for text in cells])
    return sink.getvalue()


def _cell(text: str) -> str:
    """Others' text, which a spreadsheet shall show and not compute."""
    line = plain(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def as_markdown(history: History, record: Record, *, code: bool) -> str:
    """The report for people: what is unknown, response times, what is open, what was resolved."""
    lines = [f"# Compliance report of {escape(history.project)}", ""]
    lines += [f"As of {_day(history.as_of)}, UTC, from {len(history.scans)} recorded scans.", ""]
    lines += [*_unknown(record), *_response(history)]
    told = list(_public(history, code))
    lines += _table("Open", [s for s in told if s.state in {"open", "unexplained"}])
    lines += _table("Accepted", [s for s in told if s.state == "accepted"])
    lines += _table("Resolved", [s for s in told if s.state == "resolved"])
    hidden = len(history.stories) - len(told)
    if hidden:
        lines += [f"{hidden} more in the project's own code, or secrets, are counted only.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _public(history: History, code: bool) -> Iterator[Story]:
    kinds = {"dependency", "code"} if code else {"dependency"}
    return (story for story in history.stories if story.kind in kinds)


def _unknown(record: Record) -> Iterator[str]:
    for name, coverage in sorted(record.scanners.items()):
        about = f"; no word on {listing(map(span, coverage.unknown))}" if coverage.unknown else ""
        yield f"- {span(name)}: {coverage.state}{about}"
    yield ""


def _response(history: History) -> Iterator[str]:
    yield from ("## Response times", "")
    yield "| severity | to be remedied in | open | overdue | remedied | in time | mean time |"
    yield "|---|---|---|---|---|---|---|"
    for item in history.response:
        mean = "" if item.mttr_days is None else f"{item.mttr_days:g} days"
        yield (
            f"| {item.severity} | {item.sla_days} days | {item.open} | {item.overdue} "
            f"| {item.remedied} | {item.within} | {mean} |"
        )
    yield ""


def _table(title: str, told: list[Story]) -> Iterator[str]:
    yield from (f"## {title}", "")
    if not told:
        yield from ("None is known.", "")
        return
    yield "| severity | package | ids | first seen | due | resolved | why |"
    yield "|---|---|---|---|---|---|---|"
    for story in told:
        last = story.spans[-1]
        due = _day(story.due) + (" (overdue)" if story.overdue else "")
        why = story.accepted or ": ".join(w for w in (last.cause or "", last.evidence) if w)
        yield (
            f"| {story.severity} | {escape(story.package)} | {escape(listing(story.ids, 5))} "
            f"| {_day(story.first_seen)} | {due} | {_day(last.closed)} | {escape(why, 300)} |"
        )
    yield ""


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""
