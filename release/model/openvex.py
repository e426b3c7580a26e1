"""OpenVEX 0.2 (github.com/openvex/spec): what is so of each vulnerability in a product.

``affected`` has to say what to do, ``not_affected`` why. The words are the specification's, so
that these are no documents of ours: they carry no schema name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

import msgspec

from release.model.acceptance import Justification
from release.model.base import Instant, sha256
from release.model.names import normalised

CONTEXT = "https://openvex.dev/ns/v0.2.0"
AUTHOR = "Release Warden"

Status = Literal["not_affected", "affected", "fixed", "under_investigation"]


class Product(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product, or a package in it, by its package URL."""

    id: str = msgspec.field(name="@id")
    subcomponents: tuple[Product, ...] = ()


class Vulnerability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An advisory by its name and the other names of its alias group."""

    name: str
    id: str = msgspec.field(name="@id", default="")
    aliases: tuple[str, ...] = ()
    description: str = ""


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is so of one vulnerability in some products."""

    vulnerability: Vulnerability
    products: tuple[Product, ...]
    status: Status
    status_notes: str = ""
    action_statement: str = ""
    justification: Justification | None = None
    impact_statement: str = ""


class OpenVex(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenVEX document."""

    context: str = msgspec.field(name="@context", default=CONTEXT)
    id: str = msgspec.field(name="@id")
    author: str = AUTHOR
    timestamp: Instant
    version: int = 1
    tooling: str
    statements: tuple[Statement, ...]


def document(
    statements: Iterable[Statement], at: Instant, tooling: str = "release-warden"
) -> OpenVex:
    """A document of some statements; its name is the digest of what it says, and when.

    :param at: when it became so, in UTC.
    :param tooling: what made it.
    """
    told = tuple(statements)
    name = sha256(msgspec.json.encode([at, tooling, told], order="sorted"))
    made = f"urn:release-warden:openvex:{name}"
    return OpenVex(id=made, timestamp=at, tooling=tooling, statements=told)


def encoded(vex: OpenVex) -> bytes:
    """The canonical bytes: sorted keys, two spaces, one newline at the end."""
    return msgspec.json.format(msgspec.json.encode(vex, order="sorted"), indent=2) + b"\n"


_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"
_ADDRESS = re.compile(
    rf"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?]{_CHARACTER}*)?(?:#{_CHARACTER}*)?"
)


def address(url: str | None) -> str:
    """An advisory's address as it may stand in ``@id``, a URI (RFC 3986); empty if it is none."""
    return url if url and _ADDRESS.fullmatch(url) else ""


def purl(name: str, version: str = "") -> str:
    """The package URL of a distribution (github.com/package-url/purl-spec, type ``pypi``)."""
    at = f"@{quote(version, safe='')}" if version else ""
    return f"pkg:pypi/{quote(normalised(name), safe='')}{at}"
