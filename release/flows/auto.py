"""``release.auto`` and ``release.publish``: one code path, by policy or by a person's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from release.adapters import terminal
from release.adapters.repository import Repository
from release.decide.circumstances import Asked
from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.errors import BlockedError, IdenticalError
from release.flows import words
from release.flows.announce import catch_up, offer
from release.flows.context import Context
from release.flows.decide import (
    decide_on,
    evidence,
    evidence_of,
    inputs_mark,
    keep,
    kept_as,
    switched_off,
    wants_edit,
)
from release.flows.land import land
from release.flows.scan import Scanned, Sources, scan
from release.flows.seals import Seal, open_seal
from release.model.decision import Decision
from release.model.fix import Fix
from release.model.plan import Plan
from release.model.snapshot import Snapshot
from release.ship.plan import SHALLOW

# What only a run needs that releases is imported there: the unchanged one of every hour does not.


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
    known = known_by_hand(context)
    decision = by_hand(context, request, known)

    def sealing() -> None:
        keep(context, decision, known, Asked(bump=request.bump, reason=request.reason))

    return ship(context, repository, decision, request, dry_run=dry_run, sealing=sealing)


def known_by_hand(context: Context) -> Evidence | None:
    """What a person's decision rests on: the last scan, if it saw this very commit."""
    from release.flows.planning import last_scan

    return evidence(context) if last_scan(context) else None


def by_hand(context: Context, request: Request, known: Evidence | None) -> Decision:
    """The decision of a person."""
    config = context.workspace.config
    return ReleaseAutomationEngine(config.policy).by_hand(
        bump=request.bump, reason=request.reason, evidence=known, config=config.digest
    )


def resume(context: Context, repository: Repository, *, dry_run: bool) -> Shipment | None:
    """Carry the open seal of an earlier run to its end, if there is one."""
    seal = open_seal(context.ledger, repository.name)
    if not dry_run:
        catch_up(context, repository.name)
        if seal is None:
            land(context, repository.name)  # the run that released may have died before
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    if dry_run:
        return Shipment(seal.plan, seal, resumed=True)
    from release.flows.carry import converge

    done = offer(context, repository.name, converge(context, repository, seal))
    land(context, repository.name)
    return Shipment(seal.plan, done, resumed=True)


def abandon(context: Context, repository: Repository, reason: str) -> Seal:
    """Give up the open seal, so that the next version can be planned.

    :raises BlockedError: there is none, or all its files have arrived.
    """
    from release.flows.carry import abandon as give_up

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
    sealing: Callable[[], None] = lambda: None,
) -> Shipment:
    """Plan, and unless it is a dry run show the plan and execute it.

    :param seen: the scan that the decision rests on; by default the recorded one of HEAD.
    :param sealing: called before the bytes are fixed.
    """
    from release.flows.planning import plan
    from release.flows.publish import execute

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
    done = execute(context, repository, agreed, request.supplied, sealing=sealing)
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
    """What an automatic run found, decided and did; ``fix`` where HEAD lacked an edit of ours."""

    scanned: Scanned
    decision: Decision
    shipment: Shipment | None
    fix: Fix | None = None


def auto(
    context: Context, repository: Repository, *, advisories: str | None, dry_run: bool
) -> Automatic:
    """Scan, decide, and release if and only if it is owed.

    With automatic releases switched off, an open seal waits for ``release.publish``.

    :raises BlockedError: the clone is shallow.
    """
    require_whole(context)
    resumed = None if waits(context, repository) else resume(context, repository, dry_run=dry_run)
    scanned = scan(context, sources=Sources(advisories), keep=not dry_run)
    known, decision = judge(context, scanned, keeping=not dry_run)
    if wants_edit(context, decision) and not resumed:
        return _fix(context, repository, Automatic(scanned, decision, None), advisories, dry_run)
    if decision.action != "release" or (resumed and dry_run):
        return Automatic(scanned, decision, resumed)
    try:
        shipment = ship(
            context, repository, decision, NO_REQUEST, dry_run=dry_run, seen=scanned.snapshot
        )
    except IdenticalError as same:
        return Automatic(scanned, judge_identical(context, known, same), None)
    if not dry_run:
        # What users get has just changed, and the status must not speak of what they got before.
        scanned = scan(context, sources=Sources(advisories))
    return Automatic(scanned, decision, shipment)


def _fix(
    context: Context, repository: Repository, held: Automatic, advisories: str | None, dry_run: bool
) -> Automatic:
    """Do what the configuration says about an edit that HEAD lacks."""
    from release.flows import fix as fixing

    if fixing.is_released(context, held.decision):
        return _release_fix(context, repository, held, advisories, dry_run)
    share = context.to in {"", context.workspace.config.repository}
    made = fixing.propose(
        context, held.scanned, advisories=advisories, share=share, dry_run=dry_run
    )
    return replace(held, fix=made)


def _release_fix(
    context: Context, repository: Repository, held: Automatic, advisories: str | None, dry_run: bool
) -> Automatic:
    """Release HEAD with the edit, if that is owed by the ordinary rules and its gates are green."""
    from release.flows import fix as fixing
    from release.flows.publish import execute

    edited = fixing.prepare(context, held.scanned, advisories=advisories)
    if edited is None:
        return held
    if not dry_run:
        keep(context, edited.decision, edited.known)
    done = Automatic(edited.scanned, edited.decision, None, edited.fix)
    if edited.decision.action != "release":
        return done
    agreed = fixing.plan_with(context, repository, edited)
    if dry_run:
        return replace(done, shipment=Shipment(agreed))
    context.tell(words.of_plan(agreed))
    with fixing.told_as_fix():
        seal = execute(context, repository, agreed)
    seal = offer(context, repository.name, seal)
    land(context, repository.name)
    after = scan(context, sources=Sources(advisories))
    return replace(done, scanned=after, shipment=Shipment(agreed, seal))


def judge(context: Context, scanned: Scanned, *, keeping: bool) -> tuple[Evidence, Decision]:
    """Decide on a scan.

    :param keeping: put the decision into the ledger.
    """
    known = _with_what_was_built(context, evidence_of(context, scanned))
    decision = decide_on(context, known)
    if keeping:
        keep(context, decision, known)
    return known, decision


def judge_identical(context: Context, known: Evidence, same: IdenticalError) -> Decision:
    """Decide again, knowing that what was built is the last release's content."""
    context.tell(same.what)
    known = replace(known, identical=same.version)
    decision = decide_on(context, known)
    keep(context, decision, known)
    return decision


def waits(context: Context, repository: Repository) -> bool:
    """Whether automatic releases are switched off; an open seal is then told, and left."""
    if not switched_off() and context.workspace.config.policy.automatic:
        return False
    if seal := open_seal(context.ledger, repository.name):
        version = seal.manifest.version
        context.tell(f"{version} is sealed and waits for release.publish: automatic is off")
    return True


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
