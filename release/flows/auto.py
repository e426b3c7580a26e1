"""``release.auto`` and ``release.publish``: one code path, by policy or by a person's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from release.adapters.repository import Repository
from release.decide.circumstances import Asked
from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.errors import BlockedError, IdenticalError
from release.flows import words
from release.flows.context import Context
from release.flows.decide import (
    decide_on,
    evidence,
    evidence_of,
    inputs_mark,
    keep,
    kept_as,
    switched_off,
)
from release.flows.publish import converge, execute, last_scan, plan
from release.flows.scan import Scanned, Sources, scan
from release.flows.seals import Seal, open_seal
from release.model.decision import Decision
from release.model.plan import Plan
from release.model.snapshot import Snapshot
from release.ship.plan import SHALLOW


@dataclass(frozen=True)
class Shipment:
    """What a run did: the plan it made or resumed, and the seal, unless it was a dry run."""

    plan: Plan
    seal: Seal | None = None
    resumed: bool = False


def publish(
    context: Context, repository: Repository, *, bump: str, reason: str, dry_run: bool
) -> Shipment:
    """Release by a person's word; an open seal is carried to its end first and is the release."""
    if resumed := resume(context, repository, dry_run=dry_run):
        return resumed
    engine = ReleaseAutomationEngine(context.workspace.config.policy)
    known = evidence(context) if last_scan(context) else None
    decision = engine.by_hand(
        bump=bump, reason=reason, evidence=known, config=context.workspace.config.digest
    )

    def sealed() -> None:
        keep(context, decision, known, Asked(bump=bump, reason=reason))

    return ship(context, repository, decision, dry_run=dry_run, sealed=sealed)


def resume(context: Context, repository: Repository, *, dry_run: bool) -> Shipment | None:
    """Carry the open seal of an earlier run to its end, if there is one."""
    seal = open_seal(context.ledger, repository.name)
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    if dry_run:
        return Shipment(seal.plan, seal, resumed=True)
    return Shipment(seal.plan, converge(context, repository, seal), resumed=True)


def ship(
    context: Context,
    repository: Repository,
    decision: Decision,
    *,
    dry_run: bool,
    seen: Snapshot | None = None,
    sealed: Callable[[], None] = lambda: None,
) -> Shipment:
    """Plan, and unless it is a dry run show the plan and execute it.

    :param seen: the scan that the decision rests on; by default the recorded one of HEAD.
    :param sealed: called once the bytes are fixed.
    """
    agreed = plan(context, repository, decision, seen)
    if dry_run:
        return Shipment(agreed)
    context.tell(words.of_plan(agreed))
    return Shipment(agreed, execute(context, repository, agreed, sealed=sealed))


@dataclass(frozen=True)
class Automatic:
    """What an automatic run found, decided and did."""

    scanned: Scanned
    decision: Decision
    shipment: Shipment | None


def auto(
    context: Context, repository: Repository, *, advisories: str | None, dry_run: bool
) -> Automatic:
    """Scan, decide, and release if and only if it is owed.

    With automatic releases switched off, an open seal waits for ``release.publish``.

    :raises BlockedError: the clone is shallow: it could scan for weeks, and fail on the day that
        a release is owed.
    """
    if context.workspace.git.shallow():
        raise BlockedError(SHALLOW.what, remedy=SHALLOW.next)
    resumed = _resume(context, repository, dry_run=dry_run)
    scanned = scan(context, repository.name, sources=Sources(advisories), keep=not dry_run)
    known = _with_what_was_built(context, evidence_of(context, scanned))
    decision = _decided(context, known, dry_run=dry_run)
    if decision.action != "release" or (resumed and dry_run):
        return Automatic(scanned, decision, resumed)
    try:
        shipment = ship(context, repository, decision, dry_run=dry_run, seen=scanned.snapshot)
    except IdenticalError as same:
        context.tell(same.what)
        known = replace(known, identical=same.version)
        return Automatic(scanned, _decided(context, known, dry_run=dry_run), None)
    if not dry_run:
        # What users get has just changed, and the status must not speak of what they got before.
        scanned = scan(context, repository.name, sources=Sources(advisories))
    return Automatic(scanned, decision, shipment)


def _decided(context: Context, known: Evidence, *, dry_run: bool) -> Decision:
    decision = decide_on(context, known)
    if not dry_run:
        keep(context, decision, known)
    return decision


def _resume(context: Context, repository: Repository, *, dry_run: bool) -> Shipment | None:
    """As :func:`resume`, unless automatic releases are switched off."""
    if not (switched_off() or not context.workspace.config.policy.automatic):
        return resume(context, repository, dry_run=dry_run)
    if seal := open_seal(context.ledger, repository.name):
        version = seal.manifest.version
        context.tell(f"{version} is sealed and waits for release.publish: automatic is off")
    return None


def _with_what_was_built(context: Context, known: Evidence) -> Evidence:
    """The evidence, and that its build was once found to be the last release's, if it was.

    So an unchanged project is not built every hour to find that out again.
    """
    confirmed = [release for release in known.releases if release.state == "confirmed"]
    if not confirmed:
        return known
    last = max(confirmed, key=lambda release: release.sealed_at)
    same = replace(known, identical=last.version)
    return same if kept_as(context, inputs_mark(decide_on(context, same).inputs)) else known
