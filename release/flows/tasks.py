"""The body of each task: run its flow, and say how it ended."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from release.adapters import job, meter, terminal
from release.adapters.workspace import write_file
from release.decide.explain import explain as told
from release.errors import UsageError
from release.flows import auto as flow
from release.flows import decide as deciding
from release.flows import endings, words
from release.flows import history as recounting
from release.flows import scan as scanning
from release.flows import yank as yanking
from release.flows.auto import Request
from release.flows.console import Outcome
from release.flows.context import Context
from release.flows.doctor_words import of_diagnosis
from release.flows.figures import of_metrics
from release.flows.past import LAST_SCAN, changes_since
from release.model.base import digest
from release.model.decision import Action, Decision
from release.model.handover import Stage, Staged
from release.model.outcome import Automatic
from release.model.receipt import Receipt
from release.model.seal import Archives
from release.ship.archives import describe
from release.ship.reconcile import ALARMS, UNFINISHED

if TYPE_CHECKING:
    from release.flows.doctor import Asked
    from release.flows.stages import Handed

# What only one task needs is imported there: the unchanged scan of every hour waits for no more.

CODES: dict[Action, int] = {"release": 0, "none": 0, "hold": 0, "block": 3, "unknown": 4}
"""The exit code of a decision (DESIGN: the faces)."""


def scan(
    context: Context,
    sources: scanning.Sources,
    keep: bool,
    accept_coverage: bool,
    forget_scanner: str,
) -> Outcome:
    """``release.scan``: 4 when a required scanner could not speak for everything."""
    scanned = scanning.scan(
        context,
        sources=sources,
        keep=keep,
        share=terminal.in_ci(),
        accept_coverage=accept_coverage,
        forget=forget_scanner,
    )
    unknown = scanned.unknown
    text = words.of_scan(scanned)
    name = context.place.name if keep else None
    ending = endings.of_scan(scanned)
    return Outcome(scanned.snapshot, text, 4 if unknown else 0, name, ending=ending)


def changes(context: Context, since: str, until: str) -> Outcome:
    """``release.changes``."""
    found = changes_since(context, since or LAST_SCAN, until)
    return Outcome(found, words.of_changes(found))


def replay(context: Context, decision: str) -> Outcome:
    """``release.replay``: the same decision again, or an error that shows the difference."""
    from release.flows.replay import replay as replaying

    again = replaying(context, decision)
    text = f"the same decision, byte for byte: {again.action}: {again.rule} ({digest(again)})"
    return Outcome(again, text)


def decide(context: Context, explain: bool) -> Outcome:
    """``release.decide``."""
    evidence = deciding.evidence(context)
    decision = deciding.decide_on(context, evidence)
    deciding.keep(context, decision, evidence, share=terminal.in_ci())
    short = f"{decision.action}: {decision.rule}: {decision.reasons[0].why}"
    text = told(decision, evidence.snapshot) if explain else short
    yanks = [yanking.told(one) for one in yanking.requests(context.ledger, context.place.name)]
    text = "\n".join([text, *yanks])
    ending = endings.of_decision(decision, told=explain)
    code, name = CODES[decision.action], context.place.name
    return Outcome(decision, text, code, name, decision, ending=ending)


def publish(context: Context, request: Request, *, dry_run: bool) -> Outcome:
    """``release.publish`` and ``release.plan``: a plan with problems exits 3."""
    with context.open_repository() as repository:
        done = flow.publish(context, repository, request, dry_run=dry_run)
    if done.seal and done.seal.receipt:
        receipt, decision = done.seal.receipt, done.plan.decision
        return _released(receipt, words.of_receipt(receipt), repository.name, decision)
    code, ending = 3 if done.plan.problems else 0, endings.of_plan(done.plan)
    return Outcome(done.plan, words.of_plan(done.plan), code, ending=ending)


def _released(receipt: Receipt, text: str, repository: str, decision: Decision) -> Outcome:
    return Outcome(receipt, text, 0, repository, decision, ending=endings.of_receipt(receipt))


def abandon(context: Context, reason: str) -> Outcome:
    """``release.publish --abandon``."""
    from release.flows.carry import what_now

    with context.open_repository() as repository:
        seal = flow.abandon(context, repository, reason)
    manifest, journal = seal.manifest, seal.journal
    text = f"{manifest.version} is {journal.state}: {what_now(journal, seal)}"
    return Outcome(journal, text, 0, repository.name)


def auto(context: Context, advisories: str | None, *, dry_run: bool) -> Outcome:
    """``release.auto``."""
    with context.open_repository() as repository:
        done = flow.auto(context, repository, advisories=advisories, dry_run=dry_run)
    if terminal.in_ci() and not dry_run:
        from release.flows.land import land_findings

        land_findings(context)
    seal = done.shipment.seal if done.shipment else None
    receipt = seal.receipt if seal else None
    plan = done.shipment.plan if done.shipment and dry_run else None
    text = [_told(done.decision, done.scanned)]
    text += [words.of_fix(done.fix)] if done.fix else []
    text += [words.of_plan(plan)] if plan else []
    text += [words.of_receipt(receipt)] if receipt else []
    document = Automatic.of(done.decision, plan=plan, receipt=receipt, fix=done.fix)
    code = 3 if plan and plan.problems else CODES[done.decision.action]
    name = None if dry_run else repository.name
    ending = endings.of_decision(done.decision, told=True)
    if receipt:
        ending = endings.of_receipt(receipt)
    elif plan:
        ending = endings.of_plan(plan)
    return Outcome(document, "\n\n".join(text), code, name, done.decision, ending=ending)


def _told(decision: Decision, scanned: scanning.Scanned) -> str:
    """A decision on a scan, and whether anything is new."""
    return "\n".join([told(decision, scanned.snapshot), words.of_quiet(scanned)]).rstrip()


def publish_stage(context: Context, request: Request, stage: str, digest: str) -> Outcome:
    """``release.publish --stage``."""
    from release.flows import stages

    named = _stage(stage)
    request = replace(
        request,
        bump=request.bump or job.asked("bump"),
        reason=request.reason or job.asked("reason"),
    )
    digest = digest or job.asked("digest")
    with context.open_repository() as repository:
        done = stages.publish_stage(context, repository, named, digest, request)
    return _staged(context, named, done)


def auto_stage(context: Context, advisories: str | None, stage: str, digest: str) -> Outcome:
    """``release.auto --stage``."""
    from release.flows import stages
    from release.flows.land import land_findings

    named = _stage(stage)
    with context.open_repository() as repository:
        done = stages.auto_stage(
            context, repository, named, digest or job.asked("digest"), advisories,
            job.asked("metadata"),
        )  # fmt: skip
    if terminal.in_ci() and named == "record":  # the stage that scans, with the right to push
        _keep_sarif(context)
        land_findings(context)
    return _staged(context, named, done)


def _keep_sarif(context: Context) -> None:
    """Write the record as SARIF, for the job that shows it as code scanning alerts."""
    _, text = recounting.report(context, "sarif")
    write_file(context.workspace.state / "run" / "findings.sarif", text)
    job.set_outputs(findings="findings.sarif")


def _stage(word: str) -> Stage:
    try:
        named: Stage = msgspec.convert(word, Stage)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"there is no stage {word!r}", remedy=f"choose one of {', '.join(get_args(Stage))}"
        ) from error
    meter.current().stage = named
    return named


def _staged(context: Context, stage: Stage, done: Handed) -> Outcome:
    """Tell what was handed over, to a person and to the jobs after this one."""
    if done.seal and done.seal.receipt:
        receipt, decision = done.seal.receipt, done.seal.plan.decision
        return _released(receipt, words.of_receipt(receipt), context.place.name, decision)
    decided = [_told(done.decision, done.scanned)] if done.decision and done.scanned else []
    document = Staged(stage=stage, decision=done.decision, handover=done.listed, output=done.output)
    name = context.place.name if stage == "record" else None
    if done.listed is None or done.output is None:
        code = CODES[done.decision.action] if done.decision else 0
        return Outcome(document, "\n\n".join(decided), code, name, done.decision)
    job.set_outputs(version=done.listed.version, digest=done.output.digest, trigger=done.trigger)
    text = "\n\n".join([*decided, words.of_handover(done.listed, done.output)])
    return Outcome(document, text, 0, name, done.decision)


def workflows(context: Context, *, write: bool, relock: bool) -> Outcome:
    """``release.workflows``: 3 when they are not the generated ones."""
    from release.flows import workflows as generating

    if not (write or relock):
        found = generating.compare(context)
        return Outcome(found, f"as generated: {', '.join((*found.files, found.lock))}")
    done = generating.write(context, relock=relock)
    return Outcome(done, f"wrote {', '.join((*done.files, done.lock))}")


def mirror(context: Context) -> Outcome:
    """``release.mirror``."""
    from release.flows.mirror import mirror as mirroring

    made = mirroring(context)
    return Outcome(made, f"{made.refs} refs of {made.remote} can be read here without a token")


def fix(context: Context, advisories: str | None, floors: bool, *, dry_run: bool) -> Outcome:
    """``release.fix``: 4 when there is no edit, and something needed to tell was not seen."""
    from release.flows import fix as fixing

    scanned = scanning.scan(context, sources=scanning.Sources(advisories), keep=False)
    edited = fixing.prepare(context, scanned, advisories=advisories, floors=floors)
    if edited is None:
        decision = deciding.decide_on(context, deciding.evidence_of(context, scanned))
        document = fixing.nothing(context)
        return Outcome(document, words.of_fix(document), 4 if decision.action == "unknown" else 0)
    document = edited.fix if dry_run else fixing.keep(context, edited)
    return Outcome(document, words.of_fix(document))


def build(context: Context, output: str | None) -> Outcome:
    """``release.build``: archives of HEAD, for looking at."""
    from release.flows.build import build_twice

    folder = _dist(context, output)
    context.tell("building HEAD ...")
    with context.workspace.scratch() as out:
        built = build_twice(context, context.workspace.commit, out)
        document = _archives(context, sorted(out.iterdir()), (built.sameness,))
        folder.mkdir(parents=True, exist_ok=True)
        for path in out.iterdir():
            shutil.copy2(path, folder / path.name)
    return Outcome(document, words.of_archives(document), ending=endings.BUILT)


def verify(context: Context, artifacts: str | None) -> Outcome:
    """``release.verify``: the archives of a folder against HEAD."""
    from release.flows import verify as verifying

    folder = _dist(context, artifacts)
    found = sorted(p for p in folder.glob("*") if p.name.endswith((".whl", ".tar.gz")))
    if not found:
        raise UsageError(f"{folder} holds no archives", remedy="run release.build first")
    metadata, commit = context.metadata, context.workspace.commit
    files = {path.name: path.read_bytes() for path in found}
    strict = context.place.name in verifying.STRICT
    archived = verifying.Archived(
        metadata.normalized_name, metadata.version, commit, folder, files, strict=strict
    )
    context.tell("checking the archives, and installing them ...")
    document = _archives(context, found, verifying.verify(context, archived))
    return Outcome(document, words.of_archives(document), ending=endings.VERIFIED)


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


def reconcile(context: Context, rebuild: bool) -> Outcome:
    """``release.reconcile``: 3 where a person has to look, 75 where a run goes on, 4 unknown."""
    from release.flows import reconcile as reconciling

    with context.open_repository() as repository:
        found = reconciling.reconcile(context, repository, rebuild=rebuild)
    waiting = any(not one.settled for one in found.versions)
    code = 4 if found.state == "unknown" else 0
    if waiting and found.state in ALARMS:
        code = 3
    if waiting and found.state in UNFINISHED:
        code = 75
    laid_out = repository.name if rebuild else None
    ending = endings.of_reconciliation(found)
    return Outcome(found, words.of_reconciliation(found), code, laid_out, ending=ending)


def yank(context: Context, asked: yanking.Asked) -> Outcome:
    """``release.yank``."""
    with context.open_repository() as repository:
        done = yanking.yank(context, repository, asked)
    return Outcome(done, words.of_yank(done), 0, repository.name)


HEALTH = {"healthy": 0, "problems": 3, "unknown": 4}
"""The exit code of a diagnosis."""


def doctor(context: Context, asked: Asked) -> Outcome:
    """``release.doctor``: 3 where something has to be mended, 4 where something was not seen."""
    from release.flows import doctor as doctoring

    with context.open_repository() as repository:
        found = doctoring.doctor(context, repository, asked)
    ending = endings.of_diagnosis(found)
    return Outcome(found, of_diagnosis(found), HEALTH[found.state], ending=ending)


def seconds(watch: str | bool | None) -> float:
    """How long ``--watch`` looks: a flag without a number has the usual patience.

    :raises UsageError: it is no number of seconds.
    """
    if watch is None or watch is True:
        return yanking.PATIENCE if watch else 0.0
    if not str(watch).isdecimal():
        raise UsageError(f"--watch {watch} is no number of seconds", remedy="say --watch 300")
    return float(watch)


def init(context: Context, *, dry_run: bool, back: bool, sure: bool) -> Outcome:
    """``release.init``: a plan with problems exits 3."""
    from release.flows import init as adopting

    act = adopting.undo if back else adopting.init
    plan = act(context, dry_run=dry_run, sure=sure)
    if not plan.changed and not plan.refs:
        return Outcome(plan, f"{plan.project} is adopted already: nothing is to be done")
    told = words.of_adoption(plan) if dry_run else "done"
    ending = endings.of_adoption(plan, dry_run=dry_run, back=back)
    return Outcome(plan, told, 3 if plan.problems else 0, ending=ending)


def history(context: Context) -> Outcome:
    """``release.history``."""
    document = recounting.history(context)
    return Outcome(document, words.of_history(document))


def alert(context: Context, *, dry_run: bool) -> Outcome:
    """``release.alert``: 75 when somebody could not be told."""
    from release.flows import alerts as alerting
    from release.flows.handover import take_metadata

    if metadata := job.asked("metadata"):
        take_metadata(context, metadata)
    with context.open_repository() as repository:
        told = alerting.alert(
            context,
            repository,
            jobs=job.results(),
            share=terminal.in_ci(),
            dry_run=dry_run,
        )
    troubled = any(one.trouble for one in told.deliveries)
    text, ending = words.of_alerts(told, dry_run=dry_run), endings.of_alerts(told)
    return Outcome(told.standing, text, 75 if troubled else 0, ending=ending)


FIGURES = ("table", "prometheus")


def metrics(context: Context, form: str) -> Outcome:
    """``release.metrics``."""
    from release.flows.metrics import measure
    from release.flows.prometheus import as_prometheus

    if form not in FIGURES:
        raise UsageError(
            f"there are no figures as {form!r}",
            why=f"possible: {', '.join(FIGURES)}",
            remedy="name one of these with --format",
        )
    found = measure(context)
    if form == "prometheus":
        return Outcome(found, as_prometheus(found))
    return Outcome(found, of_metrics(found), ending=endings.of_metrics(found))


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
