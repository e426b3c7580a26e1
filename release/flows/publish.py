"""Act on a plan, stage by stage: check, build and record; a seal is then carried to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from release.adapters import meter, progress
from release.adapters.repository import Repository
from release.errors import BlockedError, IdenticalError, TryAgainError
from release.flows.build import build_twice
from release.flows.carry import converge
from release.flows.context import Context, Stopwatch
from release.flows.gates import run_gates
from release.flows.handover import Cargo
from release.flows.past import last_release
from release.flows.planning import supplied_files
from release.flows.seals import Seal, last_taken, open_seal, take_seal
from release.flows.verify import STRICT, Archived, require_identity, verify
from release.model.plan import Plan
from release.model.seal import Manifest
from release.model.waiver import Waiver
from release.ship import archives


def execute(
    context: Context,
    repository: Repository,
    agreed: Plan,
    supplied: Path | None = None,
    *,
    sealing: Callable[[], None] = lambda: None,
) -> Seal:
    """Act: all stages one after the other, in this process.

    :param supplied: a folder of archives that were built elsewhere.
    :param sealing: called before the bytes are fixed: what it keeps is kept by every release.
    :raises BlockedError: the plan has problems, or a gate is red.
    :raises IdenticalError: what was built has the content of the last release.
    """
    progress.planned(step.name for step in agreed.steps)
    cargo = check(context, agreed)
    cargo = build(context, cargo, supplied)
    return converge(context, repository, record(context, cargo, sealing))


def check(context: Context, agreed: Plan) -> Cargo:
    """Stage ``check``: the release commit, and the gates on it.

    :raises BlockedError: the plan has problems, or a gate is red.
    """
    require_sound(agreed)
    watch = Stopwatch(context)
    meter.current().version = agreed.version
    commit = _release_commit(context, agreed)
    waived: list[Waiver] = []
    watch.step("commit", lambda: f"{commit[:12]} on no branch")
    watch.step("gates", lambda: _gates(context, agreed, commit, waived))
    return Cargo(plan=agreed, commit=commit, entries=tuple(watch.entries), waived=tuple(waived))


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
    watch = Stopwatch(context)
    meter.current().version = cargo.plan.version
    with context.workspace.scratch() as out:
        files: dict[str, bytes] = {}
        if supplied:
            watch.step("build", lambda: _take(supplied, out, files))
        else:
            watch.step("build", lambda: _build(context, cargo, out, files))
        watch.step("verify", lambda: "; ".join(verify(context, _archived(cargo, out, files))))
    return replace(cargo, files=files, entries=(*cargo.entries, *watch.entries))


def require_planned(context: Context, cargo: Cargo) -> None:
    """Archives that another job built are those of the plan, as far as reading them can tell.

    :raises VerificationError: they are not.
    """
    require_identity(context, _archived(cargo, Path(), dict(cargo.files)))


def record(context: Context, cargo: Cargo, sealing: Callable[[], None] = lambda: None) -> Seal:
    """The sealing part of stage ``record``: the bytes are fixed in the ledger.

    :param sealing: called just before, when nothing speaks against it any more.
    :raises IdenticalError: they have the content of the last release.
    :raises TryAgainError: another run has won this version, or sealed another one meanwhile.
    """
    wheel = next(data for name, data in cargo.files.items() if name.endswith(archives.WHEEL))
    content = archives.content_digest(wheel)
    _require_quiet(context, cargo.plan)
    _refuse_identical(context, cargo.plan, content)
    sealing()
    with meter.current().step("seal"):
        seal = take_seal(
            context.ledger,
            cargo.plan,
            cargo.commit,
            dict(cargo.files),
            content=content,
            entries=cargo.entries,
            at=context.clock.now(),
            waived=cargo.waived,
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


def _require_quiet(context: Context, agreed: Plan) -> None:
    """Nobody else sealed anything since the plan was made: it and the decision rest on that.

    A run that was overtaken may see the other's files on the index, and would take the number
    after them for a release that nobody is owed any more. What is sealed from here on,
    :func:`take_seal` notices.

    :raises TryAgainError: somebody did.
    """
    ledger, repository = context.ledger, agreed.repository
    ledger.fetch()
    unfinished, last = open_seal(ledger, repository), last_taken(ledger, repository)
    if unfinished or last != agreed.after:
        found = unfinished.manifest if unfinished else ledger.read(Manifest, last, "manifest.json")
        other = found.version if found else "another version"
        raise TryAgainError(
            f"{agreed.version} is not sealed: {other} was, by another run, meanwhile",
            why="the plan was made without knowing that",
            remedy="run again: it carries on what is unfinished, and plans what is still wanted",
            failure="conflict",
        )


def _refuse_identical(context: Context, agreed: Plan, content: str) -> None:
    """Nobody is helped by a release of what is released; a person may say why all the same."""
    last = last_release(context.ledger, agreed.repository)
    by_reason = agreed.decision.trigger == "manual" and agreed.decision.reasons[0].evidence
    if last and last.manifest.content == content and not by_reason:
        raise IdenticalError(last.manifest.version)


def _gates(context: Context, agreed: Plan, commit: str, waived: list[Waiver]) -> str:
    if not agreed.gates:
        return agreed.gates_note
    workspace = context.workspace
    # Always at the same place, so that what the gates install stays good for the next release.
    with workspace.checkout(commit, tag=f"v{agreed.version}", name="gates") as folder:
        context.tell(f"gates: nox runs {', '.join(agreed.gates)}")
        red = run_gates(
            folder,
            agreed.gates,
            workspace.state / "cache" / "gates",
            report=folder.parent / "nox.json",
            waivable=frozenset(waiver.gate for waiver in agreed.waivers),
            tell=context.tell,
        )
    waived += [waiver for waiver in agreed.waivers if waiver.gate in red]
    green = ", ".join(gate for gate in agreed.gates if gate not in red)
    told = [f"{w.gate} red and waived until {w.expires:%Y-%m-%d} ({w.rule})" for w in waived]
    return "; ".join([*([f"{green} green"] if green else []), *told])


def _build(context: Context, cargo: Cargo, out: Path, files: dict[str, bytes]) -> str:
    built = build_twice(context, cargo.commit, out, tag=f"v{cargo.plan.version}")
    files.update(built.files)
    return f"{', '.join(sorted(files))}; {built.sameness}"


def _take(supplied: Path, out: Path, files: dict[str, bytes]) -> str:
    """Copy archives once, so that what is verified is what is sealed."""
    files.update(supplied_files(supplied))
    for name, data in files.items():
        (out / name).write_bytes(data)
    return f"built elsewhere: {', '.join(sorted(files))}"


def _archived(cargo: Cargo, folder: Path, files: dict[str, bytes]) -> Archived:
    agreed = cargo.plan
    strict = agreed.repository in STRICT
    return Archived(agreed.project, agreed.version, cargo.commit, folder, files, strict=strict)
