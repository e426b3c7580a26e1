"""``release.scan``: look at what users get, carry the record forward, keep both in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace

from release.adapters.index import SimpleIndex, pypi_simple_url
from release.adapters.ledger import documents
from release.adapters.repository import is_empty
from release.adapters.workspace import HUMAN_FACING, write_file
from release.errors import DocumentError, TryAgainError
from release.flows.context import Context
from release.flows.snapshot import ScanRequest, take_snapshot
from release.model.base import digest, encode
from release.model.changes import Changes
from release.model.heartbeat import Heartbeat
from release.model.record import Record
from release.model.snapshot import Project, Snapshot
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import MARK, render_findings
from release.record.remediation import update_plans

ATTEMPTS = 5
"""How often a scan takes its place in history before it gives way to other runs."""


@dataclass(frozen=True)
class Scanned:
    """What a scan found, what is known after it, and what changed by it."""

    snapshot: Snapshot
    record: Record
    changes: Changes
    before: Record | None

    def unknown(self, required: tuple[str, ...]) -> tuple[str, ...]:
        """The required scanners that could not speak for everything."""
        states = self.record.scanners
        return tuple(name for name in required if name not in states or states[name].state != "ok")


def scan(
    context: Context,
    *,
    advisories: str | None = None,
    keep: bool = True,
    share: bool = True,
    accept_coverage: bool = False,
) -> Scanned:
    """Scan the project.

    :param advisories: an OSV archive, a folder of records, or an archive's address; by default
        the OSV API.
    :param keep: carry the record forward in the ledger and render it for people.
    :param share: write to the remote's ledger, where there is one; else to ours only.
    :param accept_coverage: believe a report that covers much less than the last one.
    """
    tip = context.ledger.tip("history")
    known = context.ledger.read(Record, tip, "record.json")
    snapshot = _look(context, advisories, known)
    if not keep:
        return _compare(known, snapshot, accept_coverage)
    for attempt in range(1, ATTEMPTS + 1):
        scanned = _compare(known, snapshot, accept_coverage)
        try:
            _remember(context, tip, scanned, share)
            break
        except TryAgainError:
            if attempt == ATTEMPTS:
                raise
            context.ledger.fetch()
            tip = context.ledger.tip("history")
            known = context.ledger.read(Record, tip, "record.json")
    _beat(context, snapshot, share)
    _render(context, scanned)
    return scanned


def _look(context: Context, advisories: str | None, known: Record | None) -> Snapshot:
    workspace, metadata = context.workspace, context.metadata
    project = Project(
        name=metadata.normalized_name, version=metadata.version, commit=workspace.commit
    )
    request = ScanRequest(
        project=project,
        candidate=metadata,
        repository=context.place.name,
        releases=None,
        dependencies=SimpleIndex(workspace.config.index_url or pypi_simple_url()),
        config=workspace.config,
        advisories=advisories,
        known=known,
        now=context.clock.now(),
        cache=workspace.state / "cache",
        tell=context.tell,
    )
    if is_empty(context.place, workspace.root):
        return take_snapshot(request)
    with context.open_repository() as where:
        return take_snapshot(replace(request, releases=SimpleIndex(where.simple_url)))


def _compare(known: Record | None, snapshot: Snapshot, accept_coverage: bool) -> Scanned:
    record = carry_forward(known, snapshot, accept_coverage=accept_coverage)
    return Scanned(snapshot, record, SecurityChangeDetector().compare(known, record), known)


def _remember(context: Context, tip: str | None, scanned: Scanned, share: bool) -> None:
    """Add to history what is new; an unchanged scan adds nothing."""
    ledger = context.ledger
    before = ledger.read(Snapshot, tip, "snapshot.json")
    known = ledger.read(Record, tip, "record.json")
    same_record = known is not None and encode(known) == encode(scanned.record)
    if same_record and before is not None and digest(before) == digest(scanned.snapshot):
        return
    files = documents(record=scanned.record, snapshot=scanned.snapshot, changes=scanned.changes)
    ledger.write(
        ledger.ref("history"),
        files,
        old=tip,
        message=f"scan of {scanned.snapshot.project.commit[:12]}",
        at=scanned.snapshot.taken_at,
        share=share,
    )


def _beat(context: Context, snapshot: Snapshot, share: bool) -> None:
    """Replace the heartbeat; if another scan did so at this moment, theirs is as fresh."""
    beat = Heartbeat(
        project=snapshot.project.name,
        repository=snapshot.repository,
        commit=snapshot.project.commit,
        taken_at=snapshot.taken_at,
        scanners=snapshot.scanners,
        required=context.workspace.config.policy.required,
    )
    ledger = context.ledger
    try:
        ledger.write(
            ledger.ref("heartbeat"),
            documents(heartbeat=beat),
            old=ledger.tip("heartbeat"),
            message="heartbeat",
            at=snapshot.taken_at,
            parents=(),
            share=share,
        )
    except TryAgainError:
        context.tell("another scan has just written the heartbeat; kept theirs")


def _render(context: Context, scanned: Scanned) -> None:
    """Write the human-facing files; what somebody else wrote, or nobody can read, stays."""
    folder = context.workspace.root / HUMAN_FACING
    reach = scanned.snapshot.reach
    page, plans = folder / "SECURITY_FINDINGS.md", folder / "remediation-plans.yml"
    if page.is_file() and MARK not in page.read_text(encoding="utf-8", errors="replace"):
        context.tell(f"left {page.name} as it is: it is not ours; move it away to have it written")
    else:
        write_file(page, render_findings(scanned.record, reach))
    existing = plans.read_text(encoding="utf-8") if plans.is_file() else None
    try:
        write_file(plans, update_plans(existing, scanned.record, reach))
    except DocumentError as error:
        context.tell(f"left {plans.name} as it is: {error.what} ({error.why})")
