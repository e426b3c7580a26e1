"""Gather what can be seen to go wrong before anything is done, for the plan's preflight."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from release.adapters.index import SimpleIndex
from release.adapters.interpreters import best
from release.adapters.readme import unrendered
from release.adapters.repository import Repository
from release.flows.context import Context
from release.flows.pythons import wanted
from release.flows.verify import STRICT
from release.ship.preflight import Preflight
from release.ship.refusals import of_project

HEADS, REMOTES = "refs/heads/", "refs/remotes/"


def outlook(context: Context, repository: Repository, index: SimpleIndex) -> Preflight:
    """The branch, the clocks, and what an index would refuse of HEAD's own metadata.

    :param index: the repository's, which has just answered.
    """
    workspace = context.workspace
    committed = datetime.fromtimestamp(workspace.git.commit_time(workspace.commit), UTC)
    real = None if context.clock.is_set else context.clock.now()
    return Preflight(
        committed=committed,
        now=real,
        told=index.told,
        branches=tuple(sorted(_branches(context))),
        allowed=workspace.config.branches,
        behind=_behind(context),
        refused=tuple(_refused(context, strict=repository.name in STRICT)),
        lacks=_lacks(context),
    )


def _lacks(context: Context) -> tuple[str, ...] | None:
    """The Pythons that the archives could be tried on, where none of them is here."""
    versions = wanted(context, context.metadata.requires_python)
    return None if best(versions) else versions


def _branches(context: Context) -> set[str]:
    """The branches that hold HEAD, here and as last seen at remotes, by their own names."""
    git, commit = context.workspace.git, context.workspace.commit
    here = {ref.removeprefix(HEADS) for ref in git.refs_with(commit, HEADS)}
    there = (ref.removeprefix(REMOTES) for ref in git.refs_with(commit, REMOTES))
    return here | {name.partition("/")[2] for name in there}


def _behind(context: Context) -> str:
    """The remote's branch that holds commits which HEAD lacks; a job on no branch is not behind."""
    git, remote = context.workspace.git, context.remote
    branch = git.ask("symbolic-ref", "--quiet", "HEAD") if remote else None
    tip = remote.tips(branch).get(branch) if remote and branch else None
    if not (remote and branch and tip) or git.contains(context.workspace.commit, tip):
        return ""
    return f"{remote.name}/{branch.removeprefix(HEADS)}"


def _refused(context: Context, *, strict: bool) -> Iterator[str]:
    project = _project(context)
    yield from of_project(project) if strict else ()
    readme = project.get("readme")
    told = readme if isinstance(readme, dict) else {"file": readme}
    path = str(told.get("file") or "")
    text = told.get("text") or (context.workspace.read(path) if path else None)
    if text and (why := unrendered(text, told.get("content-type") or path)):
        yield f"the readme does not render: {why}"


def _project(context: Context) -> dict[str, Any]:
    """HEAD's ``[project]`` table; the configuration has been read, so this is TOML."""
    table = tomllib.loads(context.workspace.read("pyproject.toml") or "").get("project", {})
    return table if isinstance(table, dict) else {}
