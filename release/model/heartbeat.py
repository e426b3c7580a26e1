"""The heartbeat: when the last scan was, and how its scanners fared. Replaced at each scan."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant
from release.model.event import Event
from release.model.snapshot import Scanner


class Heartbeat(Document, frozen=True, kw_only=True):
    """Freshness, kept apart from history so that an unchanged scan changes nothing else.

    ``required`` are the scanners without whose word the answer is unknown (``policy.required``).
    """

    project: str
    repository: str
    commit: str
    taken_at: Instant
    scanners: dict[str, Scanner]
    unconfirmed: tuple[str, ...] = ()
    required: tuple[str, ...] = ("osv",)


class Run(Document, frozen=True, kw_only=True):
    """How the run ended whose documents ``release_warden.after_run`` is handed.

    ``event`` is the failure, if it failed: what a plug-in tells people of.
    """

    project: str
    repository: str
    task: str
    outcome: Literal["ok", "error"]
    exit_code: int
    at: Instant
    event: Event | None = None
