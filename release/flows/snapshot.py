"""Take a snapshot: resolve what users get, ask the advisories, find out who stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import msgspec

from release.adapters.osv import open_source
from release.adapters.uv import Uv, resolver_version
from release.config import Config
from release.errors import ProjectError, RepositoryError, UnreachableError, VerificationError
from release.flows.beside import checked_floors, development_closure, floor_closure, without
from release.model.finding import ClosureKind, Finding
from release.model.listing import IndexFile, installable, versions
from release.model.metadata import CoreMetadata, parse_metadata, tells_requirements
from release.model.record import Record
from release.model.snapshot import (
    Closure,
    Edit,
    Gap,
    Pin,
    Project,
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
from release.scan.pythons import supported
from release.scan.reach import reaches
from release.scan.requirements import package_of, readable
from release.scan.resolution import (
    PLAIN,
    Answer,
    NoSolution,
    Query,
    Solution,
    Solve,
    StandIn,
    Unanswered,
    merge,
    misfits,
    pieced,
    without_wheel,
)
from release.scan.search import World
from release.scan.source import AdvisorySource, Found
from release.scan.words import silence, word_on

SCANNER = "osv"
AT_ONCE = 4
"""How many resolutions run side by side."""
PAGES_AT_ONCE = 8
"""How many pages of the index are fetched side by side, for each of them."""


class Index(Protocol):
    """What a scan needs of a package index."""

    url: str

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files of a project, none where it is not known."""

    def metadata(self, file: IndexFile) -> str:
        """The core metadata of a file."""


@dataclass(frozen=True)
class ScanRequest:
    """What to look at.

    :param project: the project at HEAD.
    :param candidate: HEAD's metadata.
    :param repository: the name of the repository that its releases are on.
    :param releases: that repository's index; ``None`` where nothing was ever published on it.
    :param dependencies: the index that dependencies come from.
    :param advisories: an OSV archive, a folder or an address; ``None`` for the API.
    :param known: the record before this scan.
    :param now: the moment of the scan; files uploaded later do not exist for it.
    :param cache: where resolver and downloads may keep things.
    :param tell: told what goes on.
    :param archive: the advisories that stand in when the API does not answer.
    :param pyproject: the text of HEAD's pyproject.toml, for what its developers install.
    """

    project: Project
    candidate: CoreMetadata
    repository: str
    releases: Index | None
    dependencies: Index
    config: Config
    advisories: str | None
    known: Record | None
    now: datetime
    cache: Path
    tell: Callable[[str], None]
    archive: str | None = None
    pyproject: str = ""


def take_snapshot(request: ScanRequest) -> Snapshot:
    """Look once. What cannot be seen is named in the snapshot, and is never an exception.

    :raises UsageError: the advisories named do not exist.
    """
    request.cache.mkdir(parents=True, exist_ok=True)
    resolver = Resolver(request)
    request.tell("resolving what users get ...")
    closures = resolver.closures(_roots(request))
    beside = resolver.beside(next(one for one in closures if one.kind == "candidate"))
    request.tell("asking the advisories ...")
    return _Judged(request, resolver, closures, beside).snapshot()


@dataclass(frozen=True)
class Root:
    """One distribution to resolve; without ``metadata``, only the ``gap`` is known of it."""

    kind: ClosureKind
    version: str
    origin: str
    metadata: CoreMetadata | None
    gap: Gap | None = None


def _roots(request: ScanRequest) -> tuple[Root, ...]:
    head = request.candidate
    candidate = Root("candidate", head.version, request.project.commit, head)
    published = _published(request)
    return (published, candidate) if published else (candidate,)


def _published(request: ScanRequest) -> Root | None:
    """The latest release that an installer takes, or ``None`` where there is none."""
    if request.releases is None:
        return None
    name = request.project.name
    try:
        files = [file for file in request.releases.files(name) if not file.yanked]
        takes = installable(files) or versions(files)  # pre-releases where there is nothing else
        if not takes:
            return None
        latest = [file for file in files if file.version == takes[-1]]
        file = min(latest, key=lambda one: (not one.name.endswith(".whl"), one.name))
        return _release(request, file, request.releases.metadata(file))
    except (UnreachableError, RepositoryError, ProjectError, VerificationError) as error:
        gap = Gap(name=name, reason=f"the published release cannot be seen: {error.what}")
        return Root("published", "", request.repository, None, gap)


def _release(request: ScanRequest, file: IndexFile, text: str) -> Root:
    metadata = parse_metadata(text, origin=file.name)
    origin = f"{request.repository}: {file.name}"
    if not tells_requirements(text, wheel=file.name.endswith(".whl")):
        reason = f"{file.name} tells its requirements only to who builds it"
        gap = Gap(name=request.project.name, reason=reason)
        return Root("published", metadata.version, origin, None, gap)
    return Root("published", metadata.version, origin, metadata)


