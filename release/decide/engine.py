"""The engine: applies the policy's rules to the evidence. Same inputs, same decision."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from release.config import Override, Policy
from release.decide.circumstances import NOTHING, Asked
from release.decide.facts import Evidence, Facts, gather, in_order
from release.decide.rules import PRESETS, Rule
from release.model.base import digest, sha256
from release.model.decision import Decision, Inputs, Reason
from release.model.text import listing

__all__ = ["Evidence", "ReleaseAutomationEngine"]

LAST = "nothing-owed"
"""The rule that always fires, and is told only when it settles the decision."""


class ReleaseAutomationEngine:
    """Decides whether a release is owed.

    :param policy: its preset names the rules, which it may make more careful; its numbers bound
        the governor.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        overrides = policy.rules.named()
        self._rules = tuple(_amended(r, overrides.get(r.name)) for r in PRESETS[policy.preset])

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rules: the first that fires settles it, all that fire are told.

        The order of findings and releases in the evidence makes no difference.
        """
        evidence = replace(evidence, snapshot=in_order(evidence.snapshot))
        facts = gather(evidence, self._policy)
        fired = [(rule, reason) for rule in self._rules if (reason := rule.reason(facts))]
        settling = fired[0][0]
        is_release = settling.action == "release"
        reasons = _reasons([reason for _, reason in fired])
        waivable = _waivable(facts) if is_release else ()
        return Decision(
            action=settling.action,
            trigger="security-auto" if is_release else "none",
            bump="patch" if is_release else "",
            reasons=reasons + (_waiver_reasons(facts) if is_release else ()),
            fingerprint=facts.fingerprint,
            inputs=self._inputs(evidence, facts, None),
            reach=evidence.snapshot.reach,
            next=settling.next or _edits(facts),
            waivable=waivable,
        )

    def by_hand(
        self, *, bump: str, reason: str, config: str, evidence: Evidence | None = None
    ) -> Decision:
        """The decision that a person made.

        :param bump: ``patch``, ``minor``, ``major`` or a version.
        :param reason: in the person's words.
        :param evidence: with the scan of this commit, if there is one: what it changes for users
            is then not shipped again by itself.
        :param config: the digest of the configuration.
        """
        asked = Asked(bump=bump, reason=reason)
        told = Reason(rule="a-person-asked", why="A person asked for it.", evidence=asked.reason)
        bare = Decision(
            action="release",
            trigger="manual",
            bump=asked.bump,
            reasons=(told,),
            fingerprint=_mark(asked),
            inputs=Inputs(
                snapshot=NOTHING,
                baseline=NOTHING,
                policy=self._policy_digest,
                config=config,
                circumstances=_mark(asked),
            ),
            next="release.publish ships it",
        )
        if evidence is None:
            return bare
        evidence = replace(evidence, snapshot=in_order(evidence.snapshot))
        facts = gather(evidence, self._policy)
        return msgspec.structs.replace(
            bare,
            reasons=(told, *_waiver_reasons(facts)),
            fingerprint=facts.fingerprint,
            inputs=self._inputs(evidence, facts, asked),
            reach=evidence.snapshot.reach,
            waivable=_waivable(facts),
        )

    def _inputs(self, evidence: Evidence, facts: Facts, asked: Asked | None) -> Inputs:
        return Inputs(
            snapshot=digest(evidence.snapshot),
            baseline=evidence.baseline,
            policy=self._policy_digest,
            config=evidence.config,
            record=digest(evidence.record),
            released=digest(evidence.last.record) if evidence.last else NOTHING,
            circumstances=_circumstances(evidence, facts, asked),
        )

    @property
    def _policy_digest(self) -> str:
        return sha256(msgspec.json.encode(self._policy, order="sorted"))


def _amended(rule: Rule, override: Override | None) -> Rule:
    """A rule as the project wants it: more careful, and saying so."""
    if override is None:
        return rule
    says = f"{rule.says} This project's policy makes that a {override}."
    follow = rule.next if rule.action != "release" else "a person may: run release.publish"
    return replace(rule, says=says, action=override, next=follow)


def _mark(asked: Asked) -> str:
    return sha256(msgspec.json.encode([asked.bump, asked.reason]))


def _circumstances(evidence: Evidence, facts: Facts, asked: Asked | None) -> str:
    """The digest of what else counted: the past, and what of it lies within the windows.

    The moment itself is left out, so that an unchanged world decides the same hour after hour.
    """
    past = sorted(evidence.releases, key=lambda release: release.version)
    mended = sorted(evidence.last.mended) if evidence.last else []
    counted = [facts.spent, facts.week, facts.minor, facts.waivable, facts.lapsed]
    return sha256(
        msgspec.json.encode(
            [past, counted, mended, evidence.off, evidence.identical, asked], order="sorted"
        )
    )


def _reasons(fired: list[Reason]) -> tuple[Reason, ...]:
    others = (reason for reason in fired[1:] if reason.rule != LAST)
    return fired[0], *others


def _waivable(facts: Facts) -> tuple[str, ...]:
    return facts.waivable if facts.strictly_better else ()


def _waiver_reasons(facts: Facts) -> tuple[Reason, ...]:
    """What is said of vulnerability gates that may, or may no longer, be red."""
    if not facts.strictly_better:
        return ()
    keys, days = tuple(finding.key for finding in facts.removed), facts.policy.waiver_days
    good = Reason(
        rule="waived-gate",
        why="It removes findings and adds none, so a red vulnerability gate does not stop it.",
        keys=keys,
        evidence=f"{listing(facts.waivable)}: {days} days from the first release that needs it",
    )
    over = Reason(
        rule="waiver-expired",
        why="A vulnerability gate has been waived for as long as may be; it has to be green.",
        keys=keys,
        evidence=listing(facts.lapsed),
    )
    return tuple(r for r, gates in ((good, facts.waivable), (over, facts.lapsed)) if gates)


def _edits(facts: Facts) -> str:
    """How to apply the edits that HEAD lacks; each requirement is named once."""
    edits = {edit.requirement: edit.becomes for reach in facts.edits for edit in reach.edit}
    told = listing((f"{old!r} by {new!r}" for old, new in sorted(edits.items())), 50)
    return f"run release.fix, or edit pyproject.toml: replace {told}; commit, then run release.auto"
