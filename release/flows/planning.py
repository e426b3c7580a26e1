"""Think: gather the world and put the plan of a release together. Nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from release.adapters.index import SimpleIndex
from release.adapters.repository import LOCAL, Repository
from release.adapters.workspace import HUMAN_FACING
from release.decide.waivers import waivers
from release.errors import TryAgainError, UnreachableError, UsageError
from release.flows.carry import PEELED
from release.flows.context import Context
from release.flows.gates import choose_gates
from release.flows.outlook import outlook
from release.flows.past import last_release
from release.flows.seals import last_taken, past_releases
from release.flows.writing import write
from release.model.decision import Decision
from release.model.listing import IndexFile
from release.model.plan import FileEdit, Plan, Problem
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.model.waiver import Waiver
from release.record.findings_page import MARK, render_findings
from release.ship import archives
from release.ship.failures import PASSING, failure_of
from release.ship.lines import lines
from release.ship.plan import World, make_plan
from release.ship.version import next_version


def plan(
    context: Context,
    repository: Repository,
    decision: Decision,
    seen: Snapshot | None = None,
    *,
    less_provenance: str = "",
    supplied: Path | None = None,
    uploads: bool = True,
) -> Plan:
    """The plan of a release.

    :param decision: why; its ``bump`` says how far the version moves.
    :param seen: the scan that it rests on; by default the recorded one of this commit.
    :param less_provenance: why the attestations of the previous release may be missing.
    :param supplied: a folder of archives that were built elsewhere.
    :param uploads: whether this very process will upload, and so has to have the right to.
    """
    # Before all else is looked at: what is sealed from here on makes this plan void.
    context.ledger.look_again()
    after = last_taken(context.ledger, repository.name)
    world = _world(context, repository)
    world = replace(
        world,
        credential=repository.source.problem() if uploads else "",
        less_provenance=less_provenance,
    )
    version = next_version(world.current, world.taken, decision.bump or None, line=world.line)
    if supplied:
        world = replace(world, misfits=_misfits(context, world.project, str(version), supplied))
    snapshot = seen or last_scan(context)
    written = write(context, repository, decision, snapshot, version, world.line)
    edits = (*written.edits, *_findings_page(context))
    made = make_plan(world, decision, version, written.notes, edits)
    return with_fields(
        made,
        problems=made.problems or _nothing_new(context, repository, decision),
        waivers=_waivers(context, made),
        announcement=written.announcement,
        delta=written.delta,
        remarks=written.remarks,
        after=after,
    )


def _world(context: Context, repository: Repository) -> World:
    workspace, metadata = context.workspace, context.metadata
    prefix, git = context.tag_prefix, workspace.git
    here, elsewhere = lines(git.tag_origins(prefix), workspace.commit, git.history)
    choice = choose_gates(workspace.root, workspace.config.gates)
    index = SimpleIndex(repository.simple_url)
    return World(
        project=metadata.normalized_name,
        repository=repository.name,
        commit=workspace.commit,
        tag_prefix=prefix,
        listed=_listed(index, metadata.normalized_name),
        tags=_tags(context),
        sealed=context.ledger.versions(repository.name),
        dirty=workspace.dirty(),
        gates=choice.gates,
        gates_note=choice.note,
        missing_gates=choice.missing,
        shallow=git.shallow(),
        current=metadata.version,
        here=here,
        elsewhere=elsewhere,
        attests=repository.source.attests,
        preflight=outlook(context, repository, index),
        announces=workspace.config.forge is not None and repository.name != LOCAL,
    )


def _listed(index: SimpleIndex, project: str) -> tuple[IndexFile, ...]:
    """What the index has: without that no version is free.

    :raises TryAgainError: it is silent or busy for now.
    :raises UnreachableError: its answer is none that another try would mend.
    """
    try:
        return index.files(project)
    except UnreachableError as error:
        if failure_of(error) not in PASSING:
            raise
        raise TryAgainError(
            error.what,
            why=error.why,
            remedy="run the same command again when it answers; nothing was changed",
            failure=error.failure,
        ) from error


def last_scan(context: Context) -> Snapshot | None:
    """The recorded snapshot, if it saw this very commit."""
    snapshot = context.ledger.read(Snapshot, context.ledger.tip("history"), "snapshot.json")
    return snapshot if snapshot and snapshot.project.commit == context.workspace.commit else None


def supplied_files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder of archives, name to bytes.

    :raises UsageError: there is no such folder, or nothing in it.
    """
    found = sorted(path for path in folder.glob("*") if path.is_file())
    if not found:
        raise UsageError(f"{folder} holds no archives", remedy="name the folder that holds them")
    return {path.name: path.read_bytes() for path in found}


def _misfits(context: Context, project: str, version: str, supplied: Path) -> tuple[str, ...]:
    """What is wrong with archives that were built elsewhere."""
    files, tracked = supplied_files(supplied), context.workspace.files()
    return tuple(archives.problems(files, project=project, version=version, tracked=tracked))


def _tags(context: Context) -> tuple[str, ...]:
    """The tags of releases, here and at the remote."""
    prefix, remote = context.tag_prefix, context.remote
    shared = remote.tips(f"refs/tags/{prefix}*") if remote else {}
    there = {ref.removeprefix("refs/tags/").removesuffix(PEELED) for ref in shared}
    return tuple(sorted({*context.workspace.git.tags(prefix), *there}))


def _waivers(context: Context, agreed: Plan) -> tuple[Waiver, ...]:
    """The gates that may be red for this release, of those that it runs."""
    return waivers(
        [gate for gate in agreed.decision.waivable if gate in agreed.gates],
        past_releases(context.ledger, agreed.repository),
        context.workspace.config.policy,
        version=agreed.version,
        now=context.clock.now(),
    )


def _nothing_new(
    context: Context, repository: Repository, decision: Decision
) -> tuple[Problem, ...]:
    """That a person asks for what is released already, told before it is built once more."""
    last = last_release(context.ledger, repository.name)
    if last is None or decision.trigger != "manual" or decision.reasons[0].evidence:
        return ()
    git, folder = context.workspace.git, context.workspace.prefix.rstrip("/")
    trees = {git.resolve(f"{c}:{folder}") for c in (context.workspace.commit, last.manifest.base)}
    if len(trees) > 1:
        return ()
    what = f"HEAD holds nothing that {last.manifest.version}, the last release, was not made of"
    return (Problem(check="something-new", what=what, next='say why with --reason "..."'),)


def _findings_page(context: Context) -> tuple[FileEdit, ...]:
    """The findings document as of now, where it is content that the project ships."""
    path = f"{HUMAN_FACING}/SECURITY_FINDINGS.md"
    tip = context.ledger.tip("history")
    record = context.ledger.read(Record, tip, "record.json")
    snapshot = context.ledger.read(Snapshot, tip, "snapshot.json")
    ships = context.workspace.config.policy.preset == "posture"
    before = context.workspace.read(path) if ships and record and snapshot else None
    if record is None or snapshot is None or before is None or MARK not in before:
        return ()
    after = render_findings(record, snapshot.reach)
    return (FileEdit(path=path, after=after),) if after != before else ()
