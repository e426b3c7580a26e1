"""The past, out of the ledger: what was known of a commit, at the last release, at the last scan.

History names the commit that was scanned in the message of each entry, so that one git process
finds it among any number of entries; the snapshot that lies there is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from release.adapters.ledger import Ledger
from release.errors import UnknownError, UsageError
from release.flows.context import Context
from release.flows.seals import Seal, seals
from release.model.base import digest
from release.model.changes import Changes
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.record.changes import SecurityChangeDetector

LAST_SCAN, LAST_RELEASE = "last-scan", "last-release"
SHOWN = 12
"""How many digits of a commit the message of an entry holds."""


@dataclass(frozen=True)
class Known:
    """What was known once: the record, the scan that it rests on, and what to call it."""

    name: str
    record: Record
    snapshot: Snapshot


def changes_since(context: Context, since: str, until: str = "") -> Changes:
    """What changed between two moments of the record.

    :param since: ``last-scan``, ``last-release``, or a commit of the project.
    :param until: a commit of the project; by default the newest record.
    :raises UsageError: there is no such commit.
    :raises UnknownError: nothing is recorded of it, or nothing was released.
    """
    tip = context.ledger.tip("history")
    if tip is None:
        raise UnknownError("no scan is recorded yet", remedy="run release.scan first")
    now = _of_commit(context, until) if until else _read(context.ledger, tip)
    before = _since(context, since, until, tip)
    changes = SecurityChangeDetector().compare(before.record if before else None, now.record)
    return changes if before is None else _named(changes, before.name)


def _since(context: Context, since: str, until: str, tip: str) -> Known | None:
    if since == LAST_SCAN:
        newest = _entry_of(context, until) if until else tip
        earlier = context.ledger.git.resolve(f"{newest}^")
        return _read(context.ledger, earlier) if earlier else None
    return _of_release(context) if since == LAST_RELEASE else _of_commit(context, since)


def _named(changes: Changes, name: str) -> Changes:
    return Changes(since=name, changes=changes.changes, unknown=changes.unknown)


def _of_release(context: Context) -> Known:
    repository = context.place.name
    seal = last_release(context.ledger, repository)
    if seal is None:
        raise UnknownError(
            f"nothing was released to {repository} yet",
            remedy="ask for the changes since last-scan, or since a commit",
        )
    known = at_release(context.ledger, seal)
    if known is None:
        raise UnknownError(
            f"nothing was known yet when {seal.manifest.version} was released",
            remedy="ask for the changes since last-scan, or since a commit",
        )
    return known


def last_release(ledger: Ledger, repository: str) -> Seal | None:
    """The confirmed release that was sealed last."""
    confirmed = (seal for seal in seals(ledger, repository) if seal.receipt)
    return max(confirmed, key=lambda seal: seal.manifest.sealed_at, default=None)


def at_release(ledger: Ledger, seal: Seal) -> Known | None:
    """What was known when a release was sealed.

    The ledger's times are seconds. A build lies between a scan and its seal, and none between a
    seal and the scan after it, so what is of the same second came later.
    """
    moment = seal.manifest.sealed_at.timestamp()
    found = (entry.commit for entry in ledger.entries("history") if entry.at < moment)
    entry = next(found, None)
    return _read(ledger, entry) if entry else None


def first_known(ledger: Ledger) -> Known | None:
    """What was known first of all."""
    entries = list(ledger.past("history"))
    return _read(ledger, entries[-1]) if entries else None


def _of_commit(context: Context, name: str) -> Known:
    return _read(context.ledger, _entry_of(context, name))


def _entry_of(context: Context, name: str) -> str:
    """The newest entry that scanned a commit, or the nearest ancestor of it that was scanned."""
    git = context.workspace.git
    commit = git.resolve(f"{name}^{{commit}}") if name and not name.startswith("-") else None
    if commit is None:
        raise UsageError(
            f"there is no commit {name!r}",
            why=f"nor is that {LAST_SCAN} or {LAST_RELEASE}",
            remedy="name a commit, a tag or a branch of the project",
        )
    found = next(_scans_of(context, commit), None)
    if found is None:
        raise UnknownError(
            f"neither {commit[:SHOWN]} nor an ancestor of it was ever scanned",
            remedy="release.history lists what was",
        )
    return found


def _scans_of(context: Context, commit: str) -> Iterator[str]:
    """The entries of a commit and its ancestors, nearest commit first, newest entry first."""
    ledger, git = context.ledger, context.workspace.git
    entries: dict[str, list[str]] = {}
    for entry in ledger.entries("history"):
        entries.setdefault(entry.subject.rpartition(" ")[2], []).append(entry.commit)
    for ancestor in git.run("rev-list", "--topo-order", commit).stdout.split():
        for entry_commit in entries.get(ancestor[:SHOWN], ()):
            if _read(ledger, entry_commit).snapshot.project.commit == ancestor:
                yield entry_commit


def _read(ledger: Ledger, entry: str) -> Known:
    """An entry of history.

    :raises UnknownError: it lacks a document.
    """
    record = ledger.read(Record, entry, "record.json")
    snapshot = ledger.read(Snapshot, entry, "snapshot.json")
    if record is None or snapshot is None:
        raise UnknownError(
            f"entry {entry[:SHOWN]} of the ledger's history is not whole",
            remedy="run release.scan: it goes on from what is known",
        )
    return Known(digest(record), record, snapshot)
