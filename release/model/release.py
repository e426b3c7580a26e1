"""A past release, as the governor needs to know it."""

from __future__ import annotations

from typing import Literal

from release.model.base import Instant, Noun
from release.model.decision import Trigger
from release.model.seal import SealState


class Release(Noun, frozen=True, kw_only=True):
    """One sealed version.

    ``weight`` is ``minor`` when nothing critical, high or of unknown severity justified it;
    ``waived`` names the gates that were red.
    """

    version: str
    trigger: Trigger
    fingerprint: str
    state: SealState
    sealed_at: Instant
    weight: Literal["major", "minor"] = "major"
    waived: tuple[str, ...] = ()
