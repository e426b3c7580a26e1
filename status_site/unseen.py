"""What is not known though users may get it, and why there can be no grade (law 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from release.decide.unseen import RESOLVER, Unseen
from release.decide.unseen import unseen as unseen_by_scan
from release.model.finding import ClosureKind
from status_site.documents import Documents

VALID_FOR = timedelta(hours=48)
"""How long a scan's word holds. With a daily scan one may fail before the grade goes."""

NEVER_SCANNED = "not scanned yet"
STALE = f"the last scan is more than {VALID_FOR // timedelta(hours=1)} hours old"

SLACK = timedelta(minutes=10)
"""How far two machines' clocks may be apart."""

FUTURE = "the last scan's time lies in the future: a clock is wrong"


def unseen(documents: Documents, basis: ClosureKind) -> tuple[Unseen, ...]:
    """Everything that the last scan did not see, each named once."""
    seen = (documents.record, documents.snapshot, documents.heartbeat)
    return unseen_by_scan(*seen, basis, _newer(documents))


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
