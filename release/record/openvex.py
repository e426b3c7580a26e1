"""The record as OpenVEX 0.2: what users of the project need to do about each vulnerability.

Source: OpenVEX Specification v0.2.0. ``affected`` carries an action statement, ``not_affected`` a
justification or an impact statement. Same record, same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from release.model.acceptance import Acceptance
from release.model.base import sha256
from release.model.record import Cause, Record, Tracked
from release.model.snapshot import Reach, Snapshot
from release.model.text import plain
from release.record.public import action, names, purl, released, shipped

CONTEXT = "https://openvex.dev/ns/v0.2.0"
AUTHOR = "Release Warden"

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
    statements = [
        _statement(record, item, version, reach.get(item.finding.key))
        for item in concerned(record, snapshot)
    ]
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "author": AUTHOR,
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "version": 1,
        "tooling": tooling,
        "statements": statements,
    }
    mark = sha256(msgspec.json.encode(content, order="sorted"))
    whole = {**content, "@id": f"urn:release-warden:vex:{mark}"}
    return msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=2) + b"\n"


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


def _statement(record: Record, item: Tracked, version: str, reach: Reach | None) -> dict[str, Any]:
    finding = item.finding
    name, *aliases = names(finding)
    component = purl(finding.package, finding.version if item.is_there else "")
    product = {"@id": purl(record.project, version), "subcomponents": [{"@id": component}]}
    vulnerability: dict[str, Any] = {"name": name}
    if aliases:
        vulnerability["aliases"] = aliases
    if finding.summary:
        vulnerability["description"] = plain(finding.summary)
    return {
        "vulnerability": vulnerability,
        "products": [product],
        **_status(item, reach),
    }


def _status(item: Tracked, reach: Reach | None) -> dict[str, str]:
    """The status of a finding, with what the specification demands beside it."""
    if item.accepted:
        return _accepted(item.accepted, action(item, reach))
    if not item.is_there:
        return _resolved([word.cause for _, word in sorted(item.sightings.items())])
    if all(word.state != "open" for word in item.sightings.values()):
        return {"status": "under_investigation", "status_notes": "no longer reported, unexplained"}
    return {"status": "affected", "action_statement": action(item, reach)}


def _accepted(word: Acceptance, remedy: str) -> dict[str, str]:
    vex = word.vex
    told: dict[str, str] = {"status": vex.status if vex else "affected", "status_notes": word.told}
    if vex is None or vex.status == "affected":
        told["action_statement"] = plain(vex.action if vex else "") or remedy
    elif vex.status == "not_affected":
        if vex.justification:
            told["justification"] = vex.justification
        if vex.impact:
            told["impact_statement"] = plain(vex.impact)
    return told


def _resolved(causes: Sequence[Cause | None]) -> dict[str, str]:
    """Not affected only where every cause says so; what the project hides is not vouched for."""
    impacts = [IMPACT[cause] for cause in causes if cause in IMPACT]
    if impacts and len(impacts) == len(causes):
        return {"status": "not_affected", "impact_statement": "; ".join(dict.fromkeys(impacts))}
    if "suppressed" in causes:
        notes = "suppressed in the project, which gives no reason"
        return {"status": "under_investigation", "status_notes": notes}
    if set(causes) <= {"package-gone", "out-of-scope"}:
        return {"status": "not_affected", "justification": "component_not_present"}
    return {"status": "fixed"}
