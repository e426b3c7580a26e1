"""``release.init``: look at a project, show a plan, write its files; or take all of it back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from release.adapters import terminal
from release.adapters.ledger import Ledger, documents
from release.adapters.repository import LOCAL
from release.adapters.tree import working_tree
from release.adapters.workspace import Workspace, open_workspace, write_file
from release.adopt import detect
from release.adopt.plan import Around, adoption, carried
from release.adopt.tree import Tree
from release.adopt.undo import undoing
from release.errors import BlockedError, TryAgainError, UsageError
from release.flows import words
from release.flows.context import Context
from release.flows.seals import open_seal
from release.flows.takeover import take_over, untaken
from release.flows.workflows import facts
from release.model.adoption import Adoption, FileChange
from release.model.names import normalised
from release.ship.workflows import FOLDER, Facts, workflows

REF = "adoption"
"""The ref of the ledger that tells what was written. It is never shared: files are this clone's."""
GITHUB = re.compile(
    r"(?:https://github\.com/|(?:ssh://)?git@github\.com[:/])([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def init(context: Context, *, dry_run: bool, sure: bool) -> Adoption:
    """Adopt the project: gates, doors, configuration, and what an older layout knows.

    :param dry_run: only plan.
    :param sure: do not ask.
    :raises BlockedError: something stands in the way, or a person said no.
    """
    tree = working_tree(context.workspace)
    plan = adoption(tree, _around(context), _name(context, tree))
    ledger = _ledger(context, plan.project)
    if dry_run or not (plan.changed or untaken(ledger, tree)):
        return plan
    _require_possible(context, plan)
    _ask(context, plan, sure)
    _keep(context, ledger, carried(_known(ledger), plan))
    _write(context.workspace, plan.changed)
    further = (*_workflows(context, plan), *take_over(context, ledger, tree))
    done = with_fields(plan, files=(*plan.files, *further))
    _keep(context, ledger, carried(_known(ledger), done))
    return done


def _workflows(context: Context, plan: Adoption) -> Iterator[FileChange]:
    """Write the workflows, which the configuration tells, where there is none of their name."""
    if not _has_workflows(plan):
        return
    root, top = context.workspace.root, context.workspace.git.folder
    adopted = replace(context, workspace=open_workspace(root))
    for path, text in workflows(facts(adopted)).items():
        if not (top / path).exists():
            write_file(top / path, text)
            name = os.path.relpath(top / path, root)
            context.tell(f"wrote {name}")
            yield FileChange(path=name, how="create", why="generated", after=text)


def _generated(context: Context, done: Adoption) -> Iterator[FileChange]:
    """What ``release.workflows`` wrote beside: the lock, and workflows of a later configuration."""
    workspace, told = context.workspace, {one.path for one in done.changed}
    top, workflow = workspace.git.folder, workspace.config.github.workflow
    if not _has_workflows(done):
        return
    head = f"# Generated from [tool.release-warden] of {workspace.prefix}pyproject.toml;"
    places = [top / Facts(project=done.project, workflow=workflow).lock]
    places += [
        top / FOLDER / name for name, text in _workflows_of(top).items() if text.startswith(head)
    ]
    for place in places:
        path = os.path.relpath(place, workspace.root)
        if path not in told and place.is_file():
            text = place.read_bytes().decode()
            yield FileChange(path=path, how="remove", why="release.workflows wrote it", before=text)


def _has_workflows(plan: Adoption) -> bool:
    """Whether it is on GitHub: the evidence of its remote is then ``owner/name``."""
    return any(fact.about == "remote" and "/" in fact.evidence for fact in plan.facts)


def undo(context: Context, *, dry_run: bool, sure: bool) -> Adoption:
    """Take an adoption back: the files that it wrote, and the project's ledger.

    :param dry_run: only plan.
    :param sure: do not ask.
    :raises UsageError: this clone knows of no adoption.
    :raises BlockedError: a release is unfinished, or nobody agreed.
    """
    tree = working_tree(context.workspace)
    ledger = _ledger(context, normalised(_name(context, tree)))
    done = _known(ledger)
    if done is None:
        raise UsageError(
            "this clone knows of no adoption that could be undone",
            why=f"there is no {ledger.ref(REF)}: release.init writes it, and --undo takes it away",
            remedy="remove what is not wanted by hand; see it with: git log --stat",
        )
    plan = undoing(done, tree, ledger.git.refs(f"{ledger.root}/"))
    plan = with_fields(plan, files=(*plan.files, *_generated(context, done)))
    if dry_run:
        return plan
    _require_finished(ledger, plan.refs)
    if not (sure or terminal.is_attended()):
        raise BlockedError(
            f"{len(plan.refs)} refs of the ledger would be lost, and nobody can be asked",
            remedy="say --yes if that is meant; see it first with --undo --dry-run",
        )
    _ask(context, plan, sure)
    _write(context.workspace, plan.changed)
    for ref in plan.refs:
        ledger.git.delete(ref)
    return plan


def _name(context: Context, tree: Tree) -> str:
    """The project's name, from its files if they tell, else from a build."""
    told = detect.name(tree)
    return told.value if told else context.metadata.name


def _around(context: Context) -> Around:
    git = context.workspace.git
    remotes = git.run("remote").stdout.split()
    remote = "origin" if "origin" in remotes else next(iter(remotes), "")
    url = git.ask("remote", "get-url", remote) if remote else None
    slug = GITHUB.fullmatch(url or "")
    head = git.ask("rev-parse", "--abbrev-ref", f"{remote}/HEAD") if remote else None
    branch = (head or "").removeprefix(f"{remote}/") or git.ask("branch", "--show-current")
    return Around(
        now=context.clock.now(),
        remote=remote,
        github=slug[1] if slug else "",
        branch=branch or "main",
        folder=context.workspace.prefix,
        workflows=_workflows_of(git.folder),
    )


def _workflows_of(top: Path) -> dict[str, str]:
    found = sorted((top / FOLDER).glob("*.y*ml"))
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in found}


