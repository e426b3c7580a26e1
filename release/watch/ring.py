"""The ring of checks: bounded, whoever adds to it, and what it tells of the site's availability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from release.model.monitoring import Check, CheckState, Probe, ProbeDay, Probes, Uptime

LONGEST = 300
"""Checks that are kept one by one; hourly ones fill it in twelve days."""
DAYS = 366
"""Days that are kept summed up."""
WINDOWS = (1, 7, 30, 90)
"""Days over which availability is told; 1 is today (UTC)."""
GOOD: frozenset[CheckState] = frozenset({"ok", "settling"})
"""In both the site answered, and with true files."""
SLACK = timedelta(minutes=10)
"""How far two machines' clocks may be apart."""


def probe_of(check: Check) -> Probe:
    """What the ring keeps of a check."""
    return Probe(
        at=check.at,
        state=check.state,
        latency_ms=check.latency.median_ms if check.latency else None,
        troubles=tuple(sorted({trouble.kind for trouble in check.troubles})),
    )


def with_probe(known: Probes | None, probe: Probe, *, project: str, url: str) -> Probes:
    """The ring with one more check; the oldest makes room, and a site that moved begins anew.

    Another machine's checks may come in late: the ring is in the order of their times.
    """
    if known is None or known.url != url:
        known = Probes(project=project, url=url)
    if probe in known.ring:
        return known
    ring = sorted((*known.ring, probe), key=lambda item: item.at)
    days = {item.day: item for item in known.days}
    day = probe.at.astimezone(UTC).date()
    days[day] = _added(days.get(day, ProbeDay(day=day)), probe)
    return msgspec.structs.replace(
        known,
        ring=tuple(ring[-LONGEST:]),
        days=tuple(days[day] for day in sorted(days)[-DAYS:]),
    )


def _added(day: ProbeDay, probe: Probe) -> ProbeDay:
    counted = msgspec.structs.replace(
        day,
        checks=day.checks + 1,
        good=day.good + (probe.state in GOOD),
        unknown=day.unknown + (probe.state == "unknown"),
    )
    if probe.latency_ms is None:
        return counted
    total = (day.mean_ms or 0) * day.timed + probe.latency_ms
    return msgspec.structs.replace(
        counted,
        timed=day.timed + 1,
        mean_ms=round(total / (day.timed + 1)),
        worst_ms=max(day.worst_ms or 0, probe.latency_ms),
    )


def believable(probes: Probes, now: datetime) -> Probes:
    """The ring without what lies in the future: then a clock was wrong."""
    until = now + SLACK
    return msgspec.structs.replace(
        probes,
        ring=tuple(probe for probe in probes.ring if probe.at <= until),
        days=tuple(day for day in probes.days if day.day <= until.astimezone(UTC).date()),
    )


def uptimes(days: Iterable[ProbeDay], now: datetime) -> tuple[Uptime, ...]:
    """How available the site was over each of the windows."""
    held = tuple(days)
    return tuple(_uptime(held, window, now) for window in WINDOWS)


def _uptime(days: Sequence[ProbeDay], window: int, now: datetime) -> Uptime:
    first = now.astimezone(UTC).date() - timedelta(days=window - 1)
    held = [day for day in days if day.day >= first]
    checks, good = sum(day.checks for day in held), sum(day.good for day in held)
    return Uptime(
        days=window,
        checks=checks,
        good=good,
        unknown=sum(day.unknown for day in held),
        percent=percent(good, checks),
    )


def percent(good: int, checks: int) -> float | None:
    """The share in percent, cut to two places: 99.999 is not a hundred."""
    return good * 10_000 // checks / 100 if checks else None


def failing_since(ring: Sequence[Probe]) -> datetime | None:
    """The first of the checks at the end that were not good; ``None`` where the last one was."""
    since = None
    for probe in reversed(ring):
        if probe.state in GOOD:
            break
        since = probe.at
    return since
