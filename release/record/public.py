"""What of a record may be shown to others, and under which name of a product."""

from __future__ import annotations

from collections.abc import Iterator

from release.model.finding import Finding
from release.model.record import Record, Tracked
from release.model.snapshot import Reach, Snapshot
from release.model.text import VERDICTS, edit_text, plain

SHIPPED = frozenset({"runtime", "extra"})
"""The scopes that users of the project get."""


def shipped(record: Record) -> Iterator[Tracked]:
    """Findings in dependencies that users get or got, in the record's order."""
    for item in record.tracked:
        if item.finding.kind == "dependency" and item.finding.scope in SHIPPED:
            yield item


def own_code(record: Record) -> Iterator[Tracked]:
    """Findings in the project's own code, without secrets, which are never shown."""
    for item in record.tracked:
        if item.finding.kind == "code":
            yield item


def names(finding: Finding) -> list[str]:
    """The ids of a finding, harmless and never none."""
    return [name for id_ in finding.ids if (name := plain(id_, 200))] or [plain(finding.key, 200)]


def released(snapshot: Snapshot | None) -> str:
    """The version that users get, as far as it is known."""
    closure = snapshot.closure("published") if snapshot else None
    return closure.version if closure else ""


def action(item: Tracked, reach: Reach | None) -> str:
    """What can be done about a finding, in one line that is never empty."""
    finding = item.finding
    upgrade = f"use {finding.package} {finding.fixed_in[0]} or later" if finding.fixed_in else ""
    remedy = (edit_text(reach) if reach else "") or upgrade
    why = VERDICTS[reach.verdict] if reach else ""
    return plain("; ".join(part for part in (why, remedy) if part)) or "no remedy is known yet"
