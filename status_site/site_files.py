"""All files of the site: the static API, and the pages over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from release.model.base import encode, sha256
from release.model.record import Tracked
from release.record.openvex import openvex
from status_site.badges import as_svg, badges
from status_site.documents import Documents
from status_site.feed import feed
from status_site.figures import StatusMetrics, status_metrics
from status_site.findings import FindingStatus, PublicFinding, public_finding
from status_site.monitoring import StatusMonitoring, status_monitoring
from status_site.page import pages
from status_site.releases import ReleaseStatus, release_statuses
from status_site.sbom import sbom
from status_site.schemas import BuildFiles, openapi, published
from status_site.status import SecurityStatus, sbom_file
from status_site.timeline import StatusHistory, timeline


def site_files(documents: Documents, status: SecurityStatus) -> dict[str, bytes]:
    """Every file of the site, path to content."""
    history, releases = timeline(documents, status), tuple(release_statuses(documents, status))
    monitored = status_monitoring(status.build_id, status.monitoring, documents.probes)
    figures = status_metrics(documents, status.build_id)
    made = faces(status, history, monitored, releases, figures)
    made["history.json"] = encode(history)
    made["monitoring.json"] = encode(monitored)
    made["metrics.json"] = encode(figures)
    made["feed.xml"] = feed(documents, status)
    made["schema.json"] = published(status.build_id)
    made["openapi.json"] = openapi(status.build_id)
    made |= _exchange(documents, status)
    made |= {told.finding.file: encode(told) for told in finding_statuses(documents, status)}
    return bound(made, status)


def faces(
    status: SecurityStatus,
    history: StatusHistory,
    monitored: StatusMonitoring,
    releases: Sequence[ReleaseStatus],
    figures: StatusMetrics,
) -> dict[str, bytes]:
    """The files that tell the grade: those that change when an update fails.

    The pages are made from what is served as JSON, and from nothing else.
    """
    made = {"index.json": encode(status), **pages(status, history, monitored, releases, figures)}
    made |= {told.release.file: encode(told) for told in releases}
    for name, badge in badges(status).items():
        made[f"badges/{name}.json"] = encode(badge)
        made[f"badges/{name}.svg"] = as_svg(badge, status.build_id)
    return made


def bound(made: Mapping[str, bytes], status: SecurityStatus) -> dict[str, bytes]:
    """The files with ``build.json``, which holds the digests of the others."""
    digests = {name: sha256(data) for name, data in made.items() if name != "build.json"}
    told = BuildFiles(build_id=status.build_id, scan_date=status.scan_date, files=digests)
    return {**made, "build.json": encode(told)}


def _exchange(documents: Documents, status: SecurityStatus) -> dict[str, bytes]:
    """What other tools read: OpenVEX and CycloneDX, once something was scanned."""
    snapshot = documents.snapshot
    if documents.record is None or snapshot is None:
        return {}
    made = {}
    if "vex" in status.links:
        tooling = f"release-warden, build-id {status.build_id}"
        made["vex.json"] = openvex(documents.record, snapshot, snapshot.taken_at, tooling)
    closure = snapshot.closure(status.basis)
    if closure:
        made[sbom_file(closure)] = sbom(closure, status)
    return made


def finding_statuses(documents: Documents, status: SecurityStatus) -> Iterator[FindingStatus]:
    """The document of every finding in a dependency that users get or got."""
    open_ = {finding.key: finding for finding in status.findings}
    for story in documents.stories:
        item = documents.shipped.get(story.key)
        if item:
            yield FindingStatus(
                build_id=status.build_id,
                scan_date=status.scan_date,
                state=story.state,
                finding=open_.get(story.key) or _past(item, status),
                spans=story.spans,
                accepted=story.accepted,
            )


def _past(item: Tracked, status: SecurityStatus) -> PublicFinding:
    return public_finding(
        item.finding, None, basis=status.basis, scanned=status.scan_date, candidate_is_known=False
    )
