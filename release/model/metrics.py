"""Figures about releases, scans, findings and runs: what a project can hold itself against."""

from __future__ import annotations

from datetime import date

from release.errors import Failure
from release.model.base import Document, Instant, Noun
from release.model.history import Response
from release.model.monitoring import Uptime
from release.model.seal import SealState
from release.model.snapshot import State


class Spread(Noun, frozen=True, kw_only=True):
    """How a quantity spreads: how many, the middle one, one in twenty is above ``p95``, the most.

    Quantiles are nearest-rank, so each is a value that occurred.
    """

    count: int
    median: float
    p95: float
    most: float


class Releases(Noun, frozen=True, kw_only=True):
    """Releases ever sealed; ``last_30_days`` counts those that were confirmed."""

    by_state: dict[SealState, int] = {}
    by_trigger: dict[str, int] = {}
    last_30_days: int = 0
    last_at: Instant | None = None


class Used(Noun, frozen=True, kw_only=True):
    """How often a credential served, and how often it did not."""

    served: int = 0
    refused: int = 0


class Publishing(Noun, frozen=True, kw_only=True):
    """Attempts to publish; the jobs of one run of a workflow are one.

    ``steps`` are seconds by step, those of seals included; ``seconds`` those of whole attempts that
    succeeded. ``credentials`` counts by source how often an upload succeeded with it, and how often
    it was refused.
    """

    attempts: int = 0
    succeeded: int = 0
    failed: dict[Failure, int] = {}
    seconds: Spread | None = None
    steps: dict[str, Spread] = {}
    retries: int = 0
    credentials: dict[str, Used] = {}


class Scanning(Noun, frozen=True, kw_only=True):
    """Scans; ``outcomes`` by scanner and state, ``age_hours`` since the last one began.

    ``last_whole_at`` is the last of those in the book in which every scanner saw everything: a scan
    that saw nothing makes nothing fresh.
    """

    scans: int = 0
    outcomes: dict[str, dict[State, int]] = {}
    last_at: Instant | None = None
    last_whole_at: Instant | None = None
    age_hours: float | None = None


class Updates(Noun, frozen=True, kw_only=True):
    """Updates of the status site, and how available it was.

    An update follows each run that scans or releases, and is what ``status.build`` and
    ``status.publish`` do. ``last_at`` is the last one that succeeded. ``uptime`` counts the checks
    of ``status.check``, by windows of days in which there was one.
    """

    updates: int = 0
    succeeded: int = 0
    failed: dict[Failure, int] = {}
    seconds: Spread | None = None
    last_at: Instant | None = None
    uptime: tuple[Uptime, ...] = ()


class Exposure(Noun, frozen=True, kw_only=True):
    """For how long users could only get something vulnerable, in days.

    ``ended`` from the advisory's publication until a remedy of ours was found in what users get;
    ``since_fix`` the same from when a fix could be had; ``open`` are those that last still.
    """

    ended: Spread | None = None
    since_fix: Spread | None = None
    open: Spread | None = None


class Minutes(Noun, frozen=True, kw_only=True):
    """What CI spent, in minutes: our tasks alone, without what a job needs to start."""

    total: float = 0.0
    last_30_days: float = 0.0
    by_task: dict[str, float] = {}


class RunDay(Noun, frozen=True, kw_only=True):
    """The runs that ended on a day (UTC).

    ``scans`` counts scans by the worst state of any of their scanners; ``ci_minutes`` is what our
    tasks took in CI; ``updates`` are those of the status site.
    """

    day: date
    runs: int = 0
    failed: int = 0
    scans: dict[State, int] = {}
    ci_minutes: float = 0.0
    updates: int = 0
    updates_failed: int = 0


class Metrics(Document, frozen=True, kw_only=True):
    """All figures as of ``as_of``; those of runs reach back to ``since``.

    ``days`` are those on which something ran, oldest first, of the last 90.
    """

    project: str
    repository: str
    as_of: Instant
    since: Instant | None = None
    runs: int = 0
    releases: Releases = Releases()
    publishing: Publishing = Publishing()
    scanning: Scanning = Scanning()
    status: Updates = Updates()
    exposure: Exposure = Exposure()
    response: tuple[Response, ...] = ()
    ci: Minutes = Minutes()
    days: tuple[RunDay, ...] = ()
