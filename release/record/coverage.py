"""What a report covers, how far it is believed, and what the resolver vouches for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from release.model.finding import Finding
from release.model.names import normalised
from release.model.record import Coverage
from release.model.snapshot import Closure, Scanner, Snapshot, State

Versions = Mapping[str, Set[str]]

READS_CLOSURES = "osv"
"""The scanner that is handed the closures, and so ought to cover every pin of them."""

SHRUNK = 5
"""A report that lost more than one in five of the packages it covered awaits a second one."""

EVERYTHING = "*"

WHOLE = ""
"""The version of a file that was covered at every severity."""


@dataclass(frozen=True)
class Report:
    """A scanner's report as far as it is believed; ``skipped`` are packages it has no word on.

    A ``selective`` one lists only what it flags, and says nothing of what it does not list.
    """

    state: State
    covered: Versions = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    pending: tuple[str, ...] | None = None
    selective: bool = False


class Resolution:
    """What a fresh install gets, by the resolver's word."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._closures = {closure.kind: closure for closure in snapshot.closures}
        pins = (f"{pin.name}=={pin.version}" for c in snapshot.closures for pin in c.pins)
        self.pins = versions_by_name(pins)

    def lacks(self, package: str) -> bool:
        """Whether it is certain that no closure holds any version of a package.

        :param package: the normalised name (PEP 503).
        """
        whole = {kind for kind, closure in self._closures.items() if not closure.gaps}
        return package not in self.pins and whole >= {"published", "candidate"}

    def is_rid_of(self, finding: Finding) -> bool:
        """Whether it is certain that no closure holds the finding's versions any longer."""
        if finding.scope not in {"runtime", "extra"}:
            return False
        closures = [
            self._closures.get(kind) for kind in finding.affects or ("published", "candidate")
        ]
        pinned = self.pins.get(normalised(finding.package), frozenset())
        return not pinned & affected_versions(finding) and all(
            closure is not None and _resolved_for(closure, finding) for closure in closures
        )


def _resolved_for(closure: Closure, finding: Finding) -> bool:
    gaps = {gap.package for gap in closure.gaps}
    return not gaps or (
        normalised(finding.package) not in gaps
        and set(finding.pythons) <= set(closure.pythons)
        and set(finding.extras) <= set(closure.extras)
    )


def affected_versions(finding: Finding) -> frozenset[str]:
    """All versions of its package that the finding was seen at.

    For a place in a file: the whole file, or the file as far as this severity goes.
    """
    if finding.kind != "dependency":
        return frozenset({WHOLE, finding.severity})
    return frozenset({finding.version}.union(*finding.affects.values()))


def subject(finding: Finding) -> str:
    """What a report has to cover to speak of a finding: its package, or its file."""
    if finding.kind == "dependency":
        return normalised(finding.package)
    path = finding.path or "."
    return path if _is_path(path) else f"./{path}"


def versions_by_name(items: Iterable[str]) -> Versions:
    """``name==version`` items as versions by normalised name (PEP 503); paths stay as they are."""
    found: dict[str, set[str]] = {}
    for item in items:
        name, _, version = item.partition("==")
        name = name if _is_path(name) else normalised(name)
        found.setdefault(name, set()).add(version)
    return found


def _is_path(name: str) -> bool:
    return name.startswith((".", "/"))


def weigh(
    name: str,
    scanner: Scanner | None,
    before: Coverage | None,
    resolution: Resolution,
    *,
    accept: bool,
) -> Report:
    """How far a scanner's report is believed.

    A failed or absent one says nothing. One that skips something, or misses a pin of the closures
    it was handed, is partial; so is one that lost more than a fifth of its packages or turned
    empty, until a second agrees. A package that has left the closures is not lost to the scanner
    that is handed them.

    :param accept: a person vouches for the smaller coverage.
    """
    if scanner is None or scanner.state in {"failed", "absent"}:
        state: State = scanner.state if scanner else "absent"
        return Report(state, pending=before.pending if before else None)
    covered = versions_by_name(scanner.covered)
    selective = scanner.selective and not accept
    skipped: set[str] = {gap.package for gap in scanner.skipped}
    if name == READS_CLOSURES:
        skipped |= {p for p, pins in resolution.pins.items() if pins - covered.get(p, frozenset())}
    if before and not accept:
        skipped |= _narrowed(versions_by_name(before.covered), covered)
    if scanner.state == "partial" or skipped:
        pending = before.pending if before else None
        return Report("partial", covered, frozenset(skipped), pending, selective)
    names = tuple(sorted(covered))
    vouching = resolution if name == READS_CLOSURES else None
    if accept or not _shrunk(names, before, vouching) or (before and before.pending == names):
        return Report("ok", covered, selective=selective)
    return Report("partial", covered, pending=names, selective=selective)


def _narrowed(last: Versions, covered: Versions) -> frozenset[str]:
    """The files that are now covered at fewer severities than before."""
    return frozenset(
        name
        for name, levels in covered.items()
        if _is_path(name) and WHOLE not in levels and last.get(name, frozenset()) - levels
    )


def _shrunk(names: tuple[str, ...], before: Coverage | None, vouching: Resolution | None) -> bool:
    """Whether too many packages are lost, other than those that the resolver says are gone."""
    known = {item.partition("==")[0] for item in before.covered} if before else set()
    lost = (package for package in known - set(names) if not (vouching and vouching.lacks(package)))
    return len(list(lost)) * SHRUNK > len(known)


def carry(before: Coverage | None, report: Report, pins: Versions) -> Coverage:
    """What is covered and what is unknown after a report.

    :param pins: what the scanner ought to cover; empty if that is not known.
    """
    if report.state == "ok":
        return Coverage(state="ok", covered=_items(report.covered))
    last = versions_by_name(before.covered) if before else {}
    unknown = _unknown(before, last, report, pins)
    stale = {name: versions for name, versions in last.items() if name in unknown}
    return Coverage(
        state=report.state,
        covered=tuple(sorted({*_items(report.covered), *_items(stale)})),
        unknown=tuple(sorted(unknown)) or (EVERYTHING,),
        pending=report.pending,
    )


def _unknown(
    before: Coverage | None, last: Versions, report: Report, pins: Versions
) -> frozenset[str]:
    """The packages that a report which is not ``ok`` has no full word on."""
    expected = {**last, **pins}
    missed = {n for n, want in expected.items() if want - report.covered.get(n, frozenset())}
    still = set(before.unknown) - {EVERYTHING} - set(report.covered) if before else set()
    return frozenset(missed | still | report.skipped)


def _items(versions: Versions) -> tuple[str, ...]:
    return tuple(
        sorted(
            name if _is_path(name) and not version else f"{name}=={version}"
            for name in versions
            for version in versions[name]
        )
    )
