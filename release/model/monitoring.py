"""What was seen of the published status site: one check in full, and the ring of all of them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from release.model.base import Document, Instant, Noun

CheckState = Literal["ok", "settling", "failed", "unknown"]
"""``settling``: it was published just now, and caches still mix it with what stood before."""

TroubleKind = Literal[
    "unreachable",
    "throttled",
    "certificate",
    "status",
    "type",
    "schema",
    "build",
    "bytes",
    "settling",
    "badge",
    "project",
    "stale",
    "behind",
    "update-failed",
    "late",
    "clock",
    "slow",
]


class Trouble(Noun, frozen=True, kw_only=True):
    """One thing that is wrong with the site; ``path`` is empty where it is wrong as a whole."""

    kind: TroubleKind
    path: str
    what: str
    remedy: str


class Latency(Noun, frozen=True, kw_only=True):
    """Milliseconds until an answer was whole, of the files asked for one by one."""

    median_ms: int
    worst_ms: int


class Certificate(Noun, frozen=True, kw_only=True):
    """Until when the server's certificate holds; ``days_left`` are whole days."""

    expires: Instant
    days_left: int


class Check(Document, frozen=True, kw_only=True):
    """What one check of the site saw.

    ``rounds`` is how often it looked: once if all was well, else several times before it believed
    a failure. ``asked`` counts files; ``left_out`` those beyond the bound. ``recorded`` tells
    whether the ledger's ring has it.
    """

    url: str
    at: Instant
    state: CheckState
    rounds: int
    asked: int
    left_out: int = 0
    build_id: str | None = None
    scan_date: Instant | None = None
    valid_until: Instant | None = None
    latency: Latency | None = None
    certificate: Certificate | None = None
    troubles: tuple[Trouble, ...] = ()
    recorded: bool = False


class Probe(Noun, frozen=True, kw_only=True):
    """As much of a check as the ring keeps."""

    at: Instant
    state: CheckState
    latency_ms: int | None = None
    troubles: tuple[TroubleKind, ...] = ()


class ProbeDay(Noun, frozen=True, kw_only=True):
    """The checks of a day (UTC): how many, how many good, how many that saw nothing.

    ``mean_ms`` and ``worst_ms`` are of the ``timed`` ones.
    """

    day: date
    checks: int = 0
    good: int = 0
    unknown: int = 0
    timed: int = 0
    mean_ms: int | None = None
    worst_ms: int | None = None


class Probes(Document, frozen=True, kw_only=True):
    """The last checks of a site, and its last days, each oldest first and bounded."""

    project: str
    url: str
    ring: tuple[Probe, ...] = ()
    days: tuple[ProbeDay, ...] = ()


class Uptime(Noun, frozen=True, kw_only=True):
    """The checks of the last so many days; ``percent`` is ``None`` where there was none."""

    days: int
    checks: int
    good: int
    unknown: int
    percent: float | None
