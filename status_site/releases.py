"""``releases/<version>.json``: the answer to "which version should I be on?"."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from packaging.version import InvalidVersion, Version

from release.model.base import Document, Noun
from release.model.delta import DeltaFinding
from release.model.finding import Severity
from release.model.grades import Letter
from release.model.receipt import Receipt
from status_site.documents import Documents
from status_site.status import PublicRelease, SecurityStatus
from status_site.words import count_of

UNSURE = "This is the latest release; what it brings is not fully known."


class Removed(Noun, frozen=True, kw_only=True):
    """A finding that a release took from its users."""

    version: str
    key: str
    package: str
    ids: tuple[str, ...]
    severity: Severity


class ReleaseStatus(Document, frozen=True, kw_only=True, tag="release-warden/status-release/1"):
    """One release, and which version to be on instead, if not this one.

    ``use`` is the latest release. ``known`` says whether the last scan looked at this one: only
    then is ``security_grade`` its own, and the findings of ``index.json`` are. ``fixes`` is what it
    took from the users of the release before it; ``fixed_since`` is what later ones took, and what
    this one may therefore still bring.
    """

    build_id: str
    project: str | None
    release: PublicRelease
    use: str | None
    is_latest: bool
    known: bool
    security_grade: Letter | None
    advice: str
    fixes: tuple[Removed, ...]
    fixed_since: tuple[Removed, ...]


def release_statuses(documents: Documents, status: SecurityStatus) -> Iterator[ReleaseStatus]:
    """The document of every release, newest first."""
    use = latest(documents, status)
    known = status.version if status.basis == "published" else None
    shown = {release.version: release for release in status.releases}
    removed = [(receipt, tuple(_removed(receipt))) for receipt in documents.releases]
    for receipt, fixes in removed:
        since = tuple(f for later, fixed in removed if _is_later(later, receipt) for f in fixed)
        is_known = receipt.version == known
        yield ReleaseStatus(
            build_id=status.build_id,
            project=status.project,
            release=shown[receipt.version],
            use=use,
            is_latest=receipt.version == use,
            known=is_known,
            security_grade=status.security_grade if is_known else None,
            advice=_advice(receipt.version, use, len(since), status if is_known else None),
            fixes=fixes,
            fixed_since=since,
        )


def after_failure(told: ReleaseStatus) -> ReleaseStatus:
    """The same release after an update that failed: nobody is told its grade any more."""
    advice = UNSURE if told.is_latest else told.advice
    return msgspec.structs.replace(told, security_grade=None, advice=advice)


def latest(documents: Documents, status: SecurityStatus) -> str | None:
    """The version to be on: what the index gives, or a release that came after the last scan."""
    newest = documents.releases[0] if documents.releases else None
    if newest and (status.scan_date is None or newest.confirmed_at >= status.scan_date):
        return newest.version
    if status.basis == "published" and status.version:
        return status.version
    return newest.version if newest else None


def _removed(receipt: Receipt) -> Iterator[Removed]:
    for finding in receipt.delta.fixed if receipt.delta else ():
        yield _one(receipt.version, finding)


def _one(version: str, finding: DeltaFinding) -> Removed:
    return Removed(
        version=version,
        key=finding.key,
        package=finding.package,
        ids=finding.ids,
        severity=finding.severity,
    )


def _is_later(one: Receipt, other: Receipt) -> bool:
    """Whether a release has the higher version; where versions cannot be compared, it is not."""
    try:
        return Version(one.version) > Version(other.version)
    except InvalidVersion:
        return False


def _advice(version: str, use: str | None, fixed: int, known: SecurityStatus | None) -> str:
    if version != use:
        why = f", which removes {count_of(fixed, 'known finding')}" if fixed else ""
        return f"Upgrade to {use}{why}. What this version brings was not scanned."
    if known is None or known.security_grade is None:
        return UNSURE
    open_ = known.vulnerability_summary.total
    known_open = count_of(open_, "known open finding") if open_ else "no known open finding"
    return f"This is the latest release, with {known_open}."
