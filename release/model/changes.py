"""The changes between two records."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Noun
from release.model.finding import Severity
from release.model.record import Cause

ChangeKind = Literal[
    "new",
    "returned",
    "resolved",
    "unexplained",
    "worsened",
    "eased",
    "fix-available",
    "updated",
]


class Change(Noun, frozen=True, kw_only=True):
    """One change of one finding; ``cause`` is set when ``kind`` is ``resolved``."""

    kind: ChangeKind
    key: str
    package: str
    ids: tuple[str, ...]
    severity: Severity
    cause: Cause | None = None
    evidence: str = ""


class Unknown(Noun, frozen=True, kw_only=True):
    """A package on which a scanner had no word this time."""

    scanner: str
    package: str


class Changes(Document, frozen=True, kw_only=True):
    """What changed since ``since`` (a digest, a commit or ``nothing``)."""

    since: str
    changes: tuple[Change, ...] = ()
    unknown: tuple[Unknown, ...] = ()
