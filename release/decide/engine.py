"""The engine: applies the policy's rules to the evidence. Same inputs, same decision."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from release.config import Policy
from release.decide.facts import Evidence, Facts, fingerprint, gather, in_order
from release.decide.rules import OWED, Rule
from release.model.base import digest, sha256
from release.model.decision import Decision, Inputs, Reason
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.model.text import listing

__all__ = ["Evidence", "ReleaseAutomationEngine"]

NOTHING = "nothing"
"""The digest of a document that is not there."""

PRESETS: dict[str, tuple[Rule, ...]] = {"owed": OWED}
LAST = "nothing-owed"
"""The rule that always fires, and is told only when it settles the decision."""


class ReleaseAutomationEngine:
    """Decides whether a release is owed.

    :param policy: its preset names the rules; its numbers bound the governor.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rules = PRESETS[policy.preset]

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rules: the first that fires settles it, all that fire are told.

        The order of findings and releases in the evidence makes no difference.
        """
        snapshot = in_order(evidence.snapshot)
        facts = gather(replace(evidence, snapshot=snapshot), self._policy)
        fired = [(rule, reason) for rule in self._rules if (reason := rule.reason(facts))]
        settling = fired[0][0]
        is_release = settling.action == "release"
        return Decision(
            action=settling.action,
            trigger="security-auto" if is_release else "none",
            bump="patch" if is_release else "",
            reasons=_reasons([reason for _, reason in fired]),
            fingerprint=facts.fingerprint,
            inputs=Inputs(
                snapshot=digest(snapshot),
                baseline=evidence.baseline,
                policy=self._policy_digest,
                config=evidence.config,
            ),
            reach=snapshot.reach,
            next=settling.next or _edits(facts),
        )

    def by_hand(
        self,
        *,
        bump: str,
        reason: str,
        snapshot: Snapshot | None,
        record: Record | None,
        config: str,
    ) -> Decision:
        """The decision that a person made.

        :param bump: ``patch``, ``minor``, ``major`` or a version.
        :param reason: in the person's words.
        :param snapshot: the last scan, if there is one: its change is not shipped again by itself.
        :param record: the record after that scan.
        :param config: the digest of the configuration.
        """
        known = in_order(snapshot) if snapshot else None
        mark = fingerprint(known) if known else sha256(msgspec.json.encode([bump, reason]))
        return Decision(
            action="release",
            trigger="manual",
            bump=bump,
            reasons=(Reason(rule="a-person-asked", why="A person asked for it.", evidence=reason),),
            fingerprint=mark,
            inputs=Inputs(
                snapshot=digest(known) if known else NOTHING,
                baseline=digest(record) if record else NOTHING,
                policy=self._policy_digest,
                config=config,
            ),
            reach=known.reach if known else (),
            next="release.publish ships it",
        )

    @property
    def _policy_digest(self) -> str:
        return sha256(msgspec.json.encode(self._policy, order="sorted"))


def _reasons(fired: list[Reason]) -> tuple[Reason, ...]:
    others = (reason for reason in fired[1:] if reason.rule != LAST)
    return fired[0], *others


def _edits(facts: Facts) -> str:
    """How to apply the edits that HEAD lacks; each requirement is named once."""
    edits = {edit.requirement: edit.becomes for reach in facts.edits for edit in reach.edit}
    told = listing((f"{old!r} by {new!r}" for old, new in sorted(edits.items())), 50)
    return f"run release.fix, or edit pyproject.toml: replace {told}; commit, then run release.auto"
