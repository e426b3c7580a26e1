"""``--stage``: one stage of a release, as a CI job of its own runs it.

Each does what the whole run does at that point, with what the job before it handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from release.adapters import process
from release.adapters.repository import Repository
from release.decide.circumstances import Asked
from release.errors import IdenticalError, TryAgainError, UsageError
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
from release.flows.decide import keep
from release.flows.handover import Cargo, Freight, hand_over, take_over
from release.flows.land import land
from release.flows.planning import plan
from release.flows.publish import build, check, record, require_planned
from release.flows.scan import Scanned, Sources, scan
from release.flows.seals import Seal, note, open_seal, read_seal, sealed_bytes
from release.flows.words import of_plan
from release.model.decision import Decision
from release.model.handover import Handover, Output, Stage
from release.model.snapshot import Snapshot
from release.ship.archives import WHEEL, wheel_metadata
from release.ship.stages import RUNS_CODE, credentials


@dataclass(frozen=True)
class Handed:
    """What a stage hands over, or the seal that ended with it; an automatic one decides, too."""

    listed: Handover | None = None
    output: Output | None = None
    seal: Seal | None = None
    decision: Decision | None = None
    scanned: Scanned | None = None


def require_no_right(stage: Stage) -> None:
    """A stage that runs other people's code must not see a credential.

    :raises UsageError: the environment holds one.
    """
    found = credentials(process.variables()) if stage in RUNS_CODE else ()
    if found:
        raise UsageError(
            f"stage {stage} runs code of the project, and sees a credential: {', '.join(found)}",
            why="that code could read it",
            remedy="give the credential to the job of its own stage only, and unset it here",
        )


def publish_stage(
    context: Context, repository: Repository, stage: Stage, digest: str, request: Request
) -> Handed:
    """One stage of ``release.publish``.

    :param digest: what the job before told; ``check`` has none.
    """
    require_no_right(stage)
    if stage == "check":
        decision = by_hand(context, request, known_by_hand(context))
        return resumed(context, repository) or first(context, repository, decision, request)
    if stage == "record":
        return _recorded_by_hand(context, arrived(context, digest))
    return later(context, repository, stage, digest, request.supplied)


def auto_stage(
    context: Context, repository: Repository, stage: Stage, digest: str, advisories: str | None
) -> Handed:
    """One stage of ``release.auto``.

    ``check`` looks whether a release is owed and plans it; ``record`` looks again with the right
    to write, carries the record forward, and seals if it still is. With nothing handed over it
    only carries the record forward.
    """
    if stage not in {"check", "record"}:
        require_no_right(stage)
        return later(context, repository, stage, digest, None)
    # Without a wheel to read it from, the project's metadata may have to be built.
    require_no_right("record" if digest else "check")
    require_whole(context)
    cargo = arrived(context, digest) if stage == "record" and digest else None
    handed = None
    if stage == "check" and not waits(context, repository):
        handed = resumed(context, repository)
    scanned = scan(context, sources=Sources(advisories), keep=stage == "record")
    known, decision = judge(context, scanned, keeping=stage == "record")
    if cargo:
        _require_owed(cargo, decision)
        try:
            handed = recorded(context, cargo)
        except IdenticalError as same:
            decision = judge_identical(context, known, same)
    elif stage == "check" and not handed and decision.action == "release":
        handed = first(context, repository, decision, NO_REQUEST, scanned.snapshot)
    return replace(handed or Handed(), decision=decision, scanned=scanned)


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


def _require_owed(cargo: Cargo, decision: Decision) -> None:
    """What was built for one decision is not sealed by another; a seal is only carried on."""
    if isinstance(cargo, Freight) or decision.fingerprint == cargo.plan.decision.fingerprint:
        return
    raise TryAgainError(
        f"{cargo.plan.version} is not sealed: what was owed at the check is not owed now",
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
    context.tell(of_plan(agreed))
    return Handed(*hand_over(context, check(context, agreed), "check"))


def resumed(context: Context, repository: Repository) -> Handed | None:
    """Stage ``check`` where an earlier run left a seal open: its bytes are handed over."""
    seal = open_seal(context.ledger, repository.name)
    if seal is None:
        return None
    context.tell(f"{seal.manifest.version} was sealed and is not finished: carrying it on")
    freight = Freight.of(seal, sealed_bytes(context.ledger, seal.manifest))
    return Handed(*hand_over(context, freight, "check"))


def built(context: Context, digest: str, supplied: Path | None) -> Handed:
    """Stage ``build``; what is sealed already is not built again."""
    cargo = take_over(context, digest, "build")
    if not isinstance(cargo, Freight):
        cargo = build(context, cargo, supplied)
    return Handed(*hand_over(context, cargo, "build"))


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
    return Handed(*hand_over(context, cargo, "record"))


def uploaded(context: Context, repository: Repository, digest: str) -> Handed:
    """Stage ``upload``: the only one with the right to; it knows no ledger and runs no code."""
    freight = _sealed(take_over(context, digest, "upload"), repository)
    freight = carry(context, repository, freight, ("upload", "confirm"))
    return Handed(*hand_over(context, freight, "upload"))


def proved(context: Context, repository: Repository, digest: str) -> Handed:
    """Stage ``prove``: install what the index serves."""
    freight = _sealed(take_over(context, digest, "prove"), repository)
    freight = carry(context, repository, freight, ("prove",))
    return Handed(*hand_over(context, freight, "prove"))


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
    land(context, repository.name)
    return Handed(seal=seal)


def _sealed(cargo: Cargo, repository: Repository) -> Freight:
    if not isinstance(cargo, Freight):
        raise UsageError("what was handed over is not sealed", remedy="run --stage record first")
    if cargo.manifest.repository != repository.name:
        raise UsageError(
            f"what was handed over is for {cargo.manifest.repository}, not {repository.name}",
            remedy="give every stage the same --to",
        )
    return cargo
