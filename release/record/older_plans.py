"""The older layout of remediation-plans.yml: ``metadata:`` and ``findings:``, read and migrated.

Its findings are a list, or a mapping by id. Keys that have a counterpart are renamed, all others
are carried over with their comments: nothing that people wrote is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from release.model.finding import Finding
from release.model.names import normalised
from release.model.record import Record

IDS = ("finding_id", "id", "vulnerability_id", "vuln_id", "cve", "vulnerability")
"""Where an older plan may name its finding; the first that is there counts."""

RENAMED = {
    "package_name": "package",
    "assigned_to": "owner",
    "assignee": "owner",
    "created_date": "discovered",
    "created": "discovered",
    "discovered_date": "discovered",
    "planned_action": "proposed",
}
"""Older keys and ours. One whose counterpart is there already keeps its name."""

DONE = frozenset({"resolved", "closed", "completed", "complete", "done", "fixed", "remediated"})
"""The words for a plan that is at its end."""

_PLANS = re.compile(r"^plans\s*:", re.MULTILINE)
_FINDINGS = re.compile(r"^([\"']?)findings\1\s*:", re.MULTILINE)


def is_older(text: str) -> bool:
    """Whether a file has the older layout."""
    return bool(_FINDINGS.search(text)) and not _PLANS.search(text)


def migrate(data: CommentedMap, record: Record) -> None:
    """Turn a loaded document of the older layout into ours, in place.

    :param data: with ``findings``, a list or a mapping by id.
    :param record: what is known, to find the lasting key of each plan.
    :raises ValueError: ``findings`` is neither.
    """
    old = data["findings"]
    keys = _keys(item.finding for item in record.tracked)
    plans = CommentedSeq([_plan(name, plan, keys) for name, plan in _entries(old)])
    at = list(data).index("findings")
    comment = data.ca.items.pop("findings", None)
    del data["findings"]
    data.insert(at, "plans", plans)
    if comment:
        data.ca.items["plans"] = comment


def _entries(old: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(old, Mapping):
        yield from ((str(name), plan) for name, plan in old.items())
    elif isinstance(old, list):
        yield from (("", plan) for plan in old)
    elif old is not None:
        raise ValueError("'findings' is neither a list nor a mapping")


def _keys(findings: Iterable[Finding]) -> dict[tuple[str, str], str]:
    """From package and id, and from id alone (package empty), to the lasting key."""
    keys: dict[tuple[str, str], str] = {}
    for finding in findings:
        for name in (*finding.ids, finding.key):
            keys[normalised(finding.package), name.upper()] = finding.key
            keys.setdefault(("", name.upper()), finding.key)
    return keys


def _plan(name: str, old: Any, keys: Mapping[tuple[str, str], str]) -> Any:
    """One plan in our layout; what is no mapping becomes its note."""
    if not isinstance(old, CommentedMap):
        key = keys.get(("", name.upper()), name)
        return CommentedMap({"key": key, "notes": old} if key else {"notes": old})
    found = next((word for word in IDS if old.get(word)), None)
    id_ = str(old[found]) if found else name
    package = str(old.get("package") or old.get("package_name") or "")
    handle = (normalised(package) if package else "", id_.upper())
    key = keys.get(handle) or (f"{id_}@{handle[0]}" if package and "@" not in id_ else id_)
    new = CommentedMap({"key": key} if key else {})
    new.ca.comment = old.ca.comment
    for word, value in old.items():
        _carry(new, old, word, value, drop=found if id_ == key else None)
    return new


def _carry(new: CommentedMap, old: CommentedMap, word: Any, value: Any, drop: str | None) -> None:
    """One key of an older plan, with the comment that belongs to it."""
    if word == drop:
        name: Any = "key"
    else:
        ours = RENAMED.get(word, word)
        name = ours if ours == word or (ours not in old and ours not in new) else word
        name = "former_key" if name == "key" else name
        new[name] = value
    if word in old.ca.items:
        new.ca.items[name] = old.ca.items[word]
    if name == "status":
        _carry_status(new, value)


def _carry_status(new: CommentedMap, value: Any) -> None:
    """Ours knows ``open`` and ``closed``; another word is kept beside it."""
    status = "closed" if str(value).lower() in DONE else "open"
    new["status"] = status
    if value != status:
        new["former_status"] = value
