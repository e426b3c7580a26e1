"""Build the site: one whole state after another, and the last good one when an update fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from release.adapters.clock import Clock
from release.errors import DocumentError
from release.model.base import decode
from release.model.text import plain
from status_site.documents import read
from status_site.figures import StatusMetrics
from status_site.monitoring import StatusMonitoring
from status_site.page import compiled_in
from status_site.releases import ReleaseStatus, after_failure
from status_site.site_files import bound, faces, site_files
from status_site.status import FailedUpdate, SecurityStatus
from status_site.store import current_files, held, publish
from status_site.timeline import StatusHistory

FOLDER = "security-status"
"""Where the site lies in a project."""


@dataclass(frozen=True)
class BuildResult:
    """The status that was built, where it lies, and which files had to change."""

    status: SecurityStatus
    folder: Path
    written: tuple[str, ...]


def build(documents: Path, output: Path, now: datetime | None = None) -> BuildResult:
    """Build the site of a folder of documents.

    :param documents: what a run laid out; absent documents are not there yet.
    :param output: the site's folder; it ignores itself in git.
    :param now: the present moment, past which a scan is stale; by default the last run's.
    :raises DocumentError: a document cannot be read; the last good status stays, marked as stale.
    :raises FailedError: the site cannot be written; it stays as it was.
    :raises TryAgainError: another builder has held the folder for a minute.
    """
    with held(output):
        try:
            known = read(documents)
        except DocumentError as error:
            _mark(output, error, now)
            raise
        status = SecurityStatus.from_documents(known, now)
        return BuildResult(status, output, publish(output, site_files(known, status)))


def mark_failed(output: Path, error: DocumentError, now: datetime) -> None:
    """Serve the last good status as stale, after an update that could not even read its documents.

    :param error: what could not be read.
    """
    if output.exists():
        with held(output):
            _mark(output, error, now)


def after_run(folder: Path) -> None:
    """Build the site after a run: the entry point ``release_warden.after_run``.

    :param folder: ``PROJECT/.release/run/documents``.
    """
    with compiled_in(folder.parents[1] / "cache" / "pages"):
        build(folder, folder.parents[2] / FOLDER)


def _mark(output: Path, error: DocumentError, now: datetime | None) -> None:
    """Serve the last good status as stale: without a grade, under the same build id."""
    files = current_files(output)
    try:
        last = decode(SecurityStatus, files["index.json"])
        history = decode(StatusHistory, files["history.json"])
        monitored = decode(StatusMonitoring, files["monitoring.json"])
        figures = decode(StatusMetrics, files["metrics.json"])
        releases = [decode(ReleaseStatus, files[release.file]) for release in last.releases]
    except (KeyError, DocumentError):
        return  # of another version, or damaged: it withdraws its grade when its time has passed
    status = last.failed(FailedUpdate(at=now or Clock().now(), why=plain(error.what, 300)))
    told = faces(status, history, monitored, [*map(after_failure, releases)], figures)
    publish(output, bound({**files, **told}, status))
