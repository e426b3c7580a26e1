"""Who is told what: each alert once to each target, its end too, and never too many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from release.model.alerts import KEPT, Alert, Alerts, Standing, Undelivered

REMIND = timedelta(days=7)
"""After so long a standing alert is told again."""
KEPT_ONCE = timedelta(days=30)
"""How long something that happened once stands, so that it is not told again."""
A_DAY = timedelta(days=1)
MOST_A_DAY = 20
"""Notices in a day; what is above waits for the next run, and nothing is lost."""

Event = Literal["new", "again", "over"]


@dataclass(frozen=True)
class Notice:
    """One thing to tell one target; ``where`` is what the target calls it already."""

    target: str
    event: Event
    alert: Alert
    since: datetime
    where: str = ""


@dataclass(frozen=True)
class Delivery:
    """How it went: ``where`` is what the target calls it, ``trouble`` why it was not told."""

    notice: Notice
    where: str = ""
    trouble: str = ""


def due(
    known: Alerts, now_wrong: Iterable[Alert], targets: Sequence[str], now: datetime
) -> tuple[Notice, ...]:
    """What is to be told now: news first, then ends, then reminders, as many as may be.

    :param known: what people were told so far.
    :param now_wrong: what is wrong now.
    """
    standing = {one.alert.key: one for one in merged(known, now_wrong, now).standing}
    wrong = {alert.key for alert in now_wrong}
    told = [
        notice
        for one in standing.values()
        for target in targets
        if (notice := _notice(one, target, one.alert.key in wrong, now))
    ]
    order = {"new": 0, "over": 1, "again": 2}
    room = max(MOST_A_DAY - len(_lately(known, now)), 0)
    return tuple(sorted(told, key=lambda one: (order[one.event], one.since))[:room])


def _notice(one: Standing, target: str, is_wrong: bool, now: datetime) -> Notice | None:
    told, where = one.told.get(target), one.where.get(target, "")
    event: Event
    if told is None:
        if not is_wrong:
            return None  # nobody there ever heard of it
        event = "new"
    elif not is_wrong and not one.alert.once:
        event = "over"
    elif is_wrong and not one.alert.once and now - told >= REMIND:
        event = "again"
    else:
        return None
    return Notice(target, event, one.alert, one.since, where)


def merged(known: Alerts, now_wrong: Iterable[Alert], now: datetime) -> Alerts:
    """What stands with what is wrong now; its words are the newest ones."""
    held = {one.alert.key: one for one in known.standing}
    for alert in now_wrong:
        before = held.get(alert.key)
        held[alert.key] = (
            replace(before, alert=alert) if before else Standing(alert=alert, since=now)
        )
    return replace(known, standing=tuple(held.values()))


def after(
    known: Alerts, now_wrong: Sequence[Alert], deliveries: Iterable[Delivery], now: datetime
) -> Alerts:
    """What is known once the notices went out; what did not go out is tried again next time."""
    book = merged(known, now_wrong, now)
    standing = {one.alert.key: one for one in book.standing}
    undelivered, sent = list(book.undelivered), _lately(book, now)
    for delivery in deliveries:
        notice = delivery.notice
        key = notice.alert.key
        if delivery.trouble:
            undelivered.append(
                Undelivered(at=now, target=notice.target, key=key, why=delivery.trouble)
            )
            continue
        sent.append(now)
        standing[key] = _told(standing[key], delivery, now)
    wrong = {alert.key for alert in now_wrong}
    return replace(
        book,
        standing=tuple(one for one in standing.values() if _stands(one, wrong, now)),
        undelivered=tuple(undelivered[-KEPT:]),
        sent=tuple(sent),
    )


def _told(one: Standing, delivery: Delivery, now: datetime) -> Standing:
    target, where = delivery.notice.target, dict(one.where)
    if delivery.notice.event == "over":
        told = {name: at for name, at in one.told.items() if name != target}
        where.pop(target, None)
        return replace(one, told=told, where=where)
    if delivery.where:
        where[target] = delivery.where
    return replace(one, told=one.told | {target: now}, where=where)


def _stands(one: Standing, wrong: set[str], now: datetime) -> bool:
    """Until it is over and everybody who heard of it knows."""
    if one.alert.once:
        return one.alert.key in wrong or now - one.since < KEPT_ONCE
    return one.alert.key in wrong or bool(one.told)


def _lately(known: Alerts, now: datetime) -> list[datetime]:
    return [at for at in known.sent if now - at < A_DAY]
