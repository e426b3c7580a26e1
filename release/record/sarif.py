"""The record as SARIF 2.1.0, for code scanning.

Source: OASIS SARIF 2.1.0; ``security-severity`` is a string of a number, as GitHub reads it.
Results are matched by fingerprint, the finding's lasting key, never by line. Same record, same
bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from release.model.finding import Finding, Severity
from release.model.record import Record, Tracked
from release.model.snapshot import Reach, Snapshot
from release.model.text import plain
from release.record.public import action, names, own_code, shipped

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

LEVEL: dict[Severity, str] = {
    "critical": "error", "high": "error", "unknown": "error", "medium": "warning", "low": "note",
}  # fmt: skip

SCORE: dict[Severity, float] = {
    "critical": 9.0, "high": 7.0, "unknown": 7.0, "medium": 4.0, "low": 0.1,
}  # fmt: skip
"""The lower end of each band (CVSS v3.1, section 5), where there is no score."""


def sarif(record: Record, snapshot: Snapshot | None, *, version: str, code: bool = False) -> bytes:
    """The document, of what is open or accepted.

    :param snapshot: the last scan, for how users can avoid a finding.
    :param version: this program's.
    :param code: name the findings in the project's own code.
    """
    reach = {item.key: item for item in snapshot.reach} if snapshot else {}
    held = [item for item in shipped(record) if item.is_there]
    if code:
        held += [item for item in own_code(record) if item.is_there]
    rules = _rules(held)
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {
        "name": "release-warden",
        "version": version,
        "rules": rules,
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(item, places, reach.get(item.finding.key)) for item in held],
        "columnKind": "unicodeCodePoints",
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=2) + b"\n"


def message(text: str) -> str:
    """Others' text as a SARIF message: no link (section 3.11.6), no placeholder (3.11.5)."""
    escaped = plain(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return escaped.replace("{", "{{").replace("}", "}}")


def _rule_id(finding: Finding) -> str:
    return names(finding)[0]


def _rules(held: list[Tracked]) -> list[dict[str, Any]]:
    """One rule an id; where findings share it, the worst of them speaks."""
    worst: dict[str, Finding] = {}
    for item in held:
        finding, id_ = item.finding, _rule_id(item.finding)
        if id_ not in worst or _score(finding) > _score(worst[id_]):
            worst[id_] = finding
    return [_rule(id_, finding) for id_, finding in sorted(worst.items())]


def _score(finding: Finding) -> float:
    return SCORE[finding.severity] if finding.score is None else finding.score


def _rule(id_: str, finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": id_,
        "shortDescription": {"text": message(finding.summary) or message(id_)},
        "properties": {
            "security-severity": f"{_score(finding):.1f}",
            "tags": ["security", f"severity:{finding.severity}"],
        },
    }
    if finding.url and finding.url.startswith("https://"):
        rule["helpUri"] = plain(finding.url, 2000)
    return rule


def _result(item: Tracked, places: Mapping[str, int], reach: Reach | None) -> dict[str, Any]:
    finding, id_ = item.finding, _rule_id(item.finding)
    result: dict[str, Any] = {
        "ruleId": id_,
        "ruleIndex": places[id_],
        "level": LEVEL[finding.severity],
        "message": {"text": _told(item, reach)},
        "locations": [_location(finding)],
        "partialFingerprints": {"releaseWardenKey/v1": finding.key},
    }
    if item.accepted:
        result["suppressions"] = [_suppression(item)]
    return result


def _told(item: Tracked, reach: Reach | None) -> str:
    finding = item.finding
    if finding.kind != "dependency":
        return message(finding.summary) or message(_rule_id(finding))
    what = message(f"{finding.package} {finding.version}: {plain(finding.summary) or finding.key}")
    return f"{what} ({message(action(item, reach))})"


def _location(finding: Finding) -> dict[str, Any]:
    """A dependency is named where it is required; no line of either is lasting."""
    uri = finding.path or "pyproject.toml"
    return {"physicalLocation": {"artifactLocation": {"uri": _relative(uri)}}}


def _relative(path: str) -> str:
    """A path as a relative URI reference (section 3.4.3)."""
    return quote(path.replace("\\", "/").lstrip("/"), safe="/.-_~")


def _suppression(item: Tracked) -> dict[str, str]:
    told = item.accepted.told if item.accepted else ""
    return {"kind": "external", "status": "accepted", "justification": message(told)}
