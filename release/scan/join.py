"""Several scanners' words on one weakness, joined into one finding."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.model.finding import ClosureKind, Finding
from release.scan.findings import mint
from release.scan.severity import ORDER
from release.scan.union import roots

EVERYWHERE: tuple[ClosureKind, ...] = ("published", "candidate")


def join(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each weakness, in order of key, whatever order they come in.

    In packages, those that share an id of their alias groups are one weakness (union-find);
    places in the code are only equal under the same key.
    """
    groups: dict[str, list[Finding]] = {}
    ordered = sorted(findings, key=_order)
    for root, finding in zip(roots(map(_handles, ordered)), ordered, strict=True):
        groups.setdefault(root, []).append(finding)
    joined = (_joined(group) for group in groups.values())
    return tuple(sorted(joined, key=lambda finding: finding.key))


def _order(finding: Finding) -> tuple[bool, bool, str, str, tuple[str, ...]]:
    """Those that closures claim first, as they know most; then by key and scanner."""
    unrated = finding.severity == "unknown"
    return not finding.affects, unrated, finding.key, finding.version, finding.scanners


def _handles(finding: Finding) -> list[str]:
    if finding.kind != "dependency":
        return [f"{finding.kind} {finding.key}"]
    name = f"{canonicalize_name(finding.package)} {finding.scope == 'dev'}"
    return [f"{name} {identifier}" for identifier in finding.ids]


def _joined(group: list[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    ids = tuple(sorted({identifier for one in group for identifier in one.ids}))
    worst = max(group, key=_weight)
    return replace(
        first,
        key=_key(first, ids),
        ids=ids,
        severity=worst.severity,
        score=worst.score,
        version=_highest(one.version for one in group) if not first.affects else first.version,
        affects=first.affects or _affects(group),
        fixed_in=first.fixed_in or next((one.fixed_in for one in group if one.fixed_in), ()),
        summary=first.summary or next((one.summary for one in group if one.summary), ""),
        url=first.url or next((one.url for one in group if one.url), None),
        published_at=min((f.published_at for f in group if f.published_at), default=None),
        source=tuple(sorted({origin for one in group for origin in one.source})),
        scanners=tuple(sorted({name for one in group for name in one.scanners})),
        suppressed=all(one.suppressed for one in group),
    )


def _weight(finding: Finding) -> tuple[int, float]:
    rank = ORDER.index(finding.severity) if finding.severity in ORDER else -1
    return rank, finding.score or 0.0


def _key(first: Finding, ids: tuple[str, ...]) -> str:
    """What closures claim keeps its key, which the record may know already."""
    if first.kind != "dependency" or first.affects:
        return first.key
    return mint(ids, canonicalize_name(first.package))


def _affects(group: list[Finding]) -> dict[ClosureKind, tuple[str, ...]]:
    """All versions seen, held to be everywhere; a single one stands in ``version`` alone."""
    versions = sorted({one.version for one in group}, key=_version_order)
    return dict.fromkeys(EVERYWHERE, tuple(versions)) if len(versions) > 1 else {}


def _highest(versions: Iterable[str]) -> str:
    return max(versions, key=_version_order)


def _version_order(text: str) -> tuple[bool, Version, str]:
    try:
        return True, Version(text), text
    except InvalidVersion:
        return False, Version("0"), text
