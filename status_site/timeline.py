"""``history.json``: how many findings users got, day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import accumulate

from release.decide.grade import BY_SEVERITY, Summary
from release.model.base import Document, Instant, Noun
from release.model.finding import Severity
from release.model.grades import GradedDay, Letter
from status_site.documents import Documents
from status_site.status import ResponseTime, SecurityStatus

LONGEST = 366
"""Days of history that the site tells; the ledger keeps all."""

Event = tuple[int, Severity, int]
"""A day's number, and by how much the findings of a severity changed on it."""


class Day(Noun, frozen=True, kw_only=True):
    """What users got at the end of a day (UTC); of the last day, at the scan.

    ``opened`` and ``closed`` count what began and ended on it; ``releases`` are that day's.
    ``grade`` is what the day's last scan earned, by ``formula_version``; ``None`` where it did not
    see all that it had to. Without a ``formula_version`` nothing is known of that day's grade.
    """

    day: date
    open: Summary
    opened: int
    closed: int
    releases: tuple[str, ...]
    grade: Letter | None = None
    formula_version: int | None = None


class StatusHistory(Document, frozen=True, kw_only=True, tag="release-warden/status-history/1"):
    """The last days, oldest first, without a gap, up to the last scan.

    Findings count by the severity and the scope that they are known to have today; a grade stays
    what it was on its day.
    """

    build_id: str
    project: str | None
    scan_date: Instant | None
    days: tuple[Day, ...]
    response_times: tuple[ResponseTime, ...]


def timeline(documents: Documents, status: SecurityStatus) -> StatusHistory:
    """Day by day, from the first finding, release or grade on, at most ``LONGEST`` days."""
    return StatusHistory(
        build_id=status.build_id,
        project=status.project,
        scan_date=status.scan_date,
        days=tuple(_days(documents, status.scan_date)) if status.scan_date else (),
        response_times=status.response_times,
    )


def _days(documents: Documents, scanned: datetime) -> Iterator[Day]:
    last = _number(scanned)
    events = [(min(day, last), severity, change) for day, severity, change in _events(documents)]
    grades = _grades(documents)
    releases: dict[int, list[str]] = {}
    for receipt in reversed(documents.releases):
        releases.setdefault(min(_number(receipt.confirmed_at), last), []).append(receipt.version)
    first = max(min([last, *releases, *grades, *(day for day, _, _ in events)]), last - LONGEST + 1)
    running = {severity: _running(events, severity, first, last) for severity in BY_SEVERITY}
    opened = Counter(day for day, _, change in events if change > 0)
    closed = Counter(day for day, _, change in events if change < 0)
    for day in range(first, last + 1):
        counts = {severity: running[severity][day - first] for severity in BY_SEVERITY}
        graded = grades.get(day)
        yield Day(
            day=date.fromordinal(day),
            open=Summary(**counts, total=sum(counts.values())),
            opened=opened[day],
            closed=closed[day],
            releases=tuple(releases.get(day, ())),
            grade=graded.grade if graded else None,
            formula_version=graded.formula_version if graded else None,
        )


def _grades(documents: Documents) -> dict[int, GradedDay]:
    held = documents.grades.days if documents.grades else ()
    return {_number(one.at): one for one in held}


def _events(documents: Documents) -> Iterator[Event]:
    for story in documents.stories:
        item = documents.shipped.get(story.key)
        if item and item.finding.reaches("published"):
            for span in story.spans:
                yield _number(span.opened), story.severity, 1
                if span.closed:
                    yield _number(span.closed), story.severity, -1


def _running(events: list[Event], severity: Severity, first: int, last: int) -> list[int]:
    """How many were open at the end of each day from the first to the last."""
    changes = [0] * (last - first + 1)
    for day, about, change in events:
        if about == severity:
            changes[max(day, first) - first] += change
    return list(accumulate(changes))


def _number(moment: datetime) -> int:
    return moment.astimezone(UTC).date().toordinal()
