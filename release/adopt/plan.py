"""The plan of an adoption: which files are written, merged or kept, and why. Nothing is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from release.adopt import detect, files, noxfile, older
from release.adopt.gates import Ground, gates
from release.adopt.tree import Tree
from release.model.adoption import Adoption, Fact, FileChange, GateChoice
from release.model.plan import Problem, Remark
from release.ship.workflows import RELEASE

NOXFILE, TASKS, PYPROJECT = "noxfile.py", "tasks.py", "pyproject.toml"
GITIGNORE = ".gitignore"
READMES = ("README.md", "Readme.md", "readme.md", "README.markdown")
KEPT = ("tox.ini", "Makefile", "setup.cfg", ".pre-commit-config.yaml")
OTHER_UPLOADS = re.compile(
    r"gh-action-pypi-publish|twine upload|uv publish|poetry publish|flit publish"
)
GENERATED = ("gates.yml", "release.yml", "status.yml", "monitor.yml")
"""The workflows that are generated; where one of these is there, ours have a prefix."""
PREFIX = "warden-"
WORKFLOWS = "workflows"
"""The gate that compares them where the project's own ``lint`` does not."""
STANDARD = frozenset({"lint", "types", "tests"})
"""The gates that a release runs without being told to, where the noxfile has them."""


@dataclass(frozen=True)
class Around:
    """What an adoption has to know beside the project's files.

    :param now: the clock.
    :param remote: the git remote that shares the project, such as ``origin``; empty for none.
    :param github: ``owner/name`` where that is on GitHub; else empty.
    :param branch: the branch that releases come from.
    :param folder: the project's, from the top of the repository; empty or ending in a slash.
    :param workflows: those of the repository: the file's name, and its text.
    """

    now: datetime
    remote: str = ""
    github: str = ""
    branch: str = "main"
    folder: str = ""
    workflows: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sight:
    """All that is seen of a project before its adoption."""

    tree: Tree
    around: Around
    name: str

    @cached_property
    def code(self) -> tuple[str, ...]:
        """Where the project's code lies."""
        return detect.packages(self.tree, self.name)

    @cached_property
    def ground(self) -> Ground:
        """What gates are chosen by."""
        return Ground.of(self.tree, self.code)

    @cached_property
    def noxfile(self) -> str | None:
        """The noxfile that is there."""
        return self.tree.read(NOXFILE)

    @cached_property
    def sessions(self) -> frozenset[str]:
        """The sessions of that noxfile."""
        return noxfile.sessions(self.noxfile or "")

    @cached_property
    def gates(self) -> tuple[GateChoice, ...]:
        """The gates: the noxfile's own where it has such, else those that fit."""
        if self.noxfile is not None and noxfile.has_table(self.noxfile):
            return ()
        fitting = tuple(self._own(gate) or gate for gate in gates(self.ground))
        return tuple(_comparing(fitting, self.sessions)) if self.around.github else fitting

    def _own(self, gate: GateChoice) -> GateChoice | None:
        own = noxfile.own_gate(gate.name, self.sessions)
        return GateChoice(name=own, why="a session of its noxfile.py", own=True) if own else None


def _comparing(fitting: Iterable[GateChoice], there: frozenset[str]) -> Iterator[GateChoice]:
    """The gates, of which one compares the workflows: ``lint``, or one more where that is theirs.

    :param there: the sessions of the project's noxfile.
    """
    for gate in fitting:
        yield replace(gate, workflows=True) if gate.name == "lint" and not gate.own else gate
    if noxfile.own_gate("lint", there) and WORKFLOWS not in there:
        yield GateChoice(name=WORKFLOWS, why="they are generated", workflows=True)


def adoption(tree: Tree, around: Around, name: str) -> Adoption:
    """The plan for a project.

    :param tree: its files.
    :param name: the project's name.
    :raises ProjectError: its pyproject.toml or its noxfile cannot be read.
    """
    sight = Sight(tree, around, name)
    problems = tuple(_problems(sight))
    first = (problem.next for problem in problems)
    return Adoption(
        project=canonicalize_name(name),
        facts=tuple(_facts(sight)),
        gates=sight.gates,
        files=tuple(_files(sight)),
        problems=problems,
        remarks=tuple(_remarks(sight)),
        next=tuple(first) or (*(FOR_GITHUB if around.github else ()), *NEXT),
    )


