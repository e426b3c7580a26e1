"""The document ``security-status/index.json``: all that the pages say, for machines."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from release.decide.counted import counted, days, published_is_known, users_get
from release.decide.grade import (
    FORMULA,
    FORMULA_VERSION,
    Cap,
    Deduction,
    Formula,
    Summary,
    grade,
    summarize,
)
from release.decide.unseen import Unseen
from release.model.base import Document, Instant, Noun, digest, sha256
from release.model.decision import Action
from release.model.finding import USERS_GET, ClosureKind, Severity
from release.model.grades import Letter
from release.model.heartbeat import Run
from release.model.receipt import Receipt, ReceiptFile
from release.model.record import Record, Tracked
from release.model.snapshot import Closure, State
from release.model.yank import Yank
from release.record.history import response
from release.record.openvex import concerned
from status_site.documents import Documents
from status_site.findings import (
    OwnCode,
    PublicFinding,
    https_only,
    own_code,
    public_findings,
    reaches,
)
from status_site.monitoring import Monitoring, monitoring
from status_site.names import version_name
from status_site.unseen import VALID_FOR, doubts, unseen

Remediation = Literal[
    "unknown", "none-needed", "release-owed", "change-needed", "upgrade-available", "waiting"
]
LINKS = {
    "page": "index.html",
    "findings": "findings.html",
    "releases": "releases.html",
    "dashboard": "dashboard.html",
    "data": "index.json",
    "history": "history.json",
    "metrics": "metrics.json",
    "feed": "feed.xml",
    "badges": "badges/grade.json",
    "monitoring": "monitoring.json",
    "schema": "schema.json",
    "openapi": "openapi.json",
    "files": "build.json",
}
NOT_PUBLIC = "it concerns the project's own code, whose open findings are not public"


class ScannerStatus(Noun, frozen=True, kw_only=True):
    """How one scanner fared in the last scan; ``covered`` is a number of packages."""

    state: State
    required: bool
    covered: int
    skipped: int
    database_date: Instant | None
    detail: str


class PublicFile(Noun, frozen=True, kw_only=True):
    """One file of a release; ``url`` only where the world can reach it."""

    name: str
    sha256: str
    size: int
    url: str | None


class PublicYank(Noun, frozen=True, kw_only=True):
    """That a release should not be used: ``requested`` of its index, or ``done`` there."""

    state: Literal["requested", "done"]
    reason: str
    at: Instant


class PublicRelease(Noun, frozen=True, kw_only=True):
    """One confirmed release."""

    version: str
    confirmed_at: Instant
    uploaded_at: Instant
    tag: str
    trigger: str
    files: tuple[PublicFile, ...]
    file: str
    yank: PublicYank | None = None


class PublicReason(Noun, frozen=True, kw_only=True):
    """One rule that fired."""

    rule: str
    why: str


class LastDecision(Noun, frozen=True, kw_only=True):
    """The last decision; the first reason settled it.

    ``released`` is the version that came of it; then there is no ``next`` any more.
    """

    action: Action
    reasons: tuple[PublicReason, ...]
    next_step: str = msgspec.field(name="next")
    released: str | None = None


class LastRun(Noun, frozen=True, kw_only=True):
    """How the last run ended that scanned or released."""

    task: str
    outcome: Literal["ok", "error"]
    exit_code: int
    at: Instant


class ResponseTime(Noun, frozen=True, kw_only=True):
    """How quickly findings of one severity that users got were remedied, in days.

    ``within`` counts those remedied within ``due_days``; ``mean_days`` is ``None`` where nothing
    was remedied yet.
    """

    severity: Severity
    due_days: int
    remedied: int
    within: int
    mean_days: float | None


class FailedUpdate(Noun, frozen=True, kw_only=True):
    """An update that failed: all else is what was last known, and has no grade any more."""

    at: Instant
    why: str


class SecurityStatus(Document, frozen=True, kw_only=True, tag="release-warden/status/1"):
    """The security status of a project.

    ``basis`` says whose findings these are: those of the ``published`` release at ``version``,
    or, where nothing published was resolved, of the ``candidate`` at HEAD. ``valid_until`` is
    ``scan_date`` plus 48 hours: past it, whoever reads this must withdraw the grade.
    ``days_since_last_vulnerability`` counts whole days from the newest ``first_seen`` of all
    vulnerabilities in dependencies, open or resolved, to ``scan_date``.

    ``security_grade`` follows from ``findings``, ``own_code``, ``vulnerability_summary``,
    ``grade_caps`` and ``formula``; ``null`` means that there is none, never that all is well. The
    summary's ``total`` is the number of ``findings`` plus ``own_code``, which is public as counts
    only. ``accepted`` counts the findings that users get and a person let stay for a while; they
    are in no other number. ``response_times`` tell how quickly findings are remedied.

    ``build_id`` is the same for the same content, whatever the clock says, and every file of the
    site carries it. ``monitoring`` is what checks of the published site saw. With
    ``failed_update`` the content is the last one that was good.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset(
        {
            "build_id",
            "last_updated",
            "scan_date",
            "valid_until",
            "days_since_last_vulnerability",
            "failed_update",
            "findings.days_since_discovery",
            "findings.days_since_publication",
            "findings.days_since_fix",
            "scanners.*.database_date",
            "last_run.at",
            "monitoring",
        }
    )

    schema_version: int = 1
    build_id: str = ""
    last_updated: Instant | None
    scan_date: Instant | None
    valid_until: Instant | None
    project: str | None
    repository: str | None
    version: str | None
    basis: ClosureKind
    vulnerability_summary: Summary
    own_code: OwnCode
    accepted: int = 0
    findings: tuple[PublicFinding, ...]
    security_grade: Letter | None
    grade_points: int
    grade_caps: tuple[Cap, ...]
    grade_deductions: tuple[Deduction, ...]
    formula_version: int = FORMULA_VERSION
    formula: Formula = FORMULA
    days_since_last_vulnerability: int | None
    remediation_status: Remediation
    response_times: tuple[ResponseTime, ...] = ()
    unknown: tuple[Unseen, ...]
    scanners: dict[str, ScannerStatus]
    releases: tuple[PublicRelease, ...]
    last_decision: LastDecision | None
    last_run: LastRun | None
    failed_update: FailedUpdate | None = None
    monitoring: Monitoring | None = None
    links: dict[str, str]

    @classmethod
    def from_documents(cls, documents: Documents, now: datetime | None = None) -> SecurityStatus:
        """What the documents say; the same documents always say the same.

        :param now: the present moment; by default the latest that the documents know of.
        """
        basis: ClosureKind = _basis(documents)
        findings = users_get(documents.record, documents.snapshot)
        public = public_findings(findings, documents, basis)
        summary = summarize(finding.severity for finding in findings)
        missing = unseen(documents, basis)
        as_of, scanned = _as_of(documents), documents.scanned_at
        held = counted(findings, reaches(documents), scanned)
        graded = grade(held, tuple(doubts(documents, missing, now or _clock(documents))))
        status = cls(
            last_updated=as_of,
            scan_date=scanned,
            valid_until=scanned + VALID_FOR if scanned else None,
            project=documents.project,
            repository=documents.repository,
            version=_version(documents, basis),
            basis=basis,
            vulnerability_summary=summary,
            own_code=own_code(findings, scanned),
            accepted=_accepted(documents.record),
            findings=public,
            security_grade=graded.letter,
            grade_points=graded.points,
            grade_caps=graded.caps,
            grade_deductions=graded.deductions,
            days_since_last_vulnerability=_days_since(documents.record, scanned),
            remediation_status=_remediation(documents, graded.letter, public, summary),
            response_times=_response_times(documents),
            unknown=missing,
            scanners=_scanners(documents),
            releases=tuple(_release(receipt, documents.yanks) for receipt in documents.releases),
            last_decision=_decision(documents),
            last_run=_last_run(documents),
            monitoring=monitoring(documents.probes, now or _clock(documents)),
            links=_links(documents, basis),
        )
        return msgspec.structs.replace(status, build_id=_build_id(status, documents))

    def failed(self, update: FailedUpdate) -> SecurityStatus:
        """The same content after an update that failed: without a grade, under the same build id.

        :param update: what failed, and when.
        """
        doubt = Cap(at_most=None, reason="the last update of this page failed")
        kept = tuple(cap for cap in self.grade_caps if cap != doubt)
        return msgspec.structs.replace(
            self, security_grade=None, grade_caps=(doubt, *kept), failed_update=update
        )


