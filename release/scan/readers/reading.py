"""What a reader makes of one report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.model.base import Noun
from release.model.finding import Finding
from release.model.snapshot import Gap, Scanner, State
from release.scan.findings import mint

WORST: tuple[State, ...] = ("failed", "absent", "partial", "ok")


class Reading(Noun, frozen=True, kw_only=True):
    """One scanner's report: who speaks, how surely and over what, and what it found."""

    name: str
    scanner: Scanner
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Dependency:
    """One weakness of one package as a report tells it.

    :param package: the normalized name (PEP 503).
    :param ids: its id and aliases, the report's own id first.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...] = ()
    summary: str = ""


def failed(name: str, reason: str) -> Reading:
    """A report that says nothing."""
    return Reading(name=name, scanner=Scanner(state="failed", detail=reason))


def absent(name: str, reason: str) -> Reading:
    """A report that is not there."""
    return Reading(name=name, scanner=Scanner(state="absent", detail=reason))


def told(
    name: str,
    findings: Iterable[Finding],
    covered: Iterable[str],
    skipped: Iterable[Gap] = (),
    *,
    selective: bool = False,
    detail: str = "",
) -> Reading:
    """A report that could be read: ``partial`` when something was skipped, else ``ok``."""
    gaps = tuple(sorted(set(skipped), key=lambda gap: (gap.name, gap.reason)))
    scanner = Scanner(
        state="partial" if gaps else "ok",
        covered=tuple(sorted(set(covered))),
        skipped=gaps,
        selective=selective,
        detail=detail,
    )
    return Reading(name=name, scanner=scanner, findings=tuple(findings))


def dependency(scanner: str, one: Dependency) -> Finding:
    """A finding in a package; its severity is unknown, as these reports tell none."""
    return Finding(
        key=mint(one.ids, one.package),
        kind="dependency",
        package=one.package,
        version=one.version,
        ids=tuple(sorted(set(one.ids))),
        severity="unknown",
        scope="runtime",
        fixed_in=_fixes(one.version, one.fixed_in),
        source=(f"{scanner}:{one.ids[0]}",),
        summary=" ".join(one.summary.split()),
        scanners=(scanner,),
    )


def _fixes(version: str, offered: Iterable[str]) -> tuple[str, ...]:
    """The releases above ``version``, lowest first; what is no version (PEP 440) is left out."""
    try:
        at = Version(version)
        return tuple(map(str, sorted({fix for text in offered if (fix := Version(text)) > at})))
    except InvalidVersion:
        return ()


def covers(package: str, version: str) -> str:
    """The item of ``covered`` for a package."""
    return f"{canonicalize_name(package)}=={version}"


def merge(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """One reading a scanner: the worst state wins, coverage and findings are united."""
    by_name: dict[str, list[Reading]] = {}
    for one in readings:
        by_name.setdefault(one.name, []).append(one)
    return tuple(_merged(name, same) for name, same in sorted(by_name.items()))


def _merged(name: str, same: list[Reading]) -> Reading:
    if len(same) == 1:
        return same[0]
    scanners = [one.scanner for one in same]
    return Reading(
        name=name,
        scanner=replace(
            scanners[0],
            state=min((one.state for one in scanners), key=WORST.index),
            covered=tuple(sorted({item for one in scanners for item in one.covered})),
            skipped=tuple(
                sorted({g for s in scanners for g in s.skipped}, key=lambda g: (g.name, g.reason))
            ),
            selective=any(one.selective for one in scanners),
            detail="; ".join(dict.fromkeys(one.detail for one in scanners if one.detail)),
        ),
        findings=tuple(finding for one in same for finding in one.findings),
    )
