"""``release.history`` and ``release.report``: what the ledger tells of the past."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from release.errors import UnknownError
from release.flows.context import Context
from release.flows.seals import past_releases
from release.model.base import Document, Instant, decode
from release.model.changes import Changes
from release.model.history import History, Scanned
from release.model.record import Record
from release.model.snapshot import Project, Snapshot
from release.record.compliance import as_csv, as_markdown
from release.record.history import response, stories
from release.record.openvex import openvex
from release.record.sarif import sarif

AT_ONCE = 50
"""How many commits of the ledger are read by one git, which bounds what is held of them."""


class Glance(Document, frozen=True, kw_only=True, tag="release-warden/snapshot/1"):
    """As much of a snapshot as history needs; the rest is not even built."""

    project: Project
    taken_at: Instant


def history(context: Context) -> History:
    """Every recorded change, what became of each finding, every release."""
    repository = context.place.name
    scans = tuple(_scans(context))
    now = context.clock.now()
    record = context.ledger.read(Record, context.ledger.tip("history"), "record.json")
    told = stories(record, scans, now)
    return History(
        project=context.metadata.normalized_name,
        repository=repository,
        scans=scans,
        releases=tuple(reversed(past_releases(context.ledger, repository))),
        as_of=now,
        stories=told,
        response=response(told),
    )


def _scans(context: Context) -> Iterator[Scanned]:
    ledger = context.ledger
    entries = list(ledger.past("history"))
    for start in range(0, len(entries), AT_ONCE):
        some = entries[start : start + AT_ONCE]
        names = [f"{entry}:{name}.json" for entry in some for name in ("snapshot", "changes")]
        found = ledger.git.blobs(names)
        for entry, seen, changed in zip(some, found[::2], found[1::2], strict=True):
            if seen is not None and changed is not None:
                glance = decode(Glance, seen, origin="snapshot.json of the ledger")
                changes = decode(Changes, changed, origin="changes.json of the ledger").changes
                commit = glance.project.commit
                yield Scanned(entry=entry, at=glance.taken_at, commit=commit, changes=changes)


def report(context: Context, form: str) -> tuple[History, str]:
    """The history, and the record written in a form for others.

    :param form: ``markdown``, ``csv``, ``vex`` or ``sarif``.
    :raises UnknownError: no scan is recorded yet.
    """
    ledger = context.ledger
    tip = ledger.tip("history")
    record = ledger.read(Record, tip, "record.json")
    snapshot = ledger.read(Snapshot, tip, "snapshot.json")
    if record is None or snapshot is None:
        raise UnknownError("no scan is recorded yet", remedy="run release.scan first")
    past = history(context)
    code = context.workspace.config.publish_code_findings
    if form == "vex":
        return past, openvex(record, snapshot, snapshot.taken_at).decode()
    if form == "sarif":
        return past, sarif(record, snapshot, version=version("release-warden"), code=code).decode()
    if form == "csv":
        return past, as_csv(past, code=code)
    return past, as_markdown(past, record, code=code)
