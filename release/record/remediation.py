"""remediation-plans.yml: one plan a finding. What people wrote in it stays, byte for byte.

A plan is opened, closed and reopened by changing its own lines of the text; only where its lines
have another form than ours is the whole document written anew, by ruamel's round trip.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.util import load_yaml_guess_indent

from release.errors import DocumentError
from release.model.finding import Finding
from release.model.record import Record, Tracked
from release.model.snapshot import Reach
from release.model.text import edit_text, plain
from release.record.older_plans import is_older, migrate

HEADER = """\
# Remediation plans, one for each finding in what this project installs.
# New plans are added and resolved ones closed by release.scan; everything else here is yours:
# owner, notes, comments, order and further keys stay as you write them.
"""

Edit = dict[str, Any]
"""The keys of a plan to set; ``None`` takes a key away."""


def update_plans(existing: str | None, record: Record, reach: Sequence[Reach]) -> str:
    """The file after a scan; the very same text when nothing changed.

    One of the older layout is migrated (:mod:`release.record.older_plans`). A new finding gets a
    plan, a resolved one's is closed, a returned one's is reopened. What is unknown is open in the
    record, so its plan is left alone. Findings in the project's own code get none, since the file
    is public.

    :param existing: the file's text; ``None`` if there is none yet.
    :raises DocumentError: it is no YAML, or no mapping with a list of plans.
    """
    text = existing or ""
    if is_older(text):
        text = _migrated(text, record)
    data = _load(text)
    if data is None:
        text = (text.rstrip() + "\n" if text.strip() else HEADER) + "\nplans: []\n"
        data = _load(text)
    plans = data["plans"]
    known = {plan["key"]: plan for plan in plans if isinstance(plan, dict) and "key" in plan}
    remedies = {item.key: item for item in reach}
    mine = [item for item in record.tracked if item.finding.kind == "dependency"]
    edits = {
        item.finding.key: edit
        for item in mine
        if (edit := _edit(known.get(item.finding.key), item)) is not None
    }
    fresh = [
        _plan(item.finding, remedies.get(item.finding.key))
        for item in mine
        if item.is_open and item.finding.key not in known
    ]
    return _written(text, data, edits, fresh) if edits or fresh else text


def load_plans(text: str) -> list[Any]:
    """The plans of a file as plain values, for reading only.

    :raises DocumentError: it is no YAML, or no mapping with a list of plans.
    """
    return list((_load(text, YAML(typ="safe", pure=True)) or {}).get("plans", ()))


def _migrated(text: str, record: Record) -> str:
    """The text of a file of the older layout in ours."""
    data = _parsed(text, YAML())
    try:
        migrate(data, record)
    except ValueError as error:
        raise _corrupt(str(error)) from error
    return _anew(text, data)


def _load(text: str, yaml: YAML | None = None) -> Any:
    """The document; ``None`` if it holds nothing but comments."""
    data = _parsed(text, yaml or YAML())
    if data is None:
        return None
    if not isinstance(data.setdefault("plans", CommentedSeq()), list):
        raise _corrupt("'plans' is no list")
    return data


def _parsed(text: str, yaml: YAML) -> Any:
    """Any mapping; ``None`` for nothing but comments."""
    yaml.preserve_quotes = True
    try:
        data = yaml.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise _corrupt(plain(str(error), 300)) from error
    if data is not None and not isinstance(data, dict):
        raise _corrupt("it is no mapping")
    return data


def _corrupt(why: str) -> DocumentError:
    return DocumentError(
        "remediation-plans.yml cannot be read",
        why=why,
        remedy="it is kept under another name; move what people wrote in it into the new one",
    )


def _edit(plan: Mapping[str, Any] | None, item: Tracked) -> Edit | None:
    """What is to change in a plan; only what this program closed does it reopen.

    One whose finding is accepted stays as it is: somebody has it in hand.
    """
    if plan is None or item.accepted:
        return None
    closed = plan.get("status") == "closed"
    if item.is_open and closed and "cause" in plan:
        return {"status": "open", "cause": None, "closed": None}
    if not item.is_open and not closed:
        causes = (sighting.cause for _, sighting in sorted(item.sightings.items()))
        day = item.resolved_at.date() if item.resolved_at else None
        return {"status": "closed", "cause": next(filter(None, causes), None), "closed": day}
    return None


def _plan(finding: Finding, reach: Reach | None) -> dict[str, Any]:
    upgrade = f"use {finding.package} {finding.fixed_in[0]} or later" if finding.fixed_in else ""
    return {
        "key": finding.key,
        "package": plain(finding.package),
        "ids": [plain(identifier) for identifier in finding.ids],
        "severity": finding.severity,
        "discovered": finding.first_seen.date() if finding.first_seen else None,
        "status": "open",
        "proposed": plain((edit_text(reach) if reach else "") or upgrade or "none known"),
        "owner": None,
        "notes": "",
    }


def _written(text: str, data: Any, edits: Mapping[str, Edit], fresh: list[dict[str, Any]]) -> str:
    """The text with the edits in place, proved by reading it again; else the document anew."""
    by_hand = _spliced(text, data, edits, fresh)
    for plan in data["plans"]:
        if isinstance(plan, dict) and plan.get("key") in edits:
            _apply(plan, edits[plan["key"]])
    if not data["plans"]:
        data["plans"] = CommentedSeq()
    data["plans"].extend(fresh)
    if by_hand is not None and _reads_as(by_hand, data):
        return by_hand
    return _anew(text, data)


def _apply(plan: dict[str, Any], edit: Edit) -> None:
    for name, value in edit.items():
        if value is None:
            plan.pop(name, None)
        else:
            plan[name] = value


def _reads_as(text: str, data: Any) -> bool:
    try:
        return bool(YAML().load(text) == data)
    except (YAMLError, ValueError):
        return False


def _anew(text: str, data: Any) -> str:
    _, indent, offset = load_yaml_guess_indent(text)
    if not indent or indent < (offset or 0) + 2:  # no list in the text to learn from
        indent, offset = 4, 2
    yaml = _writer(indent, offset or 0)
    sink = io.StringIO()
    yaml.dump(data, sink)
    return _endings(sink.getvalue(), text)


def _writer(indent: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=indent, offset=offset)
    yaml.representer.add_representer(
        type(None), lambda writer, _: writer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _endings(text: str, like: str) -> str:
    return text.replace("\n", "\r\n") if "\r\n" in like else text


def _spliced(
    text: str, data: Any, edits: Mapping[str, Edit], fresh: list[dict[str, Any]]
) -> str | None:
    """The text with only the lines of changed and new plans touched; ``None`` if it cannot be."""
    plans = data["plans"]
    if not plans or plans.fa.flow_style() or next(reversed(data)) != "plans":
        return None
    lines = text.splitlines()
    for plan in reversed(plans):
        if isinstance(plan, dict) and plan.get("key") in edits:
            _change_lines(lines, plan, edits[plan["key"]])
    lines += _fresh_lines(plans.lc.item(0)[1] - 2, fresh)
    return _endings("\n".join(lines) + "\n", text)


def _change_lines(lines: list[str], plan: Any, edit: Edit) -> None:
    """Change the status line, and the lines of cause and date that belong under it."""
    line, column = plan.lc.key("status") if "status" in plan else (plan.lc.line, plan.lc.col)
    for name in sorted(edit.keys() & plan.keys(), key=lambda name: -int(plan.lc.key(name)[0])):
        at = plan.lc.key(name)[0]
        if name == "status":
            value = edit[name]
            lines[at] = re.sub(r"(status:\s*)[^\s#]+", rf"\g<1>{value}", lines[at], count=1)
        else:
            del lines[at]
    added = {name: value for name, value in edit.items() if name != "status" and value}
    lines[line + 1 : line + 1] = [f"{' ' * column}{name}: {v}" for name, v in added.items()]


def _fresh_lines(column: int, fresh: list[dict[str, Any]]) -> Iterator[str]:
    if not fresh:
        return
    sink = io.StringIO()
    _writer(2, 0).dump(fresh, sink)
    for line in sink.getvalue().splitlines():
        yield " " * column + line if line else line
