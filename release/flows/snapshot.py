"""Take a snapshot: resolve what users get, ask the advisories, find out who stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec

from release.adapters.osv import open_source
from release.errors import UnreachableError
from release.flows.beside import checked_floors, without
from release.flows.resolver import Resolver
from release.flows.roots import ScanRequest, roots_of
from release.model.finding import Finding
from release.model.snapshot import (
    Closure,
    Edit,
    Reach,
    Scanner,
    Snapshot,
    State,
    Word,
)
from release.scan.findings import (
    Assessment,
    Audience,
    Weakness,
    assess,
    attributed,
    covered,
    findings_of,
    releases_of,
    scanner_of,
    skipped,
    vanished,
)
from release.scan.floors import raised
from release.scan.reach import reaches
from release.scan.search import World
from release.scan.source import AdvisorySource, Found
from release.scan.words import silence, word_on

SCANNER = "osv"


def take_snapshot(request: ScanRequest) -> Snapshot:
    """Look once. What cannot be seen is named in the snapshot, and is never an exception.

    :raises UsageError: the advisories named do not exist.
    """
    request.cache.mkdir(parents=True, exist_ok=True)
    resolver = Resolver(request)
    request.tell("resolving what users get ...")
    closures = resolver.closures(roots_of(request))
    beside = resolver.beside(next(one for one in closures if one.kind == "candidate"))
    request.tell("asking the advisories ...")
    return _Judged(request, resolver, closures, beside).snapshot()


def _state_of(closure: Closure, lost: Sequence[object]) -> State:
    if closure.gaps and not closure.pins:
        return "failed"
    return "partial" if closure.gaps or lost else "ok"


class _Judged:
    """The closures under the eyes of the advisories."""

    def __init__(
        self,
        request: ScanRequest,
        resolver: Resolver,
        closures: tuple[Closure, ...],
        beside: tuple[Closure, ...],
    ) -> None:
        self._request = request
        self._resolver = resolver
        self._closures = closures
        self._beside = beside

    def snapshot(self) -> Snapshot:
        """The snapshot; without an answer of the advisories, the scanner has failed."""
        every = (*self._closures, *self._beside)
        releases = releases_of(pin for closure in every for pin in closure.pins)
        try:
            source = open_source(
                self._request.advisories,
                self._request.config.osv_url,
                self._request.cache,
                archive=self._request.archive,
            )
            found = attributed(source.match(releases), self._request.known)
        except UnreachableError as error:
            return self._failed(f"{error.what}: {error.why}. {error.remedy}")
        users = releases_of(pin for closure in self._closures for pin in closure.pins)
        judged = assess(found, users)
        shot = self._read(source, found, judged)
        told = {(one.package, version) for one in judged.weaknesses for version in one.versions}
        for closure in self._beside:
            shot = self._joined(shot, without(closure, told), source, found)
        return shot

    def _joined(
        self, shot: Snapshot, closure: Closure, source: AdvisorySource, found: Found
    ) -> Snapshot:
        """The snapshot with one closure that is for showing, under a scanner of its own.

        A vulnerable release that users get is told as theirs, and not once more.
        """
        audience: Audience = "floor" if closure.kind == "floor" else "dev"
        known, now = self._request.known, self._request.now
        judged = assess(found, releases_of(closure.pins))
        held = frozenset(pin.name for pin in closure.pins)
        lost = [d for d in (*found.damaged, *judged.undecided) if d.may_concern(held)]
        findings = findings_of(judged.weaknesses, [closure], known, now, self._fix_time, audience)
        scanner = Scanner(
            state=_state_of(closure, lost),
            covered=covered([closure], lost),
            skipped=skipped([closure], lost),
            database_date=source.database_date,
            detail=source.detail,
        )
        gone = vanished(known, findings, scanner.covered, audience)
        words = (self._word(source, finding, scanner.covered) for finding in gone)
        return msgspec.structs.replace(
            shot,
            scanners=shot.scanners | {scanner_of(audience): scanner},
            findings=tuple(sorted((*shot.findings, *findings), key=lambda one: one.key)),
            words=(*shot.words, *words),
            floors=(*shot.floors, *self._floors(closure, judged.weaknesses, source)),
        )

    def _floors(
        self, closure: Closure, weaknesses: Sequence[Weakness], source: AdvisorySource
    ) -> tuple[Edit, ...]:
        if closure.kind != "floor" or not weaknesses:
            return ()
        raise_them = partial(raised, match=source.match, files=self._resolver.files)
        return checked_floors(closure, weaknesses, raise_them, self._resolver.solve)

    def _failed(self, detail: str) -> Snapshot:
        gaps = skipped(self._closures, ())
        shot = self._told(Scanner(state="failed", skipped=gaps, detail=detail))
        silent = {
            scanner_of("floor" if closure.kind == "floor" else "dev"): Scanner(
                state="failed", skipped=skipped([closure], ()), detail=detail
            )
            for closure in self._beside
        }
        return msgspec.structs.replace(shot, scanners=shot.scanners | silent)

    def _read(self, source: AdvisorySource, found: Found, judged: Assessment) -> Snapshot:
        names = frozenset(pin.name for closure in self._closures for pin in closure.pins)
        lost = [d for d in (*found.damaged, *judged.undecided) if d.may_concern(names)]
        findings = findings_of(
            judged.weaknesses,
            self._closures,
            self._request.known,
            self._request.now,
            self._fix_time,
        )
        scanner = Scanner(
            state=self._state(bool(lost)),
            covered=covered(self._closures, lost),
            skipped=skipped(self._closures, lost),
            database_date=source.database_date,
            detail=source.detail,
        )
        gone = vanished(self._request.known, findings, scanner.covered)
        words = tuple(self._word(source, finding, scanner.covered) for finding in gone)
        reach = self._reach(source, findings, judged.weaknesses)
        return self._told(scanner, findings, reach, words)

    def _state(self, lost: bool) -> State:
        gaps = [closure for closure in self._closures if closure.gaps]
        if gaps and not any(pin.via for closure in self._closures for pin in closure.pins):
            return "failed"
        return "partial" if lost or gaps else "ok"

    def _told(
        self,
        scanner: Scanner,
        findings: tuple[Finding, ...] = (),
        reach: tuple[Reach, ...] = (),
        words: tuple[Word, ...] = (),
    ) -> Snapshot:
        return Snapshot(
            project=self._request.project,
            taken_at=self._request.now,
            scanners={SCANNER: scanner},
            findings=findings,
            repository=self._request.repository,
            closures=self._closures,
            reach=reach,
            words=words,
            beside=self._beside,
        )

    def _reach(
        self,
        source: AdvisorySource,
        findings: tuple[Finding, ...],
        weaknesses: Sequence[Weakness],
    ) -> tuple[Reach, ...]:
        published = next((c for c in self._closures if c.kind == "published"), None)
        if published is None or not any(finding.reaches("published") for finding in findings):
            return ()
        self._request.tell("finding out who stands in the way ...")
        world = World(self._resolver.surely, source.match, self._resolver.files)
        candidate = self._request.candidate.requires_dist
        return reaches(
            findings, weaknesses, published, candidate, world, own=self._request.project.name
        )

    def _word(self, source: AdvisorySource, finding: Finding, covers: Iterable[str]) -> Word:
        try:
            return word_on(finding, source.lookup(finding.ids), covers)
        except UnreachableError as error:
            return silence(finding, error.what)

    def _fix_time(self, weakness: Weakness, version: str) -> datetime | None:
        """When the lowest fix of a version was uploaded, if the index tells."""
        try:
            listed = self._resolver.files(weakness.package)
        except UnreachableError:
            return None
        fixes = weakness.fixed_in(version)
        times = [f.upload_time for f in listed if fixes and f.version == fixes[0] and f.upload_time]
        return min(times, default=None)
