"""The book of runs in the ledger: one parentless commit, replaced at the end of each run.

It holds measurements and no truth: where it cannot be shared, what the remote has stays, and
nothing else is the worse for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from msgspec.structs import replace

from release.adapters import terminal
from release.adapters.ledger import Ledger, documents
from release.adapters.meter import Meter
from release.errors import Failure, TryAgainError
from release.flows.context import Context
from release.model.heartbeat import Run
from release.model.runs import DEPLOYED, SITE_JOBS, Ran, Runs, Update
from release.model.snapshot import State

NAME = "runs"
TRIES = 3
"""How often the book is taken up again when another run wrote into it meanwhile."""


def ran(context: Context, task: str, meter: Meter, code: int, at: datetime) -> Ran:
    """The run that ended just then, as its meter stands."""
    return Ran(
        run=meter.run,
        task=task,
        stage=meter.stage,
        repository=context.place.name,
        at=at,
        seconds=meter.seconds,
        exit_code=code,
        ci=terminal.in_ci(),
        failure=cast("Failure", meter.failure) if meter.failure else None,
        version=meter.version,
        actor=meter.actor,
        steps=dict(meter.steps),
        retries=meter.retries,
        credential=meter.credential,
        scanners=cast("dict[str, State]", dict(meter.scanners)),
        update=_update(*meter.updating) if meter.updating else None,
    )


def _update(seconds: float, failure: str) -> Update:
    return Update(seconds=seconds, failure=cast("Failure", failure) if failure else None)


def keep(context: Context, run: Ran, *, share: bool) -> None:
    """Write a run into the book.

    :param share: at the remote first, where there is one.
    :raises TryAgainError: others write into it all the time, or the remote does not take it.
    """
    ledger = context.ledger
    for left in reversed(range(TRIES)):
        try:
            _write(ledger, context.metadata.normalized_name, run, share=share)
        except TryAgainError:
            if not left:
                raise
            ledger.fetch()
        else:
            return


def keep_deployment(context: Context, jobs: Mapping[str, str], *, share: bool) -> None:
    """Write down how the site was deployed by jobs that may write nothing down themselves.

    :param jobs: how the jobs of this CI run ended, by name.
    :raises TryAgainError: as :func:`keep`.
    """
    ended = {name: jobs[name] for name in SITE_JOBS if jobs.get(name) in {"success", "failure"}}
    if not ended:
        return
    failed = "failure" in ended.values()
    run = ran(context, DEPLOYED, Meter(), int(failed), context.clock.now())
    keep(context, replace(run, seconds=0.0), share=share)


def _write(ledger: Ledger, project: str, run: Ran, *, share: bool) -> None:
    tip = ledger.tip(NAME)
    book = ledger.read(Runs, tip, "runs.json") or Runs(project=project)
    ledger.write(
        ledger.ref(NAME),
        documents(runs=book.with_run(run)),
        old=tip,
        message=NAME,
        at=run.at,
        parents=(),
        share=share,
    )


def book(context: Context) -> Runs:
    """The book of runs, empty where none was kept yet.

    :raises DocumentError: it cannot be read.
    """
    ledger = context.ledger
    found = ledger.read(Runs, ledger.tip(NAME), "runs.json")
    return found or Runs(project=context.metadata.normalized_name)


def last_work(context: Context, repository: str) -> Run | None:
    """How the last run ended that scanned or released; one that looks at the site, or brings it
    somewhere, says nothing of that.

    :raises DocumentError: the book cannot be read.
    """
    held = book(context)
    done = (one for one in reversed(held.ran) if one.task.startswith("release."))
    last = next((one for one in done if one.repository == repository), None)
    if last is None:
        return None
    return Run(
        project=held.project,
        repository=repository,
        task=last.task,
        outcome="error" if last.exit_code else "ok",
        exit_code=last.exit_code,
        at=last.at,
    )


def failed_before(context: Context, task: str) -> bool:
    """Whether the last run of a task that was written down had failed.

    :raises DocumentError: the book cannot be read.
    """
    last = next((one for one in reversed(book(context).ran) if one.task == task), None)
    return last is not None and last.exit_code != 0
