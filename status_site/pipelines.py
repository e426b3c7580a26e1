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
def build(_: Shell, project: str = ".", json: bool = False, at: str = "", output: str = "") -> None:
    """Write security-status/index.json and index.html from what the ledger knows.

    For example:
      release-warden status.build --output public/security-status
    """
    from release.flows import console

    def body(context: Context) -> Outcome:
        return _build(context, output)

    console.run("status.build", body, project=project, at=at, json=json)


@task(help={"project": COMMON["project"], "port": "the port (default: any that is free)"})
def serve(_: Shell, project: str = ".", port: int = 0) -> None:
    """Build the site and show it on this machine, until Ctrl-C.

    For example:
      release-warden status.serve --port 8000
    """
    from release.flows import console
    from status_site.site import serve_site

    def body(context: Context) -> Outcome:
        outcome = _build(context, "")
        serve_site(context.workspace.root, port, context.tell)
        return outcome

    console.run("status.serve", body, project=project, at="", json=False)


def _build(context: Context, output: str) -> Outcome:
    """Lay the ledger's documents out, and build the site of them."""
    from pathlib import Path

    from release.flows.after_run import refresh
    from release.flows.console import Outcome
    from status_site.site import build_site

    refresh(context, context.place.name)
    folder = Path(output).absolute() if output else None
    built = build_site(context.workspace.root, folder, context.clock.now())
    status = built.status
    text = (
        f"{status.project}: grade {status.security_grade or 'withheld'}, "
        f"{status.vulnerability_summary.total} open finding(s)\n{built.folder / 'index.html'}"
    )
    return Outcome(status, text)


collection = Collection("status", build, serve)
"""The tasks of the site."""
