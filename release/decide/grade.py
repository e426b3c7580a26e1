"""The grade: caps first, then deductions; nothing but numbers that ``index.json`` shows.

Caps beat averages (SSL Labs): one critical finding is a D however clean the rest is, and what is
not known has no grade at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from release.model.base import Noun
from release.model.finding import SLA, Severity
from release.model.grades import Letter

LETTERS: tuple[Letter, ...] = ("A", "B", "C", "D", "F")

Exposure = Literal["every-install", "some-installs"]
"""Whether each fresh install gets it, or it takes an extra, or can be avoided by installing."""

Fix = Literal["none", "new", "old"]
"""Whether a fixed release exists, and for how long; one of unknown age counts as ``old``."""

FORMULA_VERSION = 2
"""Raised whenever the same numbers could yield another letter."""

BY_SEVERITY: tuple[Severity, ...] = ("critical", "high", "unknown", "medium", "low")
"""The order of severities, worst first; ``unknown`` is treated as ``high``."""


class Formula(Noun, frozen=True, kw_only=True):
    """The numbers of the formula.

    A grade starts at 100 points. Each finding costs the ``points`` of its severity, times the
    percentages of its ``exposure`` and of its ``fix``; all of a severity together cost at most
    ``ceilings``. What is left, at least 0, earns the best letter of ``bands`` whose points it
    reaches; a severity that is present lowers it to ``caps``. A finding that was first seen more
    than ``overdue_days`` ago is overdue, and any such one lowers the cap by a letter. A fix is
    ``old`` that has existed for ``old_fix_days``.
    """

    points: dict[Severity, int]
    exposure: dict[Exposure, int]
    fix: dict[Fix, int]
    old_fix_days: int
    ceilings: dict[Severity, int]
    bands: dict[Letter, int]
    caps: dict[Severity, Letter]
    overdue_days: dict[Severity, int]


FORMULA = Formula(
    points={"critical": 40, "high": 24, "unknown": 24, "medium": 12, "low": 4},
    exposure={"every-install": 100, "some-installs": 50},
    fix={"none": 100, "new": 100, "old": 150},
    old_fix_days=30,
    ceilings={"critical": 100, "high": 100, "unknown": 100, "medium": 60, "low": 24},
    bands={"A": 90, "B": 75, "C": 60, "D": 40, "F": 0},
    caps={"critical": "D", "high": "C", "unknown": "C"},
    overdue_days={severity: time.days for severity, time in SLA.items()},
)
"""Version 2. Low findings alone cost no more than one letter and medium ones no more than three."""


class Counted(Noun, frozen=True, kw_only=True):
    """As much of a finding as the grade needs; by default the newest of its severity.

    Where no time may enter, as in a decision, the severity alone is told.
    """

    severity: Severity
    exposure: Exposure = "every-install"
    fix: Fix = "none"
    overdue: bool = False


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
    """Points taken off, for ``count`` findings that are alike."""

    severity: Severity
    exposure: Exposure
    fix: Fix
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


def grade(findings: Iterable[Counted], doubts: Sequence[str] = ()) -> Grade:
    """Grade what users get.

    :param findings: the open findings, in any order.
    :param doubts: what is not known though it must be; any of them withholds the grade.
    """
    counted = list(findings)
    deductions = tuple(_deductions(counted))
    points = max(0, 100 - sum(deduction.points for deduction in deductions))
    caps = tuple(Cap(at_most=None, reason=doubt) for doubt in doubts) + tuple(_caps(counted))
    return Grade(letter=_letter(points, caps), points=points, caps=caps, deductions=deductions)


def _deductions(findings: Iterable[Counted]) -> Iterator[Deduction]:
    """One for all findings that are alike; what costs most comes first, up to the ceiling."""
    alike = Counter((item.severity, item.exposure, item.fix) for item in findings)
    left = dict(FORMULA.ceilings)
    for severity, exposure, fix in sorted(alike, key=_dearest_first):
        count, each = alike[severity, exposure, fix], _each(severity, exposure, fix)
        points = min(count * each, left[severity])
        left[severity] -= points
        limit = f", at most {FORMULA.ceilings[severity]} together" if points < count * each else ""
        about = f"{plural(count, severity)}{EXPOSURES[exposure]}{FIXES[fix]}"
        yield Deduction(
            severity=severity,
            exposure=exposure,
            fix=fix,
            count=count,
            points=points,
            reason=f"{about}, at {each} points each{limit}",
        )


def _each(severity: Severity, exposure: Exposure, fix: Fix) -> int:
    """What one finding costs; the numbers are such that nothing is rounded."""
    return FORMULA.points[severity] * FORMULA.exposure[exposure] * FORMULA.fix[fix] // 10_000


def _dearest_first(kind: tuple[Severity, Exposure, Fix]) -> tuple[int, int, str]:
    return BY_SEVERITY.index(kind[0]), -_each(*kind), kind[2]


def _caps(findings: Sequence[Counted]) -> Iterator[Cap]:
    counts = Counter(item.severity for item in findings)
    lowest: Letter = "A"
    for severity, letter in FORMULA.caps.items():
        if counts[severity]:
            lowest = max(lowest, letter)
            yield Cap(
                at_most=letter, reason=f"{plural(counts[severity], severity)}: {letter} at best"
            )
    late = sum(item.overdue for item in findings)
    if late:
        lower = LETTERS[min(LETTERS.index(lowest) + 1, len(LETTERS) - 1)]
        reason = (
            f"{late} overdue finding{'' if late == 1 else 's'}: one letter lower, {lower} at best"
        )
        yield Cap(at_most=lower, reason=reason)


def _letter(points: int, caps: Iterable[Cap]) -> Letter | None:
    worst: Letter = next(letter for letter, least in FORMULA.bands.items() if points >= least)
    for cap in caps:
        if cap.at_most is None:
            return None
        worst = max(worst, cap.at_most)
    return worst


EXPOSURES: Mapping[Exposure, str] = {
    "every-install": "",
    "some-installs": " that not every fresh install gets",
}
FIXES: Mapping[Fix, str] = {
    "none": "",
    "new": "",
    "old": f", fixed elsewhere for {FORMULA.old_fix_days} days or for an unknown time",
}


def plural(count: int, severity: Severity) -> str:
    """``1 high finding``, ``2 findings of unknown severity``."""
    noun = "finding" if count == 1 else "findings"
    if severity == "unknown":
        return f"{count} {noun} of unknown severity"
    return f"{count} {severity} {noun}"
