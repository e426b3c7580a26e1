"""How bad: the highest CVSS of an alias group by its bands, else the database's own word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from release.model.base import Noun
from release.model.finding import Severity

DATABASE_WORDS: dict[str, Severity] = {
    "CRITICAL": "critical",
    "HIGH": "high",
    "MODERATE": "medium",
    "MEDIUM": "medium",
    "LOW": "low",
}
"""What databases write into ``database_specific.severity``."""

ORDER: tuple[Severity, ...] = ("low", "medium", "high", "critical")
BANDS: tuple[tuple[float, Severity], ...] = (
    (9.0, "critical"),
    (7.0, "high"),
    (4.0, "medium"),
    (0.1, "low"),
)
"""CVSS v3.1 section 5 and v4.0 section 6: the lowest score of each rating."""
V2_BANDS: tuple[tuple[float, Severity], ...] = ((7.0, "high"), (4.0, "medium"), (0.0, "low"))
"""CVSS v2 knows no critical (NVD's bands)."""


class Score(msgspec.Struct, frozen=True):
    """One entry of an OSV ``severity`` list."""

    type: str
    score: str


class Rating(Noun, frozen=True, kw_only=True):
    """A severity, and the CVSS base score that it comes from, where there is one."""

    severity: Severity
    score: float | None = None


def rate(scores: Iterable[Score], words: Iterable[Any]) -> Rating:
    """Rate an alias group.

    :param scores: the CVSS entries of all its records; unreadable ones count as absent.
    :param words: what the databases say, such as ``"HIGH"``.
    """
    ratings = [rating for score in scores if (rating := _rate_one(score))]
    if ratings:
        return max(ratings, key=_weight)
    named = [DATABASE_WORDS[w.upper()] for w in words if _is_known_word(w)]
    return Rating(severity=max(named, key=ORDER.index) if named else "unknown")


def _weight(rating: Rating) -> tuple[int, float]:
    return ORDER.index(rating.severity), rating.score or 0.0


def _is_known_word(word: Any) -> bool:
    return isinstance(word, str) and word.upper() in DATABASE_WORDS


def _rate_one(entry: Score) -> Rating | None:
    """The base score, rated; a score of nil (``None`` in v3 and v4) is no rating."""
    score = _base_score(entry)
    if score is None:
        return None
    severity = _band(score, V2_BANDS if entry.type == "CVSS_V2" else BANDS)
    return Rating(severity=severity, score=score) if severity else None


def severity_of_score(score: float) -> Severity:
    """The rating of a CVSS v3 or v4 score; nil is ``unknown``."""
    return _band(score, BANDS) or "unknown"


def _band(score: float, bands: tuple[tuple[float, Severity], ...]) -> Severity | None:
    return next((name for least, name in bands if score >= least), None)


def _base_score(entry: Score) -> float | None:
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    kinds: dict[str, Callable[[str], Any]] = {
        "CVSS_V2": CVSS2,
        "CVSS_V3": CVSS3,
        "CVSS_V4": CVSS4,
    }
    if entry.type not in kinds:
        return None
    try:
        return float(kinds[entry.type](entry.score).base_score)
    except CVSSError:
        return None
