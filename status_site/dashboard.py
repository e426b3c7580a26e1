"""The figures as the dashboard shows them: tables with bars, and charts over time.

What is not known is said so: a table without rows is not shown, and no chart begins at nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from markupsafe import Markup

from release.model.metrics import Metrics, RunDay, Spread
from release.model.snapshot import State
from status_site.chart import Series, bar, scale, stacked, strip
from status_site.figures import StatusMetrics
from status_site.status import SecurityStatus
from status_site.words import STATES, count_of, date_of, month_of

DAYS, MONTHS = 90, 12
"""How far back charts show runs, and releases."""

SPREAD = ("Median", "95 of 100 within", "The most")
SHADES = "The three shades of a bar end at the median, at 95 of 100, and at the most."
STEPS = ("gates", "build", "verify", "upload", "confirm", "prove", "tag")
"""The order in which a release takes its steps."""
TONES: Mapping[State, str] = {
    "ok": "ok", "partial": "partial", "failed": "failed", "absent": "none",
}  # fmt: skip
TRIGGERS = (("security-auto", "By itself, for security"), ("manual", "By a person"))
Unit = Callable[[float], str]
LINKED = 10
"""Releases that the table names, the newest."""


@dataclass(frozen=True)
class Row:
    """A line of a table; ``link`` leads from its name to more, ``data`` to the document."""

    name: str
    cells: tuple[str, ...]
    drawing: Markup | None = None
    link: str = ""
    data: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the heads are those of the name and of the cells, the note says what bars mean."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart over time; ``top`` is where its scale ends, where it has one."""

    caption: str
    drawing: Markup
    first: str
    last: str
    legend: tuple[tuple[str, str], ...]
    table: Table
    top: int = 0


@dataclass(frozen=True)
class Part:
    """A section: what is said, and what is shown."""

    anchor: str
    title: str
    said: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Tile:
    """A figure at a glance; ``None`` is not known."""

    name: str
    figure: str | None
    more: str = ""


@dataclass(frozen=True)
class Dashboard:
    """All that the page shows; ``until`` is the last day that the figures of runs count."""

    since: datetime | None
    until: date
    tiles: tuple[Tile, ...]
    parts: tuple[Part, ...]


def dashboard(figures: StatusMetrics, status: SecurityStatus) -> Dashboard | None:
    """What the page shows; ``None`` where nobody told any figures."""
    found = figures.metrics
    if found is None:
        return None
    until = found.as_of.astimezone(UTC).date() - timedelta(days=1)
    makers = (_releases(found, status), _publishing(found), _scans(found, until))
    more = (_exposure(found), _response(found), _updates(found, until), _ci(found, until))
    return Dashboard(found.since, until, tuple(_tiles(found)), (*makers, *more))


def _tiles(found: Metrics) -> Iterator[Tile]:
    publishing, ended = found.publishing, found.exposure.ended
    yield Tile("Releases in 30 days", str(found.releases.last_30_days))
    yield Tile(
        "Publishing succeeded",
        _share(publishing.succeeded, publishing.attempts),
        count_of(publishing.attempts, "attempt"),
    )
    whole = sum(day.scans.get("ok", 0) for day in found.days)
    told = sum(sum(day.scans.values()) for day in found.days)
    yield Tile("Scans that saw all", _share(whole, told), count_of(told, "scan"))
    yield Tile(
        "From disclosure to a fix",
        _days(ended.median) if ended else None,
        f"median of {ended.count}" if ended else "",
    )
    if not found.ci.by_task:
        yield Tile("CI in 30 days", None)
    else:
        lately, ever = map(_minutes, (found.ci.last_30_days, found.ci.total))
        yield Tile("CI in 30 days", f"{lately} min", f"{ever} min in all")


def _share(good: int, of: int) -> str | None:
    """In percent, cut and not rounded: 99.9 is not a hundred."""
    return f"{good * 100 // of} %" if of else None


def _releases(found: Metrics, status: SecurityStatus) -> Part:
    it = found.releases
    if not it.by_state:
        return Part("releases", "Releases", "Nothing has been released yet.")
    last = f", the last one on {_day(it.last_at)}" if it.last_at else ""
    others = [f"{count} {state}" for state, count in sorted(it.by_state.items())]
    charts = (_by_month(found, status),) if status.releases else ()
    said = f"Of the versions ever sealed: {', '.join(others)}{last}."
    return Part("releases", "Releases", said, charts, (_receipts(status),) if charts else ())


