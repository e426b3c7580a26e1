"""What is not known though users may get it, by name (law 1: unknown is never clean)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from release.model.base import Noun
from release.model.finding import ClosureKind
from release.model.heartbeat import Heartbeat
from release.model.record import Record
from release.model.snapshot import Scanner, Snapshot

RESOLVER = "resolver"


class Unseen(Noun, frozen=True, kw_only=True):
    """Something that could not be looked at; without ``package``, the scanner as a whole.

    ``required`` ones withhold the grade.
    """

    scanner: str
    package: str | None
    reason: str
    required: bool

    def __str__(self) -> str:
        if self.package is None:
            return f"{self.scanner}: {self.reason}"
        return f"{self.scanner} could not check {self.package}: {self.reason}"


def unseen(
    record: Record | None,
    snapshot: Snapshot | None,
    heartbeat: Heartbeat | None,
    basis: ClosureKind,
    more: Iterable[Unseen] = (),
) -> tuple[Unseen, ...]:
    """Everything that the last scan did not see, each named once.

    :param basis: whose closure had to be seen whole.
    :param more: what else is known to be unseen.
    """
    named: dict[tuple[str, str | None], Unseen] = {}
    for item in (*_scanners(record, heartbeat), *_closures(snapshot, basis), *more):
        named.setdefault((item.scanner, item.package), item)
    return tuple(sorted(named.values(), key=_required_first))


def _required_first(item: Unseen) -> tuple[bool, str, str]:
    return not item.required, item.scanner, item.package or ""


def _scanners(record: Record | None, heartbeat: Heartbeat | None) -> Iterator[Unseen]:
    for name, scanner in heartbeat.scanners.items() if heartbeat else ():
        coverage = record.scanners.get(name) if record else None
        missed = coverage.unknown if coverage else ()
        yield from _scanner(name, scanner, missed, required=_required(name, heartbeat))
    for name in heartbeat.required if heartbeat else ():
        if heartbeat and name not in heartbeat.scanners:
            yield Unseen(scanner=name, package=None, reason="it did not run", required=True)


def _required(name: str, heartbeat: Heartbeat | None) -> bool:
    return heartbeat is not None and name in heartbeat.required


def _scanner(
    name: str, scanner: Scanner, missed: tuple[str, ...], *, required: bool
) -> Iterator[Unseen]:
    for gap in scanner.skipped:
        yield Unseen(scanner=name, package=gap.name, reason=gap.reason, required=required)
    for package in missed:
        reason = "the last scan had no word on it"
        yield Unseen(scanner=name, package=package, reason=reason, required=required)
    if scanner.state in {"failed", "absent"}:
        reason = scanner.detail or ("it failed" if scanner.state == "failed" else "it did not run")
        yield Unseen(scanner=name, package=None, reason=reason, required=required)
    elif scanner.state == "partial" and not scanner.skipped and not missed:
        reason = scanner.detail or "it saw only a part"
        yield Unseen(scanner=name, package=None, reason=reason, required=required)


def _closures(snapshot: Snapshot | None, basis: ClosureKind) -> Iterator[Unseen]:
    closure = snapshot.closure(basis) if snapshot else None
    for gap in closure.gaps if closure else ():
        yield Unseen(scanner=RESOLVER, package=gap.name, reason=gap.reason, required=True)
    if snapshot and not closure:
        reason = "what a fresh install brings could not be told"
        yield Unseen(scanner=RESOLVER, package=None, reason=reason, required=True)
