"""The body of each task: run its flow, and say how it ended."""

from __future__ import annotations

import shutil
from pathlib import Path

from release.adapters.repository import open_repository
from release.adapters.workspace import write_file
from release.decide.explain import explain as told
from release.errors import UsageError
from release.flows import auto as flow
from release.flows import decide as deciding
from release.flows import history as recounting
from release.flows import scan as scanning
from release.flows import verify as verifying
from release.flows import words
from release.flows.build import build_twice
from release.flows.console import Outcome
from release.flows.context import Context
from release.flows.past import LAST_SCAN, changes_since
from release.flows.replay import replay as replaying
from release.flows.verify import STRICT, Archived
from release.model.base import digest
from release.model.decision import Action
from release.model.outcome import Automatic
from release.model.seal import Archives
from release.ship.archives import describe

CODES: dict[Action, int] = {"release": 0, "none": 0, "hold": 0, "block": 3, "unknown": 4}
"""The exit code of a decision (DESIGN: the faces)."""


def scan(context: Context, sources: scanning.Sources, keep: bool, accept_coverage: bool) -> Outcome:
    """``release.scan``: 4 when a required scanner could not speak for everything."""
    config = context.workspace.config
    scanned = scanning.scan(
        context,
        config.repository,
        sources=sources,
        keep=keep,
        accept_coverage=accept_coverage,
    )
    unknown = scanned.unknown
    text = words.of_scan(scanned)
    if unknown:
        text += f"\nunknown is not clean: {', '.join(unknown)} could not speak for everything"
    return Outcome(scanned.snapshot, text, 4 if unknown else 0, config.repository if keep else None)


def changes(context: Context, since: str, until: str) -> Outcome:
    """``release.changes``."""
    found = changes_since(context, since or LAST_SCAN, until)
    return Outcome(found, words.of_changes(found))


def replay(context: Context, decision: str) -> Outcome:
    """``release.replay``: the same decision again, or an error that shows the difference."""
    again = replaying(context, decision)
    text = f"the same decision, byte for byte: {again.action}: {again.rule} ({digest(again)})"
    return Outcome(again, text)


def decide(context: Context, explain: bool) -> Outcome:
    """``release.decide``."""
    evidence = deciding.evidence(context)
    decision = deciding.decide_on(context, evidence)
    deciding.keep(context, decision, evidence)
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
    text += [words.of_plan(plan)] if plan else []
    text += [words.of_receipt(receipt)] if receipt else []
    document = Automatic.of(done.decision, plan=plan, receipt=receipt)
    code = 3 if plan and plan.problems else CODES[done.decision.action]
    return Outcome(document, "\n\n".join(text), code, None if dry_run else name, done.decision)


def build(context: Context, output: str | None) -> Outcome:
    """``release.build``: archives of HEAD, for looking at."""
    folder = _dist(context, output)
    with context.workspace.scratch() as out:
        built = build_twice(context, context.workspace.commit, out)
        document = _archives(context, sorted(out.iterdir()), (built.sameness,))
        folder.mkdir(parents=True, exist_ok=True)
        for path in out.iterdir():
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
    strict = context.workspace.config.repository in STRICT
    archived = Archived(
        metadata.normalized_name, metadata.version, commit, folder, files, strict=strict
    )
    document = _archives(context, found, verifying.verify(context, archived))
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
    document = recounting.history(context)
    return Outcome(document, words.of_history(document))


FORMS = ("markdown", "csv", "vex", "sarif")


def report(context: Context, form: str, output: str | None) -> Outcome:
    """``release.report``."""
    if form not in FORMS:
        raise UsageError(
            f"there is no report as {form!r}",
            why=f"possible: {', '.join(FORMS)}",
            remedy="name one of these with --format",
        )
    document, text = recounting.report(context, form)
    if not output:
        return Outcome(document, text)
    path = Path(output).resolve()
    write_file(path, text)
    return Outcome(document, f"wrote {path}")
