"""The Invoke collection ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context as Shell
from invoke.tasks import task

from release.pipelines import COMMON

if TYPE_CHECKING:
    from release.flows.console import Outcome
    from release.flows.context import Context


@task(help=COMMON | {"output": "where the site goes (default: security-status/ of the project)"})
def build(
    _: Shell, project: str = ".", json: bool = False, at: str = "", output: str = ""
) -> None:
    """Write security-status/index.json and index.html from what is known."""
    from release.flows import console
    from status_site import site

    def body(context: Context) -> Outcome:
        return site.build_outcome(context, output or None)

    console.run("status.build", body, project=project, at=at, json=json)


@task(help={"project": COMMON["project"], "port": "the port (default: any that is free)"})
def serve(_: Shell, project: str = ".", port: int = 0) -> None:
    """Build the site and show it on this machine, until Ctrl-C."""
    from release.flows import console
    from status_site import site

    def body(context: Context) -> Outcome:
        outcome = site.build_outcome(context, None)
        site.serve_site(context.workspace.root, port, console.tell)
        return outcome

    console.run("status.serve", body, project=project, at="", json=False)


collection = Collection("status", build, serve)
"""The tasks of the site."""
