"""``release.publish``: plan a release, show it, execute it; or carry an open seal to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from release.adapters import builder, installer, upload
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.errors import BlockedError, UsageError, VerificationError
from release.flows.carry import PEELED, converge
from release.flows.context import Context, Stopwatch
from release.flows.gates import choose_gates, run_gates
from release.flows.handover import Cargo
from release.flows.seals import Seal, take_seal
from release.flows.writing import write
from release.model.decision import Decision
from release.model.plan import FileEdit, Plan
from release.model.snapshot import Snapshot
from release.ship import archives
from release.ship.lines import lines
from release.ship.plan import World, make_plan
from release.ship.version import next_version

UNPACKED = "PKG-INFO"
"""What an unpacked sdist leaves in a tree: backends believe its old version before any other."""


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
    """Think: gather the world and put the plan together. Nothing is changed.

    :param decision: why; its ``bump`` says how far the version moves.
    :param seen: the scan that it rests on; by default the recorded one of this commit.
    :param less_provenance: why the attestations of the previous release may be missing.
    :param supplied: a folder of archives that were built elsewhere.
    :param uploads: whether this very process will upload, and so has to have the right to.
    """
    workspace, metadata = context.workspace, context.metadata
    prefix = context.tag_prefix
    here, elsewhere = lines(
        workspace.git.tag_origins(prefix), workspace.commit, workspace.git.history
    )
    choice = choose_gates(workspace.root, workspace.config.gates)
    world = World(
        project=metadata.normalized_name,
        repository=repository.name,
        commit=workspace.commit,
        tag_prefix=prefix,
        listed=SimpleIndex(repository.simple_url).files(metadata.normalized_name),
        tags=_tags(context),
        sealed=context.ledger.versions(repository.name),
        dirty=workspace.dirty(),
        gates=choice.gates,
        gates_note=choice.note,
        missing_gates=choice.missing,
        shallow=workspace.git.shallow(),
        current=metadata.version,
        here=here,
        elsewhere=elsewhere,
        credential=repository.source.problem() if uploads else "",
        attests=repository.source.attests,
        less_provenance=less_provenance,
    )
    version = next_version(metadata.version, world.taken, decision.bump or None, line=world.line)
    if supplied:
        world = replace(world, misfits=_misfits(context, world.project, str(version), supplied))
    snapshot = seen or last_scan(context)
    written = write(context, repository, decision, snapshot, version, world.line)
    made = make_plan(world, decision, version, written.notes, (*written.edits, *_unpacked(context)))
    return with_fields(
        made,
        announcement=written.announcement,
        delta=written.delta,
        remarks=written.remarks,
    )


def _misfits(context: Context, project: str, version: str, supplied: Path) -> tuple[str, ...]:
    """What is wrong with archives that were built elsewhere."""
    files, tracked = supplied_files(supplied), _tracked(context, context.workspace.commit)
    return tuple(archives.problems(files, project=project, version=version, tracked=tracked))


def _tracked(context: Context, commit: str) -> frozenset[str]:
    """The project's files in a commit."""
    prefix = context.workspace.prefix
    every = context.workspace.git.files(commit)
    return frozenset(path.removeprefix(prefix) for path in every if path.startswith(prefix))


def _tags(context: Context) -> tuple[str, ...]:
    """The tags of releases, here and at the remote."""
    prefix, remote = context.tag_prefix, context.remote
    shared = remote.tips(f"refs/tags/{prefix}*") if remote else {}
    there = {ref.removeprefix("refs/tags/").removesuffix(PEELED) for ref in shared}
    return tuple(sorted({*context.workspace.git.tags(prefix), *there}))


def last_scan(context: Context) -> Snapshot | None:
    """The recorded snapshot, if it saw this very commit."""
    snapshot = context.ledger.read(Snapshot, context.ledger.tip("history"), "snapshot.json")
    return snapshot if snapshot and snapshot.project.commit == context.workspace.commit else None


def _unpacked(context: Context) -> tuple[FileEdit, ...]:
    stray = context.workspace.read(UNPACKED) is not None
    return (FileEdit(path=UNPACKED, after=None),) if stray else ()


def execute(
    context: Context, repository: Repository, agreed: Plan, supplied: Path | None = None
) -> Seal:
    """Act: all stages one after the other, in this process.

    :param supplied: a folder of archives that were built elsewhere.
    :raises BlockedError: the plan has problems, or a gate is red.
    """
    cargo = check(context, agreed)
    cargo = build(context, cargo, supplied)
    return converge(context, repository, record(context, cargo))


def check(context: Context, agreed: Plan) -> Cargo:
    """Stage ``check``: the release commit, and the gates on it.

    :raises BlockedError: the plan has problems, or a gate is red.
    """
    require_sound(agreed)
    watch = Stopwatch(context)
    commit = _release_commit(context, agreed)
    watch.step("commit", lambda: f"{commit[:12]} on no branch")
    watch.step("gates", lambda: _gates(context, agreed, commit))
    return Cargo(plan=agreed, commit=commit, entries=tuple(watch.entries))


def require_sound(agreed: Plan) -> None:
    """Stop where a problem could be seen beforehand.

    :raises BlockedError: the plan has problems.
    """
    if agreed.problems:
        raise BlockedError(
            f"{agreed.project} {agreed.version} cannot be released as things are",
            why="\n".join(f"{p.check}: {p.what}" for p in agreed.problems),
            remedy="; ".join(dict.fromkeys(p.next for p in agreed.problems)),
        )


