"""The history: what every recorded scan changed, and every release."""

from __future__ import annotations

from release.model.base import Document, Instant, Noun
from release.model.changes import Change
from release.model.release import Release


class Scanned(Noun, frozen=True, kw_only=True):
    """One entry of history: the ledger's commit, when, and what changed."""

    entry: str
    at: Instant
    commit: str
    changes: tuple[Change, ...]


class History(Document, frozen=True, kw_only=True):
    """Newest first."""

    project: str
    repository: str
    scans: tuple[Scanned, ...] = ()
    releases: tuple[Release, ...] = ()
