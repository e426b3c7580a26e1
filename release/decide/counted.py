"""What the grade counts of each finding, and the grade that a scan earns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from release.decide.grade import FORMULA, Counted, Exposure, Fix, Grade, grade
from release.decide.unseen import unseen
from release.model.finding import SLA, USERS_GET, ClosureKind, Finding
from release.model.heartbeat import Heartbeat
from release.model.record import Record
from release.model.snapshot import Reach, Snapshot

DAY = timedelta(days=1)


def users_get(record: Record | None, snapshot: Snapshot | None) -> tuple[Finding, ...]:
    """The open findings that users get.

    Where the published release was not resolved, those of every closure stay in: what was not
    seen may not vanish (law 1).
    """
    published = published_is_known(snapshot)
    return tuple(
        finding
        for finding in (record.open if record else ())
        if finding.kind != "dependency"
        or (finding.scope in USERS_GET and (not published or finding.reaches("published")))
    )


def published_is_known(snapshot: Snapshot | None) -> bool:
    """Whether the last scan resolved what the published release brings."""
    return snapshot is not None and snapshot.closure("published") is not None


def counted(
    findings: Iterable[Finding], reaches: Iterable[Reach], scanned: datetime | None
) -> Iterator[Counted]:
    """What the grade is made of.

    :param findings: those that users get.
    :param reaches: the resolver's words; of two on one finding the later holds.
    :param scanned: when the last scan was.
    """
    words = by_name(reaches)
    for finding in findings:
        late = is_overdue(finding, scanned)
        if finding.kind == "dependency":
            reach, fix = last_word(finding, words), fix_of(finding, scanned)
            yield Counted(
                severity=finding.severity, exposure=exposure(finding, reach), fix=fix, overdue=late
            )
        else:
            yield Counted(severity=finding.severity, overdue=late)


def due(finding: Finding) -> datetime | None:
    """When it should be remedied."""
    return finding.first_seen + SLA[finding.severity] if finding.first_seen else None


def is_overdue(finding: Finding, scanned: datetime | None) -> bool:
    """Whether it is past due; one that was first seen nobody knows when is (law 1)."""
    until = due(finding)
    return until is None or (scanned is not None and scanned > until)


def exposure(finding: Finding, reach: Reach | None) -> Exposure:
    """Whether each fresh install gets it."""
    avoidable = reach is not None and reach.verdict == "installable-fix"
    return "some-installs" if avoidable or finding.scope == "extra" else "every-install"


def fix_of(finding: Finding, scanned: datetime | None) -> Fix:
    """A fix of unknown age is ``old``: what is not known may not make the grade better."""
    age = days(finding.fix_available_at, scanned)
    if age is not None:
        return "old" if age >= FORMULA.old_fix_days else "new"
    return "old" if finding.fixed_in else "none"


def days(since: datetime | None, until: datetime | None) -> int | None:
    """Whole days from one moment to another, at least 0; ``None`` where one is not known."""
    return max(0, (until - since) // DAY) if since and until else None


def by_name(reaches: Iterable[Reach]) -> dict[object, Reach]:
    """The last word on every finding, by its key and by each of its ids."""
    words: dict[object, Reach] = {}
    for reach in reaches:
        for known_as in (reach.key, *((reach.package, id_) for id_ in reach.ids)):
            words[known_as] = reach
    return words


def last_word(finding: Finding, words: Mapping[object, Reach]) -> Reach | None:
    """What the resolver said of a finding, under any of its names."""
    known_as = (finding.key, *((finding.package, id_) for id_ in finding.ids))
    return next((words[name] for name in known_as if name in words), None)


def earned(record: Record, snapshot: Snapshot, heartbeat: Heartbeat) -> Grade:
    """The grade that a scan earns, as the site shows it until there is something newer."""
    at = heartbeat.taken_at
    held = counted(users_get(record, snapshot), snapshot.reach, at)
    basis: ClosureKind = "published" if published_is_known(snapshot) else "candidate"
    missing = unseen(record, snapshot, heartbeat, basis)
    return grade(held, tuple(str(item) for item in missing if item.required))
