"""A copy of a remote's refs, for jobs that must not hold what reads it."""

from __future__ import annotations

from release.model.base import Document


class Mirror(Document, frozen=True, kw_only=True):
    """What ``release.mirror`` made: of which ``remote``, and how many ``refs`` it has."""

    remote: str
    refs: int
