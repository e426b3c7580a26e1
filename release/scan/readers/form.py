"""From bytes to structs: JSON as tools really write it, and entries read one by one."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A name or id, which has to say something."""
RawEntries = tuple[msgspec.Raw, ...]
"""Entries that are read one by one, so that a malformed one does not hide the others."""
EVERYTHING = "*"
"""Names a gap that may be about anything: where a report does not say what it lost."""
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

T = TypeVar("T")


class UnreadableReportError(Exception):
    """A file is no report of its kind; the message says why."""


class Part(msgspec.Struct, frozen=True):
    """A part of a report; fields that are not needed here are passed over."""


def parse(data: bytes, kind: Any) -> Any:
    """Read a report.

    A byte order mark, which PowerShell writes, is no fault (RFC 8259, section 8.1).

    :param kind: what it ought to be, for msgspec.
    :raises UnreadableReportError: it is empty, a web page, no JSON, or of another shape.
    """
    text = _text(data)
    try:
        return msgspec.json.decode(text.encode(), type=kind)
    except msgspec.ValidationError as error:
        raise UnreadableReportError(f"it has another shape: {error}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UnreadableReportError(f"it is no JSON, or it was cut short: {error}") from error


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-16" if data.startswith(UTF16) else "utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UnreadableReportError(f"it is no text: {error.reason}") from error
    if not text:
        raise UnreadableReportError("it is empty")
    if text.startswith("<"):
        raise UnreadableReportError("it is a web page or XML, no JSON")
    return text


def each(
    entries: Iterable[msgspec.Raw], kind: type[T], aside: Callable[[Any, str], None]
) -> list[T]:
    """Read entries one by one.

    :param aside: told of each that cannot be read: its plain content, and why.
    """
    kept = []
    for entry in entries:
        try:
            kept.append(msgspec.json.decode(entry, type=kind))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            aside(plain(entry), f"an entry cannot be read: {error}")
    return kept


def plain(entry: msgspec.Raw) -> Any:
    """An entry as plain JSON, ``None`` where it is none."""
    try:
        return msgspec.json.decode(entry)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def word(content: Any, *path: str) -> str | None:
    """A text at some depth of plain JSON, if there is one."""
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, str) and content else None
