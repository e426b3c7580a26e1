"""Our part of a file that is somebody else's: between two lines that say whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable

START = "# >>> release-warden (`release-warden init --undo` takes it away)"
END = "# <<< release-warden"
_PART = re.compile(rf"\n*^{re.escape(START)}$.*?^{re.escape(END)}$\n?", re.MULTILINE | re.DOTALL)


def ended(text: str) -> str:
    """A text that ends in one line end, unless it is empty."""
    return text if text.endswith("\n") or not text else f"{text}\n"


def in_its_ends(text: str, change: Callable[[str], str]) -> str:
    """A changed text, whose lines still end in CRLF where all of them did.

    :param change: what is done to the text; it sees lines that end in LF.
    """
    ends = text.count("\r\n")
    if not ends or ends != text.count("\n"):
        return change(text)
    return change(text.replace("\r\n", "\n")).replace("\n", "\r\n")


def with_part(text: str, part: str) -> str:
    """A text with our part at its end.

    :param part: its lines, without the markers.
    """
    return f"{ended(text)}\n\n{START}\n{ended(part)}{END}\n"


def without_part(text: str) -> str:
    """A text without our part."""
    return in_its_ends(text, lambda lines: _PART.sub("\n", lines, count=1))