def build(context: Context, cargo: Cargo, supplied: Path | None = None) -> Cargo:
    """Stage ``build``: the archives of the release commit, and what can be verified of them.

    :param supplied: a folder of archives that were built elsewhere.
    """
    agreed, commit, watch = cargo.plan, cargo.commit, Stopwatch(context)
    with context.workspace.scratch() as out:
        files: dict[str, bytes] = {}
        if supplied:
            watch.step("build", lambda: _take(supplied, out, files))
        else:
            watch.step("build", lambda: _build(context, agreed, commit, out, files))
        watch.step(
            "verify",
            lambda: verify_archives(context, agreed.project, agreed.version, commit, out, files),
        )
    return replace(cargo, files=files, entries=(*cargo.entries, *watch.entries))


def record(context: Context, cargo: Cargo) -> Seal:
    """The sealing part of stage ``record``: the bytes are fixed in the ledger.

    :raises TryAgainError: another run has won this version.
    """
    wheel = next(data for name, data in cargo.files.items() if name.endswith(".whl"))
    seal = take_seal(
        context.ledger,
        cargo.plan,
        cargo.commit,
        dict(cargo.files),
        content=archives.content_digest(wheel),
        entries=cargo.entries,
        at=context.clock.now(),
    )
    context.tell(f"seal: {seal.manifest.version} is fixed as {seal.manifest.seal[:12]}")
    return seal


def _release_commit(context: Context, agreed: Plan) -> str:
    workspace = context.workspace
    if not agreed.edits:
        return agreed.commit
    edits = {
        workspace.prefix + edit.path: None if edit.after is None else edit.after.encode()
        for edit in agreed.edits
    }
    with workspace.scratch() as scratch:
        tree = workspace.git.amend_tree(agreed.commit, edits, scratch)
    return workspace.git.commit(
        tree,
        parents=(agreed.commit,),
        message=f"Release {agreed.project} {agreed.version}",
        at=context.clock.now(),
    )


def _gates(context: Context, agreed: Plan, commit: str) -> str:
    if not agreed.gates:
        return agreed.gates_note
    workspace = context.workspace
    # Always at the same place, so that what the gates install stays good for the next release.
    with workspace.checkout(commit, tag=f"v{agreed.version}", name="gates") as folder:
        context.tell(f"gates: nox runs {', '.join(agreed.gates)}")
        run_gates(folder, agreed.gates, workspace.state / "cache" / "gates")
    return f"{', '.join(agreed.gates)} green"


def _build(context: Context, agreed: Plan, commit: str, out: Path, files: dict[str, bytes]) -> str:
    epoch = context.workspace.git.commit_time(commit)
    with context.workspace.checkout(commit, tag=f"v{agreed.version}") as folder:
        built = builder.build(
            folder, out, epoch=epoch, index_url=context.workspace.config.index_url
        )
    files.update({path.name: path.read_bytes() for path in built})
    return ", ".join(sorted(files))


def supplied_files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder of archives, name to bytes.

    :raises UsageError: there is no such folder, or nothing in it.
    """
    found = sorted(path for path in folder.glob("*") if path.is_file())
    if not found:
        raise UsageError(f"{folder} holds no archives", remedy="name the folder that holds them")
    return {path.name: path.read_bytes() for path in found}


def _take(supplied: Path, out: Path, files: dict[str, bytes]) -> str:
    """Copy archives once, so that what is verified is what is sealed."""
    files.update(supplied_files(supplied))
    for name, data in files.items():
        (out / name).write_bytes(data)
    return f"built elsewhere: {', '.join(sorted(files))}"


def require_planned(context: Context, cargo: Cargo) -> None:
    """Archives that another job built are those of the plan, as far as reading them can tell.

    :raises VerificationError: they are not.
    """
    agreed = cargo.plan
    _require_sane(context, agreed.project, agreed.version, cargo.commit, cargo.files)


def _require_sane(
    context: Context, project: str, version: str, commit: str, files: Mapping[str, bytes]
) -> None:
    tracked = _tracked(context, commit)
    found = archives.problems(files, project=project, version=version, tracked=tracked)
    if found:
        raise VerificationError(
            "the archives are not what the plan says",
            why="\n".join(found),
            remedy="mend the project's build configuration, commit, and publish again",
        )


def verify_archives(
    context: Context, project: str, version: str, commit: str, out: Path, files: dict[str, bytes]
) -> str:
    """Check archives against a commit, and that the wheel installs and imports.

    :param out: the folder in which they lie.
    :param files: their bytes by name.
    :raises VerificationError: something is not as it should be.
    """
    _require_sane(context, project, version, commit, files)
    paths = [out / name for name in sorted(files)]
    upload.check_metadata(paths)
    wheel = next(path for path in paths if path.suffix == ".whl")
    imports = archives.import_names(files[wheel.name])
    installer.install_test(
        wheel,
        project,
        version,
        imports,
        workdir=context.workspace.state / "run",
        cache=context.workspace.state / "cache",
        index_url=context.workspace.config.index_url,
    )
    return f"metadata and contents are as planned; {wheel.name} installs and imports"
