"""``release.auto`` and ``release.publish``: one code path, by policy or by a person's word."""

from __future__ import annotations

from dataclasses import dataclass, replace

from release.adapters.repository import Repository
from release.decide.engine import ReleaseAutomationEngine
from release.errors import BlockedError
from release.flows import fix as fixing
from release.flows import words
from release.flows.announce import catch_up, offer
from release.flows.context import Context
from release.flows.decide import decide_on, evidence_of
from release.flows.publish import converge, execute, last_scan, plan
from release.flows.scan import Scanned, scan
from release.flows.seals import Seal, open_seal
from release.model.decision import Decision
from release.model.fix import Fix
from release.model.plan import Plan
from release.model.record import Record
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
    decision = engine.by_hand(
        bump=bump,
        reason=reason,
        snapshot=last_scan(context),
        record=context.ledger.read(Record, context.ledger.tip("history"), "record.json"),
        config=context.workspace.config.digest,
    )
    return ship(context, repository, decision, dry_run=dry_run)


def resume(context: Context, repository: Repository, *, dry_run: bool) -> Shipment | None:
    """Carry the open seal of an earlier run to its end, if there is one."""
    seal = open_seal(context.ledger, repository.name)
    if not dry_run:
        catch_up(context, repository.name)
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    if dry_run:
        return Shipment(seal.plan, seal, resumed=True)
    done = offer(context, repository.name, converge(context, repository, seal))
    return Shipment(seal.plan, done, resumed=True)


def ship(
    context: Context,
    repository: Repository,
    decision: Decision,
    *,
    dry_run: bool,
    seen: Snapshot | None = None,
) -> Shipment:
    """Plan, and unless it is a dry run show the plan and execute it.

    :param seen: the scan that the decision rests on; by default the recorded one of HEAD.
    """
    agreed = plan(context, repository, decision, seen)
    if dry_run:
        return Shipment(agreed)
    context.tell(words.of_plan(agreed))
    return Shipment(agreed, execute(context, repository, agreed))


@dataclass(frozen=True)
class Automatic:
    """What an automatic run found, decided and did; ``fix`` where HEAD lacked an edit of ours."""

    scanned: Scanned
    decision: Decision
    shipment: Shipment | None
    fix: Fix | None = None


def auto(
    context: Context, repository: Repository, *, advisories: str | None, dry_run: bool
) -> Automatic:
    """Scan, decide, and release if and only if it is owed.

    :raises BlockedError: the clone is shallow: it could scan for weeks, and fail on the day that
        a release is owed.
    """
    if context.workspace.git.shallow():
        raise BlockedError(SHALLOW.what, remedy=SHALLOW.next)
    resumed = resume(context, repository, dry_run=dry_run)
    scanned = scan(context, repository.name, advisories=advisories, keep=not dry_run)
    decision = decide_on(context, evidence_of(context, scanned))
    if fixing.is_wanted(context, decision) and not resumed:
        return _fix(context, repository, Automatic(scanned, decision, None), advisories, dry_run)
    if decision.action != "release" or (resumed and dry_run):
        return Automatic(scanned, decision, resumed)
    shipment = ship(context, repository, decision, dry_run=dry_run, seen=scanned.snapshot)
    if not dry_run:
        # What users get has just changed, and the status must not speak of what they got before.
        scanned = scan(context, repository.name, advisories=advisories)
    return Automatic(scanned, decision, shipment)


def _fix(
    context: Context, repository: Repository, held: Automatic, advisories: str | None, dry_run: bool
) -> Automatic:
    """Do what the configuration says about an edit that HEAD lacks."""
    if context.workspace.config.fix == "release":
        return _release_fix(context, repository, held, advisories, dry_run)
    share = repository.name == context.workspace.config.repository
    made = fixing.propose(
        context, held.scanned, advisories=advisories, share=share, dry_run=dry_run
    )
    return replace(held, fix=made)


def _release_fix(
    context: Context, repository: Repository, held: Automatic, advisories: str | None, dry_run: bool
) -> Automatic:
    """Release HEAD with the edit, if that is owed by the ordinary rules and its gates are green."""
    edited = fixing.prepare(context, held.scanned, advisories=advisories)
    if edited is None:
        return held
    done = Automatic(edited.scanned, edited.decision, None, edited.fix)
    if edited.decision.action != "release":
        return done
    agreed = fixing.plan_with(context, repository, edited)
    if dry_run:
        return replace(done, shipment=Shipment(agreed))
    context.tell(words.of_plan(agreed))
    seal = offer(context, repository.name, _executed(context, repository, agreed))
    after = scan(context, repository.name, advisories=advisories)
    return replace(done, scanned=after, shipment=Shipment(agreed, seal))


def _executed(context: Context, repository: Repository, agreed: Plan) -> Seal:
    """Execute the plan; where it is blocked, say that the edit alone can be had on a branch."""
    try:
        return execute(context, repository, agreed)
    except BlockedError as error:
        raise BlockedError(
            f"the edit that would free users is not released: {error.what}",
            why=error.why,
            remedy=f"{error.remedy}; to have the edit on a branch: release-warden release.fix",
        ) from error
