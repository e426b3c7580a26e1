"""``release.publish``: plan a release, show it, execute it; or carry an open seal to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from release.adapters import builder, installer, upload
from release.adapters.index import SimpleIndex
from release.adapters.repository import LOCAL, Repository
from release.errors import BlockedError, VerificationError
from release.flows.announce import announce
from release.flows.context import Context
from release.flows.gates import choose_gates, run_gates
from release.flows.seals import Seal, note, sealed_bytes, take_seal
from release.flows.writing import write
from release.model.decision import Decision
from release.model.plan import FileEdit, Plan
from release.model.receipt import Receipt, ReceiptFile
from release.model.seal import Entry
from release.model.snapshot import Snapshot
from release.ship import archives
from release.ship.lines import lines
from release.ship.plan import World, make_plan
from release.ship.version import next_version

UNPACKED = "PKG-INFO"
"""What an unpacked sdist leaves in a tree: backends believe its old version before any other."""

PATIENCE = 60.0
"""Seconds to wait for the index to list what it has taken."""


@dataclass
class Stopwatch:
    """Times the steps of one run and keeps them as journal lines."""

    context: Context
    entries: list[Entry] = field(default_factory=list)

    def step(self, name: str, act: Callable[[], str]) -> Entry:
        """Run one step, tell of it, and return its journal line."""
        self.context.tell(f"{name} ...")
        started = time.perf_counter()
        detail = act()
        entry = Entry(
            step=name,
            at=self.context.clock.now(),
            seconds=round(time.perf_counter() - started, 3),
            detail=detail,
        )
        self.context.tell(f"{name}: {detail} ({entry.seconds:.1f} s)")
        self.entries.append(entry)
        return entry


def plan(
    context: Context, repository: Repository, decision: Decision, seen: Snapshot | None = None
) -> Plan:
    """Think: gather the world and put the plan together. Nothing is changed.

    :param decision: why; its ``bump`` says how far the version moves.
    :param seen: the scan that it rests on; by default the recorded one of this commit.
    """
    workspace, metadata = context.workspace, context.metadata
    prefix = context.tag_prefix(repository)
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
        tags=workspace.git.tags(prefix),
        sealed=context.ledger.versions(repository.name),
        dirty=workspace.dirty(),
        gates=choice.gates,
        gates_note=choice.note,
        missing_gates=choice.missing,
        shallow=workspace.git.shallow(),
        announces=workspace.config.forge is not None and repository.name != LOCAL,
        current=metadata.version,
        here=here,
        elsewhere=elsewhere,
    )
    version = next_version(metadata.version, world.taken, decision.bump or None, line=world.line)
    snapshot = seen or last_scan(context)
    written = write(context, repository, decision, snapshot, version, world.line)
    made = make_plan(world, decision, version, written.notes, (*written.edits, *_unpacked(context)))
    return replace(
        made,
        announcement=written.announcement,
        delta=written.delta,
        remarks=written.remarks,
    )


def last_scan(context: Context) -> Snapshot | None:
    """The recorded snapshot, if it saw this very commit."""
    snapshot = context.ledger.read(Snapshot, context.ledger.tip("history"), "snapshot.json")
    return snapshot if snapshot and snapshot.project.commit == context.workspace.commit else None


def _unpacked(context: Context) -> tuple[FileEdit, ...]:
    stray = context.workspace.read(UNPACKED) is not None
    return (FileEdit(path=UNPACKED, after=None),) if stray else ()


def execute(context: Context, repository: Repository, agreed: Plan) -> Seal:
    """Act: commit, gates, build, verify, seal, then carry the seal to its end.

    :raises BlockedError: the plan has problems, or a gate is red.
    """
    if agreed.problems:
        raise BlockedError(
            f"{agreed.project} {agreed.version} cannot be released as things are",
            why="\n".join(f"{p.check}: {p.what}" for p in agreed.problems),
            remedy="; ".join(dict.fromkeys(p.next for p in agreed.problems)),
        )
    watch = Stopwatch(context)
    commit = _release_commit(context, agreed)
    watch.step("commit", lambda: f"{commit[:12]} on no branch")
    watch.step("gates", lambda: _gates(context, agreed, commit))
    with context.workspace.scratch() as out:
        files: dict[str, bytes] = {}
        watch.step("build", lambda: _build(context, agreed, commit, out, files))
        watch.step(
            "verify",
            lambda: verify_archives(context, agreed.project, agreed.version, commit, out, files),
        )
    wheel = next(data for name, data in files.items() if name.endswith(".whl"))
    seal = take_seal(
        context.ledger,
        agreed,
        commit,
        files,
        content=archives.content_digest(wheel),
        entries=tuple(watch.entries),
        at=context.clock.now(),
    )
    context.tell(f"seal: {seal.manifest.version} is fixed as {seal.manifest.seal[:12]}")
    return converge(context, repository, seal)


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


def verify_archives(
    context: Context, project: str, version: str, commit: str, out: Path, files: dict[str, bytes]
) -> str:
    """Check archives against a commit, and that the wheel installs and imports.

    :param out: the folder in which they lie.
    :param files: their bytes by name.
    :raises VerificationError: something is not as it should be.
    """
    prefix = context.workspace.prefix
    tracked = frozenset(
        path.removeprefix(prefix)
        for path in context.workspace.git.files(commit)
        if path.startswith(prefix)
    )
    found = archives.problems(files, project=project, version=version, tracked=tracked)
    if found:
        raise VerificationError(
            "the archives are not what the plan says",
            why="\n".join(found),
            remedy="mend the project's build configuration, commit, and publish again",
        )
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


def converge(context: Context, repository: Repository, seal: Seal) -> Seal:
    """Carry a seal to its end; what the world shows as done is not done again.

    :raises RepositoryError: the index refused, or holds other bytes under our name.
    :raises TryAgainError: the index does not list our files yet.
    :raises VerificationError: our file does not install from the index.
    """
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("upload", lambda: _upload(context, repository, seal)),
        ("confirm", lambda: _confirm(context, repository, seal)),
        ("prove", lambda: _prove(context, repository, seal)),
        ("tag", lambda: _tag(context, seal)),
    )
    watch = Stopwatch(context)
    for name, act in steps:
        if not seal.done(name):
            seal = note(context.ledger, seal, watch.step(name, act))
    return _confirmed(context, repository, announce(context, repository.name, seal))


def _upload(context: Context, repository: Repository, seal: Seal) -> str:
    manifest = seal.manifest
    index = SimpleIndex(repository.simple_url)
    missing = upload.missing(index, manifest.project, manifest.files)
    if not missing:
        return "every file was there already, with the sealed hash"
    stored = sealed_bytes(context.ledger, manifest)
    with context.workspace.scratch() as folder:
        for archive in missing:
            (folder / archive.name).write_bytes(stored[archive.name])
        upload.upload(repository, [folder / archive.name for archive in missing])
    return ", ".join(archive.name for archive in missing)


def _confirm(context: Context, repository: Repository, seal: Seal) -> str:
    manifest = seal.manifest
    index = SimpleIndex(repository.simple_url)
    files = upload.confirm(index, manifest.project, manifest.files, patience=PATIENCE)
    context.tell("".join(f"  {file.name} sha256 {file.sha256}\n" for file in files).rstrip())
    return f"{len(files)} files served with the sealed hash"


def _prove(context: Context, repository: Repository, seal: Seal) -> str:
    manifest, workspace = seal.manifest, context.workspace
    wheel = next(file for file in manifest.files if file.name.endswith(".whl"))
    listed = SimpleIndex(repository.simple_url).files(manifest.project)
    url = next(file.url for file in listed if file.name == wheel.name)
    return installer.prove(
        url,
        wheel.sha256,
        manifest.project,
        manifest.version,
        archives.import_names(sealed_bytes(context.ledger, manifest)[wheel.name]),
        workdir=workspace.state / "run",
        cache=workspace.state / "cache",
        index_url=workspace.config.index_url,
    )


def _tag(context: Context, seal: Seal) -> str:
    git, manifest = context.workspace.git, seal.manifest
    ref = f"refs/tags/{manifest.tag}"
    standing = git.resolve(f"{ref}^{{commit}}")
    if standing is None:
        git.move(ref, manifest.commit, old=None)
    elif standing != manifest.commit:
        raise BlockedError(
            f"the tag {manifest.tag} stands on {standing[:12]}, not on {manifest.commit[:12]}",
            why=f"{manifest.project} {manifest.version} is published from {manifest.commit}",
            remedy=f"find out who set it; then: git tag -d {manifest.tag}, and publish again",
        )
    return f"{manifest.tag} on {manifest.commit[:12]}"


def _confirmed(context: Context, repository: Repository, seal: Seal) -> Seal:
    """Write the receipt, which ends the seal."""
    manifest = seal.manifest
    listed = {
        file.name: file for file in SimpleIndex(repository.simple_url).files(manifest.project)
    }
    uploaded, confirmed = seal.done("upload"), seal.done("confirm")
    now = context.clock.now()
    receipt = Receipt(
        project=manifest.project,
        version=manifest.version,
        repository=manifest.repository,
        files=tuple(
            ReceiptFile(name=f.name, sha256=f.sha256, size=f.size, url=listed[f.name].url)
            for f in manifest.files
        ),
        uploaded_at=uploaded.at if uploaded else now,
        confirmed_at=confirmed.at if confirmed else now,
        tag=manifest.tag,
        seal=manifest.seal,
        trigger=manifest.trigger,
        timings={entry.step: entry.seconds for entry in seal.journal.entries},
        delta=seal.plan.delta,
    )
    return note(context.ledger, seal, Entry(step="receipt", at=now, seconds=0.0), receipt=receipt)
