"""The history: what every recorded scan changed, what became of each finding, every release."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant, Noun
from release.model.changes import Change
from release.model.finding import Kind, Scope, Severity
from release.model.record import Cause
from release.model.release import Release

StoryState = Literal["open", "unexplained", "accepted", "resolved"]


class Scanned(Noun, frozen=True, kw_only=True):
    """One entry of history: the ledger's commit, when, and what changed."""

    entry: str
    at: Instant
    commit: str
    changes: tuple[Change, ...]


class Span(Noun, frozen=True, kw_only=True):
    """A time in which a finding was open; ``closed`` and ``cause`` once it ended."""

    opened: Instant
    closed: Instant | None = None
    cause: Cause | None = None
    evidence: str = ""


class Story(Noun, frozen=True, kw_only=True):
    """What became of one finding.

    ``spans`` are the times in which it was open, the first one beginning at first sight.
    ``due`` is when the one that is open should end by its severity; an accepted one has none, nor
    has one that only the oldest permitted versions hold (scope ``floor``): nobody promised that.
    ``age_days`` is how long the open one has lasted.
    """

    key: str
    kind: Kind
    package: str
    ids: tuple[str, ...]
    severity: Severity
    state: StoryState
    first_seen: Instant | None
    spans: tuple[Span, ...] = ()
    due: Instant | None = None
    overdue: bool = False
    age_days: float | None = None
    accepted: str = ""
    scope: Scope = "runtime"


class Response(Noun, frozen=True, kw_only=True):
    """How quickly findings of one severity are remedied.

    ``mttr_days`` is the mean time from opening to a remedy of ours; withdrawn advisories and
    acceptances are none. ``within`` counts the remedies that came within ``sla_days``.
    """

    severity: Severity
    sla_days: int
    open: int = 0
    overdue: int = 0
    remedied: int = 0
    within: int = 0
    mttr_days: float | None = None


class History(Document, frozen=True, kw_only=True):
    """Scans and releases newest first; stories and response times as of ``as_of``."""

    project: str
    repository: str
    scans: tuple[Scanned, ...] = ()
    releases: tuple[Release, ...] = ()
    as_of: Instant | None = None
    stories: tuple[Story, ...] = ()
    response: tuple[Response, ...] = ()
