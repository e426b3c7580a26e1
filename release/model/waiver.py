"""A waiver: a red vulnerability gate that a release may pass, and until when."""

from __future__ import annotations

from release.model.base import Instant, Noun


class Waiver(Noun, frozen=True, kw_only=True):
    """``since`` is the first release in a row that needed it, or this one's version."""

    gate: str
    since: str
    expires: Instant
    rule: str = "waived-gate"
