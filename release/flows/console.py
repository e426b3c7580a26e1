"""What every task shares: it opens the project, runs, prints, and ends with the exit code."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from invoke.exceptions import Exit

from release.adapters import job, meter, otel, terminal
from release.adapters.clock import Clock
from release.adapters.secrecy import scrub
from release.adapters.stop import Stopped, stoppable
from release.adapters.terminal import write_error
from release.adapters.voice import Voice
from release.adapters.workspace import open_workspace
from release.errors import (
    FailedError,
    MachineError,
    StoppedError,
    TryAgainError,
    UsageError,
    WardenError,
)
from release.flows import runs
from release.flows.after_run import call_plugins, lay_out
from release.flows.context import Context
from release.flows.endings import Ending
from release.flows.events import event_of, keep_event
from release.flows.ping import ping
from release.flows.seals import Seal, seals
from release.model.base import Noun, encode
from release.model.decision import Decision
from release.model.error import Error
from release.model.event import Event
from release.model.heartbeat import Run
from release.ship.failures import failure_of

LATER = "later"
"""What ``RELEASE_WARDEN_ALERTS`` says where another job of the workflow alerts."""
SHARING = frozenset({"release.auto", "release.publish"})
"""What writes to the remote at a keyboard too, as it releases; all else does so in CI only."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    ``document`` is what ``--json`` prints, ``text`` and ``ending`` what a person reads, ``code``
    the exit code.
    With ``repository`` set, the documents are laid out for the plug-ins. ``alarms`` are what
    people are alerted to though the run itself did its work: each is kept as an event.
    """

    document: Noun
    text: str
    code: int = 0
    repository: str | None = None
    decision: Decision | None = None
    alarms: tuple[WardenError, ...] = ()
    ending: Ending | None = None

    @property
    def said(self) -> str:
        """What happened; what it means, and what to do next."""
        return f"{self.text.rstrip()}\n\n{self.ending}" if self.ending else self.text


def run(
    task: str,
    body: Callable[[Context], Outcome],
    *,
    project: str,
    at: str,
    json: bool,
    to: str = "",
    releases: bool = False,
    watched: bool = False,
) -> None:
    """Run a task's body on a project.

    :param task: its name, for the documents.
    :param project: the project's folder.
    :param at: the clock, as ISO 8601, or empty.
    :param json: print the document instead of the text.
    :param to: the repository; empty for the configured one.
    :param releases: whether it releases: when it fails, what is irreversible so far is told, and
        the documents are laid out all the same.
    :param watched: whether the run is written down, and the documents are laid out when it fails,
        though it releases nothing, and when it goes well again.
    :raises Exit: the code is not 0.
    """
    context: Context | None = None
    with otel.traced(task, meter.begin()), stoppable():
        try:
            with Voice() as tell, _in_our_words():
                context = Context(open_workspace(project), Clock(at), tell, to)
                started = context.clock.now()
                outcome = body(context)
                _tell_outcome(task, context, outcome, watched=watched)
        except WardenError as error:
            scrub(error)
            if context and releases and _has_begun(context, error):
                _add_irreversible(error, context, context.place.name, started)
            report(error, json)
            if context:
                _tell_failure(task, context, error, hooks=releases or watched)
            raise Exit(code=error.exit_code) from error
        _print(outcome.document, outcome.said, json)
        if outcome.code:
            raise Exit(code=outcome.code)


def _tell_outcome(task: str, context: Context, outcome: Outcome, *, watched: bool) -> None:
    """Tell the job, the ring of events, the plug-ins and who listens outside how a run ended."""
    job.summarize(task, outcome.said)
    events = [_kept_event(task, context, alarm) for alarm in outcome.alarms]
    if outcome.repository:
        first = next(filter(None, events), None)
        _after(task, context, outcome.repository, outcome.code, outcome.decision, first)
        if outcome.code == 0:
            ping(context, task)
    elif watched and runs.failed_before(context, task):
        _after(task, context, context.place.name, outcome.code, outcome.decision)
    elif watched:
        _write_down(task, context, outcome.code, context.clock.now())


def report(error: WardenError, json: bool) -> None:
    """Tell an error: to a person on stderr, and with ``json`` as a document on stdout."""
    _print(Error.of(error), "", json)
    job.summarize("error", str(error))
    write_error(f"error: {error}", "bold red")


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """What the operating system does to us, as errors of ours."""
    try:
        yield
    except OSError as error:
        raise MachineError.of(error) from error
    except Stopped as stopped:
        raise StoppedError(stopped.number) from stopped


def _tell_failure(task: str, context: Context, error: WardenError, *, hooks: bool) -> None:
    """Keep the event of a failed run, and hand it to the plug-ins; neither can fail it again."""
    event = _kept_event(task, context, error)
    if event is None:
        return
    if hooks and _has_begun(context, error):
        _after(task, context, context.place.name, error.exit_code, None, event)


def _kept_event(task: str, context: Context, error: WardenError) -> Event | None:
    """The event of an error, put into the ring; that it could not be is told, and no more."""
    event = event_of(context, task, error)
    if event:
        meter.current().failure = meter.current().failure or event.failure
    try:
        with _in_our_words():
            if event:
                keep_event(context.workspace, event)
    except WardenError as trouble:
        context.tell(f"the failure could not be written down: {trouble.what}")
    return event


def _has_begun(context: Context, error: WardenError) -> bool:
    """Whether there was a run to speak of: a wrong call is none, nor is one without metadata."""
    return "metadata" in vars(context) and not isinstance(error, UsageError)


def _add_irreversible(
    error: WardenError, context: Context, repository: str, started: datetime
) -> None:
    """Add to an unforeseen end what cannot be taken back: nothing, if no ledger was read yet."""
    if not isinstance(error, FailedError | StoppedError | TryAgainError):
        return
    try:
        found = [
            _fixed(seal)
            for seal in (seals(context.ledger, repository) if "ledger" in vars(context) else ())
            if seal.is_open or seal.manifest.sealed_at >= started
        ]
    except WardenError as unread:
        found = [f"unknown, as the ledger could not be read: {unread.what}"]
    lines = [error.why, f"irreversible so far: {'; '.join(found) or 'nothing'}"]
    error.why = "\n".join(line for line in lines if line)


def _fixed(seal: Seal) -> str:
    """What is fixed about a seal."""
    version, repository = seal.manifest.version, seal.manifest.repository
    if not seal.is_open:
        return f"{version} is released to {repository}, with every step done"
    there = "its files are" if seal.done("upload") else "some of its files may be"
    return f"{version} is sealed, number and bytes; {there} on {repository}"


def _after(
    task: str,
    context: Context,
    repository: str,
    code: int,
    decision: Decision | None,
    event: Event | None = None,
) -> None:
    """Lay out the documents, call the plug-ins, write the run down; none changes how it ended.

    The site has no figure of this run yet: of runs it tells those up to the end of the last day.
    """
    ended = Run(
        project=context.metadata.normalized_name,
        repository=repository,
        task=task,
        outcome="error" if code else "ok",
        exit_code=code,
        at=context.clock.now(),
        event=event,
    )
    began = time.perf_counter()
    failure = _update(context, ended, decision)
    meter.current().updating = round(time.perf_counter() - began, 3), failure
    _write_down(task, context, code, ended.at)
    _alert(context)


def _update(context: Context, ended: Run, decision: Decision | None) -> str:
    """Lay out the documents, and call the plug-ins, such as the site; what it failed of, if so."""
    try:
        with _in_our_words():
            folder = lay_out(context, ended.repository, run=ended, decision=decision)
            trouble = call_plugins(context.workspace, folder)
    except WardenError as error:
        context.tell(f"the documents could not be laid out: {error}")
        return failure_of(error)
    if trouble:
        context.tell(f"a plug-in failed after the run: {trouble}")
    return "tool" if trouble else ""


def _write_down(task: str, context: Context, code: int, at: datetime) -> None:
    """Put the run into the ledger's book of runs, shared where a run shares what it does.

    :param at: when it ended, as the documents tell it, too.
    """
    if "ledger" not in vars(context):
        return  # it could not be read, and would only be asked in vain once more
    ran = runs.ran(context, task, meter.current(), code, at)
    share = terminal.in_ci() or task in SHARING
    try:
        with _in_our_words():
            runs.keep(context, ran, share=share)
    except WardenError as error:
        context.tell(f"the run is not in the shared book of runs: {error.what}")


def _alert(context: Context) -> None:
    """In CI, where nobody watches, tell people what is wrong; a stage leaves that to another job.

    So does a job whose workflow says so, as it has no right to tell anybody.
    A target that fails changes nothing: the book of alerts has it, and the next run tries again.
    """
    if not (terminal.in_ci() and context.workspace.config.alerts):
        return
    if meter.current().stage or job.asked("alerts") == LATER:
        return
    from release.flows.alerts import alert

    try:
        alert(context, None)
    except WardenError as error:
        context.tell(f"nobody could be alerted: {error}")


def _print(document: Noun, text: str, json: bool) -> None:
    words = (
        encode(document).decode() if json else f"{job.harmless(text.rstrip())}\n" if text else ""
    )
    sys.stdout.write(words)
    sys.stdout.flush()
