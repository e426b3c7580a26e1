"""The body of each task: run its flow, and say how it ended."""

from __future__ import annotations

import shutil
from pathlib import Path

from release.adapters import builder
from release.adapters.repository import open_repository
from release.decide.explain import explain as told
from release.errors import UnknownError, UsageError
from release.flows import auto as flow
from release.flows import decide as deciding
from release.flows import fix as fixing
from release.flows import publish as shipping
from release.flows import scan as scanning
from release.flows import words
from release.flows.console import Outcome
from release.flows.context import Context
from release.flows.seals import past_releases
from release.model.changes import Changes
from release.model.decision import Action
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
        config.repository,
        advisories=advisories,
        keep=keep,
        accept_coverage=accept_coverage,
    )
    unknown = scanned.unknown(config.policy.required)
    text = words.of_scan(scanned)
    if unknown:
        text += f"\nunknown is not clean: {', '.join(unknown)} could not speak for everything"
    return Outcome(scanned.snapshot, text, 4 if unknown else 0, config.repository if keep else None)


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
    repository = context.workspace.config.repository
    return Outcome(decision, text, CODES[decision.action], repository, decision)


def publish(context: Context, to: str | None, bump: str, reason: str, *, dry_run: bool) -> Outcome:
    """``release.publish`` and ``release.plan``: a plan with problems exits 3."""
    name = to or context.workspace.config.repository
    with open_repository(name, context.workspace.root) as repository:
        done = flow.publish(context, repository, bump=bump, reason=reason, dry_run=dry_run)
    if done.seal and done.seal.receipt:
        text = words.of_receipt(done.seal.receipt)
        return Outcome(done.seal.receipt, text, 0, name, done.plan.decision)
    return Outcome(done.plan, words.of_plan(done.plan), 3 if done.plan.problems else 0)


def auto(context: Context, to: str | None, advisories: str | None, *, dry_run: bool) -> Outcome:
    """``release.auto``."""
    name = to or context.workspace.config.repository
    with open_repository(name, context.workspace.root) as repository:
        done = flow.auto(context, repository, advisories=advisories, dry_run=dry_run)
    seal = done.shipment.seal if done.shipment else None
    receipt = seal.receipt if seal else None
    plan = done.shipment.plan if done.shipment and dry_run else None
    text = [told(done.decision, done.scanned.snapshot)]
    text += [words.of_fix(done.fix)] if done.fix else []
    text += [words.of_plan(plan)] if plan else []
    text += [words.of_receipt(receipt)] if receipt else []
    document = Automatic.of(done.decision, plan=plan, receipt=receipt, fix=done.fix)
    code = 3 if plan and plan.problems else CODES[done.decision.action]
    return Outcome(document, "\n\n".join(text), code, None if dry_run else name, done.decision)


def fix(context: Context, advisories: str | None, floors: bool, *, dry_run: bool) -> Outcome:
    """``release.fix``: 4 when there is no edit, and something needed to tell was not seen."""
    repository = context.workspace.config.repository
    scanned = scanning.scan(context, repository, advisories=advisories, keep=False)
    edited = fixing.prepare(context, scanned, advisories=advisories, floors=floors)
    if edited is None:
        decision = deciding.decide_on(context, deciding.evidence_of(context, scanned))
        document = fixing.nothing(context)
        return Outcome(document, words.of_fix(document), 4 if decision.action == "unknown" else 0)
    document = edited.fix if dry_run else fixing.keep(context, edited)
    return Outcome(document, words.of_fix(document))


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
    repository = context.workspace.config.repository
    document = History(
        project=context.metadata.normalized_name,
        repository=repository,
        scans=tuple(scans),
        releases=tuple(reversed(past_releases(ledger, repository))),
    )
    return Outcome(document, words.of_history(document))
