"""``release.metrics``, and its figures for the site: out of the ledger, without any service."""

from __future__ import annotations

from release.flows.context import Context
from release.flows.history import history
from release.flows.runs import book
from release.flows.seals import seals
from release.model.heartbeat import Heartbeat
from release.model.history import History
from release.model.metrics import Metrics
from release.model.monitoring import Probes
from release.model.record import Record
from release.watch.metrics import Seen, metrics, until_today


def measure(context: Context) -> Metrics:
    """The figures of this project, as of now.

    :raises DocumentError: a document of the ledger cannot be read.
    """
    return metrics(_seen(context, history(context)), context.clock.now())


def for_the_site(context: Context, told: History) -> Metrics:
    """The figures that the status site shows.

    :param told: the history, which is not read once more.
    :raises DocumentError: a document of the ledger cannot be read.
    """
    return until_today(_seen(context, told), context.clock.now())


def _seen(context: Context, told: History) -> Seen:
    ledger = context.ledger
    beat = ledger.tip("heartbeat")
    return Seen(
        runs=book(context),
        history=told,
        journals=tuple(seal.journal for seal in seals(ledger, context.place.name)),
        record=ledger.read(Record, ledger.tip("history"), "record.json"),
        heartbeat=ledger.read(Heartbeat, beat, "heartbeat.json"),
        probes=ledger.read(Probes, beat, "probes.json"),
    )
