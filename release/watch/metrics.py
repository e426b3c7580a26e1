"""Figures out of the documents that the ledger holds; nothing is asked and nothing is guessed."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import msgspec

from release.errors import Failure
from release.model.finding import USERS_GET, Finding
from release.model.heartbeat import Heartbeat
from release.model.history import History, Story
from release.model.metrics import (
    Exposure,
    Metrics,
    Minutes,
    Publishing,
    Releases,
    RunDay,
    Scanning,
    Spread,
    Updates,
    Used,
)
from release.model.monitoring import Probes
from release.model.record import Record, Tracked
from release.model.release import Release
from release.model.runs import DEPLOYED, Ran, Runs
from release.model.seal import Journal
from release.model.snapshot import State
from release.record.history import REMEDIES, response
from release.watch.ring import uptimes

WINDOW = timedelta(days=30)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHOWN = timedelta(days=90)
"""How far back runs are told day by day."""
WORSE: tuple[State, ...] = ("ok", "partial", "failed", "absent")
SHIPPING = frozenset({"gates", "build", "verify", "upload", "confirm", "prove", "tag"})
"""Steps that only a run which publishes takes."""
REFUSED: frozenset[Failure | None] = frozenset({"policy", "usage", "stopped"})
"""What ends a run before it tried anything: a plan or a person said no."""
UPDATING = frozenset({"status.build", "status.publish", DEPLOYED})
"""Runs that are an update of the status site themselves; the last is that of jobs in CI."""


@dataclass(frozen=True)
class Seen:
    """All that the figures are made of, as the ledger holds it."""

    runs: Runs
    history: History
    journals: tuple[Journal, ...]
    record: Record | None
    heartbeat: Heartbeat | None
    probes: Probes | None = None


def metrics(seen: Seen, now: datetime) -> Metrics:
    """Every figure.

    :param now: what ages are counted to.
    """
    ran = seen.runs.ran
    return Metrics(
        project=seen.history.project,
        repository=seen.history.repository,
        as_of=now,
        since=ran[0].at if ran else None,
        runs=len(ran),
        releases=_releases(seen.history.releases, now),
        publishing=_publishing(ran, seen.journals),
        scanning=_scanning(ran, seen.heartbeat, now),
        status=_status(ran, seen.probes, now),
        exposure=_exposure(seen.record, seen.history.stories, now),
        response=response(_owing(seen.history.stories)) if seen.record else (),
        ci=_minutes(ran, now),
        days=tuple(_days(ran, now)),
    )


def until_today(seen: Seen, now: datetime) -> Metrics:
    """The figures for the status site: of runs, those up to the end of the last day (UTC).

    So they stay as they are for a day, unless something else happens than one more run. How old
    the last scan is the site says itself.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = tuple(one for one in seen.runs.ran if one.at < midnight)
    runs = msgspec.structs.replace(seen.runs, ran=before)
    probes = _before(seen.probes, midnight.date()) if seen.probes else None
    return metrics(replace(seen, runs=runs, heartbeat=None, probes=probes), midnight)


def _before(probes: Probes, day: date) -> Probes:
    days = tuple(one for one in probes.days if one.day < day)
    return msgspec.structs.replace(probes, days=days)


def spread(values: Iterable[float]) -> Spread | None:
    """How values spread; ``None`` where there are none."""
    held = sorted(values)
    if not held:
        return None
    return Spread(
        count=len(held),
        median=round(_rank(held, 0.5), 3),
        p95=round(_rank(held, 0.95), 3),
        most=round(held[-1], 3),
    )


