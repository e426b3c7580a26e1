"""What an API token of PyPI may do, read from the token itself; nothing of it is kept or told.

Such a token is a macaroon (Birgisson and others, 2014) in the binary format 2 of libmacaroons,
behind a prefix. Its caveats, which only ever narrow it, stand in it as plain JSON, in the forms of
Warehouse's ``warehouse/macaroons/caveats``. The signature is the index's to check, not ours.

Read here in a few lines, as the only library for the format has had no release since 2018; the
tests compare them with it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from release.errors import DocumentError
from release.model.base import Instant
from release.model.secret import Secret

PREFIX = "pypi-"
FORMAT = 2
END, LOCATION, IDENTIFIER, VERIFIER, SIGNATURE = 0, 1, 2, 4, 6
"""The types of the fields."""
EXPIRATION, PROJECT_NAMES, PROJECT_IDS, USER, PUBLISHER = range(5)
"""The kinds of Warehouse's caveats since 2022, each an array that begins with its number."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is good for.

    ``location``: the index that made it, as a host name. ``projects``: those that it may release;
    ``None`` for any that its owner has. ``by_id``: it is narrowed to projects by their numbers,
    which tell us no names. ``minted``: for a trusted publisher, so it lives for minutes only.
    """

    location: str
    projects: frozenset[str] | None = None
    by_id: bool = False
    minted: bool = False
    not_before: Instant | None = None
    expires: Instant | None = None

    @property
    def is_account_wide(self) -> bool:
        """Whether it may release whatever its owner may."""
        return self.projects is None and not self.by_id and not self.minted


def looks_like_one(token: Secret) -> bool:
    """Whether a token says that it is one of PyPI's."""
    return token.reveal().startswith(PREFIX)


def read_scope(token: Secret) -> Scope:
    """What a token may do.

    :raises DocumentError: it is none; the message holds nothing of it.
    """
    try:
        return _scope(base64.b64decode(_padded(token), altchars=b"-_", validate=True))
    except (ValueError, LookupError, TypeError, OverflowError, msgspec.DecodeError):
        raise DocumentError(
            "the token is no API token of PyPI",
            why=f"it does not hold what must follow on {PREFIX!r}; maybe it was cut off",
            remedy="put the whole token there, as the index has shown it",
        ) from None


def _padded(token: Secret) -> str:
    text = token.reveal()
    if not text.startswith(PREFIX):
        raise ValueError
    body = text.removeprefix(PREFIX)
    return body + "=" * (-len(body) % 4)


def _scope(data: bytes) -> Scope:
    sections = list(_sections(data))
    scope = Scope(location=dict(sections[0])[LOCATION].decode())
    for section in sections[1:]:
        scope = _narrowed(scope, msgspec.json.decode(dict(section)[IDENTIFIER]))
    return scope


def _sections(data: bytes) -> Iterator[list[tuple[int, bytes]]]:
    """The token's own fields, then those of each caveat; the signature has to follow on them."""
    if data[0] != FORMAT:
        raise ValueError
    section: list[tuple[int, bytes]] = []
    kind, at = _number(data, 1)
    while kind != END or section:
        if kind == END:
            yield section
            section = []
        else:
            size, at = _number(data, at)
            if len(data) < at + size:
                raise ValueError
            section.append((kind, data[at : at + size]))
            at += size
        kind, at = _number(data, at)
    if _number(data, at)[0] != SIGNATURE:
        raise ValueError


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, the lowest first; and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def _narrowed(scope: Scope, caveat: Any) -> Scope:
    """What is left after one more caveat; one of an unknown form can only narrow it further."""
    if isinstance(caveat, dict):
        return _narrowed_by_old(scope, caveat)
    if not isinstance(caveat, list) or not caveat:
        return scope
    kind, *rest = caveat
    if kind == EXPIRATION:
        return _dated(scope, before=rest[1], until=rest[0])
    if kind == PROJECT_NAMES:
        return _named(scope, rest[0])
    if kind == PROJECT_IDS:
        return msgspec.structs.replace(scope, by_id=True)
    return msgspec.structs.replace(scope, minted=True) if kind == PUBLISHER else scope


def _narrowed_by_old(scope: Scope, caveat: dict[str, Any]) -> Scope:
    """The same by a caveat of before 2022, an object."""
    if "project_ids" in caveat:
        return msgspec.structs.replace(scope, by_id=True)
    if "exp" in caveat:
        return _dated(scope, before=caveat["nbf"], until=caveat["exp"])
    may = caveat.get("permissions")
    return _named(scope, may["projects"]) if isinstance(may, dict) else scope


def _named(scope: Scope, names: list[str]) -> Scope:
    """Of several lists of names, what stands in all of them."""
    listed = frozenset(names)
    both = listed if scope.projects is None else listed & scope.projects
    return msgspec.structs.replace(scope, projects=both)


def _dated(scope: Scope, *, before: float, until: float) -> Scope:
    """Of several spans of time, the last start and the first end."""
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (before, until))
    return msgspec.structs.replace(
        scope,
        not_before=max(scope.not_before or start, start),
        expires=min(scope.expires or end, end),
    )
