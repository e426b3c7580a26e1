"""The status in plain words: what a person reads, in one place and without markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NamedTuple

from release.decide.grade import BY_SEVERITY, Cap, Summary
from release.model.decision import Action
from release.model.finding import Severity
from release.model.monitoring import CheckState
from release.model.snapshot import State, Verdict
from status_site.findings import OwnCode, PublicFinding
from status_site.status import Remediation, SecurityStatus

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{2,63}", re.ASCII)

LONGEST = 240
"""Characters of an advisory's summary that the page shows; ``index.json`` holds it whole."""

MOST_TASKS = 6
"""Things to do that the first page names, the worst first."""

MOST_UNKNOWN = 30
"""Things not known, and reasons of a decision, that the first page names."""

MOST_REMOVED = 30
"""Findings that the page names for each release as fixed, and as fixed since."""

VERDICTS: dict[Verdict, str] = {
    "installable-fix": "A fresh install can avoid it",
    "blocked-by-us": "Held back by our own requirement",
    "blocked-upstream": "Held back by another package",
    "no-fix": "No fixed release exists yet",
    "own-code": "In the project's own code",
    "unknown": "Not yet known whether an install can avoid it",
}

ACTIONS: dict[Action, str] = {
    "release": "A release is owed",
    "none": "No release is owed",
    "hold": "On hold",
    "block": "Blocked",
    "unknown": "Not decided: something is unknown",
}

REMEDIATION: dict[Remediation, str] = {
    "unknown": "What has to be done is not known yet.",
    "none-needed": "Nothing has to be done.",
    "release-owed": "A release that removes findings is due.",
    "change-needed": "The project has to change a requirement or its own code.",
    "upgrade-available": "Users can upgrade today; a fresh install already may.",
    "waiting": "The project waits for a release by somebody else.",
}

STATES: dict[State, str] = {
    "ok": "Complete",
    "partial": "Partial",
    "failed": "Failed",
    "absent": "Did not run",
}


CHECKS: dict[CheckState, str] = {
    "ok": "The last check found every file in its place and true.",
    "settling": "The last check met a build that was being published.",
    "failed": "The last check found something wrong.",
    "unknown": "The last check could not see the site.",
}


def headline(status: SecurityStatus) -> str:
    """What a visitor came to read, in one sentence."""
    summary = status.vulnerability_summary
    if status.scan_date is None:
        return "Not scanned yet"
    if summary.total:
        return f"{known(summary.total)} {'reaches' if summary.total == 1 else 'reach'} users"
    if status.security_grade is None:
        return "Not fully known"
    return "No known vulnerability reaches users"


def known(count: int) -> str:
    """``1 known vulnerability``, ``2 known vulnerabilities``."""
    return f"{count} known {'vulnerability' if count == 1 else 'vulnerabilities'}"


def why(status: SecurityStatus) -> str:
    """Why the grade is what it is, in one line."""
    withheld = [cap.reason for cap in status.grade_caps if cap.at_most is None]
    if status.scan_date is None:
        return "There is no grade before the first scan."
    if withheld:
        more = f" (and {len(withheld) - 1} more below)" if len(withheld) > 1 else ""
        return f"No grade is given: {withheld[0]}{more}."
    if not status.vulnerability_summary.total:
        return "Everything that a fresh install brings was checked."
    counts = listing(status.vulnerability_summary)
    return f"{counts}. {_capped(status)}"


def _capped(status: SecurityStatus) -> str:
    decisive = [cap for cap in status.grade_caps if cap.at_most == status.security_grade]
    if decisive:
        return f"With {_because(decisive[0])}, {status.security_grade} is the best possible grade."
    return f"{status.grade_points} of 100 points are left."


def _because(cap: Cap) -> str:
    return cap.reason.partition(":")[0]


def listing(summary: Summary) -> str:
    """``1 critical, 2 medium``."""
    counts = [(severity, summary.count(severity)) for severity in BY_SEVERITY]
    return ", ".join(f"{count} {name(severity).lower()}" for severity, count in counts if count)


def name(severity: Severity) -> str:
    """``High``; ``Unknown severity`` says what is unknown."""
    return "Unknown severity" if severity == "unknown" else severity.capitalize()


