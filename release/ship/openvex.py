"""The security delta of a release as OpenVEX 0.2 (github.com/openvex/spec)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from release.model.base import sha256
from release.model.delta import Delta, DeltaFinding
from release.model.text import VERDICTS

CONTEXT = "https://openvex.dev/ns/v0.2.0"
AUTHOR = "Release Warden"

Status = Literal["not_affected", "affected", "fixed", "under_investigation"]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something with an identifier: a product, or a package in it."""

    id: str = msgspec.field(name="@id")
    subcomponents: tuple[Part, ...] = ()


class Vulnerability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An advisory by its name and the other names of its alias group."""

    name: str
    id: str = msgspec.field(name="@id", default="")
    aliases: tuple[str, ...] = ()


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is so of one vulnerability in some products; ``affected`` says what to do."""

    vulnerability: Vulnerability
    products: tuple[Part, ...]
    status: Status
    status_notes: str = ""
    action_statement: str = ""


class OpenVex(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenVEX document."""

    context: str = msgspec.field(name="@context", default=CONTEXT)
    id: str = msgspec.field(name="@id")
    author: str = AUTHOR
    timestamp: datetime
    version: int = 1
    statements: tuple[Statement, ...]


def purl(name: str, version: str = "") -> str:
    """The package URL of a distribution (github.com/package-url/purl-spec, type ``pypi``).

    :param name: normalized (PEP 503).
    """
    return f"pkg:pypi/{quote(name)}" + (f"@{quote(version, safe='')}" if version else "")


def document(delta: Delta, at: datetime) -> OpenVex | None:
    """The delta as OpenVEX; ``None`` where it holds nothing, as a document needs a statement.

    :param at: when it became so, in UTC.
    """
    told = tuple(statements(delta))
    if not told:
        return None
    name = sha256(msgspec.json.encode(told, order="sorted"))
    return OpenVex(id=f"urn:release-warden:openvex:{name}", timestamp=at, statements=told)


def encoded(vex: OpenVex) -> bytes:
    """The canonical bytes: sorted keys, two spaces, one newline at the end."""
    return msgspec.json.format(msgspec.json.encode(vex, order="sorted"), indent=2) + b"\n"


def statements(delta: Delta) -> Iterator[Statement]:
    """What is so in the release, and of what it fixes also what is so in the one before it."""
    upgrade = f"Upgrade to {delta.project} {delta.version}."
    before, after = purl(delta.project, delta.since), purl(delta.project, delta.version)
    for finding in delta.fixed:
        yield _statement(finding, "affected", before, finding.was, action=upgrade)
        yield _statement(finding, "fixed", after, finding.becomes)
    for finding in (*delta.introduced, *delta.open):
        yield _statement(finding, "affected", after, finding.becomes, action=_action(finding))
    for finding in delta.unknown:
        yield _statement(finding, "under_investigation", after, finding.becomes)


def _statement(
    finding: DeltaFinding, status: Status, product: str, held: Iterable[str], *, action: str = ""
) -> Statement:
    parts = () if finding.own else tuple(Part(id=purl(finding.package, v)) for v in held)
    return Statement(
        vulnerability=Vulnerability(
            name=finding.name,
            id=finding.url or "",
            aliases=tuple(name for name in finding.ids if name != finding.name),
        ),
        products=(Part(id=product, subcomponents=parts),),
        status=status,
        action_statement=action,
    )


def _action(finding: DeltaFinding) -> str:
    """What a user can do without a release of ours."""
    if finding.verdict == "installable-fix" and finding.fixed_in:
        return f"Install {finding.package} {finding.fixed_in[0]} or later beside it."
    why = f": {VERDICTS[finding.verdict]}" if finding.verdict else ""
    return f"No release of ours removes it yet{why}."
