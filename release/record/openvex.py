"""The record as OpenVEX: what users of the project need to do about each vulnerability.

Same record, same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from release.model.acceptance import Acceptance
from release.model.openvex import Product, Statement, Vulnerability, document, encoded, purl
from release.model.record import Cause, Record, Tracked
from release.model.snapshot import Reach, Snapshot
from release.model.text import plain
from release.record.public import action, names, released, shipped

IMPACT: dict[Cause, str] = {
    "withdrawn": "the advisory was withdrawn",
    "range-corrected": "the advisory no longer lists the version",
}
"""Causes that mean that nobody was affected in the first place."""


def openvex(
    record: Record, snapshot: Snapshot | None, at: datetime, tooling: str = "release-warden"
) -> bytes:
    """The document. It tells users about the latest release: what only HEAD has is no part of it,
    nor are findings in the project's own code.

    :param snapshot: the last scan: which version users get, and how they can avoid a finding.
    :param at: when the record was last changed; it is the document's timestamp.
    :param tooling: what made it.
    """
    reach = {item.key: item for item in snapshot.reach} if snapshot else {}
    version = released(snapshot)
    told = (
        _statement(record, item, version, reach.get(item.finding.key))
        for item in concerned(record, snapshot)
    )
    return encoded(document(told, at, tooling))


def concerned(record: Record, snapshot: Snapshot | None) -> tuple[Tracked, ...]:
    """The findings that the document has a statement on.

    With none there should be no document: the specification's schema wants a statement at least.
    """
    version = released(snapshot)
    return tuple(
        item
        for item in shipped(record)
        if not (version and item.is_there) or item.finding.reaches("published")
    )


def _statement(record: Record, item: Tracked, version: str, reach: Reach | None) -> Statement:
    finding = item.finding
    name, *aliases = names(finding)
    component = Product(id=purl(finding.package, finding.version if item.is_there else ""))
    bare = Statement(
        vulnerability=Vulnerability(
            name=name, aliases=tuple(aliases), description=plain(finding.summary)
        ),
        products=(Product(id=purl(record.project, version), subcomponents=(component,)),),
        status="affected",
        action_statement=action(item, reach),
    )
    if item.accepted:
        return _accepted(bare, item.accepted)
    if not item.is_there:
        return _resolved(bare, [word.cause for _, word in sorted(item.sightings.items())])
    if all(word.state != "open" for word in item.sightings.values()):
        return replace(
            bare,
            status="under_investigation",
            status_notes="no longer reported, unexplained",
            action_statement="",
        )
    return bare


def _accepted(bare: Statement, word: Acceptance) -> Statement:
    vex = word.vex
    if vex is None or vex.status == "affected":
        said = plain(vex.action) if vex else ""
        action = said or bare.action_statement
        return replace(bare, status_notes=word.told, action_statement=action)
    plainly = replace(bare, status=vex.status, status_notes=word.told, action_statement="")
    if vex.status != "not_affected":
        return plainly
    return replace(plainly, justification=vex.justification, impact_statement=plain(vex.impact))


def _resolved(bare: Statement, causes: Sequence[Cause | None]) -> Statement:
    """Not affected only where every cause says so; what the project hides is not vouched for."""
    bare = replace(bare, action_statement="")
    impacts = [IMPACT[cause] for cause in causes if cause in IMPACT]
    if impacts and len(impacts) == len(causes):
        why = "; ".join(dict.fromkeys(impacts))
        return replace(bare, status="not_affected", impact_statement=why)
    if "suppressed" in causes:
        notes = "suppressed in the project, which gives no reason"
        return replace(bare, status="under_investigation", status_notes=notes)
    if set(causes) <= {"package-gone", "out-of-scope"}:
        return replace(bare, status="not_affected", justification="component_not_present")
    return replace(bare, status="fixed")
