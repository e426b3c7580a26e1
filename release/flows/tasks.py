"""The body of each task: run its flow, and say how it ended."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import msgspec

from release.adapters import builder, job, terminal
from release.decide.explain import explain as told
from release.errors import UnknownError, UsageError
from release.flows import auto as flow
from release.flows import decide as deciding
from release.flows import publish as shipping
from release.flows import scan as scanning
from release.flows import stages, words
from release.flows.auto import Request
from release.flows.carry import what_now
from release.flows.console import Outcome
from release.flows.context import Context
from release.flows.seals import past_releases
from release.flows.stages import Handed
from release.model.changes import Changes
from release.model.decision import Action
from release.model.handover import Stage, Staged
from release.model.history import History, Scanned
from release.model.outcome import Automatic
from release.model.seal import Archives
from release.model.snapshot import Snapshot
from release.ship.archives import describe

CODES: dict[Action, int] = {"release": 0, "none": 0, "hold": 0, "block": 3, "unknown": 4}
"""The exit code of a decision (DESIGN: the faces)."""


def scan(context: Context, advisories: str | None, keep: bool, accept_coverage: bool) -> Outcome:
    """``release.scan``: 4 when a required scanner could not speak for everything."""
    config = context.workspace.config
    scanned = scanning.scan(
        context,
        advisories=advisories,
        keep=keep,
        share=terminal.in_ci(),
        accept_coverage=accept_coverage,
    )
    unknown = scanned.unknown(config.policy.required)
    text = words.of_scan(scanned)
    if unknown:
        text += f"\nunknown is not clean: {', '.join(unknown)} could not speak for everything"
    name = context.place.name if keep else None
    return Outcome(scanned.snapshot, text, 4 if unknown else 0, name)


def changes(context: Context) -> Outcome:
    """``release.changes``."""
    tip = context.ledger.tip("history")
    found = context.ledger.read(Changes, tip, "changes.json")
    if found is None:
        raise UnknownError("no scan is recorded yet", remedy="run release.scan first")
    return Outcome(found, words.of_changes(found))


def decide(context: Context, explain: bool) -> Outcome:
    """``release.decide``."""
    evidence = deciding.evidence(context)
    decision = deciding.decide_on(context, evidence)
    short = f"{decision.action}: {decision.rule}: {decision.reasons[0].why}"
    text = told(decision, evidence.snapshot) if explain else short
    return Outcome(decision, text, CODES[decision.action], context.place.name, decision)


def publish(context: Context, request: Request, *, dry_run: bool) -> Outcome:
    """``release.publish`` and ``release.plan``: a plan with problems exits 3."""
    with context.open_repository() as repository:
        done = flow.publish(context, repository, request, dry_run=dry_run)
    if done.seal and done.seal.receipt:
        text = words.of_receipt(done.seal.receipt)
        return Outcome(done.seal.receipt, text, 0, repository.name, done.plan.decision)
    return Outcome(done.plan, words.of_plan(done.plan), 3 if done.plan.problems else 0)


def abandon(context: Context, reason: str) -> Outcome:
    """``release.publish --abandon``."""
    with context.open_repository() as repository:
        seal = flow.abandon(context, repository, reason)
    manifest, journal = seal.manifest, seal.journal
    text = f"{manifest.version} is {journal.state}: {what_now(journal, seal)}"
    return Outcome(journal, text, 0, repository.name)


def auto(context: Context, advisories: str | None, *, dry_run: bool) -> Outcome:
    """``release.auto``."""
    with context.open_repository() as repository:
        done = flow.auto(context, repository, advisories=advisories, dry_run=dry_run)
    seal = done.shipment.seal if done.shipment else None
    receipt = seal.receipt if seal else None
    plan = done.shipment.plan if done.shipment and dry_run else None
    text = [told(done.decision, done.scanned.snapshot)]
    text += [words.of_plan(plan)] if plan else []
    text += [words.of_receipt(receipt)] if receipt else []
    document = Automatic.of(done.decision, plan=plan, receipt=receipt)
    code = 3 if plan and plan.problems else CODES[done.decision.action]
    name = None if dry_run else repository.name
    return Outcome(document, "\n\n".join(text), code, name, done.decision)


def publish_stage(context: Context, request: Request, stage: str, digest: str) -> Outcome:
    """``release.publish --stage``."""
    named = _stage(stage)
    with context.open_repository() as repository:
        done = stages.publish_stage(context, repository, named, digest, request)
    return _staged(context, named, done)


def auto_stage(context: Context, advisories: str | None, stage: str, digest: str) -> Outcome:
    """``release.auto --stage``."""
    named = _stage(stage)
    with context.open_repository() as repository:
        done = stages.auto_stage(context, repository, named, digest, advisories)
    return _staged(context, named, done)


def _stage(word: str) -> Stage:
    try:
        named: Stage = msgspec.convert(word, Stage)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"there is no stage {word!r}", remedy=f"choose one of {', '.join(get_args(Stage))}"
        ) from error
    return named


def _staged(context: Context, stage: Stage, done: Handed) -> Outcome:
    """Tell what was handed over, to a person and to the jobs after this one."""
    if done.seal and done.seal.receipt:
        receipt, decision = done.seal.receipt, done.seal.plan.decision
        return Outcome(receipt, words.of_receipt(receipt), 0, context.place.name, decision)
    decided = [told(done.decision, done.scanned.snapshot)] if done.decision and done.scanned else []
    document = Staged(stage=stage, decision=done.decision, handover=done.listed, output=done.output)
    name = context.place.name if stage == "record" else None
    if done.listed is None or done.output is None:
        code = CODES[done.decision.action] if done.decision else 0
        return Outcome(document, "\n\n".join(decided), code, name, done.decision)
    job.set_outputs(version=done.listed.version, digest=done.output.digest)
    text = "\n\n".join([*decided, words.of_handover(done.listed, done.output)])
    return Outcome(document, text, 0, name, done.decision)


def build(context: Context, output: str | None) -> Outcome:
    """``release.build``: archives of HEAD, for looking at."""
    folder = _dist(context, output)
    commit = context.workspace.commit
    epoch = context.workspace.git.commit_time(commit)
    with context.workspace.scratch() as out, context.workspace.checkout(commit) as clone:
        built = builder.build(clone, out, epoch=epoch, index_url=context.workspace.config.index_url)
        document = _archives(context, built)
        folder.mkdir(parents=True, exist_ok=True)
        for path in built:
            shutil.copy2(path, folder / path.name)
    return Outcome(document, words.of_archives(document))


def verify(context: Context, artifacts: str | None) -> Outcome:
    """``release.verify``: the archives of a folder against HEAD."""
    folder = _dist(context, artifacts)
    found = sorted(p for p in folder.glob("*") if p.name.endswith((".whl", ".tar.gz")))
    if not found:
        raise UsageError(f"{folder} holds no archives", remedy="run release.build first")
    metadata, commit = context.metadata, context.workspace.commit
    files = {path.name: path.read_bytes() for path in found}
    check = shipping.verify_archives(
        context, metadata.normalized_name, metadata.version, commit, folder, files
    )
    document = _archives(context, found, (check,))
    return Outcome(document, words.of_archives(document))


def _dist(context: Context, named: str | None) -> Path:
    return Path(named).resolve() if named else context.workspace.root / "dist"


def _archives(
    context: Context, paths: list[Path] | tuple[Path, ...], checks: tuple[str, ...] = ()
) -> Archives:
    return Archives(
        project=context.metadata.normalized_name,
        version=context.metadata.version,
        commit=context.workspace.commit,
        files=tuple(describe(path.name, path.read_bytes()) for path in paths),
        checks=checks,
    )


def history(context: Context) -> Outcome:
    """``release.history``."""
    ledger = context.ledger
    scans = []
    for entry in ledger.past("history"):
        snapshot = ledger.read(Snapshot, entry, "snapshot.json")
        found = ledger.read(Changes, entry, "changes.json")
        if snapshot and found:
            scans.append(
                Scanned(
                    entry=entry,
                    at=snapshot.taken_at,
                    commit=snapshot.project.commit,
                    changes=found.changes,
                )
            )
    repository = context.place.name
    document = History(
        project=context.metadata.normalized_name,
        repository=repository,
        scans=tuple(scans),
        releases=tuple(reversed(past_releases(ledger, repository))),
    )
    return Outcome(document, words.of_history(document))
