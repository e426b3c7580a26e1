"""Release notes: the body of a Keep a Changelog section (keepachangelog.com)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from release.decide.facts import difference
from release.model.changes import Changes
from release.model.decision import Decision
from release.model.finding import RANK, Finding
from release.model.snapshot import Snapshot
from release.model.text import code, escape, listing

PACKAGES_SHOWN = 100
IDS_SHOWN = 10


def notes(
    decision: Decision,
    snapshot: Snapshot | None,
    version: str,
    date: str,
    *,
    changes: Changes | None = None,
) -> str:
    """The body of the section: what is fixed for users, or why a person released.

    All of it that comes from advisories is escaped. At most 100 packages and 10 ids of each are
    named, the rest counted.

    :param date: as 2026-11-23.
    :param changes: what changed since the last release, if that is known.
    """
    lines = [*_security(snapshot), *_changed(decision), *_resolved(changes)]
    if decision.trigger == "security-auto":
        why = f"Release {version} of {date} was made automatically, by the rule {decision.rule}."
        lines += [escape(why), ""]
    return "\n".join(lines).strip() + "\n"


def _security(snapshot: Snapshot | None) -> Iterator[str]:
    fixed = _fixed(snapshot) if snapshot else {}
    if not fixed:
        return
    yield from ("### Security", "")
    ranked = sorted(fixed.items(), key=lambda entry: (-_rank(entry[1]), entry[0]))
    for package, findings in ranked[:PACKAGES_SHOWN]:
        yield _line(package, findings)
    yield from _more(len(ranked) - PACKAGES_SHOWN, "packages")
    yield ""


def _fixed(snapshot: Snapshot) -> dict[str, list[Finding]]:
    """By package, the findings that users get and the release is known to remove, worst first."""
    removed, _ = difference(snapshot)
    fixed: dict[str, list[Finding]] = {}
    for finding in sorted(removed, key=lambda item: (-RANK[item.severity], item.key)):
        fixed.setdefault(finding.package, []).append(finding)
    return fixed


def _rank(findings: Iterable[Finding]) -> int:
    return max(RANK[finding.severity] for finding in findings)


def _line(package: str, findings: list[Finding]) -> str:
    names = [f"{code(f.ids[0] if f.ids else f.key)} ({f.severity})" for f in findings]
    about = escape(findings[0].summary, 120) if len(findings) == 1 else ""
    return f"- {code(package)}: a fresh install no longer gets {listing(names, IDS_SHOWN)}" + (
        f": {about}" if about else ""
    )


def _more(count: int, what: str) -> list[str]:
    return [f"- and {count} more {what}"] if count > 0 else []


def _changed(decision: Decision) -> Iterator[str]:
    if decision.trigger == "manual":
        reason = decision.reasons[0].evidence
        yield from ("### Changed", "", f"- {escape(reason, 2000) or 'Released by hand.'}", "")


def _resolved(changes: Changes | None) -> Iterator[str]:
    """What was resolved with another cause than an upgrade: no work of ours, but worth telling."""
    told = [
        change
        for change in (changes.changes if changes else ())
        if change.kind == "resolved" and change.cause not in {None, "upgraded"}
    ]
    if not told:
        return
    yield from ("### Advisories settled otherwise", "")
    for change in told[:PACKAGES_SHOWN]:
        name = change.ids[0] if change.ids else change.key
        yield f"- {code(change.package)} {code(name)}: {change.cause}"
    yield from (*_more(len(told) - PACKAGES_SHOWN, "findings"), "")