def advice(finding: PublicFinding) -> str:
    """What to do about a finding, for those who can."""
    fixed = " or ".join(finding.fixed_in[:3])
    if finding.fixed_at_head:
        return "Already fixed in the source; the next release brings it."
    if finding.verdict == "installable-fix":
        return f"Users: upgrade {finding.package}{f' to {fixed}' if fixed else ''}."
    if finding.verdict == "blocked-by-us":
        return "Maintainers: change the requirement." if finding.edit else "Maintainers: loosen it."
    if finding.verdict == "blocked-upstream":
        return f"Wait for {finding.blocker or 'the package that requires it'} to allow a fix."
    if finding.verdict == "no-fix":
        return f"Wait for a fixed release of {finding.package}."
    return f"Fixed in {fixed}." if fixed else "Wait for the next scan."


class Task(NamedTuple):
    """Something to do, and how many findings it concerns."""

    text: str
    number: int
    worst: Severity


def tasks(findings: Iterable[PublicFinding]) -> tuple[Task, ...]:
    """What to do about all of them, worst first.

    :param findings: worst first, as a status holds them.
    """
    alike: dict[str, list[PublicFinding]] = {}
    for finding in findings:
        alike.setdefault(_task(finding), []).append(finding)
    return tuple(Task(text, len(those), those[0].severity) for text, those in alike.items())


def _task(finding: PublicFinding) -> str:
    """The same for all findings that one deed would remedy."""
    package, blocker = finding.package, finding.blocker or "what requires it"
    if finding.fixed_at_head:
        return f"Maintainers: make a release, as the source no longer brings this {package}."
    return {
        "installable-fix": f"Users: upgrade {package}.",
        "blocked-by-us": f"Maintainers: change the requirement of {package}.",
        "blocked-upstream": f"Wait until {blocker} allows a fixed release of {package}.",
        "no-fix": f"Wait for a fixed release of {package}.",
        "own-code": "Maintainers: change the project's own code.",
        "unknown": f"Wait for the next scan to tell whether an install can avoid {package}.",
    }[finding.verdict]


def deadline(finding: PublicFinding) -> str:
    """By when it should be remedied."""
    if finding.due is None:
        return "counted as overdue"
    return f"{'overdue since' if finding.overdue else 'due by'} {day(finding.due)}"


def anchor(file: str) -> str:
    """The name of a finding or a release within a page: that of its own file."""
    return file.rpartition("/")[2].removesuffix(".json")


def count_of(number: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def where(finding: PublicFinding) -> str:
    """Which installs are concerned, if not all."""
    if not finding.extras or "" in finding.extras:
        return ""
    extras = ", ".join(finding.extras)
    return f"only with the {'extra' if len(finding.extras) == 1 else 'extras'} {extras}"


def advisory(id_: str) -> str | None:
    """The public page of an advisory, which OSV keeps under each of its ids."""
    return f"https://osv.dev/vulnerability/{id_}" if _ID.fullmatch(id_) else None


def own_code(counts: OwnCode) -> str:
    """The findings of the project's own code, as counts."""
    parts = []
    if counts.code:
        parts.append(f"{counts.code} in the project's own code")
    if counts.secret:
        parts.append(f"{counts.secret} about secrets in its files")
    return " and ".join(parts)


def clean(text: str) -> str:
    """Foreign text in one line, short, without characters that control or reorder it."""
    line = " ".join(text.split())
    shown = line
    if not line.isprintable():
        shown = "".join(c for c in line if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1].rstrip() + "…"


def day(moment: datetime) -> str:
    """``23 November 2026``, in UTC."""
    return date_of(moment.astimezone(UTC).date())


def date_of(day: date) -> str:
    """``23 November 2026``."""
    return f"{day.day} {month_of(day)}"


def month_of(day: date) -> str:
    """``November 2026``."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def minute(moment: datetime) -> str:
    """``23 November 2026, 10:39 UTC``."""
    return f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"


def iso(moment: datetime) -> str:
    """``2026-11-23T10:39:00Z``, for machines and the script."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# strftime's month names follow the machine's locale.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def size(count: int) -> str:
    """``812 bytes``, ``12.3 kB``, ``4.0 MB``."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"