def _links(documents: Documents, basis: ClosureKind) -> dict[str, str]:
    """The other files: those that are always there, and those that have anything to say."""
    record, snapshot = documents.record, documents.snapshot
    links = dict(LINKS)
    if record and snapshot and concerned(record, snapshot):
        links["vex"] = "vex.json"
    closure = snapshot.closure(basis) if snapshot else None
    if record and closure:
        links["sbom"] = sbom_file(closure)
    return links


def sbom_file(closure: Closure) -> str:
    """Where the SBOM of a closure lies."""
    return f"sbom/{version_name(closure.version)}.cdx.json"


def _build_id(status: SecurityStatus, documents: Documents) -> str:
    """The sha256 of all that any file of the site is made of, whatever the clock says."""
    closures = documents.snapshot.closures if documents.snapshot else ()
    parts = [
        digest(status),
        digest(documents.record) if documents.record else None,
        [(closure.kind, closure.pins) for closure in closures],
        [digest(receipt) for receipt in documents.releases],
    ]
    return sha256(msgspec.json.encode(parts, order="sorted"))


def _accepted(record: Record | None) -> int:
    """The findings that a person accepted, of those that would be counted."""
    tracked = record.tracked if record else ()
    return sum(bool(item.accepted and item.is_there and _is_shipped(item)) for item in tracked)


def _is_shipped(item: Tracked) -> bool:
    finding = item.finding
    return finding.kind != "dependency" or (
        finding.scope in USERS_GET and finding.reaches("published")
    )


