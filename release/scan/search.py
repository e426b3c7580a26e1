"""Resolving again and again, each time asking whether a finding is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from release.model.finding import RANK, Finding
from release.model.listing import IndexFile, offered, versions
from release.model.snapshot import Closure, Edit, Pin
from release.scan.findings import Weakness, assess, releases_of
from release.scan.pythons import runs
from release.scan.requirements import apply, readable
from release.scan.resolution import (
    PLAIN,
    Answer,
    NoSolution,
    Query,
    Solution,
    Solve,
    Unanswered,
)
from release.scan.source import Found

ROUNDS = 10
"""How often a solution's new findings are excluded in turn before the question is left open."""
NOTHING = "<0.dev0"
"""The bound below the lowest of all versions (PEP 440): no release is within it."""


@dataclass(frozen=True)
class World:
    """The ports.

    :param solve: the resolver.
    :param match: the records that may concern some (name, version) pairs.
    :param files: what the index of the dependencies listed of a package at the scan's moment.
    """

    solve: Solve
    match: Callable[[Iterable[tuple[str, str]]], Found]
    files: Callable[[str], tuple[IndexFile, ...]]


@dataclass(frozen=True)
class Freed:
    """These edits of our requirements free a finding."""

    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Place:
    """An install that has a finding: its extra, and the Python versions where a fix would run."""

    extra: str
    pythons: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A finding of the published closure.

    :param requires: our requirements, in which an edit is looked for.
    :param at_head: they are HEAD's, which holds it too; else those of the latest release.
    """

    finding: Finding
    weakness: Weakness
    places: tuple[Place, ...]
    requires: tuple[str, ...]
    at_head: bool


@dataclass(frozen=True)
class Search:
    """The questions to the resolver.

    :param users: the weaknesses that users get today.
    :param known: those and the ones that only HEAD brings.
    """

    published: Closure
    users: tuple[Weakness, ...]
    known: tuple[Weakness, ...]
    world: World
    exclusions: dict[tuple[str, frozenset[str]], str] = field(default_factory=dict)
    """What shuts a weakness out, by its package and its records' ids."""

    def whole(self, weakness: Weakness) -> Weakness:
        """The same with its group's records on every listed release: another of them may hold
        the release that ends this one's range.
        """
        listed = versions(self.world.files(weakness.package))
        found = self._found(tuple((weakness.package, str(version)) for version in listed))
        group = [weakness, *(other for other in found if is_same(other, weakness))]
        records = {record.id: record for part in group for record in part.records}
        in_order = tuple(records[id_] for id_ in sorted(records))
        return Weakness(weakness.package, in_order, weakness.versions)

    def places(self, weakness: Weakness) -> tuple[Place, ...]:
        """Where the published closure has it; ``pythons`` are those that a free release runs on."""
        held = [
            pin
            for pin in self.published.pins
            if pin.name == weakness.package and pin.version in weakness.versions
        ]
        free = self.free(weakness)
        return tuple(
            Place(
                extra,
                tuple(
                    minor
                    for minor in self.published.pythons
                    if any(minor in pin.pythons for pin in held if extra in pin.extras)
                    and any(runs(file, minor) for file in free)
                ),
            )
            for extra in sorted({extra for pin in held for extra in pin.extras})
        )

    def free(self, weakness: Weakness) -> list[IndexFile]:
        """The files of the releases that an installer takes by itself and that are free of it."""
        files = offered(self.world.files(weakness.package))
        return [file for file in files if not weakness.affects(str(file.version))]

    def avoid(self, requires: tuple[str, ...], place: Place, weakness: Weakness) -> Answer:
        """Resolve without the affected releases, nor those with findings that were not there."""
        shut = [weakness]
        for _ in range(ROUNDS):
            constraints = tuple(sorted({self._exclusion(one) for one in shut}))
            query = Query(readable(requires)[0], place.extra, place.pythons, constraints)
            answer = self.world.solve(query)
            new = self._new(answer.pins, self.users) if isinstance(answer, Solution) else ()
            if not new:
                return answer
            shut += new
        return Unanswered(f"still other findings after {ROUNDS} rounds of excluding them")

    def permits(self, requires: tuple[str, ...], place: Place, weakness: Weakness) -> Answer:
        """Resolve without the affected releases, whatever else that may bring."""
        bounds = (self._exclusion(weakness),)
        return self.world.solve(Query(requires, place.extra, place.pythons, bounds))

    def frees_all(
        self, cases: Sequence[Case], edits: tuple[Edit, ...]
    ) -> Freed | NoSolution | Unanswered:
        """Whether the highest resolution after the edits is free of all of them.

        It has to serve every install that it serves today, and to bring nothing worse.
        """
        for case in cases:
            answer = self._is_gone(case, edits)
            if not isinstance(answer, Freed):
                return answer
        return self._serves(cases, edits)

    def _is_gone(self, case: Case, edits: tuple[Edit, ...]) -> Freed | NoSolution | Unanswered:
        for place in case.places:
            query = Query(apply(case.requires, edits), place.extra, place.pythons)
            answer = self.world.solve(query)
            if not isinstance(answer, Solution):
                return answer
            if any(is_hit(pin, case.weakness) for pin in answer.pins):
                return NoSolution("the highest resolution still takes an affected release")
        return Freed(edits)

    def _serves(
        self, cases: Sequence[Case], edits: tuple[Edit, ...]
    ) -> Freed | NoSolution | Unanswered:
        """Whether every install can be resolved as before, without a finding that is worse."""
        rank = max(RANK[case.finding.severity] for case in cases)
        for extra in (PLAIN, *self.published.extras):
            served = self._served(cases[0].requires, extra)
            if not served:
                continue
            answer = self.world.solve(Query(apply(cases[0].requires, edits), extra, served))
            if not isinstance(answer, Solution):
                return answer
            new = self._new(answer.pins, self.known)
            worse = [w for w in new if RANK[w.rating.severity] > rank]
            if worse:
                return NoSolution(f"it would bring {min(worse[0].ids)} in {worse[0].package}")
        return Freed(edits)

    def _served(self, requires: tuple[str, ...], extra: str) -> tuple[str, ...]:
        """The Python versions, from some one on, that these requirements can be installed on."""
        pythons = self.published.pythons
        while pythons and not isinstance(
            self.world.solve(Query(requires, extra, pythons)), Solution
        ):
            pythons = pythons[1:]
        return pythons

    def holds(self, holder: Pin, place: Place, weakness: Weakness) -> bool:
        """Whether a release cannot be installed beside a free one."""
        pythons = tuple(minor for minor in place.pythons if minor in holder.pythons)
        requires = (f"{holder.name}=={holder.version}",)
        bounds = (self._exclusion(weakness),)
        query = Query(requires, PLAIN, pythons or place.pythons, bounds)
        return isinstance(self.world.solve(query), NoSolution)

    def _exclusion(self, weakness: Weakness) -> str:
        """The constraint that shuts out a weakness."""
        key = (weakness.package, frozenset(record.id for record in weakness.records))
        if key not in self.exclusions:
            self.exclusions[key] = exclusion(weakness, self.world.files(weakness.package))
        return self.exclusions[key]

    def _new(self, pins: Iterable[Pin], before: tuple[Weakness, ...]) -> tuple[Weakness, ...]:
        """The weaknesses of a solution that were not there before."""
        found = self._found(releases_of(pins))
        return tuple(w for w in found if not any(is_same(w, other) for other in before))

    def _found(self, releases: tuple[tuple[str, str], ...]) -> tuple[Weakness, ...]:
        return assess(self.world.match(releases), releases).weaknesses


def exclusion(weakness: Weakness, files: Iterable[IndexFile]) -> str:
    """The constraint that admits exactly the releases that are free and that installers take.

    :returns: such as ``werkzeug>=2.3.8,!=3.0.0``; one that admits none where none is free: a
        resolution may still do without the package.
    """
    listed = tuple(files)
    takes = {file.version for file in offered(listed)}
    good = {v for v in takes if v and not weakness.affects(str(v))}
    if not good:
        return f"{weakness.package}{NOTHING}"
    lowest = min(good)
    shut = (v for v in versions(listed) if v > lowest and v not in good)
    return weakness.package + ",".join([f">={lowest}", *(f"!={v}" for v in shut)])


def is_hit(pin: Pin, weakness: Weakness) -> bool:
    """Whether a pin has the weakness."""
    return pin.name == weakness.package and weakness.affects(pin.version)


def is_same(weakness: Weakness, other: Weakness) -> bool:
    """Whether two are one: the same package, and an id in common."""
    return weakness.package == other.package and not weakness.ids.isdisjoint(other.ids)