def _rank(held: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of sorted values."""
    return held[math.ceil(share * len(held)) - 1]


def _releases(releases: Sequence[Release], now: datetime) -> Releases:
    confirmed = [one for one in releases if one.state == "confirmed"]
    return Releases(
        by_state=dict(Counter(one.state for one in releases)),
        by_trigger=dict(Counter(one.trigger for one in confirmed)),
        last_30_days=sum(now - one.sealed_at <= WINDOW for one in confirmed),
        last_at=max((one.sealed_at for one in confirmed), default=None),
    )


def _publishing(ran: Sequence[Ran], journals: Sequence[Journal]) -> Publishing:
    attempts = _attempts(ran)
    failures = [_failure(jobs) for jobs in attempts]
    whole = [jobs for jobs, failure in zip(attempts, failures, strict=True) if failure is None]
    return Publishing(
        attempts=len(attempts),
        succeeded=len(whole),
        failed=dict(Counter(failure for failure in failures if failure)),
        seconds=spread(sum(job.seconds for job in jobs) for jobs in whole),
        steps=_steps(journals),
        retries=sum(job.retries for jobs in attempts for job in jobs),
        credentials=_credentials(job for jobs in attempts for job in jobs),
    )


def _attempts(ran: Sequence[Ran]) -> list[list[Ran]]:
    """The runs that published or tried to, those of one workflow's run together."""
    groups: dict[str, list[Ran]] = defaultdict(list)
    for one in filter(tried, ran):
        groups[one.run].append(one)
    return list(groups.values())


def tried(one: Ran) -> bool:
    """Whether a run tried to publish; an index that does not answer fails it before any step."""
    early = one.task == "release.publish" and one.exit_code and one.failure not in REFUSED
    return bool(early or SHIPPING & one.steps.keys())


def _failure(jobs: Iterable[Ran]) -> Failure | None:
    """What an attempt failed of; a run that was stopped, or failed for no known reason, did too."""
    return next((job.failure or "unknown" for job in jobs if job.exit_code), None)


def _steps(journals: Iterable[Journal]) -> dict[str, Spread]:
    """Seconds by step, of all journals: a seal's journal holds each step that succeeded."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for journal in journals:
        for entry in journal.entries:
            if entry.step in SHIPPING:
                seconds[entry.step].append(entry.seconds)
    found = {name: spread(values) for name, values in sorted(seconds.items())}
    return {name: one for name, one in found.items() if one}


def _credentials(jobs: Iterable[Ran]) -> dict[str, Used]:
    served: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for job in jobs:
        if job.credential:
            (refused if job.failure == "auth" else served)[job.credential] += 1
    return {
        name: Used(served=served[name], refused=refused[name])
        for name in sorted(served.keys() | refused.keys())
    }


def _scanning(ran: Iterable[Ran], heartbeat: Heartbeat | None, now: datetime) -> Scanning:
    outcomes: dict[str, Counter[State]] = defaultdict(Counter)
    scans = [one for one in ran if one.scanners]
    for one in scans:
        for name, state in one.scanners.items():
            outcomes[name][state] += 1
    last = heartbeat.taken_at if heartbeat else None
    return Scanning(
        scans=len(scans),
        outcomes={name: dict(states) for name, states in sorted(outcomes.items())},
        last_at=last,
        last_whole_at=max((one.at for one in scans if _worst(one) == "ok"), default=None),
        age_hours=round((now - last) / HOUR, 2) if last else None,
    )


@dataclass(frozen=True)
class _Updated:
    """One update of the site, and what it failed of."""

    at: datetime
    seconds: float
    failure: Failure | None


def _updated(ran: Iterable[Ran]) -> Iterator[_Updated]:
    """Every update: one that a run was for, and one that followed a run."""
    for one in ran:
        if one.task in UPDATING:
            failure = (one.failure or "unknown") if one.exit_code else None
            yield _Updated(one.at, one.seconds, failure)
        elif one.update:
            yield _Updated(one.at, one.update.seconds, one.update.failure)


def _status(ran: Iterable[Ran], probes: Probes | None, now: datetime) -> Updates:
    every = tuple(_updated(ran))
    good = [one for one in every if one.failure is None]
    told = uptimes(probes.days, now) if probes else ()
    return Updates(
        updates=len(every),
        succeeded=len(good),
        failed=dict(Counter(one.failure for one in every if one.failure)),
        seconds=spread(one.seconds for one in good if one.seconds),
        last_at=max((one.at for one in good), default=None),
        uptime=tuple(one for one in told if one.checks),
    )


def _owing(stories: Iterable[Story]) -> Iterator[Story]:
    """Those of what users get or got, and of own code: not of floors or of our tools."""
    return (one for one in stories if one.kind != "dependency" or one.scope in USERS_GET)


def _exposure(record: Record | None, stories: Iterable[Story], now: datetime) -> Exposure:
    """Of what users get alone: nobody was exposed to what HEAD, a floor or a developer holds."""
    held = record.tracked if record else ()
    tracked = {item.finding.key: item for item in held if _reaches_users(item.finding)}
    pairs = [(story, tracked[story.key]) for story in stories if story.key in tracked]
    return Exposure(
        ended=spread(_ended(pairs, "published_at")),
        since_fix=spread(_ended(pairs, "fix_available_at")),
        open=spread(
            max((now - item.finding.published_at) / DAY, 0.0)
            for story, item in pairs
            if story.state in {"open", "unexplained"} and item.finding.published_at
        ),
    )


def _reaches_users(finding: Finding) -> bool:
    return finding.scope in USERS_GET and finding.reaches("published")


def _ended(pairs: Iterable[tuple[Story, Tracked]], clock: str) -> Iterable[float]:
    """Days from one of a finding's clocks to the remedy that ended it; never less than none."""
    for story, item in pairs:
        began: datetime | None = getattr(item.finding, clock)
        last = story.spans[-1]
        if began and last.closed and last.cause in REMEDIES:
            yield max((last.closed - began) / DAY, 0.0)


def _minutes(ran: Iterable[Ran], now: datetime) -> Minutes:
    paid = [one for one in ran if one.ci]
    by_task: Mapping[str, float] = _summed(paid)
    recent = [one for one in paid if now - one.at <= WINDOW]
    return Minutes(
        total=round(sum(one.seconds for one in paid) / 60, 2),
        last_30_days=round(sum(one.seconds for one in recent) / 60, 2),
        by_task={name: round(seconds / 60, 2) for name, seconds in sorted(by_task.items())},
    )


def _summed(paid: Iterable[Ran]) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for one in paid:
        seconds[one.task] += one.seconds
    return seconds


def _days(ran: Iterable[Ran], now: datetime) -> Iterator[RunDay]:
    """Each of the last days on which something ran."""
    by_day: dict[date, list[Ran]] = defaultdict(list)
    for one in ran:
        if now - one.at <= SHOWN:
            by_day[one.at.astimezone(UTC).date()].append(one)
    for day, runs in sorted(by_day.items()):
        yield RunDay(
            day=day,
            runs=len(runs),
            failed=sum(one.exit_code != 0 for one in runs),
            scans=dict(Counter(_worst(one) for one in runs if one.scanners)),
            ci_minutes=round(sum(one.seconds for one in runs if one.ci) / 60, 2),
            updates=len(updated := tuple(_updated(runs))),
            updates_failed=sum(one.failure is not None for one in updated),
        )


def _worst(scan: Ran) -> State:
    return max(scan.scanners.values(), key=WORSE.index)
