"""The grade: caps first, then deductions; nothing but numbers that ``index.json`` shows.

Caps beat averages (SSL Labs): one critical finding is a D however clean the rest is, and what is
not known has no grade at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from release.model.base import Noun
from release.model.finding import Severity

Letter = Literal["A", "B", "C", "D", "F"]

FORMULA_VERSION = 1
"""Raised whenever the same numbers could yield another letter."""

BY_SEVERITY: tuple[Severity, ...] = ("critical", "high", "unknown", "medium", "low")
"""The order of severities, worst first; ``unknown`` is treated as ``high``."""


class Formula(Noun, frozen=True, kw_only=True):
    """The numbers of the formula.

    A grade starts at 100 points. Each finding costs ``points`` of its severity, all of a severity
    together at most ``ceilings``; what is left, at least 0, earns the best letter of ``bands``
    whose points it reaches; a severity that is present lowers it to ``caps``.
    """

    points: dict[Severity, int]
    ceilings: dict[Severity, int]
    bands: dict[Letter, int]
    caps: dict[Severity, Letter]


FORMULA = Formula(
    points={"critical": 50, "high": 25, "unknown": 25, "medium": 12, "low": 4},
    ceilings={"critical": 100, "high": 100, "unknown": 100, "medium": 60, "low": 25},
    bands={"A": 90, "B": 75, "C": 60, "D": 40, "F": 0},
    caps={"critical": "D", "high": "C", "unknown": "C"},
)
"""Version 1. Low findings alone cost no more than one letter and medium ones no more than three."""


class Summary(Noun, frozen=True, kw_only=True):
    """How many open findings users get, by severity."""

    total: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    unknown: int = 0

    def count(self, severity: Severity) -> int:
        """The number of that severity."""
        return int(getattr(self, severity))


class Deduction(Noun, frozen=True, kw_only=True):
    """Points taken off, for which findings."""

    severity: Severity
    count: int
    points: int
    reason: str


class Cap(Noun, frozen=True, kw_only=True):
    """The best grade still possible, and why; ``None`` withholds the grade."""

    at_most: Letter | None
    reason: str


class Grade(Noun, frozen=True, kw_only=True):
    """The letter with everything that led to it; ``points`` are what the deductions left."""

    letter: Letter | None
    points: int
    caps: tuple[Cap, ...]
    deductions: tuple[Deduction, ...]


def summarize(severities: Iterable[Severity]) -> Summary:
    """Count severities."""
    counts = Counter(severities)
    return Summary(
        total=counts.total(),
        critical=counts["critical"],
        high=counts["high"],
        medium=counts["medium"],
        low=counts["low"],
        unknown=counts["unknown"],
    )


def grade(summary: Summary, doubts: Sequence[str] = ()) -> Grade:
    """Grade what users get.

    :param summary: the open findings, counted.
    :param doubts: what is not known though it must be; any of them withholds the grade.
    """
    deductions = tuple(_deductions(summary))
    points = max(0, 100 - sum(deduction.points for deduction in deductions))
    caps = tuple(Cap(at_most=None, reason=doubt) for doubt in doubts) + tuple(_caps(summary))
    return Grade(letter=_letter(points, caps), points=points, caps=caps, deductions=deductions)


def _deductions(summary: Summary) -> Iterable[Deduction]:
    for severity in BY_SEVERITY:
        count, each = summary.count(severity), FORMULA.points[severity]
        if count:
            points, ceiling = count * each, FORMULA.ceilings[severity]
            limit = f", at most {ceiling} together" if points > ceiling else ""
            yield Deduction(
                severity=severity,
                count=count,
                points=min(points, ceiling),
                reason=f"{plural(count, severity)} at {each} points each{limit}",
            )


def _caps(summary: Summary) -> Iterable[Cap]:
    for severity, letter in FORMULA.caps.items():
        count = summary.count(severity)
        if count:
            reason = f"{plural(count, severity)}: {letter} at best"
            yield Cap(at_most=letter, reason=reason)


def _letter(points: int, caps: Iterable[Cap]) -> Letter | None:
    worst: Letter = next(letter for letter, least in FORMULA.bands.items() if points >= least)
    for cap in caps:
        if cap.at_most is None:
            return None
        worst = max(worst, cap.at_most)
    return worst


def plural(count: int, severity: Severity) -> str:
    """``1 high finding``, ``2 findings of unknown severity``."""
    noun = "finding" if count == 1 else "findings"
    if severity == "unknown":
        return f"{count} {noun} of unknown severity"
    return f"{count} {severity} {noun}"
