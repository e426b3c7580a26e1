"""What every task shares: it opens the project, runs, prints, and ends with the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from invoke.exceptions import Exit

from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import WardenError
from release.flows.after_run import call_plugins, lay_out
from release.flows.context import Context
from release.model.base import Noun, encode
from release.model.decision import Decision
from release.model.error import Error
from release.model.heartbeat import Run


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    ``document`` is what ``--json`` prints, ``text`` what a person reads, ``code`` the exit code.
    With ``repository`` set, the documents are laid out for the plug-ins.
    """

    document: Noun
    text: str
    code: int = 0
    repository: str | None = None
    decision: Decision | None = None


def tell(line: str) -> None:
    """Say one line of progress on stderr."""
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(line, style="dim", markup=False)


def run(
    task: str,
    body: Callable[[Context], Outcome],
    *,
    project: str,
    at: str,
    json: bool,
    repository: str | None = None,
) -> None:
    """Run a task's body on a project.

    :param task: its name, for the documents.
    :param project: the project's folder.
    :param at: the clock, as ISO 8601, or empty.
    :param json: print the document instead of the text.
    :param repository: lay out the documents of this repository even when the body fails.
    :raises Exit: the code is not 0.
    """
    try:
        context = Context(open_workspace(project), Clock(at), tell)
        outcome = _attempt(task, body, context, repository)
    except WardenError as error:
        _print(Error.of(error), "", json)
        sys.stderr.write(f"error: {error}\n")
        raise Exit(code=error.exit_code) from error
    _print(outcome.document, outcome.text, json)
    if outcome.code:
        raise Exit(code=outcome.code)


def _attempt(
    task: str, body: Callable[[Context], Outcome], context: Context, repository: str | None
) -> Outcome:
    try:
        outcome = body(context)
    except WardenError as error:
        if repository:
            _after(task, context, repository, error.exit_code, None)
        raise
    if outcome.repository:
        _after(task, context, outcome.repository, outcome.code, outcome.decision)
    return outcome


def _after(
    task: str, context: Context, repository: str, code: int, decision: Decision | None
) -> None:
    """Lay out the documents and call the plug-ins; neither changes how the run ended."""
    try:
        ended = Run(
            project=context.metadata.normalized_name,
            repository=repository,
            task=task,
            outcome="error" if code else "ok",
            exit_code=code,
            at=context.clock.now(),
        )
        folder = lay_out(context, repository, run=ended, decision=decision)
    except WardenError as error:
        tell(f"the documents could not be laid out: {error}")
        return
    if trouble := call_plugins(context.workspace, folder):
        tell(f"a plug-in failed after the run: {trouble}")


def _print(document: Noun, text: str, json: bool) -> None:
    if json:
        sys.stdout.write(encode(document).decode())
    elif text:
        sys.stdout.write(text.rstrip("\n") + "\n")