FOR_GITHUB = (
    "release-warden release.workflows --write     locks the tools that the workflows use",
    "tell PyPI of the trusted publisher           docs/adopting.md, step 4",
)
NEXT = (
    "git add --all, and commit",
    "nox                              the gates",
    "nox -s publish -- --dry-run      the plan of a release, with every problem",
    "nox -s publish -- --to local     a rehearsal to an index on this machine",
)


def _facts(sight: Sight) -> Iterator[Fact]:
    tree = sight.tree
    yield detect.name(tree) or Fact(about="name", value=sight.name, evidence="its built metadata")
    yield detect.version(tree)
    yield detect.backend(tree)
    yield detect.layout(sight.code)
    yield detect.pythons(tree, sight.around.now)
    for gate in sight.gates:
        compared = ("workflows as generated",) if gate.workflows else ()
        value = "; ".join((*gate.commands, *compared))
        value = value or ("its own" if gate.own else detect.NONE)
        yield Fact(about=gate.name, value=value, evidence=gate.why)
    if sight.around.remote:
        told = sight.around.github or "not on GitHub"
        yield Fact(about="remote", value=sight.around.remote, evidence=told)
    if found := list(older.traces(tree)):
        yield Fact(about="older layout", value="security/", evidence=", ".join(found))


def _files(sight: Sight) -> Iterator[FileChange]:
    yield _noxfile(sight)
    yield _tasks(sight)
    yield _pyproject(sight)
    yield from _readme(sight)
    yield from _gitignore(sight.tree)
    yield from _older_page(sight.tree)
    for path in KEPT:
        if sight.tree.has(path):
            used = any(path in gate.why or path in gate.needs for gate in sight.gates)
            why = "a gate goes by it" if used else "it stays as it is"
            yield FileChange(path=path, how="keep", why=why)


def _noxfile(sight: Sight) -> FileChange:
    before = sight.noxfile
    if before is None:
        text = noxfile.fresh(canonicalize_name(sight.name), sight.gates)
        why = "gates that fit the project, and the doors"
        return FileChange(path=NOXFILE, how="create", why=why, after=text)
    if noxfile.has_table(before):
        return FileChange(path=NOXFILE, how="keep", why="it has the gates and doors already")
    missing = [gate for gate in sight.gates if not gate.own]
    after = noxfile.merged(before, missing, sight.sessions)
    count = len(sight.sessions)
    theirs = "its own session stays" if count == 1 else f"its {count} own sessions stay"
    why = f"{theirs}; our gates and doors stand below"
    return FileChange(path=NOXFILE, how="merge", why=why, before=before, after=after)


def _tasks(sight: Sight) -> FileChange:
    if sight.tree.has(TASKS):
        return FileChange(path=TASKS, how="keep", why="release-warden runs the same tasks without")
    if {"release", "release.py", "status_site", "invoke"} & {
        p.split("/")[0] for p in sight.tree.paths
    }:
        why = "a module of the project hides ours; release-warden runs the same tasks"
        return FileChange(path=TASKS, how="keep", why=why)
    text = files.TASKS.format(project=canonicalize_name(sight.name))
    return FileChange(path=TASKS, how="create", why="the same tasks for invoke", after=text)


def _pyproject(sight: Sight) -> FileChange:
    before = sight.tree.read(PYPROJECT)
    if before and files.is_configured(before):
        return FileChange(path=PYPROJECT, how="keep", why="[tool.release-warden] is there already")
    after = files.configured(before or "", _settings(sight))
    how = FileChange(path=PYPROJECT, how="create", why="the configuration", after=after)
    if before is None:
        return how
    why = "[tool.release-warden] at its end"
    return FileChange(path=PYPROJECT, how="merge", why=why, before=before, after=after)


