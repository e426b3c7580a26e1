"""How available the site was, as its checks saw it: a part of ``index.json``, and a file."""

from __future__ import annotations

from datetime import datetime

from release.model.base import Document, Instant, Noun
from release.model.monitoring import (
    CheckState,
    Latency,
    Probe,
    ProbeDay,
    Probes,
    TroubleKind,
    Uptime,
)
from release.watch.ring import believable, failing_since, uptimes

RECENT = 7
"""Days over which the latency is told."""


class Monitoring(Noun, frozen=True, kw_only=True):
    """What the checks of the site at ``url`` saw, up to the last one that this build knows of.

    ``state`` and ``troubles`` are the last check's; ``failing_since`` is the first of the checks
    that were not good since the last good one. ``uptime`` counts checks by windows of days: a time
    in which nobody looked is in none. ``latency`` is of the last seven days.
    """

    url: str
    last_checked: Instant
    state: CheckState
    failing_since: Instant | None
    troubles: tuple[TroubleKind, ...]
    uptime: tuple[Uptime, ...]
    latency: Latency | None


class StatusMonitoring(
    Document, frozen=True, kw_only=True, tag="release-warden/status-monitoring/1"
):
    """The last checks one by one, and the last days, each oldest first and bounded."""

    build_id: str
    monitoring: Monitoring | None
    ring: tuple[Probe, ...]
    days: tuple[ProbeDay, ...]


def monitoring(probes: Probes | None, now: datetime | None) -> Monitoring | None:
    """The summary; ``None`` where nobody has looked yet.

    :param now: the present moment, after which no check can have been.
    """
    if probes is None or now is None:
        return None
    seen = believable(probes, now)
    if not seen.ring:
        return None
    last = seen.ring[-1]
    return Monitoring(
        url=seen.url,
        last_checked=last.at,
        state=last.state,
        failing_since=failing_since(seen.ring),
        troubles=last.troubles,
        uptime=uptimes(seen.days, now),
        latency=_latency(seen.days[-RECENT:]),
    )


def _latency(days: tuple[ProbeDay, ...]) -> Latency | None:
    means = sorted(day.mean_ms for day in days if day.mean_ms is not None)
    worst = [day.worst_ms for day in days if day.worst_ms is not None]
    return Latency(median_ms=means[len(means) // 2], worst_ms=max(worst)) if means else None


def status_monitoring(
    build_id: str, summary: Monitoring | None, probes: Probes | None
) -> StatusMonitoring:
    """The file ``monitoring.json``."""
    seen = believable(probes, summary.last_checked) if probes and summary else None
    return StatusMonitoring(
        build_id=build_id,
        monitoring=summary,
        ring=seen.ring if seen else (),
        days=seen.days if seen else (),
    )
