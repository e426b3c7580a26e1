"""``release.alert``: what is wrong, who has to be told, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from release.adapters.ledger import documents
from release.adapters.repository import Repository
from release.adapters.targets import Target, open_targets
from release.errors import TryAgainError, WardenError
from release.flows.context import Context
from release.flows.history import history
from release.flows.reconcile import reconcile
from release.flows.runs import TRIES, book, keep_deployment
from release.model.alerts import Alert, Alerts
from release.model.heartbeat import Heartbeat
from release.watch.alerts import World, alerts
from release.watch.notices import Delivery, Notice, after, due

NAME = "alerts"


@dataclass(frozen=True)
class Told:
    """What is wrong, what was told of it, and what stands now."""

    wrong: tuple[Alert, ...]
    deliveries: tuple[Delivery, ...]
    standing: Alerts


def alert(
    context: Context,
    repository: Repository | None,
    *,
    jobs: Mapping[str, str] | None = None,
    share: bool = True,
    dry_run: bool = False,
) -> Told:
    """Look at what is wrong, and tell the targets what they do not know yet.

    :param repository: where to look for versions that the ledger does not know; ``None`` not to.
    :param jobs: how the jobs of this CI run ended, of which some may write nothing down; ``None``
        where nobody tells of jobs.
    :param share: write at the remote first, where there is one.
    :param dry_run: tell nobody.
    :raises ConfigError: a target is not configured as it needs to be.
    :raises TryAgainError: the book of alerts could not be written; people may be told twice.
    """
    now = context.clock.now()
    if jobs and not dry_run:
        keep_deployment(context, jobs, share=share)
    known = _book(context)
    wrong = alerts(_world(context, repository, jobs, known), now)
    targets = _targets(context)
    notices = due(known, wrong, tuple(targets), now)
    if dry_run:
        return Told(wrong, tuple(map(Delivery, notices)), known)
    deliveries = tuple(_deliver(context, targets[one.target], one) for one in notices)
    standing = _keep(context, wrong, deliveries, share=share)
    return Told(wrong, deliveries, standing)


def _targets(context: Context) -> dict[str, Target]:
    config, git = context.workspace.config, context.workspace.git
    url = git.ask("remote", "get-url", "--", config.remote) if config.remote else None
    return open_targets(config, url)


def _world(
    context: Context,
    repository: Repository | None,
    jobs: Mapping[str, str] | None,
    known: Alerts,
) -> World:
    ledger = context.ledger
    return World(
        runs=book(context),
        history=history(context),
        heartbeat=ledger.read(Heartbeat, ledger.tip("heartbeat"), "heartbeat.json"),
        reconciliation=reconcile(context, repository, rebuild=False) if repository else None,
        budget=context.workspace.config.policy.releases_per_week,
        jobs=jobs,
        standing=known.standing,
    )


def _deliver(context: Context, target: Target, notice: Notice) -> Delivery:
    try:
        where = target.tell(context.metadata.normalized_name, notice)
    except WardenError as error:
        context.tell(f"{notice.target} could not be told of {notice.alert.key}: {error}")
        return Delivery(notice, trouble=error.what)
    context.tell(f"{notice.target} was told: {notice.event}: {notice.alert.what}")
    return Delivery(notice, where=where)


def _book(context: Context) -> Alerts:
    ledger = context.ledger
    found = ledger.read(Alerts, ledger.tip(NAME), f"{NAME}.json")
    return found or Alerts(project=context.metadata.normalized_name)


def _keep(
    context: Context, wrong: tuple[Alert, ...], deliveries: tuple[Delivery, ...], *, share: bool
) -> Alerts:
    ledger, now = context.ledger, context.clock.now()
    for left in reversed(range(TRIES)):
        known = _book(context)
        book = after(known, wrong, deliveries, now)
        if book == known:
            return known
        try:
            ledger.write(
                ledger.ref(NAME),
                documents(alerts=book),
                old=ledger.tip(NAME),
                message=NAME,
                at=now,
                parents=(),
                share=share,
            )
        except TryAgainError:
            if not left:
                raise
            ledger.fetch()
        else:
            return book
    return known
