"""What a decision rests on beside the scan: kept with it, so that it can be replayed."""

from __future__ import annotations

from release.config import Policy
from release.model.base import Document, Noun
from release.model.release import Release

NOTHING = "nothing"
"""The digest of a document that is not there."""


class Asked(Noun, frozen=True, kw_only=True):
    """What a person asked for: ``patch``, ``minor``, ``major`` or a version, and why."""

    bump: str
    reason: str


class Circumstances(Document, frozen=True, kw_only=True):
    """All of the evidence that is no document of its own.

    ``off`` says what in the environment switched automatic releases off; ``mended`` names the
    findings that the last release took from users; ``identical`` is the release that has the very
    content of this one, once it is built.
    """

    policy: Policy
    config: str
    baseline: str = NOTHING
    releases: tuple[Release, ...] = ()
    off: str = ""
    mended: tuple[str, ...] = ()
    identical: str = ""
    asked: Asked | None = None
