"""The security delta of a release as OpenVEX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from release.model.delta import Delta, DeltaFinding
from release.model.openvex import (
    OpenVex,
    Product,
    Statement,
    Status,
    Vulnerability,
    address,
    document,
    purl,
)
from release.model.text import VERDICTS


def of_delta(delta: Delta, at: datetime) -> OpenVex | None:
    """The delta as OpenVEX; ``None`` where it holds nothing, as a document needs a statement.

    :param at: when it became so, in UTC.
    """
    told = tuple(statements(delta))
    return document(told, at) if told else None


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
    parts = () if finding.own else tuple(Product(id=purl(finding.package, v)) for v in held)
    return Statement(
        vulnerability=Vulnerability(
            name=finding.name,
            id=address(finding.url),
            aliases=tuple(name for name in finding.ids if name != finding.name),
        ),
        products=(Product(id=product, subcomponents=parts),),
        status=status,
        action_statement=action,
    )


def _action(finding: DeltaFinding) -> str:
    """What a user can do without a release of ours."""
    if finding.verdict == "installable-fix" and finding.fixed_in:
        return f"Install {finding.package} {finding.fixed_in[0]} or later beside it."
    why = f": {VERDICTS[finding.verdict]}" if finding.verdict else ""
    return f"No release of ours removes it yet{why}."
