"""The database's word on a finding that it no longer reports (DESIGN: resolved needs a cause)."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from release.model.finding import Finding
from release.model.snapshot import Word
from release.scan.advisories import Advisory, UndecidableError, is_affected
from release.scan.findings import seen_at
from release.scan.source import Found


def word_on(finding: Finding, found: Found, covered: Iterable[str]) -> Word:
    """Judge a finding that vanished though its package stayed at its version.

    :param found: the database's records of its ids.
    :param covered: the ``name==version`` that are still there.
    """
    package = canonicalize_name(finding.package)
    versions = sorted(v for v in seen_at(finding) if f"{package}=={v}" in set(covered))
    records = sorted(
        (r for r in found.advisories if not r.ids.isdisjoint(finding.ids)), key=lambda r: r.id
    )
    standing = [record for record in records if not record.withdrawn and package in record.packages]
    damaged = sorted(one.name for one in found.damaged)
    if any(_may_affect(record, package, v) for record in standing for v in versions):
        return Word(key=finding.key, ruling="still-affected", evidence=_named(standing))
    if damaged:
        return Word(
            key=finding.key, ruling="unknown", evidence=f"cannot be read: {', '.join(damaged)}"
        )
    if standing:
        return Word(key=finding.key, ruling="range-corrected", evidence=_named(standing))
    withdrawn = [record for record in records if record.withdrawn]
    if withdrawn:
        return Word(key=finding.key, ruling="withdrawn", evidence=_named(withdrawn))
    return silence(finding, f"the database has no record of {', '.join(finding.ids)}")


def silence(finding: Finding, why: str) -> Word:
    """No word at all, and the reason."""
    return Word(key=finding.key, ruling="unknown", evidence=why)


def _may_affect(record: Advisory, package: str, version: str) -> bool:
    try:
        return is_affected(record, package, version)
    except UndecidableError:
        return True


def _named(records: Iterable[Advisory]) -> str:
    return "; ".join(
        f"{record.id} withdrawn {record.withdrawn.isoformat()}"
        if record.withdrawn
        else f"{record.id} modified {record.modified.isoformat()}"
        for record in records
    )
