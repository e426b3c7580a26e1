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
    """The sha256 of everything that the decision rests on, clock fields left out.

    ``baseline`` is the record before the scan, ``record`` the one after it, ``released`` what was
    known at the last release (preset ``posture``). ``circumstances`` are the past releases, those
    of them within the budgets' windows, the kill switch of the environment, and what a person
    asked for.
    """

    snapshot: str
    baseline: str
    policy: str
    config: str
    record: str = "nothing"
    released: str = "nothing"
    circumstances: str = "nothing"


class Decision(Document, frozen=True, kw_only=True):
    """Same inputs, same decision: it holds no time and no place.

    ``waivable`` names the vulnerability gates that may be red for this release.
    """

    action: Action
    trigger: Trigger
    bump: str
    reasons: tuple[Reason, ...]
    fingerprint: str
    inputs: Inputs
    reach: tuple[Reach, ...] = ()
    next: str = ""
    waivable: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule that settled it: the first reason's."""
        return self.reasons[0].rule
