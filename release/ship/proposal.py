"""The words of a fix, for the commit and the pull request; others' text in them is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from release.model.finding import Finding
from release.model.snapshot import Edit
from release.model.text import code, escape, listing, plain

FINDINGS_SHOWN = 50


def subject(findings: Sequence[Finding]) -> str:
    """One line: what the edit is for."""
    packages = sorted({plain(finding.package, 60) for finding in findings})
    if all(finding.scope == "floor" for finding in findings):
        return f"Raise the floors of {listing(packages, 3)} above known weaknesses"
    return f"Free users of known weaknesses in {listing(packages, 3)}"


def commit_message(findings: Sequence[Finding], edits: Iterable[Edit]) -> str:
    """Subject, edits, and the findings that they free."""
    lines = [subject(findings), ""]
    lines += [f"- {plain(edit.requirement)} -> {plain(edit.becomes)}" for edit in edits]
    lines += ["", "A fresh install with this edit was resolved, and is free of:"]
    lines += [
        f"- {plain(f.package, 80)} {plain(f.version, 40)}: {plain(listing(f.ids, 5))}"
        for f in findings[:FINDINGS_SHOWN]
    ]
    return "\n".join([*lines, *_more(findings)]) + "\n"


def request_body(findings: Sequence[Finding], edits: Iterable[Edit]) -> str:
    """The text of the pull request, as Markdown."""
    lines = ["An edit of this project's requirements frees its users:", ""]
    lines += [f"- {code(edit.requirement)} becomes {code(edit.becomes)}" for edit in edits]
    lines += ["", "A fresh install with it was resolved, and is free of:", ""]
    lines += [
        f"- {code(f.package)} {code(f.version)}: {escape(listing(f.ids, 5))} ({f.severity})"
        for f in findings[:FINDINGS_SHOWN]
    ]
    lines += [*_more(findings), "", "Made by `release.auto`; merging it is for a person."]
    return "\n".join(lines) + "\n"


def _more(findings: Sequence[Finding]) -> list[str]:
    more = len(findings) - FINDINGS_SHOWN
    return [f"- and {more} more"] if more > 0 else []
