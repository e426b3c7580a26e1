"""Acceptance: a person's word, in a remediation plan, that a finding may stay for a while."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from release.model.base import Noun
from release.model.finding import Finding
from release.model.text import plain

VexStatus = Literal["affected", "not_affected", "under_investigation"]
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]
"""Those of OpenVEX 0.2, "Status Justifications"."""


class Vex(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an acceptance says in VEX; ``not_affected`` needs ``justification`` or ``impact``."""

    status: VexStatus = "affected"
    justification: Justification | None = None
    impact: str = ""
    action: str = ""


class Acceptance(Noun, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Who accepts a finding, why, and until when.

    ``expires`` is the last day (UTC) on which it holds; with ``until_fixed`` it also ends as soon
    as a fix is known. One of the two has to be there: nothing is accepted for ever.
    """

    owner: str
    reason: str
    expires: date | None = None
    until_fixed: bool = False
    vex: Vex | None = None

    def holds(self, finding: Finding, now: datetime) -> bool:
        """Whether it is still good for a finding."""
        return self.ended(finding, now) == ""

    def ended(self, finding: Finding, now: datetime) -> str:
        """Why it holds no longer; empty while it does."""
        if self.expires and now.date() > self.expires:
            return f"it expired on {self.expires}"
        if self.until_fixed and finding.fixed_in:
            return f"a fix is known: {finding.fixed_in[0]}"
        return ""

    @property
    def until(self) -> str:
        """When it ends, in words."""
        days = [str(self.expires)] if self.expires else []
        return " or ".join([*days, *(["a fix is known"] if self.until_fixed else [])])

    @property
    def told(self) -> str:
        """The acceptance in one line, as evidence."""
        return plain(f"accepted by {self.owner} until {self.until}: {self.reason}", 400)


RemarkKind = Literal["bad", "unused", "expiring", "ended"]


class Remark(Noun, frozen=True, kw_only=True):
    """Something that a person ought to know about an acceptance in a plan."""

    kind: RemarkKind
    key: str
    text: str
