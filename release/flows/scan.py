"""``release.scan``: look at what users get, carry the record forward, keep both in the ledger."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from release.adapters import meter
from release.adapters.index import SimpleIndex, pypi_simple_url
from release.adapters.ledger import documents
from release.adapters.repository import is_empty
from release.adapters.workspace import HUMAN_FACING, Workspace, set_aside, write_file
from release.decide.counted import earned
from release.errors import DocumentError, TryAgainError
from release.flows.context import Context
from release.flows.heartbeat import replace_heartbeat
from release.flows.reports import (
    configured,
    read_folder,
    require_retirable,
    required_of,
    run_scanners,
    with_reports,
)
from release.flows.roots import ScanRequest
from release.flows.snapshot import take_snapshot
from release.flows.yank import look_again
from release.model.acceptance import Remark
from release.model.base import decode, digest, encode
from release.model.changes import Changes
from release.model.grades import Grades
from release.model.heartbeat import Heartbeat
from release.model.record import Record
from release.model.snapshot import Project, Snapshot
from release.record.acceptance import NONE, Acceptances, marked, read_acceptances, remarks, words
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import MARK, render_findings
from release.record.older_plans import is_older
from release.record.remediation import update_plans
from release.record.retired import without_scanner
from release.scan.readers.reading import Reading
from release.watch.grades import with_day

ATTEMPTS = 5
"""How often a scan takes its place in history before it gives way to other runs."""


@dataclass(frozen=True)
class Scanned:
    """What a scan found, what is known after it, what changed by it, and what is to be told."""

    snapshot: Snapshot
    record: Record
    changes: Changes
    before: Record | None
    required: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The required scanners that could not speak for everything."""
        states = self.record.scanners
        return tuple(n for n in self.required if n not in states or states[n].state != "ok")


@dataclass(frozen=True)
class Sources:
    """What a scan asks.

    :param advisories: an OSV archive, a folder of records, or an archive's address; by default
        the OSV API.
    :param reports: a folder of reports, read in place of asking and resolving, unless
        ``advisories`` are named too.
    """

    advisories: str | None = None
    reports: str | None = None

    @property
    def asks_nobody(self) -> bool:
        """Whether the reports are all there is."""
        return self.reports is not None and self.advisories is None


def scan(
    context: Context,
    *,
    sources: Sources = Sources(),
    keep: bool = True,
    share: bool = True,
    accept_coverage: bool = False,
    forget: str = "",
) -> Scanned:
    """Scan the project.

    :param sources: what it asks.
    :param keep: carry the record forward in the ledger and render it for people.
    :param share: write to the remote's ledger, where there is one; else to ours only.
    :param accept_coverage: believe a report that covers much less than the last one.
    :param forget: the scanner that a person retires; empty for none.
    :raises UsageError: that one cannot be retired.
    """
    tip = context.ledger.tip("history")
    known = context.ledger.read(Record, tip, "record.json")
    compare = _Comparison(
        _acceptances(context), accept_coverage, context.workspace.config.policy.required, forget
    )
    if forget:
        require_retirable(context, known, forget)
    snapshot = _look(context, sources, compare.without_retired(known, context.clock.now()))
    meter.current().scanners = {name: one.state for name, one in snapshot.scanners.items()}
    if not keep:
        return compare(known, snapshot)
    for attempt in range(1, ATTEMPTS + 1):
        scanned = compare(known, snapshot)
        try:
            _remember(context, tip, scanned, share)
            break
        except TryAgainError:
            if attempt == ATTEMPTS:
                raise
            context.ledger.fetch()
            tip = context.ledger.tip("history")
            known = context.ledger.read(Record, tip, "record.json")
    _beat(context, scanned, share)
    look_again(context, share=share)
    render(context)
    for line in words(scanned.remarks):
        context.tell(line)
    return scanned


def _look(context: Context, sources: Sources, known: Record | None) -> Snapshot:
    """Read the reports, ask and resolve, or both; the configured scanners run where we resolve."""
    workspace, metadata = context.workspace, context.metadata
    project = Project(
        name=metadata.normalized_name, version=metadata.version, commit=workspace.commit
    )
    readings: tuple[Reading, ...] = ()
    chosen = configured(context)
    if sources.reports is not None:
        readings = read_folder(context, Path(sources.reports), known)
    if sources.asks_nobody:
        empty = Snapshot(
            project=project,
            taken_at=context.clock.now(),
            scanners={},
            repository=context.place.name,
        )
        return with_reports(context, empty, readings, known)
    resolved = _resolve(context, project, sources.advisories, known)
    readings += run_scanners(context, resolved, chosen)
    return with_reports(context, resolved, readings, known) if readings else resolved


def _resolve(
    context: Context,
    project: Project,
    advisories: str | None,
    known: Record | None,
) -> Snapshot:
    workspace, metadata = context.workspace, context.metadata
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
        archive=_archive(workspace),
        pyproject=workspace.read("pyproject.toml") or "",
    )
    if is_empty(context.place, workspace.root):
        return take_snapshot(request)
    with context.open_repository() as where:
        return take_snapshot(replace(request, releases=SimpleIndex(where.simple_url)))


def _acceptances(context: Context) -> Acceptances:
    """What people accept; of a file that cannot be read nothing is taken for accepted."""
    try:
        return read_acceptances(_text(_bytes(_plans(context))))
    except DocumentError:
        return NONE  # render() sets the file aside, and tells


