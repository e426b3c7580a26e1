"""What every document is: frozen, tagged with its schema, with canonical bytes and a digest."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec

from release.errors import DocumentError

DIGEST = "digest"
"""Where a document keeps its own digest."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment in UTC, always aware; written as RFC 3339."""


def schema_name(class_name: str) -> str:
    """The ``schema`` value of a document class: ``Snapshot`` -> ``release-warden/snapshot/1``."""
    return f"release-warden/{class_name.lower()}/1"


class Noun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a document.

    Nouns are immutable trees and can hold no cycle, so that the garbage collector need not visit
    them: with a hundred thousand findings its visits took half of the time.
    """


class Document(
    Noun, frozen=True, kw_only=True, gc=True, dict=True, tag_field="schema", tag=schema_name
):
    """A document that travels between the links of the chain.

    Readers are strict on required fields and tolerant of unknown ones.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset()
    """Dotted names of the fields that tell when, not what; ``*`` stands for any key."""


D = TypeVar("D", bound=Document)


def encode(document: Noun) -> bytes:
    """The canonical bytes: sorted keys, two spaces, one newline at the end."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def decode(kind: type[D], data: bytes | str, *, origin: str = "document") -> D:
    """Read a document.

    :param kind: the class expected.
    :param data: JSON.
    :param origin: where it came from, for the error.
    :raises DocumentError: no JSON, another schema, a required field missing or of another type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{origin} is no {kind.__struct_config__.tag}",
            why=str(error),
            remedy="nothing was changed; restore the document or make it anew",
        ) from error


def digest(document: Document) -> str:
    """The sha256 of a document without its clock fields: equal for equal content.

    It is worked out once a document, which never changes.
    """
    known = vars(document)
    if DIGEST not in known:
        content = _without(document, [path.split(".") for path in type(document).CLOCK])
        known[DIGEST] = sha256(msgspec.json.encode(content, order="sorted"))
    return str(known[DIGEST])


def _without(value: Any, paths: list[list[str]]) -> Any:
    """A value without the fields that some paths lead to; what holds none stays as it is."""
    if not paths or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_without(item, paths) for item in value]
    return {
        name: _without(item, [rest for head, *rest in paths if rest and head in {name, "*"}])
        for name, item in _fields(value).items()
        if [name] not in paths
    }


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a noun, its schema among them, or the items of a mapping."""
    if not isinstance(value, msgspec.Struct):
        return dict(value)
    config, fields = value.__struct_config__, msgspec.structs.asdict(value)
    return fields if config.tag_field is None else {config.tag_field: config.tag, **fields}


def sha256(data: bytes) -> str:
    """Hexadecimal sha256."""
    return hashlib.sha256(data).hexdigest()
