"""The grades of past days: one a day, bounded, and none of the future."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from release.decide.grade import FORMULA_VERSION
from release.model.grades import GradedDay, Grades, Letter
from release.watch.ring import SLACK

KEPT = 400
"""Days that are kept: a year, and more than the site shows."""


def with_day(known: Grades, letter: Letter | None, at: datetime, now: datetime) -> Grades:
    """The grades with that of one more scan; of those of one day (UTC) the last scan's stays.

    What lies in the future was written by a wrong clock, and is dropped.

    :param letter: the grade, ``None`` where that scan did not see all that it had to.
    :param at: when the scan was.
    """
    point = GradedDay(at=at, grade=letter, formula_version=FORMULA_VERSION)
    held = sorted((*known.days, point), key=lambda one: one.at)
    by_day = {one.at.astimezone(UTC).date(): one for one in held if one.at <= now + SLACK}
    return replace(known, days=tuple(by_day.values())[-KEPT:])