@dataclass(frozen=True)
class _Comparison:
    """How a snapshot is compared with what was known.

    :param accept_coverage: believe a report that covers much less than the last one.
    :param required: the scanners that the policy requires.
    :param forget: the scanner that a person retires.
    """

    acceptances: Acceptances
    accept_coverage: bool
    required: tuple[str, ...]
    forget: str

    def without_retired(self, known: Record | None, now: datetime) -> Record | None:
        """What was known, but for the scanner that a person retires."""
        return without_scanner(known, self.forget, now) if known and self.forget else known

    def __call__(self, known: Record | None, snapshot: Snapshot) -> Scanned:
        record = carry_forward(
            self.without_retired(known, snapshot.taken_at),
            snapshot,
            accept_coverage=self.accept_coverage,
            acceptances=self.acceptances.by_key,
        )
        return Scanned(
            snapshot=marked(snapshot, record),
            record=record,
            changes=SecurityChangeDetector().compare(known, record),
            before=known,
            required=required_of(snapshot, record, self.required),
            remarks=remarks(self.acceptances, record, snapshot.taken_at),
        )


def _archive(workspace: Workspace) -> str | None:
    """The archive that the configuration names; a path there is one from the project's folder."""
    named = workspace.config.osv_archive
    if named is None or urlsplit(named).scheme in {"http", "https"}:
        return named
    return str(workspace.root / named)


def _remember(context: Context, tip: str | None, scanned: Scanned, share: bool) -> None:
    """Add to history what is new; an unchanged scan adds nothing."""
    ledger = context.ledger
    before = ledger.read(Snapshot, tip, "snapshot.json")
    known = ledger.read(Record, tip, "record.json")
    same_record = known is not None and digest(known) == digest(scanned.record)
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


def _beat(context: Context, scanned: Scanned, share: bool) -> None:
    """Replace the heartbeat; what checks have left there stays, as does that of a newer scan."""
    snapshot = scanned.snapshot
    beat = Heartbeat(
        project=snapshot.project.name,
        repository=snapshot.repository,
        commit=snapshot.project.commit,
        taken_at=snapshot.taken_at,
        scanners=snapshot.scanners,
        required=scanned.required,
    )
    try:
        files = {
            "heartbeat.json": partial(_newer, beat),
            "grades.json": partial(_graded, beat, scanned, context.clock.now()),
        }
        replace_heartbeat(context, files, share=share)
    except TryAgainError as error:
        context.tell(f"the heartbeat was not written: {error.what}")


def _newer(beat: Heartbeat, held: bytes | None, by_another: bool) -> bytes:
    """Our heartbeat, but for a newer one that another scan has written meanwhile."""
    ours = encode(beat)
    if not (held and by_another):
        return ours
    try:
        theirs = decode(Heartbeat, held)
    except DocumentError:
        return ours
    return held if theirs.taken_at > beat.taken_at else ours


def _graded(beat: Heartbeat, scanned: Scanned, now: datetime, held: bytes | None, _: bool) -> bytes:
    """The grades of past days with today's; what cannot be read is begun anew."""
    known = Grades(project=beat.project, repository=beat.repository)
    with contextlib.suppress(DocumentError):
        known = decode(Grades, held) if held else known
    letter = earned(scanned.record, scanned.snapshot, beat).letter
    return encode(with_day(known, letter, beat.taken_at, now))


def render(context: Context) -> None:
    """Write the human-facing files from what the ledger knows now.

    Of several runs one at a time writes, and each writes the newest truth, not its own. What
    somebody else wrote in place of the page stays; plans that nobody can read are set aside.
    """
    with context.workspace.rendering():
        context.ledger.look_again()
        tip = context.ledger.tip("history")
        record = context.ledger.read(Record, tip, "record.json")
        snapshot = context.ledger.read(Snapshot, tip, "snapshot.json")
        if record and snapshot:
            _write_page(context, record, snapshot)
            _write_plans(context, record, snapshot)


def _write_page(context: Context, record: Record, snapshot: Snapshot) -> None:
    config = context.workspace.config
    page = context.workspace.root / HUMAN_FACING / "SECURITY_FINDINGS.md"
    if page.is_file() and MARK not in page.read_text(encoding="utf-8", errors="replace"):
        context.tell(f"left {page.name} as it is: it is not ours; move it away to have it written")
        return
    text = render_findings(record, snapshot.reach, own_code=config.publish_code_findings)
    write_file(page, text)


def _plans(context: Context) -> Path:
    return context.workspace.root / HUMAN_FACING / "remediation-plans.yml"


def _write_plans(context: Context, record: Record, snapshot: Snapshot) -> None:
    """Bring the plans up to date. An original that is replaced is kept beside, first."""
    path = _plans(context)
    found = _bytes(path)
    try:
        text = _text(found)
        after = update_plans(text, record, snapshot.reach)
    except DocumentError as error:
        kept = set_aside(path, found or b"")
        context.tell(f"{path.name} was set aside as {kept.name}, and made anew: {error.why}")
        text, after = None, update_plans(None, record, snapshot.reach)
    if text and is_older(text):
        kept = set_aside(path, text.encode())
        context.tell(f"{path.name} had the older layout: migrated, the original is {kept.name}")
    if _bytes(path) != found:  # somebody has just saved it: theirs is the one to go on from
        _write_plans(context, record, snapshot)
    else:
        write_file(path, after)


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _text(data: bytes | None) -> str | None:
    """The text of the plans, with its own line ends; ``None`` where there are none.

    :raises DocumentError: it is not UTF-8.
    """
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError as error:
        raise DocumentError(
            "the plans cannot be read",
            why=f"no UTF-8: {error}",
            remedy="save the file as UTF-8, then run again",
        ) from error
