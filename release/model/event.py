"""A failure as an event: what whoever is to be notified needs to know, without secrets."""

from __future__ import annotations

import msgspec

from release.errors import Failure
from release.model.base import Document, Instant


class Event(Document, frozen=True, kw_only=True):
    """One failure of one run.

    ``failure`` is its kind; ``next_step`` the remedy; ``run`` names the run, ``step`` what it was
    doing, ``version`` the release that it was doing it for, each empty where there was none.
    """

    failure: Failure = msgspec.field(name="class")
    what: str
    why: str
    next_step: str = msgspec.field(name="next")
    exit_code: int
    at: Instant
    run: str
    project: str
    task: str
    step: str = ""
    version: str = ""
