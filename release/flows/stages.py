"""``--stage``: one stage of a release, as a CI job of its own runs it.

Each does what the whole run does at that point, with what the job before it handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from release.adapters import home, job, process
from release.adapters.repository import Repository
from release.decide.circumstances import Asked
from release.errors import IdenticalError, TryAgainError, UsageError
from release.flows import fix as fixing
from release.flows.announce import catch_up, offer
from release.flows.auto import (
    NO_REQUEST,
    Request,
    by_hand,
    judge,
    judge_identical,
    known_by_hand,
    require_whole,
    waits,
)
from release.flows.carry import carry, converge
from release.flows.context import Context
from release.flows.decide import keep, wants_edit
from release.flows.handover import (
    Cargo,
    Freight,
    hand_over,
    take_metadata,
    take_over,
    tell_metadata,
)
from release.flows.land import land
from release.flows.planning import plan
from release.flows.publish import build, check, record, require_planned
from release.flows.scan import Scanned, Sources, scan
from release.flows.seals import Seal, note, open_seal, read_seal, sealed_bytes
from release.flows.words import of_fix, of_plan
from release.model.decision import Decision
from release.model.handover import Handover, Output, Stage
from release.model.plan import Plan
from release.model.snapshot import Snapshot
from release.ship.archives import WHEEL, wheel_metadata
from release.ship.stages import RUNS_CODE, credentials


@dataclass(frozen=True)
class Handed:
    """What a stage hands over, or the seal that ended with it; an automatic one decides, too.

    ``trigger`` of what is handed over: the job that uploads is chosen by it.
    """

    listed: Handover | None = None
    output: Output | None = None
    trigger: str = ""
    seal: Seal | None = None
    decision: Decision | None = None
    scanned: Scanned | None = None


def require_no_right(stage: Stage, index_url: str | None) -> None:
    """A stage that runs other people's code must not see a credential.

    :param index_url: the index that dependencies come from; its password may be there.
    :raises UsageError: the environment or the home holds one.
    """
    if stage not in RUNS_CODE:
        return
    found = (*credentials(process.variables()), *home.credentials(index_url))
    if found:
        raise UsageError(
            f"stage {stage} runs code of the project, and sees a credential: {', '.join(found)}",
            why="that code could read it",
            remedy="give the credential to the job of its own stage only, and remove it here",
        )


def publish_stage(
    context: Context, repository: Repository, stage: Stage, digest: str, request: Request
) -> Handed:
    """One stage of ``release.publish``.

    :param digest: what the job before told; ``check`` has none.
    """
    require_no_right(stage, context.workspace.config.index_url)
    if stage == "check":
        decision = by_hand(context, request, known_by_hand(context))
        return resumed(context, repository) or first(context, repository, decision, request)
    if stage == "record":
        return _recorded_by_hand(context, arrived(context, digest))
    return later(context, repository, stage, digest, request.supplied)


def auto_stage(
    context: Context,
    repository: Repository,
    stage: Stage,
    digest: str,
    advisories: str | None,
    metadata: str = "",
) -> Handed:
    """One stage of ``release.auto``.

    ``check`` looks whether a release is owed, of HEAD or, with ``fix = "release"``, of HEAD with
    the edit that it lacks, and plans it; ``record`` looks again with the right to write, carries
    the record forward, and seals if it still is. With nothing handed over it only carries the
    record forward.

    :param metadata: the digest of what ``check`` wrote of the project; without it and without
        ``digest``, ``record`` may have to run code of the project to know it.
    """
    if stage not in {"check", "record"}:
        require_no_right(stage, context.workspace.config.index_url)
        return later(context, repository, stage, digest, None)
    # Without a wheel to read it from, the project's metadata may have to be built.
    has_metadata = stage == "record" and bool(digest or metadata)
    require_no_right("record" if has_metadata else "check", context.workspace.config.index_url)
    require_whole(context)
    if stage == "check":
        job.set_outputs(metadata=tell_metadata(context))
        return _checked(context, repository, advisories)
    if metadata and not digest:
        take_metadata(context, metadata)
    return _recorded(context, arrived(context, digest) if digest else None, advisories)


def _checked(context: Context, repository: Repository, advisories: str | None) -> Handed:
    """Stage ``check`` of an automatic run: nothing is written but what is handed over."""
    handed = None if waits(context, repository) else resumed(context, repository)
    scanned = scan(context, sources=Sources(advisories), keep=False)
    _, decision = judge(context, scanned, keeping=False)
    told = replace(handed or Handed(), decision=decision, scanned=scanned)
    if handed:
        return told
    if fixing.is_released(context, decision):
        return _checked_fix(context, repository, told, advisories)
    if decision.action == "release":
        done = first(context, repository, decision, NO_REQUEST, scanned.snapshot)
        return replace(done, decision=decision, scanned=scanned)
    return told


def _checked_fix(
    context: Context, repository: Repository, held: Handed, advisories: str | None
) -> Handed:
    """The same where HEAD lacks an edit of ours, which the release commit is to have."""
    edited = fixing.prepare(context, held.scanned, advisories=advisories) if held.scanned else None
    if edited is None:
        return held
    told = Handed(decision=edited.decision, scanned=edited.scanned)
    if edited.decision.action != "release":
        return told
    with fixing.told_as_fix():
        agreed = fixing.plan_with(context, repository, edited, uploads=False)
        done = gated(context, agreed)
    return replace(done, decision=edited.decision, scanned=edited.scanned)


def _recorded(context: Context, cargo: Cargo | None, advisories: str | None) -> Handed:
    """Stage ``record`` of an automatic run: look again, carry the record forward, and seal."""
    fixed = cargo if cargo and cargo.plan.fix else None
    here = fixing.unedited(context, fixed.plan) if fixed else context
    scanned = scan(here, sources=Sources(advisories))
    known, decision = judge(here, scanned, keeping=True)
    if fixed and not isinstance(fixed, Freight):
        scanned, known, decision = fixing.look_again(
            context, fixed.commit, scanned, advisories=advisories
        )
        keep(context, decision, known)
    if cargo is None:
        _propose(context, scanned, decision, advisories)
        return Handed(decision=decision, scanned=scanned)
    cargo = _require_owed(cargo, decision)
    try:
        handed = recorded(context, cargo)
    except IdenticalError as same:
        handed, decision = Handed(), judge_identical(context, known, same)
    return replace(handed, decision=decision, scanned=scanned)


def _propose(
    context: Context, scanned: Scanned, decision: Decision, advisories: str | None
) -> None:
    """Make and push the branch of an edit that HEAD lacks, where the configuration wants that.

    Code of the project may run for its metadata, so no credential of the forge is here: the pull
    request is opened by a person, or by a whole run.
    """
    if not wants_edit(context, decision) or fixing.is_released(context, decision):
        return
    share = context.to in {"", context.workspace.config.repository}
    made = fixing.propose(
        context, scanned, advisories=advisories, share=share, asks=False, dry_run=False
    )
    if made:
        context.tell(of_fix(made))


def _recorded_by_hand(context: Context, cargo: Cargo) -> Handed:
    """Keep the decision with what it rested on, unless that has changed since, and seal."""
    decision, known = cargo.plan.decision, known_by_hand(context)
    request = Request(bump=decision.bump, reason=decision.reasons[0].evidence)
    if by_hand(context, request, known).inputs == decision.inputs:
        keep(context, decision, known, Asked(bump=request.bump, reason=request.reason))
    return recorded(context, cargo)


def later(
    context: Context, repository: Repository, stage: Stage, digest: str, supplied: Path | None
) -> Handed:
    """The stages in which nothing is decided any more."""
    if stage == "build":
        return built(context, digest, supplied)
    if stage == "upload":
        return uploaded(context, repository, digest)
    if stage == "prove":
        return proved(context, repository, digest)
    return finished(context, repository, digest)


def _require_owed(cargo: Cargo, decision: Decision) -> Cargo:
    """What was built for one decision is not sealed by another; a seal is only carried on.

    :returns: the cargo with the decision that the ledger keeps, which is the one to be replayed.
    """
    agreed = cargo.plan
    if isinstance(cargo, Freight):
        return cargo
    if decision.action == "release" and decision.fingerprint == agreed.decision.fingerprint:
        return replace(cargo, plan=with_fields(agreed, decision=decision))
    raise TryAgainError(
        f"{agreed.version} is not sealed: what was owed at the check is not owed now",
        why=f"the decision is {decision.action}: {decision.rule}",
        remedy="nothing was changed but the record; run all stages anew",
    )


def first(
    context: Context,
    repository: Repository,
    decision: Decision,
    request: Request,
    seen: Snapshot | None = None,
) -> Handed:
    """Stage ``check``: plan, gates; whether the right to upload is there is not seen from here.

    :param seen: the scan that the decision rests on; by default the recorded one of HEAD.
    """
    agreed = plan(
        context,
        repository,
        decision,
        seen,
        less_provenance=request.less_provenance,
        supplied=request.supplied,
        uploads=False,
    )
    return gated(context, agreed)


def gated(context: Context, agreed: Plan) -> Handed:
    """Show a plan, make its release commit, run the gates on it, and hand it over."""
    context.tell(of_plan(agreed))
    job.summarize("plan", of_plan(agreed))
    return _handed(context, check(context, agreed), "check")


def resumed(context: Context, repository: Repository) -> Handed | None:
    """Stage ``check`` where an earlier run left a seal open: its bytes are handed over."""
    seal = open_seal(context.ledger, repository.name)
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    freight = Freight.of(seal, sealed_bytes(context.ledger, seal.manifest))
    return _handed(context, freight, "check")


def built(context: Context, digest: str, supplied: Path | None) -> Handed:
    """Stage ``build``; what is sealed already is not built again."""
    cargo = take_over(context, digest, "build")
    if not isinstance(cargo, Freight):
        cargo = build(context, cargo, supplied)
    return _handed(context, cargo, "build")


def arrived(context: Context, digest: str) -> Cargo:
    """What stage ``record`` starts from; the project is known by its wheel from then on."""
    cargo = take_over(context, digest, "record")
    wheel = next(data for name, data in cargo.files.items() if name.endswith(WHEEL))
    context.believe(wheel_metadata(wheel))
    return cargo


def recorded(context: Context, cargo: Cargo) -> Handed:
    """Stage ``record``: seal what was built, unless it is sealed.

    :raises VerificationError: what another job built is not what the plan says.
    """
    if not isinstance(cargo, Freight):
        require_planned(context, cargo)
        seal = record(context, cargo)
        cargo = Freight.of(seal, cargo.files)
    return _handed(context, cargo, "record")


def uploaded(context: Context, repository: Repository, digest: str) -> Handed:
    """Stage ``upload``: the only one with the right to; it knows no ledger and runs no code."""
    freight = _sealed(take_over(context, digest, "upload"), repository)
    freight = carry(context, repository, freight, ("upload", "confirm"))
    return _handed(context, freight, "upload")


def proved(context: Context, repository: Repository, digest: str) -> Handed:
    """Stage ``prove``: install what the index serves."""
    freight = _sealed(take_over(context, digest, "prove"), repository)
    freight = carry(context, repository, freight, ("prove",))
    return _handed(context, freight, "prove")


def finished(context: Context, repository: Repository, digest: str) -> Handed:
    """Stage ``finish``: tag and receipt. The other jobs' word is not taken for what is up.

    :raises TryAgainError: the ledger knows another seal of this version.
    """
    freight = _sealed(take_over(context, digest, "finish"), repository)
    wheel = next(data for name, data in freight.files.items() if name.endswith(WHEEL))
    context.believe(wheel_metadata(wheel))
    manifest = freight.manifest
    seal = read_seal(context.ledger, repository.name, manifest.version)
    if seal is None or seal.manifest != manifest:
        raise TryAgainError(
            f"the ledger has another seal of {manifest.version} than was handed over",
            remedy="run release.publish: it carries on what the ledger has",
        )
    proof = freight.done("prove")
    if proof and seal.is_open and not seal.done("prove"):
        seal = note(context.ledger, seal, proof)
    seal = converge(context, repository, seal) if seal.is_open else seal
    seal = offer(context, repository.name, seal)
    catch_up(context, repository.name)
    land(context, repository.name)
    return Handed(seal=seal)


def _handed(context: Context, cargo: Cargo, stage: Stage) -> Handed:
    listed, output = hand_over(context, cargo, stage)
    return Handed(listed, output, cargo.plan.decision.trigger)


def _sealed(cargo: Cargo, repository: Repository) -> Freight:
    if not isinstance(cargo, Freight):
        raise UsageError("what was handed over is not sealed", remedy="run --stage record first")
    if cargo.manifest.repository != repository.name:
        raise UsageError(
            f"what was handed over is for {cargo.manifest.repository}, not {repository.name}",
            remedy="give every stage the same --to",
        )
    return cargo
