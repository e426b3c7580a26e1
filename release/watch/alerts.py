"""What people are to be alerted to, out of the documents that the ledger holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from release.model.alerts import Alert, AlertKind, Standing
from release.model.heartbeat import Heartbeat
from release.model.history import History, Story
from release.model.reconciliation import Reconciliation
from release.model.release import Release
from release.model.runs import SITE_JOBS, Ran, Runs
from release.watch.metrics import tried

NEAR = 0.2
"""The last part of a finding's time in which it is about to break its promise."""
FRESH = timedelta(days=2)
"""How long a release is looked at as new."""
DAY = timedelta(days=1)
BURST = 3
"""More confirmed releases than these in a day are unusual, whatever the budget."""
JOBS, SITE = "jobs", "site-jobs"
"""The subjects of the alerts about jobs that could not write their failure down."""
KNOWN_HOURS, KNOWN_ACTORS = 10, 3
"""Before so many releases nothing can be said to be unusual about an hour, or a person."""
AROUND = 3
"""Hours before and after an earlier release that count as usual."""


@dataclass(frozen=True)
class World:
    """What alerts are made of.

    ``budget`` is how many automatic releases a week may have; ``jobs`` is how the jobs of the CI
    run that calls ended, of which some have no right to write that down; ``None`` where nobody
    tells of jobs. ``reconciliation`` is ``None`` where nobody looked at the index. ``standing`` is
    what people were told of.
    """

    runs: Runs
    history: History
    heartbeat: Heartbeat | None
    reconciliation: Reconciliation | None
    budget: int
    jobs: Mapping[str, str] | None = None
    standing: tuple[Standing, ...] = ()

    @property
    def told_of(self) -> frozenset[str]:
        """Of which jobs somebody told: those of a release, those of the site, or both."""
        names = frozenset(self.jobs or ())
        return frozenset(
            subject
            for subject, held in ((JOBS, names - SITE_JOBS), (SITE, names & SITE_JOBS))
            if held
        )

    def failed(self, *, site: bool) -> list[str]:
        """The jobs that failed, of the site or of a release."""
        ended = (self.jobs or {}).items()
        return [name for name, how in ended if how == "failure" and (name in SITE_JOBS) is site]


def alerts(world: World, now: datetime) -> tuple[Alert, ...]:
    """Everything that is wrong now, one alert a key."""
    found = (
        *_of_publishing(world),
        *_of_status(world.runs.ran),
        *_of_updates(world.runs.ran),
        *_of_site_jobs(world),
        *_of_scans(world.runs.ran, world.heartbeat),
        *_of_releases(world, now),
        *_of_index(world.reconciliation),
        *_of_promises(world.history.stories, now),
        *_unseen(world),
    )
    return tuple({alert.key: alert for alert in found}.values())


def _of_publishing(world: World) -> Iterator[Alert]:
    """The last attempt to publish failed; a later one that goes through ends it."""
    last = _last_attempt(world)
    if last is not None and last.exit_code:
        kind: AlertKind = "credential-failed" if last.failure == "auth" else "publish-failed"
        yield Alert(
            kind=kind,
            subject="publishing",
            what=f"publishing {last.version or 'a release'} failed: {last.failure or 'unknown'}",
            why=f"run {last.run} of {last.task}, {last.at:%Y-%m-%d %H:%M} UTC, exit code "
            f"{last.exit_code}",
            next_step="release.reconcile tells how far it came; the same command goes on",
        )
    elif jobs := world.failed(site=False):
        yield Alert(
            kind="publish-failed",
            subject=JOBS,
            what=f"a job of the release failed: {', '.join(jobs)}",
            next_step="read that job's log; release.reconcile tells how far the release came",
        )


def _last_attempt(world: World) -> Ran | None:
    return next(filter(tried, reversed(world.runs.ran)), None)


def _unseen(world: World) -> Iterator[Alert]:
    """What stands and was not looked at this time: unknown is not over.

    Who hears of no such jobs, as the monitor's workflow, cannot know that they end well by now; but
    a later attempt to publish tells of those of a release.
    """
    last = _last_attempt(world)
    for one in world.standing:
        subject = one.alert.subject
        untold = subject in {JOBS, SITE} - world.told_of
        if untold and (subject == SITE or last is None or last.at <= one.since):
            yield one.alert
        if world.reconciliation is None and one.alert.kind == "unknown-version":
            yield one.alert


def _of_status(ran: Sequence[Ran]) -> Iterator[Alert]:
    """What the last check of the status site found."""
    last = next((one for one in reversed(ran) if one.task == "status.check"), None)
    words: dict[str, tuple[AlertKind, str]] = {
        "status-failed": ("status-failed", "the status site does not serve what it should"),
        "status-stale": ("status-stale", "the status site is out of date"),
        "scan-late": ("scan-late", "scans have stopped"),
    }
    if last is not None and last.failure in words:
        kind, what = words[last.failure]
        yield Alert(
            kind=kind,
            subject="status",
            what=what,
            why=f"checked {last.at:%Y-%m-%d %H:%M} UTC",
            next_step="status.check tells each trouble and what to do about it",
        )


def _of_updates(ran: Sequence[Ran]) -> Iterator[Alert]:
    """The last time that the site was to be written, or brought to its place, failed."""
    for task in ("status.build", "status.publish"):
        last = next((one for one in reversed(ran) if one.task == task), None)
        if last is not None and last.exit_code:
            yield Alert(
                kind="status-stale",
                subject=task,
                what=f"an update of the status site failed: {last.failure or 'unknown'}",
                why=f"run {last.run} of {task}, {last.at:%Y-%m-%d %H:%M} UTC, exit code "
                f"{last.exit_code}",
                next_step=f"the last good status is served; {task} again tells what stands in "
                "the way",
            )
    yield from _of_last_update(ran)


