"""The decision: whether a release is owed, by which rule, on what evidence."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Noun
from release.model.snapshot import Reach

Action = Literal["release", "none", "hold", "block", "unknown"]
Trigger = Literal["security-auto", "manual", "none"]


class Reason(Noun, frozen=True, kw_only=True):
    """One rule that fired: for whom (``keys``), why, and on what evidence."""

    rule: str
    why: str
    keys: tuple[str, ...] = ()
    evidence: str = ""


class Inputs(Noun, frozen=True, kw_only=True):
    """The sha256 of everything that the decision rests on, clock fields left out."""

    snapshot: str
    baseline: str
    policy: str
    config: str


class Decision(Document, frozen=True, kw_only=True):
    """Same inputs, same decision: it holds no time and no place."""

    action: Action
    trigger: Trigger
    bump: str
    reasons: tuple[Reason, ...]
    fingerprint: str
    inputs: Inputs
    reach: tuple[Reach, ...] = ()
    next: str = ""

    @property
    def rule(self) -> str:
        """The rule that settled it: the first reason's."""
        return self.reasons[0].rule
