"""The changelog's part of a release commit (keepachangelog.com)."""

from __future__ import annotations

import re

UNRELEASED = re.compile(r"^## \[?unreleased\]?.*$", re.IGNORECASE | re.MULTILINE)
SECTION = re.compile(r"^## ", re.MULTILINE)


def released(text: str, version: str, date: str, notes: str) -> str:
    """The changelog with what was unreleased, and the notes, under the new version.

    :param text: the whole file; one without an Unreleased heading is left alone, since its form
        is its owner's.
    :param date: as 2026-11-23.
    :param notes: the body of the section, without a heading.
    """
    heading = UNRELEASED.search(text)
    if heading is None or re.search(rf"^## \[?{re.escape(version)}\b", text, re.MULTILINE):
        return text
    following = SECTION.search(text, heading.end())
    end = following.start() if following else len(text)
    parts = [text[heading.end() : end].strip(), notes.strip()]
    body = "\n\n".join(part for part in parts if part)
    section = f"\n\n## [{version}] - {date}\n\n{body}\n\n"
    return (text[: heading.end()] + section + text[end:]).rstrip("\n") + "\n"