def _settings(sight: Sight) -> dict[str, Any]:
    """The keys of ``[tool.release-warden]`` that differ from what holds without them."""
    around = sight.around
    settings: dict[str, Any] = {"repository": "pypi"}
    if around.remote:
        settings |= {"remote": around.remote, "branches": [around.branch]}
    names = [gate.name for gate in sight.gates]
    if not set(names) <= STANDARD:
        settings["gates"] = names
    if around.github:
        settings["credential"] = "trusted-publishing"
        settings["github"] = {"repository": around.github, **_github(sight)}
    return settings


def _github(sight: Sight) -> dict[str, str]:
    """What the workflows go by: the branch, and names that are still free."""
    around = sight.around
    branch = {"branch": around.branch} if around.branch != "main" else {}
    prefix = f"{canonicalize_name(sight.name)}-" if around.folder else ""
    if any(prefix + name in around.workflows for name in GENERATED):
        prefix += PREFIX
    return {**branch, "workflow": prefix + RELEASE} if prefix else branch


def _readme(sight: Sight) -> Iterator[FileChange]:
    path = next((name for name in READMES if sight.tree.has(name)), None)
    before = sight.tree.read(path) if path else None
    if path is None or before is None:
        return
    if files.has_badges_place(before):
        yield FileChange(path=path, how="keep", why="it has a place for badges already")
        return
    why = "a place for badges, which status.badges fills"
    after = files.with_badges_place(before)
    yield FileChange(path=path, how="merge", why=why, before=before, after=after)


def _gitignore(tree: Tree) -> Iterator[FileChange]:
    """What gates and builds leave lying about would else be a dirty tree."""
    if not tree.has(GITIGNORE):
        why = "gates and builds leave these; a release wants a clean tree"
        yield FileChange(path=GITIGNORE, how="create", why=why, after=files.IGNORED)


def _older_page(tree: Tree) -> Iterator[FileChange]:
    """The predecessor's page makes room for ours, and is kept."""
    if older.PAGE not in older.traces(tree):
        return
    text = tree.read(older.PAGE)
    yield FileChange(path=older.PAGE, how="remove", why="ours takes its place", before=text)
    yield FileChange(path=older.OLD_PAGE, how="create", why="what stood there before", after=text)


def _problems(sight: Sight) -> Iterator[Problem]:
    taken = sorted({"publish", "auto"} & sight.sessions)
    if taken and not noxfile.has_table(sight.noxfile or ""):
        yield Problem(
            check="door-names",
            what=f"noxfile.py has a session of its own called {' and '.join(taken)}",
            next="rename it, as nox -s publish is to release this project; then run init again",
        )


def _remarks(sight: Sight) -> Iterator[Remark]:
    for name, text in sorted(sight.around.workflows.items()):
        if OTHER_UPLOADS.search(text) and "-s publish" not in text:
            what = f".github/workflows/{name} uploads too"
            yield Remark(about="workflows", what=what, next="remove it, or two will race")
    if sight.around.github:
        what = "its status is published nowhere, as Pages may show another site of yours already"
        yield Remark(about="status site", what=what, next="docs/adopting.md, step 5")
    if sight.around.github:
        what = "generated from this configuration in .github/workflows, once it is written"
        yield Remark(about="workflows", what=what)
    if not any(sight.tree.has(name) for name in READMES):
        what = "no README in Markdown: there is no place for badges"
        yield Remark(about="readme", what=what)
    left = sorted(sight.sessions & set(noxfile.DOORS) - {"publish", "auto"})
    if left and not noxfile.has_table(sight.noxfile or ""):
        tasks = ", ".join(f"release-warden {task}" for task in map(_task_of, left))
        yield Remark(about="noxfile", what=f"its own {', '.join(left)} stay", next=tasks)


def carried(first: Adoption | None, second: Adoption) -> Adoption:
    """What the ledger keeps after a further run: each file as it was before the very first one."""
    if first is None:
        return second
    before = {one.path: one for one in first.changed}
    again = {one.path: one for one in second.changed}
    both = (
        replace(one, how=before[path].how, before=before[path].before) if path in before else one
        for path, one in again.items()
    )
    left = (one for path, one in before.items() if path not in again)
    return replace(second, files=(*left, *both))


def _task_of(door: str) -> str:
    return {"status": "status.build", "monitor": "status.check"}.get(door, f"release.{door}")
