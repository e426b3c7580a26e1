"""How available the site was, as the page shows it: a bar for each day, and the figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from release.model.monitoring import ProbeDay
from status_site.chart import strip
from status_site.monitoring import Monitoring, StatusMonitoring
from status_site.words import count_of, date_of

SHOWN = 90
"""Days of the strip, up to the last check."""


@dataclass(frozen=True)
class Availability:
    """The checks of the last days; ``bad`` are the days on which one was not good, newest first."""

    told: Monitoring
    first: date
    last: date
    drawing: Markup
    bad: tuple[ProbeDay, ...]


def availability(monitored: StatusMonitoring) -> Availability | None:
    """The strip of the last days; ``None`` where nobody has looked yet."""
    told = monitored.monitoring
    if told is None or not monitored.days:
        return None
    last = monitored.days[-1].day
    first = last - timedelta(days=SHOWN - 1)
    known = {day.day: day for day in monitored.days if day.day >= first}
    bad = tuple(day for day in reversed(known.values()) if day.good < day.checks)
    return Availability(
        told=told,
        first=first,
        last=last,
        drawing=strip(
            [_tone(known.get(first + timedelta(days=number))) for number in range(SHOWN)],
            f"The {SHOWN} days to {date_of(last)}: checks on {count_of(len(known), 'day')}, "
            f"with one that was not good on {count_of(len(bad), 'day')}",
        ),
        bad=bad,
    )


def _tone(day: ProbeDay | None) -> str:
    """The class of a day's bar; a day that nobody looked at is not good."""
    if day is None or day.checks == day.unknown:
        return "none"
    if day.good == day.checks:
        return "ok"
    return "partial" if day.good else "failed"
