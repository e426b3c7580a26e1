"""The grades of past days, which no later scan can tell any more."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant, Noun

Letter = Literal["A", "B", "C", "D", "F"]


class GradedDay(Noun, frozen=True, kw_only=True):
    """The grade of a day's last scan, which was at ``at``, by that ``formula_version``.

    ``grade`` is ``None`` where that scan did not see all that it had to.
    """

    at: Instant
    grade: Letter | None
    formula_version: int


class Grades(Document, frozen=True, kw_only=True):
    """One grade for each day (UTC) with a scan, oldest first and bounded."""

    project: str
    repository: str
    days: tuple[GradedDay, ...] = ()
