"""``release.metrics``: figures out of the ledger, without any service."""

from __future__ import annotations

from release.flows.context import Context
from release.flows.history import history
from release.flows.runs import book
from release.flows.seals import seals
from release.model.heartbeat import Heartbeat
from release.model.metrics import Metrics
from release.model.record import Record
from release.watch.metrics import Seen, metrics


def measure(context: Context) -> Metrics:
    """The figures of this project, as of now.

    :raises DocumentError: a document of the ledger cannot be read.
    """
    ledger = context.ledger
    seen = Seen(
        runs=book(context),
        history=history(context),
        journals=tuple(seal.journal for seal in seals(ledger, context.place.name)),
        record=ledger.read(Record, ledger.tip("history"), "record.json"),
        heartbeat=ledger.read(Heartbeat, ledger.tip("heartbeat"), "heartbeat.json"),
    )
    return metrics(seen, context.clock.now())
