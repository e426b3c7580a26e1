"""The history as the page shows it: a chart, and a table that says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

from markupsafe import Markup

from release.decide.grade import BY_SEVERITY, LETTERS, Summary
from release.model.finding import Severity
from release.model.grades import Letter
from status_site.chart import Series, scale, stacked, strip
from status_site.timeline import Day, StatusHistory
from status_site.words import count_of, date_of, month_of, name

MOST_ROWS = 31
"""Days of change that the table tells one by one; more are told by month."""


@dataclass(frozen=True)
class Row:
    """A line of the table: a day or a month, and what was open at its end."""

    when: str
    grade: str
    open: Summary
    opened: int
    closed: int
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """The history for people; without ``drawing`` where nothing was ever open.

    ``grades`` is a strip of the days' grades, which were ``letters``; ``None`` where none is known.
    ``top`` is where the chart's scale ends; ``legend`` tells each severity's present count.
    """

    first: date
    last: date
    count: int
    legend: tuple[tuple[Severity, int], ...]
    top: int
    drawing: Markup | None
    has_releases: bool
    rows: tuple[Row, ...]
    grades: Markup | None
    letters: tuple[Letter, ...]


def past(history: StatusHistory) -> Past | None:
    """The history as it is shown; ``None`` before there is any."""
    days = history.days
    if not days:
        return None
    shown = [one for one in BY_SEVERITY if any(day.open.count(one) for day in days)]
    series = [_series(days, severity) for severity in shown]
    letters = tuple(letter for letter in LETTERS if any(day.grade == letter for day in days))
    released = [number for number, day in enumerate(days) if day.releases]
    return Past(
        first=days[0].day,
        last=days[-1].day,
        count=len(days),
        legend=tuple((severity, days[-1].open.count(severity)) for severity in shown),
        top=scale(series) if series else 0,
        drawing=stacked(series, _label(days), released) if series else None,
        has_releases=bool(released),
        rows=_rows(days),
        grades=_strip(days) if letters else None,
        letters=letters,
    )


def _strip(days: Sequence[Day]) -> Markup:
    """A bar for each day in the tone of its grade; a day without one is in none."""
    known = Counter(day.grade for day in days if day.grade)
    told = ", ".join(f"{letter} on {count_of(known[letter], 'day')}" for letter in sorted(known))
    silent = len(days) - known.total()
    label = f"Grades from {date_of(days[0].day)} to {date_of(days[-1].day)}: {told}"
    label += f"; none on {count_of(silent, 'day')}" if silent else ""
    return strip([day.grade or "none" for day in days], label)


def _series(days: Sequence[Day], severity: Severity) -> Series:
    values = tuple(day.open.count(severity) for day in days)
    return Series(name=name(severity), tone=severity, values=values)


def _label(days: Sequence[Day]) -> str:
    """The chart in a sentence, for those who do not see it."""
    highest = max(days, key=lambda day: day.open.total)
    return (
        f"Open findings from {date_of(days[0].day)} to {date_of(days[-1].day)}: "
        f"{days[0].open.total} at first, at most {highest.open.total} on "
        f"{date_of(highest.day)}, {days[-1].open.total} at last"
    )


def _rows(days: Sequence[Day]) -> tuple[Row, ...]:
    """Every day of change, newest first; every month, where those are too many."""
    told = [days[0], *(now for before, now in pairwise(days) if _differ(before, now))]
    if len(told) > MOST_ROWS:
        months = groupby(days, key=lambda day: month_of(day.day))
        return tuple(_row(month, tuple(all_)) for month, all_ in months)[::-1]
    return tuple(_row(date_of(day.day), (day,)) for day in reversed(told))


def _differ(before: Day, now: Day) -> bool:
    return before.grade != now.grade or bool(
        before.open != now.open or now.opened or now.closed or now.releases
    )


def _row(when: str, days: Sequence[Day]) -> Row:
    return Row(
        when=when,
        grade=days[-1].grade or ("none" if days[-1].formula_version else "not known"),
        open=days[-1].open,
        opened=sum(day.opened for day in days),
        closed=sum(day.closed for day in days),
        releases=tuple(version for day in days for version in day.releases),
    )
