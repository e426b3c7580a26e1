"""The smallest edit of our requirements that frees some findings, jointly.

An edit lifts what keeps newer releases out, raises a floor, or does both. It counts only when the
*highest* resolution after it, which is what users get, is free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from release.model.snapshot import Edit, Pin
from release.scan.requirements import (
    admits_version,
    changes,
    is_barred,
    lift,
    loosen,
    package_of,
    raise_floor,
)
from release.scan.resolution import NoSolution, Solution, Unanswered
from release.scan.search import Case, Freed, Search

TRIES = 64
"""How many sets of requirements are tried, the smaller first, before all of them are lifted and
what is not needed is left out again: then no requirement can be spared, but fewer might do."""


def smallest(search: Search, cases: Sequence[Case]) -> Freed | NoSolution | Unanswered:
    """The edit of the fewest requirements that frees all the cases.

    :class:`NoSolution` is a proof: with everything lifted no install can avoid them, or every
    set of requirements was tried.
    """
    lines = _lines(cases)
    refusal = _is_hopeless(search, cases, lines)
    if refusal:
        return refusal
    doubts: list[Unanswered] = []
    for chosen in itertools.islice(_sets(lines), TRIES):
        answer = _try(search, cases, chosen)
        if isinstance(answer, Freed):
            return answer
        doubts += [answer] if isinstance(answer, Unanswered) else []
    if 2 ** len(lines) - 1 <= TRIES:
        return doubts[0] if doubts else NoSolution("no edit of our requirements frees it")
    return _shrunk(search, cases, lines)


def _sets(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    sizes = range(1, len(lines) + 1)
    return itertools.chain.from_iterable(itertools.combinations(lines, size) for size in sizes)


def _lines(cases: Sequence[Case]) -> tuple[str, ...]:
    """The requirements that an edit may change, those on the affected packages first."""
    packages = {case.weakness.package for case in cases}
    ours = {line for case in cases for line in case.requires}
    worth = (line for line in ours if is_barred(line) or package_of(line) in packages)
    return tuple(sorted(worth, key=lambda line: (package_of(line) not in packages, line)))


def _is_hopeless(search: Search, cases: Sequence[Case], lines: Iterable[str]) -> NoSolution | None:
    """Why no edit can do: with all bounds lifted, every install that an edit allows is allowed."""
    lifted = {line: lift(line) for line in lines}
    for case in cases:
        requires = tuple(lifted.get(line, line) for line in case.requires)
        for place in case.places:
            answer = search.permits(requires, place, case.weakness)
            if isinstance(answer, NoSolution):
                return answer
    return None


def _shrunk(
    search: Search, cases: Sequence[Case], lines: tuple[str, ...]
) -> Freed | NoSolution | Unanswered:
    """Leave out, one after the other, every requirement that need not be edited."""
    freed = _try(search, cases, lines)
    if isinstance(freed, NoSolution):
        return Unanswered(f"too many requirements to try every set of them; all: {freed.words}")
    for line in lines if isinstance(freed, Freed) else ():
        fewer = _try(search, cases, tuple(other for other in lines if other != line))
        if isinstance(fewer, Freed):
            freed, lines = fewer, tuple(other for other in lines if other != line)
    return freed


def _try(
    search: Search, cases: Sequence[Case], lines: tuple[str, ...]
) -> Freed | NoSolution | Unanswered:
    """Edit exactly these requirements: bounds lifted, else floors raised, else both."""
    doubts: list[Unanswered] = []
    for edits in _variants(search, cases, lines):
        answer = search.frees_all(cases, edits)
        if isinstance(answer, Freed):
            return answer
        doubts += [answer] if isinstance(answer, Unanswered) else []
    return doubts[0] if doubts else NoSolution("no edit of these requirements frees it")


def _variants(
    search: Search, cases: Sequence[Case], lines: tuple[str, ...]
) -> Iterator[tuple[Edit, ...]]:
    """The ways to edit a set of requirements, the mildest first; each changes all of them."""
    floors = _floors(search, cases)
    lifted = {line: lift(line) for line in lines}
    kept = {line: _floored(line, floors) or lifted[line] for line in lines}
    both = {line: _floored(lifted[line], floors) or lifted[line] for line in lines}
    tried: list[tuple[Edit, ...]] = []
    for becomes in (lifted, kept, both):
        edits = tuple(Edit(requirement=line, becomes=becomes[line]) for line in lines)
        if edits not in tried and all(changes(edit) for edit in edits):
            tried.append(edits)
            yield edits


def _floored(line: str, floors: Mapping[str, Version]) -> str | None:
    """The requirement with its package's floor, if it admits that."""
    floor = floors.get(package_of(line))
    return raise_floor(line, floor) if floor and admits_version(line, str(floor)) else None


def _floors(search: Search, cases: Sequence[Case]) -> dict[str, Version]:
    """For each affected package the lowest free release above what users get."""
    floors: dict[str, Version] = {}
    for case in cases:
        package, got = case.weakness.package, Version(case.finding.version)
        versions = {file.version for file in search.free(case.weakness) if file.version}
        fix = min((version for version in versions if version > got), default=None)
        if fix:
            floors[package] = max(fix, floors.get(package, fix))
    return floors


@dataclass(frozen=True)
class Floor:
    """Our requirements that refuse the only free releases, which are older."""

    lines: tuple[str, ...]
    free: str


def too_high(search: Search, case: Case) -> Floor | None:
    """What of ours stands in the way where no edit helps: a fix may lie below our floor only.

    :returns: ``None`` if no install avoids the finding even without any bound of ours.
    """
    bare = tuple(loosen(line) for line in case.requires)
    pins: list[Pin] = []
    for place in case.places:
        answer = search.avoid(bare, place, case.weakness)
        if not isinstance(answer, Solution):
            return None
        pins += answer.pins
    lines = [line for line in case.requires if _refuses(line, pins)]
    taken = {pin.version for pin in pins if pin.name == case.weakness.package}
    return Floor(tuple(sorted(lines)), ", ".join(sorted(taken, key=Version))) if lines else None


def _refuses(line: str, pins: Iterable[Pin]) -> bool:
    name = package_of(line)
    return any(pin.name == name and not admits_version(line, pin.version) for pin in pins)
