"""A scanner that a person has retired: the record no longer waits for its word."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from release.model.record import Record, Sighting, Tracked


def without_scanner(record: Record, name: str, at: datetime) -> Record:
    """The record without a scanner.

    What it alone held open is resolved as out of scope, and the evidence says that nobody looks
    any longer; what others see stays as they see it.

    :param at: when a person said so.
    """
    return replace(
        record,
        scanners={key: coverage for key, coverage in record.scanners.items() if key != name},
        tracked=tuple(_settled(item, name, at) for item in record.tracked),
    )


def _settled(item: Tracked, name: str, at: datetime) -> Tracked:
    if name not in item.sightings or item.sightings[name].state == "resolved":
        return item
    evidence = f"{name} was retired by --forget-scanner"
    word = Sighting(state="resolved", cause="out-of-scope", evidence=evidence)
    after = replace(item, sightings=item.sightings | {name: word})
    if after.is_there:
        return after
    return replace(after, resolved_at=item.resolved_at or at, accepted=None)
