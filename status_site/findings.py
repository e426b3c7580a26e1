"""What of a finding is public, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from release.decide.counted import by_name, days, due, exposure, fix_of, is_overdue, last_word
from release.decide.grade import BY_SEVERITY, Exposure, Fix
from release.model.base import Document, Instant, Noun
from release.model.finding import ClosureKind, Finding, Severity
from release.model.history import Span, StoryState
from release.model.snapshot import Edit, Reach, Verdict
from status_site.documents import Documents
from status_site.names import key_name


class PublicFinding(Noun, frozen=True, kw_only=True):
    """One open finding in a dependency that users get.

    ``versions`` are those that a fresh install brings; ``fixed_at_head`` says that an install
    from the project's HEAD would no longer bring them. ``exposure``, ``fix`` and ``overdue`` are
    what the grade goes by; the days are whole ones, from a date to ``scan_date``, and ``None``
    where that date is not known. ``due`` is ``first_seen`` and the time that its severity is given.
    """

    key: str
    package: str
    versions: tuple[str, ...]
    ids: tuple[str, ...]
    severity: Severity
    score: float | None
    scope: Literal["runtime", "extra"]
    extras: tuple[str, ...]
    pythons: tuple[str, ...]
    verdict: Verdict
    blocker: str | None
    edit: tuple[Edit, ...]
    fixed_in: tuple[str, ...]
    fixed_at_head: bool
    published_at: Instant | None
    first_seen: Instant | None
    fix_available_at: Instant | None
    source: tuple[str, ...]
    summary: str
    url: str | None
    file: str
    exposure: Exposure
    fix: Fix
    due: Instant | None
    overdue: bool
    days_since_discovery: int | None
    days_since_publication: int | None
    days_since_fix: int | None


class FindingStatus(Document, frozen=True, kw_only=True, tag="release-warden/status-finding/1"):
    """One finding that users get or got; ``spans`` are the times in which it was open.

    ``accepted`` is a person's word that it may stay, where there is one.
    """

    build_id: str
    scan_date: Instant | None
    state: StoryState
    finding: PublicFinding
    spans: tuple[Span, ...]
    accepted: str


class OwnCode(Noun, frozen=True, kw_only=True):
    """Open findings in the project's own code: public as counts only (DESIGN: secrecy).

    ``overdue`` are those, of both, that the grade counts as such.
    """

    code: int = 0
    secret: int = 0
    overdue: int = 0


def own_code(findings: Iterable[Finding], scanned: datetime | None) -> OwnCode:
    """Count what lies in the project's own code."""
    ours = [finding for finding in findings if finding.kind != "dependency"]
    kinds = [finding.kind for finding in ours]
    return OwnCode(
        code=kinds.count("code"),
        secret=kinds.count("secret"),
        overdue=sum(is_overdue(finding, scanned) for finding in ours),
    )


def public_findings(
    findings: Iterable[Finding], documents: Documents, basis: ClosureKind
) -> tuple[PublicFinding, ...]:
    """The findings in dependencies, worst first, in an order that depends on nothing else."""
    known = documents.snapshot is not None and documents.snapshot.closure("candidate") is not None
    words = by_name(reaches(documents))
    public = [
        public_finding(
            finding,
            last_word(finding, words),
            basis=basis,
            scanned=documents.scanned_at,
            candidate_is_known=known,
        )
        for finding in findings
        if finding.kind == "dependency"
    ]
    return tuple(sorted(public, key=_worst_first))


def _worst_first(finding: PublicFinding) -> tuple[int, str, str]:
    return BY_SEVERITY.index(finding.severity), finding.package, finding.key


def public_finding(
    finding: Finding,
    reach: Reach | None,
    *,
    basis: ClosureKind,
    scanned: datetime | None,
    candidate_is_known: bool,
) -> PublicFinding:
    """What of a finding in a dependency is public.

    :param reach: the resolver's last word on it.
    :param scanned: when the last scan was; ages are told as of then.
    """
    return PublicFinding(
        key=finding.key,
        package=finding.package,
        versions=finding.affects.get(basis, (finding.version,)),
        ids=finding.ids,
        severity=finding.severity,
        score=finding.score,
        scope="extra" if finding.scope == "extra" else "runtime",
        extras=finding.extras,
        pythons=finding.pythons,
        verdict=reach.verdict if reach else "unknown",
        blocker=reach.blocker if reach else None,
        edit=reach.edit if reach else (),
        fixed_in=finding.fixed_in,
        fixed_at_head=candidate_is_known and not finding.reaches("candidate"),
        published_at=finding.published_at,
        first_seen=finding.first_seen,
        fix_available_at=finding.fix_available_at,
        source=finding.source,
        summary=finding.summary,
        url=https_only(finding.url),
        file=f"findings/{key_name(finding.key)}.json",
        exposure=exposure(finding, reach),
        fix=fix_of(finding, scanned),
        due=due(finding),
        overdue=is_overdue(finding, scanned),
        days_since_discovery=days(finding.first_seen, scanned),
        days_since_publication=days(finding.published_at, scanned),
        days_since_fix=days(finding.fix_available_at, scanned),
    )


def reaches(documents: Documents) -> Iterator[Reach]:
    """What the resolver said, the snapshot's last, as that is the newest."""
    for document in (documents.decision, documents.snapshot):
        yield from document.reach if document else ()


def https_only(url: str | None) -> str | None:
    """The address if it is a plain https one, else nothing."""
    if url is None or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc else None
