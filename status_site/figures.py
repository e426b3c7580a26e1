"""``metrics.json``: how releases, scans and remedies went."""

from __future__ import annotations

from release.model.base import Document
from release.model.metrics import Metrics
from status_site.documents import Documents


class StatusMetrics(Document, frozen=True, kw_only=True, tag="release-warden/status-metrics/1"):
    """The figures of ``release.metrics``; ``None`` where they were not told.

    Those of runs count up to the end of the last day (UTC) before ``metrics.as_of``.
    """

    build_id: str
    metrics: Metrics | None


def status_metrics(documents: Documents, build_id: str) -> StatusMetrics:
    """The file ``metrics.json``."""
    return StatusMetrics(build_id=build_id, metrics=documents.metrics)
