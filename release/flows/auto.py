"""``release.auto`` and ``release.publish``: one code path, by policy or by a person's word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from release.adapters import terminal
from release.adapters.repository import Repository
from release.decide.engine import ReleaseAutomationEngine
from release.errors import BlockedError
from release.flows import words
from release.flows.carry import abandon as give_up
from release.flows.carry import converge
from release.flows.context import Context
from release.flows.decide import decide_on, evidence_of
from release.flows.land import land
from release.flows.publish import execute, last_scan, plan
from release.flows.scan import Scanned, scan
from release.flows.seals import Seal, open_seal
from release.model.decision import Decision
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


@dataclass(frozen=True)
class Request:
    """What a person asks for.

    ``asked``: a real index need not ask for their word any more. ``less_provenance``: why the
    attestations of the release before may be missing. ``supplied``: a folder of archives that were
    built elsewhere.
    """

    bump: str = ""
    reason: str = ""
    asked: bool = True
    less_provenance: str = ""
    supplied: Path | None = None


NO_REQUEST = Request()
"""An automatic run's: nobody asks for anything."""


def publish(
    context: Context, repository: Repository, request: Request, *, dry_run: bool
) -> Shipment:
    """Release by a person's word; an open seal is carried to its end first and is the release."""
    if resumed := resume(context, repository, dry_run=dry_run):
        return resumed
    return ship(context, repository, by_hand(context, request), request, dry_run=dry_run)


def by_hand(context: Context, request: Request) -> Decision:
    """The decision of a person."""
    engine = ReleaseAutomationEngine(context.workspace.config.policy)
    return engine.by_hand(
        bump=request.bump,
        reason=request.reason,
        snapshot=last_scan(context),
        record=context.ledger.read(Record, context.ledger.tip("history"), "record.json"),
        config=context.workspace.config.digest,
    )


def resume(context: Context, repository: Repository, *, dry_run: bool) -> Shipment | None:
    """Carry the open seal of an earlier run to its end, if there is one."""
    seal = open_seal(context.ledger, repository.name)
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    if dry_run:
        return Shipment(seal.plan, seal, resumed=True)
    done = converge(context, repository, seal)
    land(context, repository.name)
    return Shipment(seal.plan, done, resumed=True)


def abandon(context: Context, repository: Repository, reason: str) -> Seal:
    """Give up the open seal, so that the next version can be planned.

    :raises BlockedError: there is none, or all its files have arrived.
    """
    seal = open_seal(context.ledger, repository.name)
    if seal is None:
        raise BlockedError(
            f"no release to {repository.name} is unfinished", remedy="there is nothing to give up"
        )
    return give_up(context, repository, seal, reason)


def ship(
    context: Context,
    repository: Repository,
    decision: Decision,
    request: Request,
    *,
    dry_run: bool,
    seen: Snapshot | None = None,
) -> Shipment:
    """Plan, and unless it is a dry run show the plan and execute it.

    :param seen: the scan that the decision rests on; by default the recorded one of HEAD.
    """
    agreed = plan(
        context,
        repository,
        decision,
        seen,
        less_provenance=request.less_provenance,
        supplied=request.supplied,
    )
    if dry_run:
        return Shipment(agreed)
    context.tell(words.of_plan(agreed))
    if not request.asked and not agreed.problems:
        _ask(context, agreed)
    done = execute(context, repository, agreed, request.supplied)
    land(context, repository.name)
    return Shipment(agreed, done)


def _ask(context: Context, agreed: Plan) -> None:
    """A real index asks once; the embedded one is no risk."""
    question = f"release {agreed.project} {agreed.version} to {agreed.repository}, for ever?"
    if not context.place.is_local and not terminal.agree(question):
        raise BlockedError(
            f"{agreed.project} {agreed.version} is not released: you did not say yes",
            remedy="nothing was changed; run again, or with --yes",
        )


def require_whole(context: Context) -> None:
    """A shallow clone could scan for weeks, and fail on the day that a release is owed.

    :raises BlockedError: the clone is shallow.
    """
    if context.workspace.git.shallow():
        raise BlockedError(SHALLOW.what, remedy=SHALLOW.next)


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

    :raises BlockedError: the clone is shallow.
    """
    require_whole(context)
    resumed = resume(context, repository, dry_run=dry_run)
    scanned = scan(context, advisories=advisories, keep=not dry_run)
    decision = decide_on(context, evidence_of(context, scanned))
    if decision.action != "release" or (resumed and dry_run):
        return Automatic(scanned, decision, resumed)
    shipment = ship(
        context, repository, decision, NO_REQUEST, dry_run=dry_run, seen=scanned.snapshot
    )
    if not dry_run:
        # What users get has just changed, and the status must not speak of what they got before.
        scanned = scan(context, advisories=advisories)
    return Automatic(scanned, decision, shipment)
