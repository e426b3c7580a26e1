"""Resolve what users get: uv, asked side by side, at one moment, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial

import msgspec

from release.adapters.uv import Uv, resolver_version
from release.errors import UnreachableError
from release.flows.beside import development_closure, floor_closure
from release.flows.roots import Root, ScanRequest
from release.model.listing import IndexFile
from release.model.snapshot import (
    Closure,
    Gap,
    Pin,
)
from release.scan.pythons import supported
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

AT_ONCE = 4
"""How many resolutions run side by side."""
PAGES_AT_ONCE = 8
"""How many pages of the index are fetched side by side, for each of them."""


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
