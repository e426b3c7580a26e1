"""``release.decide``: whether a release is owed, from what the ledger knows."""

from __future__ import annotations

from msgspec.structs import replace

from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.errors import UnknownError
from release.flows.context import Context
from release.flows.reports import required_of
from release.flows.scan import Scanned
from release.flows.seals import past_releases
from release.model.base import digest
from release.model.decision import Decision
from release.model.record import Record
from release.model.snapshot import Snapshot

NOTHING = "nothing"
"""The digest of a document that is not there."""


def evidence(context: Context) -> Evidence:
    """Gather what the decision rests on.

    :raises UnknownError: there is no scan of this commit.
    """
    ledger = context.ledger
    tip = ledger.tip("history")
    snapshot = ledger.read(Snapshot, tip, "snapshot.json")
    record = ledger.read(Record, tip, "record.json")
    if snapshot is None or record is None:
        raise UnknownError(
            "nothing is known of this project yet", remedy="run release.scan, then release.decide"
        )
    if snapshot.project.commit != context.workspace.commit:
        raise UnknownError(
            "the last scan saw another commit",
            why=f"it saw {snapshot.project.commit[:12]}, HEAD is {context.workspace.commit[:12]}",
            remedy="run release.scan, then release.decide",
        )
    before = ledger.read(Record, ledger.git.resolve(f"{tip}^"), "record.json")
    return _evidence(context, snapshot, record, before)


def evidence_of(context: Context, scanned: Scanned) -> Evidence:
    """What a decision right after a scan rests on, whether or not the scan was kept."""
    return _evidence(context, scanned.snapshot, scanned.record, scanned.before)


def _evidence(
    context: Context, snapshot: Snapshot, record: Record, before: Record | None
) -> Evidence:
    return Evidence(
        snapshot=snapshot,
        record=record,
        baseline=NOTHING if before is None else digest(before),
        config=context.workspace.config.digest,
        releases=past_releases(context.ledger, snapshot.repository),
    )


def decide_on(context: Context, known: Evidence) -> Decision:
    """Decide by the configured policy; without closures, those speak that the record has seen."""
    policy = context.workspace.config.policy
    policy = replace(policy, required=required_of(known.snapshot, known.record, policy.required))
    return ReleaseAutomationEngine(policy).decide(known)
