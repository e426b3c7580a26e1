"""Acceptances out of remediation-plans.yml: read strictly, marked in a scan, and watched.

An acceptance that is wrong is reported and does nothing; one that nothing needs is reported too,
so that none of them rots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from release.model.acceptance import Acceptance, Remark
from release.model.record import Record, Tracked
from release.model.snapshot import Snapshot
from release.model.text import plain
from release.record.remediation import load_plans

WARNED = timedelta(days=30)
"""How long before its last day an acceptance is told to be expiring."""


@dataclass(frozen=True)
class Acceptances:
    """The acceptances of a file: those that may take effect, by key, and what is wrong with it."""

    by_key: Mapping[str, Acceptance]
    bad: tuple[Remark, ...] = ()


NONE = Acceptances({})


def read_acceptances(text: str | None) -> Acceptances:
    """The acceptances in remediation-plans.yml.

    :param text: the file's; ``None`` if there is none.
    :raises DocumentError: it cannot be read at all.
    """
    if not text or "accept" not in text:
        return NONE
    found: dict[str, Acceptance] = {}
    bad: list[Remark] = []
    for number, plan in enumerate(load_plans(text), 1):
        if not isinstance(plan, dict) or "accept" not in plan:
            continue
        key = plan.get("key")
        name = key if isinstance(key, str) and key else f"plan {number}"
        word = _word(plan, found)
        if isinstance(word, Acceptance):
            found[name] = word
        else:
            bad.append(Remark(kind="bad", key=plain(name, 200), text=word))
    return Acceptances(found, tuple(bad))


def _word(plan: Mapping[str, Any], found: Mapping[str, Acceptance]) -> Acceptance | str:
    """The acceptance of a plan, or what is wrong with it."""
    key = plan.get("key")
    if not isinstance(key, str) or not key:
        return "the plan has no key, so it is not known what is accepted"
    if key in found:
        return "another plan of the same key has an acceptance already; the first one counts"
    try:
        word = msgspec.convert(plan["accept"], Acceptance)
    except msgspec.ValidationError as error:
        return plain(str(error), 300)
    return _lack(word) or word


def _lack(word: Acceptance) -> str:
    """What an acceptance lacks; empty if nothing."""
    if not word.owner.strip():
        return "it names no owner"
    if not word.reason.strip():
        return "it gives no reason"
    if not (word.expires or word.until_fixed):
        return "it never ends: give 'expires: YYYY-MM-DD' or 'until-fixed: true'"
    vex = word.vex
    if vex and vex.status == "not_affected" and not (vex.justification or vex.impact.strip()):
        return "vex.status not_affected needs a justification or an impact"
    return ""


def marked(snapshot: Snapshot, record: Record) -> Snapshot:
    """The scan with what the record holds accepted marked as suppressed, so that no rule acts.

    :param record: as carried forward over the scan.
    """
    accepted = {item.finding.key for item in record.tracked if item.accepted}
    if not accepted:
        return snapshot
    findings = (
        replace(finding, suppressed=True) if finding.key in accepted else finding
        for finding in snapshot.findings
    )
    return replace(snapshot, findings=tuple(findings))


def remarks(acceptances: Acceptances, record: Record, now: datetime) -> tuple[Remark, ...]:
    """What people ought to know: acceptances that are wrong, ended, about to end, or unused.

    :param record: as carried forward with these acceptances.
    """
    tracked = {item.finding.key: item for item in record.tracked}
    told = (
        remark
        for key, word in sorted(acceptances.by_key.items())
        for remark in _watched(key, word, tracked.get(key), now)
    )
    return (*acceptances.bad, *told)


def _watched(key: str, word: Acceptance, item: Tracked | None, now: datetime) -> Iterator[Remark]:
    if item is None:
        yield Remark(kind="unused", key=key, text="no finding has this key; remove it")
    elif not item.is_there:
        yield Remark(kind="unused", key=key, text="the finding is resolved; remove it")
    elif end := word.ended(item.finding, now):
        yield Remark(kind="ended", key=key, text=f"{end}; the finding is open again")
    elif item.accepted is None:
        yield Remark(kind="unused", key=key, text="the last scan has no word on the finding")
    elif word.expires and word.expires - now.date() <= WARNED:
        yield Remark(kind="expiring", key=key, text=f"it ends after {word.expires}")


def words(told: Iterable[Remark]) -> list[str]:
    """Remarks as lines for a person."""
    return [f"acceptance of {remark.key} ({remark.kind}): {remark.text}" for remark in told]