def _of_last_update(ran: Sequence[Ran]) -> Iterator[Alert]:
    """The update after the last run failed; the next one, or ``status.build``, ends it."""
    last = next((one for one in reversed(ran) if one.update or one.task == "status.build"), None)
    if last is not None and last.update and last.update.failure:
        yield Alert(
            kind="status-stale",
            subject="update",
            what=f"the status site could not be updated after a run: {last.update.failure}",
            why=f"run {last.run} of {last.task}, {last.at:%Y-%m-%d %H:%M} UTC",
            next_step="the last good status is served; status.build tells what stands in the way",
        )


def _of_site_jobs(world: World) -> Iterator[Alert]:
    """The site was not written, or not brought to its readers, by jobs that hold nothing."""
    if jobs := world.failed(site=True):
        yield Alert(
            kind="status-failed",
            subject=SITE,
            what=f"a job of the status site failed: {', '.join(jobs)}",
            why="its readers get the last good one, until its time is over",
            next_step="read that job's log, and run the workflow again: it is safe to repeat",
        )


def _of_scans(ran: Sequence[Ran], heartbeat: Heartbeat | None) -> Iterator[Alert]:
    """A required scanner could not speak for everything twice in a row: once is weather."""
    scans = [one for one in reversed(ran) if one.scanners][:2]
    required = heartbeat.required if heartbeat else ()
    for name in required:
        states = [one.scanners.get(name, "absent") for one in scans]
        if len(states) == 2 and "ok" not in states:
            yield Alert(
                kind="scan-unknown",
                subject=name,
                what=f"{name} could not speak for everything, twice in a row",
                why=f"its states: {states[1]}, then {states[0]}",
                next_step="release.scan tells what it could not see, and why",
            )


def _of_releases(world: World, now: datetime) -> Iterator[Alert]:
    confirmed = sorted(
        (one for one in world.history.releases if one.state == "confirmed"),
        key=lambda one: one.sealed_at,
    )
    for number, release in enumerate(confirmed):
        if now - release.sealed_at <= FRESH:
            why = tuple(_unusual(release, confirmed[:number], world))
            if why:
                yield Alert(
                    kind="unusual-release",
                    subject=release.version,
                    what=f"the release of {release.version} is unusual: {'; '.join(why)}",
                    next_step="if nobody knows of it: revoke the credential, then release.yank",
                    once=True,
                )


def _unusual(release: Release, earlier: Sequence[Release], world: World) -> Iterator[str]:
    """What sets a release apart from those before it."""
    at = release.sealed_at
    day = sum(at - one.sealed_at < DAY for one in earlier) + 1
    if day > BURST:
        yield f"{day} releases within a day"
    robots = [one for one in (*earlier, release) if one.trigger == "security-auto"]
    week = sum(at - one.sealed_at < 7 * DAY for one in robots)
    if release.trigger == "security-auto" and week > world.budget:
        yield f"{week} automatic releases within a week, where {world.budget} are allowed"
    if len(earlier) >= KNOWN_HOURS and not any(_near(at, one.sealed_at) for one in earlier):
        yield f"none was ever made around {at:%H}:00 UTC"
    yield from _stranger(release, earlier, world.runs.ran)


def _near(at: datetime, other: datetime) -> bool:
    """Whether two moments are at about the same hour of the day."""
    apart = abs((at - other).total_seconds()) / 3600 % 24
    return min(apart, 24 - apart) <= AROUND


def _stranger(release: Release, earlier: Sequence[Release], ran: Sequence[Ran]) -> Iterator[str]:
    """Who released it, where all before were released by others."""
    actors = {one.version: one.actor for one in ran if one.version and one.actor}
    known = {actors[one.version] for one in earlier if one.version in actors}
    actor = actors.get(release.version, "")
    told = sum(one.version in actors for one in earlier)
    if actor and told >= KNOWN_ACTORS and actor not in known:
        yield f"{actor} never released before"


def _of_index(seen: Reconciliation | None) -> Iterator[Alert]:
    """A version on the index that the ledger does not know, or other bytes than it knows."""
    for version in seen.versions if seen else ():
        if version.state in {"index-only", "bytes-differ"} and not version.settled:
            what = "is not known to the ledger"
            if version.state == "bytes-differ":
                what = "has other bytes than were sealed"
            yield Alert(
                kind="unknown-version",
                subject=version.version,
                what=f"{version.version} on {seen.repository if seen else ''} {what}",
                next_step=version.next or "release.reconcile shows it side by side",
            )


def _of_promises(stories: Iterable[Story], now: datetime) -> Iterator[Alert]:
    """Findings whose time is over, or nearly: those of one severity are one alert."""
    near = [story for story in stories if story.due and _is_near(story, story.due, now)]
    for severity in dict.fromkeys(story.severity for story in near):
        held = sorted(
            (story for story in near if story.severity == severity),
            key=lambda story: (str(story.due), story.key),
        )
        over = sum(story.overdue for story in held)
        yield Alert(
            kind="sla-near",
            subject=severity,
            what=f"{len(held)} {severity} finding{'s' * (len(held) > 1)} at the end of their time",
            why="\n".join(
                f"{story.package} {story.ids[0] if story.ids else story.key}: due "
                f"{story.due:%Y-%m-%d}"
                for story in held
            ),
            next_step=f"{over} are overdue; release.decide --explain tells what would help",
        )


def _is_near(story: Story, due: datetime, now: datetime) -> bool:
    since = story.spans[-1].opened
    return now >= due - (due - since) * NEAR
