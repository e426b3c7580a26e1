"""What is not known though users may get it, by name (law 1: unknown is never clean)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from release.model.base import Noun
from release.model.finding import ClosureKind
from release.model.heartbeat import Heartbeat
from release.model.snapshot import Scanner, Snapshot
from status_site.documents import Documents

VALID_FOR = timedelta(hours=48)
"""How long a scan's word holds. With a daily scan one may fail before the grade goes."""

RESOLVER = "resolver"
NEVER_SCANNED = "not scanned yet"
STALE = f"the last scan is more than {VALID_FOR // timedelta(hours=1)} hours old"

SLACK = timedelta(minutes=10)
"""How far two machines' clocks may be apart."""

FUTURE = "the last scan's time lies in the future: a clock is wrong"


class Unseen(Noun, frozen=True, kw_only=True):
    """Something that could not be looked at; without ``package``, the scanner as a whole.

    ``required`` ones withhold the grade.
    """

    scanner: str
    package: str | None
    reason: str
    required: bool

    def __str__(self) -> str:
        if self.package is None:
            return f"{self.scanner}: {self.reason}"
        return f"{self.scanner} could not check {self.package}: {self.reason}"


def unseen(documents: Documents, basis: ClosureKind) -> tuple[Unseen, ...]:
    """Everything that the last scan did not see, each named once."""
    named: dict[tuple[str, str | None], Unseen] = {}
    for item in (*_scanners(documents), *_closures(documents.snapshot, basis), *_newer(documents)):
        named.setdefault((item.scanner, item.package), item)
    return tuple(sorted(named.values(), key=_required_first))


def doubts(documents: Documents, seen: Iterable[Unseen], as_of: datetime | None) -> Iterator[str]:
    """Why there can be no grade.

    :param as_of: the present moment as far as it is known: of the documents, or of the clock.
    """
    heartbeat = documents.heartbeat
    if heartbeat is None or documents.record is None:
        yield NEVER_SCANNED
    elif as_of is not None and as_of > heartbeat.taken_at + VALID_FOR:
        yield STALE
    elif as_of is not None and heartbeat.taken_at > as_of + SLACK:
        yield FUTURE
    yield from (str(item) for item in seen if item.required)


def _required_first(item: Unseen) -> tuple[bool, str, str]:
    return not item.required, item.scanner, item.package or ""


def _scanners(documents: Documents) -> Iterator[Unseen]:
    heartbeat, record = documents.heartbeat, documents.record
    for name, scanner in heartbeat.scanners.items() if heartbeat else ():
        coverage = record.scanners.get(name) if record else None
        missed = coverage.unknown if coverage else ()
        yield from _scanner(name, scanner, missed, required=_required(name, heartbeat))
    for name in heartbeat.required if heartbeat else ():
        if heartbeat and name not in heartbeat.scanners:
            yield Unseen(scanner=name, package=None, reason="it did not run", required=True)


def _required(name: str, heartbeat: Heartbeat | None) -> bool:
    return heartbeat is not None and name in heartbeat.required


def _scanner(
    name: str, scanner: Scanner, missed: tuple[str, ...], *, required: bool
) -> Iterator[Unseen]:
    for gap in scanner.skipped:
        yield Unseen(scanner=name, package=gap.name, reason=gap.reason, required=required)
    for package in missed:
        reason = "the last scan had no word on it"
        yield Unseen(scanner=name, package=package, reason=reason, required=required)
    if scanner.state in {"failed", "absent"}:
        reason = scanner.detail or ("it failed" if scanner.state == "failed" else "it did not run")
        yield Unseen(scanner=name, package=None, reason=reason, required=required)
    elif scanner.state == "partial" and not scanner.skipped and not missed:
        reason = scanner.detail or "it saw only a part"
        yield Unseen(scanner=name, package=None, reason=reason, required=required)


def _closures(snapshot: Snapshot | None, basis: ClosureKind) -> Iterator[Unseen]:
    closure = snapshot.closure(basis) if snapshot else None
    for gap in closure.gaps if closure else ():
        yield Unseen(scanner=RESOLVER, package=gap.name, reason=gap.reason, required=True)
    if snapshot and not closure:
        reason = "what a fresh install brings could not be told"
        yield Unseen(scanner=RESOLVER, package=None, reason=reason, required=True)


def _newer(documents: Documents) -> Iterator[Unseen]:
    """A release that came out after the last scan: nobody has looked at what it brings."""
    newest = documents.releases[0] if documents.releases else None
    scanned, snapshot = documents.scanned_at, documents.snapshot
    if newest is None or scanned is None or newest.confirmed_at < scanned:
        return
    published = snapshot.closure("published") if snapshot else None
    if published is None or published.version != newest.version:
        name = f"{newest.project}=={newest.version}"
        reason = "it was released after the last scan"
        yield Unseen(scanner=RESOLVER, package=name, reason=reason, required=True)
