"""Alerts: what people are to be told of, what they were told, and where that failed."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant, Noun

AlertKind = Literal[
    "publish-failed",
    "credential-failed",
    "status-stale",
    "status-failed",
    "scan-late",
    "scan-unknown",
    "unusual-release",
    "unknown-version",
    "sla-near",
]
KEPT = 50
"""How many failures of targets are kept."""


class Alert(Noun, frozen=True, kw_only=True):
    """One thing that somebody has to look at.

    ``subject`` is what it is about: a version, a finding, a scanner; with the kind it is the
    alert's key. ``what``, ``why`` and ``next_step`` are for a person. ``runbook`` is an anchor of
    the page of runbooks. ``once`` says that it tells of something that happened and cannot be over.
    """

    kind: AlertKind
    subject: str
    what: str
    why: str = ""
    next_step: str = ""
    once: bool = False

    @property
    def key(self) -> str:
        """What makes two alerts the same one."""
        return f"{self.kind}:{self.subject}"

    @property
    def runbook(self) -> str:
        """The anchor of its runbook, docs/operations.md."""
        return self.kind


class Standing(Noun, frozen=True, kw_only=True):
    """An alert that people were told of and that is not over.

    ``told`` is by target when it was told last, ``where`` what it is called there, such as the
    number of an issue.
    """

    alert: Alert
    since: Instant
    told: dict[str, Instant] = {}
    where: dict[str, str] = {}


class Undelivered(Noun, frozen=True, kw_only=True):
    """A target that could not be told."""

    at: Instant
    target: str
    key: str
    why: str


class Alerts(Document, frozen=True, kw_only=True):
    """What stands, oldest first, and which deliveries failed lately, newest last.

    ``sent`` are the moments of the notices of the last day, for the rate limit.
    """

    project: str
    standing: tuple[Standing, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()
    sent: tuple[Instant, ...] = ()
