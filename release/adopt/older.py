"""The ``security/`` folder of the predecessor: its page, its plans, and its reports by their days.

The layout is told by mypylogger's sdists from 0.2.0 on: ``security/reports/archived/DAY/*.json``
and ``latest/``, ``security/findings/`` with SECURITY_FINDINGS.md, remediation-plans.yml and a
``history`` folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from release.adopt.tree import Tree
from release.record.findings_page import MARK
from release.record.older_plans import is_older

PAGE = "security/findings/SECURITY_FINDINGS.md"
PLANS = "security/findings/remediation-plans.yml"
OLD_PAGE = "security/findings/history/SECURITY_FINDINGS.before-release-warden.md"
_REPORT = re.compile(
    r"(?P<folder>security/reports/archived/(?P<day>\d{4}-\d\d-\d\d))/[^/]+\.(json|sarif)"
)
_LATEST = re.compile(r"security/reports/latest/[^/]+\.(json|sarif)")
_MADE_AT = re.compile(r'"generated_at":\s*"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"')


@dataclass(frozen=True)
class OldReports:
    """A folder of reports, and when they were made."""

    folder: str
    at: datetime


def old_reports(tree: Tree) -> tuple[OldReports, ...]:
    """The folders of reports that an older layout holds, oldest first.

    Those of a day count from its noon, unless a report tells its own time; ``latest`` counts only
    where it tells.
    """
    found: dict[str, OldReports] = {}
    for path in tree.paths:
        if kept := _REPORT.fullmatch(path):
            noon = datetime.combine(date.fromisoformat(kept["day"]), time(12), tzinfo=UTC)
            found.setdefault(kept["folder"], OldReports(kept["folder"], noon))
    for path in filter(_LATEST.fullmatch, tree.paths):
        for told in _MADE_AT.findall(tree.read(path) or ""):
            at = datetime.fromisoformat(told).replace(tzinfo=UTC)
            found["latest"] = OldReports(path.rpartition("/")[0], at)
    return tuple(sorted(found.values(), key=lambda one: one.at))


def traces(tree: Tree) -> Iterator[str]:
    """The files of the older layout that are taken over."""
    page = tree.read(PAGE)
    if page is not None and MARK not in page:
        yield PAGE
    if is_older(tree.read(PLANS) or ""):
        yield PLANS
    yield from (one.folder for one in old_reports(tree))
