"""What of a finding is public, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal
from urllib.parse import urlsplit

from release.decide.grade import BY_SEVERITY
from release.model.base import Instant, Noun
from release.model.finding import ClosureKind, Finding, Severity
from release.model.snapshot import Edit, Reach, Snapshot, Verdict
from status_site.documents import Documents

USERS_GET = frozenset({"runtime", "extra"})
"""The scopes that a fresh install brings; ``floor`` and ``dev`` are never in the grade."""


class PublicFinding(Noun, frozen=True, kw_only=True):
    """One open finding in a dependency that users get.

    ``versions`` are those that a fresh install brings; ``fixed_at_head`` says that an install
    from the project's HEAD would no longer bring them.
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


class OwnCode(Noun, frozen=True, kw_only=True):
    """Open findings in the project's own code: public as counts only (DESIGN: secrecy)."""

    code: int = 0
    secret: int = 0


def users_get(documents: Documents) -> tuple[Finding, ...]:
    """The open findings that users get.

    Where the published release was not resolved, those of every closure stay in: what was not
    seen may not vanish (law 1).
    """
    if documents.record is None:
        return ()
    published = published_is_known(documents.snapshot)
    return tuple(
        finding
        for finding in documents.record.open
        if finding.kind != "dependency"
        or (finding.scope in USERS_GET and (not published or finding.reaches("published")))
    )


def published_is_known(snapshot: Snapshot | None) -> bool:
    """Whether the last scan resolved what the published release brings."""
    return snapshot is not None and snapshot.closure("published") is not None


def own_code(findings: Iterable[Finding]) -> OwnCode:
    """Count what lies in the project's own code."""
    kinds = [finding.kind for finding in findings]
    return OwnCode(code=kinds.count("code"), secret=kinds.count("secret"))


def public_findings(
    findings: Iterable[Finding], documents: Documents, basis: ClosureKind
) -> tuple[PublicFinding, ...]:
    """The findings in dependencies, worst first, in an order that depends on nothing else."""
    known = documents.snapshot is not None and documents.snapshot.closure("candidate") is not None
    words = _reaches(documents)
    public = [
        _public(finding, _last_word(finding, words), basis, candidate_is_known=known)
        for finding in findings
        if finding.kind == "dependency"
    ]
    return tuple(sorted(public, key=_worst_first))


def _worst_first(finding: PublicFinding) -> tuple[int, str, str]:
    return BY_SEVERITY.index(finding.severity), finding.package, finding.key


def _public(
    finding: Finding, reach: Reach | None, basis: ClosureKind, *, candidate_is_known: bool
) -> PublicFinding:
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
    )


def _reaches(documents: Documents) -> dict[object, Reach]:
    """The last word on every finding, by its key and by each of its ids; the snapshot's wins."""
    words: dict[object, Reach] = {}
    for document in (documents.decision, documents.snapshot):
        for reach in document.reach if document else ():
            for known_as in (reach.key, *((reach.package, id_) for id_ in reach.ids)):
                words[known_as] = reach
    return words


def _last_word(finding: Finding, words: Mapping[object, Reach]) -> Reach | None:
    known_as = (finding.key, *((finding.package, id_) for id_ in finding.ids))
    return next((words[name] for name in known_as if name in words), None)


def https_only(url: str | None) -> str | None:
    """The address if it is a plain https one, else nothing."""
    if url is None or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc else None