def _response_times(documents: Documents) -> tuple[ResponseTime, ...]:
    told = response(story for story in documents.stories if story.key in documents.shipped)
    return tuple(
        ResponseTime(
            severity=item.severity,
            due_days=item.sla_days,
            remedied=item.remedied,
            within=item.within,
            mean_days=item.mttr_days,
        )
        for item in told
    )


def _clock(documents: Documents) -> datetime | None:
    """The present moment as far as the documents tell: a run's, or else their latest."""
    return documents.run.at if documents.run else _as_of(documents)


def _basis(documents: Documents) -> ClosureKind:
    return "published" if published_is_known(documents.snapshot) else "candidate"


def _version(documents: Documents, basis: ClosureKind) -> str | None:
    closure = documents.snapshot.closure(basis) if documents.snapshot else None
    if closure:
        return closure.version
    return documents.releases[0].version if documents.releases else None


def _as_of(documents: Documents) -> datetime | None:
    """The latest moment that the documents know of."""
    moments = [receipt.confirmed_at for receipt in documents.receipts]
    if documents.run:
        moments.append(documents.run.at)
    if documents.scanned_at:
        moments.append(documents.scanned_at)
    return max(moments, default=None)


def _days_since(record: Record | None, scanned: datetime | None) -> int | None:
    seen = [
        item.finding.first_seen
        for item in (record.tracked if record else ())
        if item.finding.kind == "dependency" and item.finding.first_seen
    ]
    return days(max(seen), scanned) if seen else None


def _remediation(
    documents: Documents,
    letter: Letter | None,
    findings: tuple[PublicFinding, ...],
    summary: Summary,
) -> Remediation:
    """Who has to move next: nobody, we, the users, or somebody upstream."""
    verdicts = {finding.verdict for finding in findings}
    own = summary.total > len(findings)
    if summary.total == 0:
        return "none-needed" if letter else "unknown"
    if documents.decision and documents.decision.action == "release" and not _released(documents):
        return "release-owed"
    if own or verdicts & {"blocked-by-us", "own-code"}:
        return "change-needed"
    if "unknown" in verdicts:
        return "unknown"
    return "upgrade-available" if "installable-fix" in verdicts else "waiting"


def _scanners(documents: Documents) -> dict[str, ScannerStatus]:
    heartbeat = documents.heartbeat
    if heartbeat is None:
        return {}
    return {
        name: ScannerStatus(
            state=scanner.state,
            required=name in heartbeat.required,
            covered=len(scanner.covered),
            skipped=len(scanner.skipped),
            database_date=scanner.database_date,
            detail=scanner.detail,
        )
        for name, scanner in sorted(heartbeat.scanners.items())
    }


def _release(receipt: Receipt, yanks: tuple[Yank, ...]) -> PublicRelease:
    of = (receipt.repository, receipt.version)
    yank = next((one for one in yanks if (one.repository, one.version) == of), None)
    return PublicRelease(
        version=receipt.version,
        confirmed_at=receipt.confirmed_at,
        uploaded_at=receipt.uploaded_at,
        tag=receipt.tag,
        trigger=receipt.trigger,
        files=tuple(_file(file) for file in receipt.files),
        file=f"releases/{version_name(receipt.version)}.json",
        yank=_yank(yank) if yank else None,
    )


def _yank(yank: Yank) -> PublicYank:
    return PublicYank(state=yank.state, reason=yank.reason, at=yank.done_at or yank.requested_at)


def _file(file: ReceiptFile) -> PublicFile:
    return PublicFile(name=file.name, sha256=file.sha256, size=file.size, url=https_only(file.url))


def _decision(documents: Documents) -> LastDecision | None:
    decision = documents.decision
    if decision is None:
        return None
    private = _private_keys(documents.record)
    reasons = tuple(
        PublicReason(rule=reason.rule, why=NOT_PUBLIC if private & {*reason.keys} else reason.why)
        for reason in decision.reasons
    )
    released = _released(documents)
    return LastDecision(
        action=decision.action,
        reasons=reasons,
        next_step="" if released else decision.next,
        released=released,
    )


def _released(documents: Documents) -> str | None:
    """The confirmed release that came of the last decision, by their fingerprint."""
    decision, history = documents.decision, documents.history
    if decision is None or decision.action != "release":
        return None
    past = history.releases if history else ()
    return next(
        (
            one.version
            for one in reversed(past)
            if one.state == "confirmed" and one.fingerprint == decision.fingerprint
        ),
        None,
    )


def _private_keys(record: Record | None) -> frozenset[str]:
    tracked = record.tracked if record else ()
    return frozenset(item.finding.key for item in tracked if item.finding.kind != "dependency")


def _last_run(documents: Documents) -> LastRun | None:
    """A check of the site, or its publishing, does not end what a scan or a release left."""
    known = [run for run in (documents.run, documents.work) if run and _is_work(run)]
    if not known:
        return None
    run = max(known, key=lambda run: run.at)
    return LastRun(task=run.task, outcome=run.outcome, exit_code=run.exit_code, at=run.at)


def _is_work(run: Run) -> bool:
    return run.task.startswith("release.")