def _all(solve: Solve, queries: Iterable[Query]) -> list[Answer]:
    """Ask several things side by side."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(solve, queries))


class Resolver:
    """uv, asked each thing once, at one moment."""

    def __init__(self, request: ScanRequest) -> None:
        self._request = request
        self._answers: dict[Query, Answer] = {}
        self._files: dict[str, tuple[IndexFile, ...]] = {}
        self._unread: set[str] = set()
        self.uv = Uv(
            name=request.project.name,
            version=request.candidate.version,
            index_url=request.dependencies.url,
            cache=request.cache / "uv",
            exclude_newer=request.now,
        )

    @cached_property
    def version(self) -> str:
        """The resolver's name and version."""
        return resolver_version(self._request.cache)

    def solve(self, query: Query) -> Answer:
        """What a fresh install gets."""
        if query not in self._answers:
            self._answers[query] = self._solved(query)
        return self._answers[query]

    def _solved(self, query: Query) -> Answer:
        """What does not run on some Python versions is shut out there, each asked about alone."""
        answer = self._resolved(query)
        if not isinstance(answer, Solution):
            return answer
        try:
            bounds = misfits(answer.pins, self._listed(answer.pins))
        except UnreachableError as error:
            return Unanswered(f"{error.what}, so that nobody can tell on which Python it runs")
        if not bounds:
            return answer
        alone = {
            minor: self.solve(
                replace(query, pythons=(minor,), constraints=(*query.constraints, *shut))
            )
            for minor, shut in sorted(bounds.items())
        }
        return pieced(answer, alone, query.pythons)

    def _listed(self, pins: Iterable[Pin]) -> Callable[[str], tuple[IndexFile, ...]]:
        """The listings of some packages, fetched side by side."""
        names = sorted({pin.name for pin in pins})
        with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
            return dict(zip(names, pool.map(self.files, names), strict=True)).__getitem__

    def _resolved(self, query: Query) -> Answer:
        """Releases without a wheel stand in where there is no solution without them.

        So one package that only a build could read does not hide all the others.
        """
        stand_ins: dict[str, tuple[StandIn, ...]] = {}
        answer = self.uv.solve(query)
        while isinstance(answer, Unanswered):
            new = [name for name in answer.unbuilt if name not in stand_ins]
            try:
                found = {n: without_wheel(n, self.files(n), query.pythons) for n in new}
            except UnreachableError:
                return answer
            if not any(found.values()):
                return answer
            stand_ins |= found
            answer = self.uv.solve(query, [one for held in stand_ins.values() for one in held])
        return answer

    def surely(self, query: Query) -> Answer:
        """The same where it serves all, and does not rest on a release that nobody can read.

        What users get today may rest on some: these are named gaps.
        """
        answer = self.solve(query)
        if not isinstance(answer, Solution):
            return answer
        if answer.missing:
            return answer.missing[0][1]
        unread = set(answer.unread) - self._unread
        return Unanswered(_unread(unread)) if unread else answer

    def files(self, package: str) -> tuple[IndexFile, ...]:
        """What the index of dependencies lists of a package, at the scan's moment.

        :raises UnreachableError: it does not answer.
        """
        if package not in self._files:
            listed = self._request.dependencies.files(package)
            now = self._request.now
            self._files[package] = tuple(
                f for f in listed if not f.upload_time or f.upload_time <= now
            )
        return self._files[package]

    def closures(self, roots: Sequence[Root]) -> tuple[Closure, ...]:
        """Resolve every root, for the plain install and for each extra."""
        queries = {root: self._queries(root) for root in roots}
        everything = sorted({q for asked in queries.values() for q in asked}, key=repr)
        self._ask(everything)
        if self._needs_no_moment(everything):
            self._answers.clear()
            self.uv = self.uv.untimed()
            self._ask(everything)
        solved = [a for a in self._answers.values() if isinstance(a, Solution)]
        self._unread = {name for answer in solved for name in answer.unread}
        return tuple(self._closure(root, queries[root]) for root in roots)

    def beside(self, candidate: Closure) -> tuple[Closure, ...]:
        """What is looked at for showing only, as far as the configuration wants it."""
        request, wanted = self._request, self._request.config.beside
        lowest = replace(self.uv, resolution="lowest")
        told = lowest.arguments(candidate.pythons[0]) if candidate.pythons else ()
        base = msgspec.structs.replace(candidate, arguments=told)
        found = (
            floor_closure(
                base, request.candidate, partial(_all, lowest.solve), request.cache / "floors"
            )
            if "floor" in wanted
            else None,
            development_closure(candidate, request.pyproject, partial(_all, self.solve))
            if "dev" in wanted
            else None,
        )
        return tuple(closure for closure in found if closure)

    def _ask(self, queries: Sequence[Query]) -> None:
        _all(self.solve, queries)

    def _needs_no_moment(self, queries: Iterable[Query]) -> bool:
        """Whether a failure may come from an index that tells no upload times.

        uv then sees no file at all; asking again without a moment is honest, and recorded.
        """
        unsolved = (q for q in queries if not isinstance(self._answers[q], Solution))
        packages = dict.fromkeys(package_of(line) for q in unsolved for line in q.requires)
        try:
            listings = (self._request.dependencies.files(package) for package in packages)
            listed = next((files for files in listings if files), ())
        except UnreachableError:
            return False
        return bool(listed) and not any(file.upload_time for file in listed)

    def _queries(self, root: Root) -> tuple[Query, ...]:
        minors = self._minors(root)
        if root.metadata is None or not minors:
            return ()
        requires, _ = readable(root.metadata.requires_dist)
        extras = (PLAIN, *sorted(root.metadata.extras))
        return tuple(Query(requires=requires, extra=extra, pythons=minors) for extra in extras)

    def _minors(self, root: Root) -> tuple[str, ...]:
        wanted = root.metadata.requires_python if root.metadata else None
        return supported(wanted, self._request.config.pythons, self._request.now)

    def _closure(self, root: Root, queries: Sequence[Query]) -> Closure:
        minors = self._minors(root)
        answers = {q: a for query in queries for q, a in self._served(query)}
        pins = (p for a in answers.values() if isinstance(a, Solution) for p in a.pins)
        return Closure(
            kind=root.kind,
            version=root.version,
            origin=root.origin,
            requires=root.metadata.requires_dist if root.metadata else (),
            pythons=minors,
            extras=tuple(sorted(root.metadata.extras)) if root.metadata else (),
            pins=merge((*self._own(root, minors), *pins), minors),
            gaps=tuple(self._gaps(root, answers)),
            resolver=self.version,
            arguments=self.uv.arguments(minors[0]) if minors else (),
            exclude_newer=self.uv.exclude_newer,
        )

    def _served(self, query: Query) -> list[tuple[Query, Answer]]:
        """A query's answer; while it has none, also those without its lowest Python.

        One Python that cannot be served must not hide what users of the others get.
        """
        tries = list(self._newer(query))
        return tries if isinstance(tries[-1][1], Solution) else tries[:1]

    def _newer(self, query: Query) -> Iterable[tuple[Query, Answer]]:
        answer = self.solve(query)
        yield query, answer
        hopeless = isinstance(answer, Unanswered) and not answer.elsewhere
        if not isinstance(answer, Solution) and not hopeless and query.pythons[1:]:
            yield from self._newer(replace(query, pythons=query.pythons[1:]))

    def _own(self, root: Root, minors: tuple[str, ...]) -> Iterable[Pin]:
        """The project itself: users get it too, and an advisory may be about it."""
        if root.metadata and minors:
            name, version = self._request.project.name, root.version
            yield Pin(name=name, version=version, pythons=minors, extras=(PLAIN,))

    def _gaps(self, root: Root, answers: dict[Query, Answer]) -> Iterable[Gap]:
        if root.gap:
            yield root.gap
        if root.metadata:
            yield from readable(root.metadata.requires_dist)[1]
        if root.metadata and not answers:
            yield Gap(name=self._request.project.name, reason="no Python that we know runs it")
        solved = {query.extra for query, a in answers.items() if isinstance(a, Solution)}
        unread = {name for a in answers.values() if isinstance(a, Solution) for name in a.unread}
        yield from (Gap(name=name, reason=_unread([name])) for name in sorted(unread))
        for query, answer in answers.items():
            if isinstance(answer, Solution):
                unserved = [(f" on Python {minor}", one) for minor, one in answer.missing]
            else:
                where = f" on Python {query.pythons[0]}" if query.extra in solved else ""
                unserved = [(where, answer)]
            extra = f"[{query.extra}]" if query.extra else ""
            for where, one in unserved:
                found = "has no solution" if isinstance(one, NoSolution) else "is not resolved"
                name = f"{self._request.project.name}{extra}{where}"
                yield Gap(name=name, reason=f"{found}: {one.words}")


def _unread(names: Iterable[str]) -> str:
    """Why nobody can see what some packages require."""
    return f"no wheel, and so told to who builds it: what {', '.join(sorted(names))} requires"


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