def _by_month(found: Metrics, status: SecurityStatus) -> Chart:
    months = _months(found.as_of)
    held = Counter((_month(one.confirmed_at), one.trigger) for one in status.releases)
    series = [
        Series(name, tone, tuple(held[month, trigger] for month in months))
        for (trigger, name), tone in zip(TRIGGERS, ("medium", "low"), strict=True)
    ]
    rows = tuple(
        Row(month_of(month), tuple(str(one.values[at]) for one in series))
        for at, month in reversed(tuple(enumerate(months)))
    )
    total = sum(sum(one.values) for one in series)
    label = f"{count_of(total, 'release')} in the {MONTHS} months to {month_of(months[-1])}"
    return Chart(
        caption="Confirmed releases, month by month",
        drawing=stacked(series, label),
        first=month_of(months[0]),
        last=month_of(months[-1]),
        legend=tuple((one.tone, one.name) for one in series),
        table=Table("Confirmed releases by month", ("Month", *(n for _, n in TRIGGERS)), rows),
        top=scale(series),
    )


def _months(now: datetime) -> tuple[date, ...]:
    """The first days of the last months, the present one at the end."""
    last = now.year * 12 + now.month - 1
    return tuple(date(at // 12, at % 12 + 1, 1) for at in range(last - MONTHS + 1, last + 1))


def _month(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def _receipts(status: SecurityStatus) -> Table:
    """The newest releases, each with its page and its receipt."""
    triggers = dict(TRIGGERS)
    rows = tuple(
        Row(
            one.version,
            (_day(one.confirmed_at), triggers.get(one.trigger, one.trigger)),
            link="releases.html",
            data=one.file,
        )
        for one in status.releases[:LINKED]
    )
    return Table("The newest releases", ("Version", "Confirmed", "Released", "Receipt"), rows)


def _publishing(found: Metrics) -> Part:
    it = found.publishing
    title = ("publishing", "Publishing")
    in_order = {name: it.steps[name] for name in STEPS if name in it.steps} | it.steps
    steps = _spreads("How long steps take", "Step", in_order, _seconds)
    if not it.attempts:
        said = "No attempt to publish has been measured yet."
        return Part(*title, said, tables=(steps,) if steps.rows else ())
    took = f" One that succeeds takes {_seconds(it.seconds.median)} (median)." if it.seconds else ""
    again = f" Servers were asked again {count_of(it.retries, 'time')}." if it.retries else ""
    said = f"{it.succeeded} of {count_of(it.attempts, 'attempt')} succeeded.{took}{again}"
    outcomes = [("succeeded", "ok", it.succeeded)]
    outcomes += [(f"failed: {name}", "failed", count) for name, count in sorted(it.failed.items())]
    rows = tuple(
        Row(name, (str(count),), bar([(tone, count)], it.attempts))
        for name, tone, count in outcomes
    )
    used = tuple(
        Row(source, (str(one.served), str(one.refused)), _good_and_bad(one.served, one.refused))
        for source, one in it.credentials.items()
    )
    tables = (
        Table("How attempts ended", ("Outcome", "Attempts"), rows),
        steps,
        Table("Credentials", ("Source", "Served", "Refused"), used),
    )
    return Part(*title, said, tables=tuple(one for one in tables if one.rows))


def _good_and_bad(good: int, bad: int) -> Markup | None:
    return bar([("ok", good), ("failed", bad)], good + bad) if good + bad else None


def _spreads(caption: str, head: str, held: Mapping[str, Spread], unit: Unit) -> Table:
    """Spreads on one scale, each drawn up to its median, its 95th percentile and its most."""
    whole = max((one.most for one in held.values()), default=0)
    rows = tuple(
        Row(
            name,
            (unit(one.median), unit(one.p95), unit(one.most), str(one.count)),
            bar(
                [
                    ("m50", one.median),
                    ("m95", one.p95 - one.median),
                    ("m100", one.most - one.p95),
                ],
                whole,
            ),
        )
        for name, one in held.items()
    )
    return Table(caption, (head, *SPREAD, "Counted"), rows, SHADES)


def _scans(found: Metrics, until: date) -> Part:
    title = ("scans", "Scans")
    if not found.scanning.scans:
        return Part(*title, "No scan has been measured yet.")
    rows = tuple(
        Row(
            name,
            tuple(str(states.get(state, 0)) for state in TONES),
            bar([(TONES[state], states.get(state, 0)) for state in TONES], sum(states.values())),
        )
        for name, states in found.scanning.outcomes.items()
    )
    heads = ("Scanner", *(STATES[state] for state in TONES))
    told = [day for day in found.days if day.scans]
    return Part(
        *title,
        f"{count_of(found.scanning.scans, 'scan')}, each with the state of every scanner.",
        (_scan_days(told, until),) if told else (),
        (Table("How scanners fared", heads, rows),),
    )


def _scan_days(told: Sequence[RunDay], until: date) -> Chart:
    by_day = {day.day: day for day in told}
    first = until - timedelta(days=DAYS - 1)
    bad = [day for day in told if day.scans.get("ok", 0) < sum(day.scans.values())]
    rows = tuple(
        Row(date_of(day.day), tuple(str(day.scans.get(state, 0)) for state in TONES))
        for day in reversed(bad)
    )
    label = (
        f"The {DAYS} days to {date_of(until)}: scans on {count_of(len(told), 'day')}, "
        f"with one that did not see all on {count_of(len(bad), 'day')}"
    )
    days = [by_day.get(first + timedelta(days=number)) for number in range(DAYS)]
    return Chart(
        caption="How scans went, day by day",
        drawing=strip([_tone(day) for day in days], label),
        first=date_of(first),
        last=date_of(until),
        legend=(
            ("ok", "All saw all"), ("partial", "Some saw all"), ("failed", "None saw all"),
            ("none", "No scan"),
        ),
        table=Table(
            "Days with a scan that did not see all",
            ("Day", *(STATES[state] for state in TONES)),
            rows,
        ),
    )  # fmt: skip


def _tone(day: RunDay | None) -> str:
    if day is None or not day.scans:
        return "none"
    whole = day.scans.get("ok", 0)
    return "ok" if whole == sum(day.scans.values()) else "partial" if whole else "failed"


def _exposure(found: Metrics) -> Part:
    it = found.exposure
    named = {
        "From disclosure to our remedy": it.ended,
        "From the first fixed release to our remedy": it.since_fix,
        "Open, since disclosure": it.open,
    }
    held = {name: one for name, one in named.items() if one}
    said = (
        "For how long users could only get something vulnerable."
        if held
        else "Nothing that users got has been disclosed, as far as is known."
    )
    table = _spreads("Days of exposure", "Which time", held, _days)
    return Part("exposure", "Exposure", said, tables=(table,) if held else ())


def _response(found: Metrics) -> Part:
    title = ("response", "Time to a remedy")
    told = [one for one in found.response if one.open or one.remedied]
    if not told:
        return Part(
            *title, "Nothing that has to be remedied has been open yet, as far as is known."
        )
    rows = tuple(
        Row(
            "Unknown severity" if one.severity == "unknown" else one.severity.capitalize(),
            (
                str(one.remedied), f"{one.within} within {count_of(one.sla_days, 'day')}",
                _days(one.mttr_days) if one.mttr_days is not None else "none yet",
                str(one.open), str(one.overdue),
            ),
            _good_and_bad(one.within, one.remedied - one.within),
            link="findings.html" if one.open else "",
        )
        for one in told
    )  # fmt: skip
    heads = ("Severity", "Remedied", "In time", "On average", "Open", "Late")
    said = "What was remedied, and how much of it in the time that its severity is given."
    return Part(*title, said, tables=(Table("Remedies by severity", heads, rows),))


def _updates(found: Metrics, until: date) -> Part:
    it, title = found.status, ("status", "This site")
    uptime = tuple(
        Row(
            f"{count_of(one.days, 'day')}",
            (str(one.checks), f"{one.percent:g} %", str(one.unknown)),
            bar(
                [
                    ("ok", one.good),
                    ("none", one.unknown),
                    ("failed", one.checks - one.good - one.unknown),
                ],
                one.checks,
            ),
        )
        for one in it.uptime
    )
    available = Table("How available it was", ("Last", "Checks", "Good", "Saw nothing"), uptime)
    if not it.updates:
        said = "No update of this site has been measured yet."
        return Part(*title, said, tables=(available,) if uptime else ())
    took = f" One takes {_seconds(it.seconds.median)} (median)." if it.seconds else ""
    said = f"{it.succeeded} of {count_of(it.updates, 'update')} succeeded.{took}"
    failed = sorted(it.failed.items())
    ended = Table(
        "How updates ended",
        ("Outcome", "Updates"),
        tuple(
            Row(name, (str(count),), bar([(tone, count)], it.updates))
            for name, tone, count in (
                ("succeeded", "ok", it.succeeded),
                *((f"failed: {kind}", "failed", count) for kind, count in failed),
            )
        ),
    )
    told = [day for day in found.days if day.updates]
    charts = (_update_days(told, until),) if told else ()
    return Part(*title, said, charts, (ended, available) if uptime else (ended,))


def _update_days(told: Sequence[RunDay], until: date) -> Chart:
    by_day = {day.day: day for day in told}
    first = until - timedelta(days=DAYS - 1)
    bad = [day for day in told if day.updates_failed]
    rows = tuple(
        Row(date_of(day.day), (str(day.updates), str(day.updates_failed))) for day in reversed(bad)
    )
    label = (
        f"The {DAYS} days to {date_of(until)}: updates on {count_of(len(told), 'day')}, "
        f"with one that failed on {count_of(len(bad), 'day')}"
    )
    days = [by_day.get(first + timedelta(days=number)) for number in range(DAYS)]
    return Chart(
        caption="How updates went, day by day",
        drawing=strip([_tone_of_updates(day) for day in days], label),
        first=date_of(first),
        last=date_of(until),
        legend=(
            ("ok", "All succeeded"), ("partial", "Some failed"), ("failed", "All failed"),
            ("none", "No update"),
        ),
        table=Table("Days with an update that failed", ("Day", "Updates", "Failed"), rows),
    )  # fmt: skip


def _tone_of_updates(day: RunDay | None) -> str:
    if day is None or not day.updates:
        return "none"
    if not day.updates_failed:
        return "ok"
    return "failed" if day.updates_failed == day.updates else "partial"


def _ci(found: Metrics, until: date) -> Part:
    it, title = found.ci, ("ci", "Minutes of CI")
    if not it.by_task:
        return Part(*title, "No run in CI has been measured yet.")
    whole = max(it.by_task.values())
    rows = tuple(
        Row(name, (_minutes(minutes),), bar([("low", minutes)], whole))
        for name, minutes in it.by_task.items()
    )
    said = (
        f"{_minutes(it.total)} minutes, {_minutes(it.last_30_days)} of them in the last 30 days: "
        "of our tasks alone, without what a job needs to start."
    )
    paid = [day for day in found.days if day.ci_minutes]
    charts = (_ci_days(paid, until),) if paid else ()
    return Part(*title, said, charts, (Table("Minutes by task", ("Task", "Minutes"), rows),))


def _ci_days(paid: Sequence[RunDay], until: date) -> Chart:
    by_day = {day.day: day.ci_minutes for day in paid}
    first = until - timedelta(days=DAYS - 1)
    held = [by_day.get(first + timedelta(days=number), 0) for number in range(DAYS)]
    series = [Series("Minutes", "low", tuple(math.ceil(minutes) for minutes in held))]
    rows = tuple(Row(date_of(day.day), (_minutes(day.ci_minutes),)) for day in reversed(paid))
    most = _minutes(max(held))
    label = f"Minutes of CI in the {DAYS} days to {date_of(until)}, at most {most} on one"
    return Chart(
        caption="Minutes of CI, day by day",
        drawing=stacked(series, label),
        first=date_of(first),
        last=date_of(until),
        legend=(("low", "Begun minutes"),),
        table=Table("Minutes of CI by day", ("Day", "Minutes"), rows),
        top=scale(series),
    )


def _day(moment: datetime) -> str:
    return date_of(moment.astimezone(UTC).date())


def _seconds(number: float) -> str:
    return f"{number / 60:.1f} min" if number >= 100 else f"{number:.1f} s"


def _days(number: float) -> str:
    return f"{_short(number)} days"


def _minutes(number: float) -> str:
    """To the tenth; from a hundred on nobody needs it."""
    return _short(number) if number < 100 else f"{number:.0f}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
