"""A finding: one weakness in one package (or one place of our own code), under one lasting key."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from release.model.base import Instant, Noun

Severity = Literal["critical", "high", "medium", "low", "unknown"]
Kind = Literal["dependency", "code", "secret"]
Scope = Literal["runtime", "extra", "floor", "dev", "code"]
ClosureKind = Literal["published", "candidate", "floor", "dev"]
"""What users get, what HEAD would bring; and beside them, never a cause of anything: the lowest
that HEAD's requirements admit, and what its developers install."""

RANK: dict[Severity, int] = {"critical": 4, "high": 3, "unknown": 3, "medium": 2, "low": 1}
"""How bad: policy treats ``unknown`` as ``high`` (DESIGN: identity, severity)."""

RELEASABLE: frozenset[Severity] = frozenset({"critical", "high", "unknown"})
"""The severities that justify an automatic release on their own."""

USERS_GET: frozenset[Scope] = frozenset({"runtime", "extra"})
"""The scopes that a fresh install brings; ``floor`` and ``dev`` are never in the grade."""

SLA: dict[Severity, timedelta] = {
    "critical": timedelta(days=7),
    "high": timedelta(days=30),
    "unknown": timedelta(days=30),
    "medium": timedelta(days=90),
    "low": timedelta(days=120),
}
"""In what time a finding is to be remedied (DefectDojo's defaults); ``unknown`` is as ``high``."""


class Finding(Noun, frozen=True, kw_only=True):
    """One weakness as the scanners told it.

    ``key`` is minted at first sight and never changes. ``ids`` are all the ids of its alias
    group, sorted. ``affects`` says which closures hold it, and at which versions: what is under
    ``published`` is what users get today, what is under ``candidate`` they would get from HEAD.
    ``pythons`` and ``extras`` are the witness of the closure that ``version`` comes from; the
    extra ``""`` is the plain install. ``score`` is the CVSS base score, where there is one.
    ``fixed_in`` are the releases that end the ranges holding ``version``, lowest first.
    ``scanners`` are those that reported it. ``named_by`` says of each of the ``ids`` which
    advisories name it, so that a wrong alias can be traced to who told it.
    """

    key: str
    kind: Kind
    package: str
    version: str
    ids: tuple[str, ...]
    severity: Severity
    scope: Scope
    path: str | None = None
    score: float | None = None
    fixed_in: tuple[str, ...] = ()
    published_at: Instant | None = None
    first_seen: Instant | None = None
    fix_available_at: Instant | None = None
    source: tuple[str, ...] = ()
    summary: str = ""
    url: str | None = None
    suppressed: bool = False
    affects: dict[ClosureKind, tuple[str, ...]] = {}
    pythons: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ("osv",)
    named_by: dict[str, tuple[str, ...]] = {}

    def reaches(self, closure: ClosureKind) -> bool:
        """Whether this closure holds it; what no closure claims is held to be everywhere."""
        return not self.affects or closure in self.affects
