"""The record: the truth carried forward, kept per scanner."""

from __future__ import annotations

from typing import Literal

from release.model.acceptance import Acceptance
from release.model.base import Document, Instant, Noun
from release.model.finding import Finding
from release.model.snapshot import State

Cause = Literal[
    "upgraded", "withdrawn", "range-corrected", "suppressed", "out-of-scope", "package-gone"
]


class Sighting(Noun, frozen=True, kw_only=True):
    """One scanner's last word on one finding; ``unexplained`` is open though it vanished."""

    state: Literal["open", "resolved", "unexplained"]
    cause: Cause | None = None
    evidence: str = ""


class Tracked(Noun, frozen=True, kw_only=True):
    """A finding with its story. It is open while any scanner holds it open.

    ``accepted`` is a person's word that it may stay; the sightings tell the truth beneath it.
    """

    finding: Finding
    sightings: dict[str, Sighting]
    resolved_at: Instant | None = None
    accepted: Acceptance | None = None

    @property
    def is_open(self) -> bool:
        """Open until it is accepted, or every scanner that ever saw it resolved it with a cause."""
        return self.accepted is None and self.is_there

    @property
    def is_there(self) -> bool:
        """Whether any scanner holds it open, accepted or not."""
        return any(sighting.state != "resolved" for sighting in self.sightings.values())


class Coverage(Noun, frozen=True, kw_only=True):
    """What a scanner covered when it was last able to speak, and what is unknown since.

    ``covered`` lists ``name==version``, ``unknown`` names packages, ``*`` being all of them.
    ``pending`` names the packages of a report that covered much less than the one before it:
    not believed until a second one agrees.
    """

    state: State
    covered: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    pending: tuple[str, ...] | None = None


class Record(Document, frozen=True, kw_only=True):
    """What is known of a project's findings. It holds no time of its own making: an unchanged
    scan leaves its bytes as they are.
    """

    project: str
    repository: str
    scanners: dict[str, Coverage] = {}
    tracked: tuple[Tracked, ...] = ()

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that are open, in the record's order."""
        return tuple(item.finding for item in self.tracked if item.is_open)
