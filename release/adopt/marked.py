"""Our part of a file that is somebody else's: between two lines that say whose it is."""

from __future__ import annotations

import re

START = "# >>> release-warden (`release-warden init --undo` takes it away)"
END = "# <<< release-warden"
_PART = re.compile(rf"\n*^{re.escape(START)}$.*?^{re.escape(END)}$\n?", re.MULTILINE | re.DOTALL)


def ended(text: str) -> str:
    """A text that ends in one line end, unless it is empty."""
    return text if text.endswith("\n") or not text else f"{text}\n"


def with_part(text: str, part: str) -> str:
    """A text with our part at its end.

    :param part: its lines, without the markers.
    """
    return f"{ended(text)}\n\n{START}\n{ended(part)}{END}\n"


def without_part(text: str) -> str:
    """A text without our part."""
    return _PART.sub("\n", text, count=1)
