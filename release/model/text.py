"""Words and spelling that several rooms share: others' text made harmless, verdicts in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from release.model.snapshot import Reach, Verdict

VERDICTS: dict[Verdict, str] = {
    "installable-fix": "a fresh install can avoid it",
    "blocked-by-us": "a requirement of ours holds the vulnerable version",
    "blocked-upstream": "another package's requirement holds the vulnerable version",
    "no-fix": "no fixed version can be installed",
    "own-code": "it is in the project's own code",
    "unknown": "the resolver could not tell",
}


T = TypeVar("T")


class Section(NamedTuple):
    """A part of the notes of a release; one without a title stands before the others."""

    title: str
    body: str


_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})
_SAFE_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+")


def plain(text: str, limit: int = 1000) -> str:
    """One line of text: no control or direction characters, white space collapsed.

    :param limit: the most characters to keep.
    """
    kept = text[: limit * 4]
    if not kept.isprintable():  # it holds a character of the categories C or Z, beyond the space
        kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in kept)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def escape(text: str, limit: int = 1000) -> str:
    """Others' text for Markdown: it shows as written, and is no markup, HTML, link or mention.

    :param limit: the most characters of it to keep.
    """
    line = _PUNCTUATION.sub(r"\\\1", plain(text, limit).translate(_ENTITIES).replace("&#64;", "\0"))
    unlinked = line.replace("://", "&#58;//").replace("www.", "www&#46;")
    return unlinked.replace("\0", "&#64;")


def code(text: str, limit: int = 200) -> str:
    """Others' text as a Markdown code span."""
    return f"`{plain(text, limit).replace('`', chr(39)) or ' '}`"


def link(url: str) -> str:
    """An address as a Markdown autolink; one that holds anything odd is only shown."""
    return f"<{url}>" if _SAFE_URL.fullmatch(url) else escape(url, 300)


def listing(items: Iterable[T], limit: int = 20, name: Callable[[T], str] = str) -> str:
    """Items with commas, of which at most ``limit`` are named and the rest counted.

    :param name: what an item is called; asked of those that are named only.
    """
    held = list(items)
    more = f" and {len(held) - limit} more" if len(held) > limit else ""
    return ", ".join(map(name, held[:limit])) + more


def edit_text(reach: Reach) -> str:
    """The edit that frees a finding, in one line; empty if there is none."""
    return "; ".join(f"replace {edit.requirement} by {edit.becomes}" for edit in reach.edit)