def _ledger(context: Context, project: str) -> Ledger:
    return Ledger(context.workspace.git, project)


def _known(ledger: Ledger) -> Adoption | None:
    return ledger.read(Adoption, ledger.tip(REF), "adoption.json")


def _keep(context: Context, ledger: Ledger, done: Adoption) -> None:
    """Write down what is written, before it is: an undo finds its way from wherever we stop."""
    ledger.write(
        ledger.ref(REF),
        documents(adoption=done),
        old=ledger.tip(REF),
        message="adoption",
        at=context.clock.now(),
        parents=(),
    )


def _require_possible(context: Context, plan: Adoption) -> None:
    """What would else be met when half of the files are written.

    :raises BlockedError: a problem of the plan.
    :raises BuildError: the workflows are to have what only a build tells, and it fails.
    """
    if plan.problems:
        first, *others = plan.problems
        raise BlockedError(
            f"{plan.project} cannot be adopted yet: {first.what}",
            why="\n".join(f"{one.what}; {one.next}" for one in others),
            remedy=first.next,
        )
    if _has_workflows(plan):
        context.tell(f"the workflows are for {context.metadata.normalized_name}")


def _require_finished(ledger: Ledger, refs: Iterable[str]) -> None:
    """A ledger with an open seal is the only place that knows the sealed bytes."""
    parts = (ref.removeprefix(f"{ledger.root}/").split("/") for ref in refs)
    for repository in sorted({one[0] for one in parts if len(one) == 3} - {LOCAL}):
        if seal := open_seal(ledger, repository):
            version = seal.manifest.version
            raise BlockedError(
                f"{version} is sealed for {repository}, and not finished",
                why="the ledger holds its bytes, and nothing else does",
                remedy=f"see where it stands: release.reconcile --to {repository}",
            )


def _ask(context: Context, plan: Adoption, sure: bool) -> None:
    context.tell(words.of_adoption(plan))
    if not sure and not terminal.agree(f"change these files of {plan.project}?"):
        raise BlockedError(
            f"{plan.project} stays as it is: you did not say yes",
            remedy="nothing was changed; run again, or with --yes",
        )


def _prune(folder: Path, top: Path) -> None:
    """Take empty folders away, as git does, from the innermost out."""
    while folder.resolve() != top.resolve() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _write(workspace: Workspace, changes: Iterable[FileChange]) -> None:
    """Bring files to their new text, each whole or not at all.

    :raises TryAgainError: one is not what the plan saw.
    """
    for change in changes:
        path = workspace.root / change.path
        seen = None if change.before is None else change.before.encode()
        if (path.read_bytes() if path.is_file() else None) != seen:
            raise TryAgainError(
                f"{change.path} is not what it was when the plan was made",
                why="somebody changed it meanwhile, or it is not UTF-8",
                remedy="run again; what is written already is left as it is",
            )
        if change.after is None:
            path.unlink()
            _prune(path.parent, workspace.git.folder)
        else:
            write_file(path, change.after)
