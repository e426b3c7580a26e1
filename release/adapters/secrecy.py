"""The last door of all: no secret of this process leaves by a message, a log or a traceback.

What is guarded is written as ``***`` on stdout, on stderr (where exceptions of other people's code
end, with all that they are chained to) and in every record of :mod:`logging`. Before that, errors
are cleaned where they are caught, as their words go into events, journals and documents too.

This is the second line: the first is that secrets are handed to nobody. It knows the usual ways of
writing a text down; one that is encrypted, packed or spelt would pass.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus

from release.adapters import process
from release.errors import WardenError
from release.model.secret import HIDDEN, Secret

SHORTEST = 4
"""Characters: what is shorter stands everywhere, and hiding it would tell where."""
_known: dict[str, None] = {}
"""Every form of every secret, the longest first."""


def guard(text: str, *, username: str = "") -> Secret:
    """Make a text a secret: from now on nothing that this process says holds it.

    :param username: whom it belongs to, as both are sent together (RFC 7617).
    """
    secret = Secret(text)
    found = {one for one in forms(secret, username) if len(one) >= SHORTEST} - _known.keys()
    if found:
        together = sorted({*_known, *found}, key=len, reverse=True)
        _known.clear()
        _known.update(dict.fromkeys(together))
        _mask(text)
        _watch()
    return secret


def hide(text: str, among: Iterable[str] | None = None) -> str:
    """A text without any secret, in whichever of the usual ways it was written down.

    :param among: the forms to look for, the longest first; by default all that are guarded.
    """
    for form in _known if among is None else among:
        text = text.replace(form, HIDDEN)
    return text


def scrub(error: WardenError) -> None:
    """Hide secrets in the words of an error, before they go into any document."""
    error.what, error.why, error.remedy = map(hide, (error.what, error.why, error.remedy))
    error.args = (error.what,)


def forms(secret: Secret, username: str = "") -> Iterator[str]:
    """The ways in which a server or a library writes down what it was sent.

    As it is, in HTML or JSON, in an address, in base64, or as the header that carried it.
    """
    text = secret.reveal()
    yield from (text, quote(text, safe=""), quote(text), quote_plus(text))
    yield from (html.escape(text), html.escape(text, quote=False))
    yield json.dumps(text)[1:-1]
    yield repr(text)[1:-1]
    # twine sends Latin-1 where it can be had, as requests does, and else UTF-8.
    for sent in (text, f"{username}:{text}" if text else ""):
        for encoding in ("utf-8", "latin-1"):
            data = sent.encode(encoding, "replace")
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(data).decode().rstrip("=")


class Veil:
    """A stream that shows ``***`` where a secret would stand."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without the secrets in it."""
        self._stream.write(hide(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines without the secrets in them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class VeiledRecord(logging.LogRecord):
    """What a library logs, without the secrets in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info:
            self.exc_text = hide(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 - the base class's
        """The message, without the secrets in it."""
        return hide(super().getMessage())


def _watch() -> None:
    """Stand at the exits of this process, until its end; twice is once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, Veil):
            setattr(sys, name, Veil(stream))
    logging.setLogRecordFactory(VeiledRecord)


def _mask(text: str) -> None:
    """Let GitHub's runner hide it too, in the log of all later steps ("add-mask").

    The runner reads that line and does not show it. It goes to stderr, as stdout is for the
    document; and not into a file, which no runner reads.
    """
    if process.variable("GITHUB_ACTIONS") == "true" and _is_read_by_the_runner():
        stderr = sys.stderr._stream if isinstance(sys.stderr, Veil) else sys.stderr
        for line in filter(None, text.splitlines()):
            escaped = line.replace("%", "%25")
            cast("TextIO", stderr).write(f"::add-mask::{escaped}\n")
        stderr.flush()


def _is_read_by_the_runner() -> bool:
    """Whether stderr goes to another program, not into a file."""
    try:
        return not stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode)
    except (OSError, ValueError):  # a stream of a program that runs us inside of itself
        return False
