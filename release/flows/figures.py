"""The figures as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from release.flows.words import table
from release.model.metrics import Metrics, Spread

Row = tuple[str, str]
K = TypeVar("K", bound=str)
NONE = "none yet"


def of_metrics(found: Metrics) -> str:
    """The figures as tables, what is not known said so."""
    since = f"since {found.since:%Y-%m-%d}" if found.since else "none kept yet"
    sections = (
        ("releases", tuple(_releases(found))),
        ("publishing", tuple(_publishing(found))),
        ("scans", tuple(_scanning(found))),
        ("status site", tuple(_status(found))),
        ("exposure", tuple(_exposure(found))),
        ("CI", tuple(_ci(found))),
    )
    parts = [f"{found.project} on {found.repository}; runs in the book: {found.runs}, {since}"]
    parts += [table((name, ""), rows) for name, rows in sections]
    parts.append(_response(found))
    return "\n\n".join(part for part in parts if part)


def _releases(found: Metrics) -> Iterator[Row]:
    it = found.releases
    yield "by state", _counts(it.by_state)
    yield "confirmed, by trigger", _counts(it.by_trigger)
    yield "in the last 30 days", str(it.last_30_days)
    yield "last", _moment(it.last_at)


def _publishing(found: Metrics) -> Iterator[Row]:
    it = found.publishing
    yield "attempts", f"{it.attempts}, of which {it.succeeded} succeeded"
    yield "failed, by class", _counts(it.failed)
    yield "seconds, whole", _spread(it.seconds, "s")
    for name, seconds in it.steps.items():
        yield f"  {name}", _spread(seconds, "s")
    yield "asked again", f"{it.retries} times"
    for name, used in it.credentials.items():
        yield f"credential {name}", f"served {used.served}, refused {used.refused}"


def _scanning(found: Metrics) -> Iterator[Row]:
    it = found.scanning
    yield "scans", str(it.scans)
    for name, states in it.outcomes.items():
        yield f"  {name}", _counts(states)
    ago = "" if it.age_hours is None else f", {it.age_hours:g} hours ago"
    yield "last", f"{_moment(it.last_at)}{ago}"
    yield "last that saw all", _moment(it.last_whole_at)


def _status(found: Metrics) -> Iterator[Row]:
    it = found.status
    yield "updates", f"{it.updates}, of which {it.succeeded} succeeded"
    yield "failed, by class", _counts(it.failed)
    yield "seconds", _spread(it.seconds, "s")
    yield "last", _moment(it.last_at)
    for one in it.uptime:
        name = "available today" if one.days == 1 else f"available, {one.days} days"
        yield name, f"{one.percent:g} % of {one.checks} checks, {one.unknown} unknown"
    if not it.uptime:
        yield "available", NONE


def _exposure(found: Metrics) -> Iterator[Row]:
    it = found.exposure
    yield "ended, since disclosed", _spread(it.ended, "days")
    yield "ended, since a fix was there", _spread(it.since_fix, "days")
    yield "open, since disclosed", _spread(it.open, "days")


def _ci(found: Metrics) -> Iterator[Row]:
    yield "minutes", f"{found.ci.total:g}, in the last 30 days {found.ci.last_30_days:g}"
    for name, minutes in found.ci.by_task.items():
        yield f"  {name}", f"{minutes:g}"


def _response(found: Metrics) -> str:
    header = ("severity", "within", "open", "overdue", "remedied", "in time", "mean time")
    rows = []
    for item in found.response:
        mean = "" if item.mttr_days is None else f"{item.mttr_days:g} days"
        counts = (item.open, item.overdue, item.remedied, item.within)
        rows.append((item.severity, f"{item.sla_days} days", *map(str, counts), mean))
    return table(header, rows) if any(item.open or item.remedied for item in found.response) else ""


def _counts(counts: Mapping[K, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else NONE


def _spread(spread: Spread | None, unit: str) -> str:
    if spread is None:
        return NONE
    return (
        f"median {spread.median:g}, p95 {spread.p95:g}, most {spread.most:g} {unit} "
        f"({spread.count})"
    )
