"""Made-up worlds, and what is true in them by brute force.

The brute force shares nothing with ``release.scan`` but the resolver's word on which of all
installable combinations a fresh install takes; what is installable it finds by trying.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from made_index import Made, MadeIndex
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from release.adapters.index import SimpleIndex
from release.adapters.uv import Uv
from release.config import Config
from release.flows.roots import ScanRequest
from release.flows.snapshot import take_snapshot
from release.model.finding import RANK
from release.model.metadata import CoreMetadata
from release.model.snapshot import Project, Reach, Snapshot
from release.scan.resolution import Query, Solution

PYTHONS = ("3.11", "3.12")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = ("aa", "bb", "cc", "dd", "ee")
VERSIONS = ("1.0", "1.5", "2.0", "3.0")
BOUNDS = (
    "", "", "", "", "", "<2", "<2", "<3", "<3", ">=1.5", ">=2", "==1.0", "==1.5", "==2.0", "==1.*",
    "~=1.0", "!=2.0", "!=3.0", ">=1.0,<2", ">=1.5,<3", ">=3",
)  # fmt: skip
OUR_BOUNDS = (*BOUNDS[4:], "<2", "<1.5", "<3", "<=2.0", "==1.0", "==2.0")
MARKERS = ("", "", "", "", "", '; python_version < "3.12"', '; python_version >= "3.12"')
OURS = ("", "", "", "", '; extra == "x"', '; python_version >= "3.12"')
Combination = Mapping[str, str]


@dataclass(frozen=True)
class Advisory:
    """A made-up advisory: the versions of a package that it affects, and how bad it is."""

    id: str
    package: str
    affected: frozenset[str]
    severity: str

    def record(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "modified": "2026-01-01T00:00:00Z",
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": self.package},
                    "versions": sorted(self.affected),
                }
            ],
            "database_specific": {"severity": self.severity},
        }

    def hits(self, combination: Combination) -> bool:
        return combination.get(self.package) in self.affected


@dataclass(frozen=True)
class MadeWorld:
    """Releases on an index, what ours asks for, and what is known to be vulnerable."""

    releases: tuple[Made, ...]
    published: tuple[str, ...]
    candidate: tuple[str, ...]
    advisories: tuple[Advisory, ...]

    def scan(self, index: MadeIndex, folder: Path) -> tuple[Snapshot, Uv]:
        """What the tool sees of it, and the resolver that it asked."""
        extras = ("x",)
        ours = Made("ours", "1.0", self.published, extras=extras)
        url = index.shelve([*self.releases, ours])
        shelf = folder / url.split("/")[3]
        (shelf / "advisories").mkdir(parents=True)
        for one in self.advisories:
            (shelf / "advisories" / f"{one.id}.json").write_text(json.dumps(one.record()))
        request = ScanRequest(
            project=Project(name="ours", version="2.0", commit="c" * 40),
            candidate=CoreMetadata(
                name="ours", version="2.0", requires_dist=self.candidate, extras=extras
            ),
            repository="made",
            releases=SimpleIndex(url),
            dependencies=SimpleIndex(url),
            config=Config(pythons=PYTHONS, beside=()),
            advisories=str(shelf / "advisories"),
            known=None,
            now=NOW,
            cache=folder / "cache",
            tell=lambda line: None,
        )
        return take_snapshot(request), Uv("ours", "2.0", url, folder / "cache" / "uv", NOW)


@st.composite
def _release(draw: st.DrawFn, name: str, version: str, below: Sequence[str]) -> Made:
    needs = draw(st.lists(st.sampled_from(below), max_size=2, unique=True)) if below else []
    lines = [
        f"{need}{draw(st.sampled_from(BOUNDS))}{draw(st.sampled_from(MARKERS))}" for need in needs
    ]
    python = draw(st.sampled_from(("", "", "", "", ">=3.8", ">=3.12")))
    yanked = draw(st.integers(0, 11)) == 7
    return Made(name, version, tuple(lines), python, yanked)


@st.composite
def made_worlds(draw: st.DrawFn) -> MadeWorld:
    """Two to five packages of one to five releases, and one or two advisories."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    releases: list[Made] = []
    for at, name in enumerate(names):
        held = draw(st.lists(st.sampled_from(VERSIONS), min_size=2, max_size=4, unique=True))
        held += ["3.1rc1"] if draw(st.integers(0, 5)) == 3 else []
        releases += [draw(_release(name, version, names[at + 1 :])) for version in sorted(held)]
    published = draw(_ours(names))
    candidate = published if draw(st.integers(0, 2)) else draw(_ours(names))
    advisories = tuple(
        draw(_advisory(f"PYSEC-{number}", names, releases))
        for number in range(draw(st.integers(1, 3)))
    )
    return MadeWorld(tuple(releases), published, candidate, advisories)


@st.composite
def _ours(draw: st.DrawFn, names: Sequence[str]) -> tuple[str, ...]:
    asked = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    return tuple(
        f"{name}{draw(st.sampled_from(OUR_BOUNDS))}{draw(st.sampled_from(OURS))}" for name in asked
    )


@st.composite
def _advisory(
    draw: st.DrawFn, id_: str, names: Sequence[str], releases: Sequence[Made]
) -> Advisory:
    name = draw(st.sampled_from(names))
    held = [one.version for one in releases if one.name == name]
    below = held[: draw(st.sampled_from((1, len(held) - 1, len(held) - 1)))]
    some = st.lists(st.sampled_from(held), min_size=1, unique=True)
    affected = draw(st.one_of(st.just(below), st.just(below), st.just(below), some))
    severity = draw(st.sampled_from(("CRITICAL", "HIGH", "MODERATE", "LOW")))
    return Advisory(id_, name, frozenset(affected), severity)


# --- brute force


class Truth:
    """What is so in a world, found by trying everything."""

    def __init__(self, world: MadeWorld, uv: Uv) -> None:
        self.world = world
        self.uv = uv
        self._highest: dict[tuple[tuple[str, ...], str], dict[str, Combination]] = {}
        self.combinations = cache(self._combinations)

    # what is installable

    def offered(self, name: str) -> list[Made]:
        """The releases that an installer takes by itself: a pre-release only for lack of others."""
        kept = [one for one in self.world.releases if one.name == name and not one.yanked]
        return [one for one in kept if not Version(one.version).is_prerelease] or kept

    def _combinations(
        self, requires: tuple[str, ...], extra: str, python: str
    ) -> tuple[Combination, ...]:
        """Every set of releases that can be installed together for these requirements."""
        bounds = [line for line in map(Requirement, requires) if _applies(line, extra, python)]
        found = self._grow({}, bounds, python)
        return tuple(
            one
            for one, asked in found
            if all(self._is_usual(name, one[name], asked, bounds) for name in one)
        )

    def _grow(
        self, taken: dict[str, str], asked: list[Requirement], python: str
    ) -> Iterator[tuple[Combination, list[Requirement]]]:
        if not all(one.name not in taken or _admits(one, taken[one.name]) for one in asked):
            return
        missing = next((one.name for one in asked if one.name not in taken), None)
        if missing is None:
            yield taken, asked
            return
        for release in self.world.releases:
            if release.name == missing and _runs(release, python):
                more = [
                    one for one in map(Requirement, release.requires) if _applies(one, "", python)
                ]
                yield from self._grow(taken | {missing: release.version}, asked + more, python)

    def _is_usual(
        self, name: str, version: str, asked: Iterable[Requirement], ours: Iterable[Requirement]
    ) -> bool:
        """A yanked release only for our pin of it, a pre-release only where no other will do."""
        bounds = [one for one in asked if one.name == name]
        (release,) = (r for r in self.world.releases if (r.name, r.version) == (name, version))
        if release.yanked:
            return any(str(one.specifier) == f"=={version}" for one in ours if one.name == name)
        if not Version(version).is_prerelease:
            return True
        finals = (one for one in self.offered(name) if not Version(one.version).is_prerelease)
        return not any(all(_admits(one, final.version) for one in bounds) for final in finals)

    # what a fresh install takes

    def highest(self, requires: tuple[str, ...], extra: str) -> dict[str, Combination]:
        """By Python, what the resolver takes; a Python that cannot be served is left out."""
        key = (requires, extra)
        if key not in self._highest:
            self._highest[key] = self._taken(requires, extra, PYTHONS)
        return self._highest[key]

    def _taken(
        self, requires: tuple[str, ...], extra: str, pythons: tuple[str, ...]
    ) -> dict[str, Combination]:
        """Without the lowest Python where that cannot be served."""
        answer = self.uv.solve(Query(requires, extra, pythons))
        if not isinstance(answer, Solution):
            return self._taken(requires, extra, pythons[1:]) if pythons[1:] else {}
        return {
            python: {pin.name: pin.version for pin in answer.pins if python in pin.pythons}
            for python in pythons
        }

    def users(self, requires: tuple[str, ...]) -> dict[tuple[str, str], Combination]:
        """What users get, by extra and Python."""
        return {
            (extra, python): combination
            for extra in ("", "x")
            for python, combination in self.highest(requires, extra).items()
        }

    # findings

    def open(self, requires: tuple[str, ...]) -> set[str]:
        """The advisories that users get."""
        held = self.users(requires).values()
        return {one.id for one in self.world.advisories if any(one.hits(c) for c in held)}

    def places(self, advisory: Advisory) -> set[tuple[str, str]]:
        """Where users have it and a free release runs."""
        free = [o for o in self.offered(advisory.package) if o.version not in advisory.affected]
        return {
            (extra, python)
            for (extra, python), combination in self.users(self.world.published).items()
            if advisory.hits(combination) and any(_runs(one, python) for one in free)
        }

    def avoidable(self, advisory: Advisory, requires: tuple[str, ...]) -> bool:
        """Whether in each of those places an installable combination is free of it, and brings
        no finding that users did not have.
        """
        known = self.open(self.world.published) - {advisory.id}
        others = [o for o in self.world.advisories if o.id not in known]
        return all(
            any(
                not any(one.hits(combination) for one in others)
                and not Version(combination.get(advisory.package, "1")).is_prerelease
                for combination in self.combinations(requires, extra, python)
            )
            for extra, python in self.places(advisory)
        )

    # edits

    def frees(
        self, advisories: Sequence[Advisory], before: tuple[str, ...], after: tuple[str, ...]
    ) -> bool:
        """Whether the highest resolution after an edit is free of all, serves every install
        that was served, and brings nothing worse than the worst of them.
        """
        rank = max(RANK[_severity(one)] for one in advisories)
        known = self.open(self.world.published) | self.open(self.world.candidate)
        worse = [
            one
            for one in self.world.advisories
            if one.id not in known and RANK[_severity(one)] > rank
        ]
        for extra in ("", "x"):
            got = self.highest(after, extra)
            if not set(got) >= set(self.highest(before, extra)):
                return False
            if any(one.hits(combination) for one in worse for combination in got.values()):
                return False
        return not any(
            python not in self.highest(after, extra) or one.hits(self.highest(after, extra)[python])
            for one in advisories
            for extra, python in self.places(one)
        )

    def fewest(self, advisories: Sequence[Advisory], requires: tuple[str, ...]) -> int | None:
        """How many requirements must change so that all are freed; ``None`` if no change does."""
        for size in range(1, len(requires) + 1):
            for chosen in itertools.combinations(range(len(requires)), size):
                for edited in self._edited(advisories, requires, chosen):
                    if self.frees(advisories, requires, edited):
                        return size
        return None

    def _edited(
        self, advisories: Sequence[Advisory], requires: tuple[str, ...], chosen: Sequence[int]
    ) -> Iterator[tuple[str, ...]]:
        ways = [list(self._ways(advisories, requires[at])) for at in chosen]
        for pick in itertools.product(*ways):
            lines = list(requires)
            for at, line in zip(chosen, pick, strict=True):
                lines[at] = line
            yield tuple(lines)

    def _ways(self, advisories: Sequence[Advisory], line: str) -> Iterator[str]:
        """Every way to edit one requirement: without its caps, and with each floor."""
        requirement = Requirement(line)
        uncapped = _uncapped(requirement)
        bodies = {str(requirement.specifier), uncapped}
        floors = {""}
        if any(one.package == requirement.name for one in advisories):
            floors |= {f">={o.version}" for o in self.offered(requirement.name)}
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        for body, floor in itertools.product(sorted(bodies), sorted(floors)):
            bounds = ",".join(part for part in (body, floor) if part)
            if SpecifierSet(bounds) != requirement.specifier:
                yield f"{requirement.name}{bounds}{marker}"


def _severity(advisory: Advisory) -> Any:
    return {"MODERATE": "medium"}.get(advisory.severity, advisory.severity.lower())


def _applies(line: Requirement, extra: str, python: str) -> bool:
    env = {"python_version": python, "python_full_version": f"{python}.99", "extra": extra}
    return line.marker is None or line.marker.evaluate(env)


def _runs(release: Made, python: str) -> bool:
    return f"{python}.99" in SpecifierSet(release.python)


def _admits(line: Requirement, version: str) -> bool:
    return line.specifier.contains(version, prereleases=True)


def _uncapped(line: Requirement) -> str:
    kept = []
    for one in line.specifier:
        if one.operator in {"==", "~="}:
            kept.append(f">={one.version.removesuffix('.*')}")
        elif one.operator in {">", ">="}:
            kept.append(str(one))
    return ",".join(sorted(kept))


# --- the comparison


def disagreements(world: MadeWorld, snapshot: Snapshot, uv: Uv) -> list[str]:
    """Where the tool and the brute force differ; empty if nowhere."""
    truth = Truth(world, uv)
    return [*_of_closures(truth, snapshot), *_of_reach(truth, snapshot)]


def _of_closures(truth: Truth, snapshot: Snapshot) -> Iterator[str]:
    requires = {"published": truth.world.published, "candidate": truth.world.candidate}
    for closure in snapshot.closures:
        lines = requires[closure.kind]
        for (extra, python), combination in truth.users(lines).items():
            told = {
                pin.name: pin.version
                for pin in closure.pins
                if pin.name != "ours" and python in pin.pythons and extra in pin.extras
            }
            if told != combination:
                yield f"{closure.kind} {extra} {python}: told {told}, users get {combination}"
            if dict(combination) not in map(dict, truth.combinations(lines, extra, python)):
                yield f"{closure.kind} {extra} {python}: {combination} cannot be installed"
        for extra in ("", "x"):
            for python in set(PYTHONS) - set(truth.highest(lines, extra)):
                if all(
                    truth.combinations(lines, extra, other) for other in PYTHONS if other >= python
                ):
                    yield f"{closure.kind} {extra}: no solution was found, and there is one"


def _of_reach(truth: Truth, snapshot: Snapshot) -> Iterator[str]:
    reached = {one.ids[0]: one for one in snapshot.reach}
    found = {one.ids[0]: one for one in snapshot.findings}
    expected = truth.open(truth.world.published)
    if set(reached) != expected:
        yield f"judged {sorted(reached)}, users get {sorted(expected)}"
        return
    for advisory in truth.world.advisories:
        if advisory.id in reached:
            here = "candidate" in found[advisory.id].affects and not truth.frees(
                [advisory], truth.world.candidate, truth.world.candidate
            )
            for trouble in _of_one(truth, advisory, reached[advisory.id], here):
                yield f"{advisory.id}: {trouble} ({reached[advisory.id]})"
    yield from _of_all(truth, snapshot)


def _of_one(truth: Truth, advisory: Advisory, told: Reach, here: bool) -> Iterator[str]:
    if told.verdict == "unknown":
        yield "unknown"
    elif not truth.places(advisory):
        if told.verdict != "no-fix":
            yield "no fix runs where users have it"
    elif truth.avoidable(advisory, truth.world.published):
        if told.verdict != "installable-fix":
            yield "a fresh install can avoid it"
    elif told.verdict not in {"blocked-by-us", "blocked-upstream"}:
        yield "a fresh install cannot avoid it"
    else:
        yield from _of_blocked(truth, advisory, told, here)


def _of_blocked(truth: Truth, advisory: Advisory, told: Reach, here: bool) -> Iterator[str]:
    requires = truth.world.candidate if here else truth.world.published
    fewest = truth.fewest([advisory], requires)
    if told.verdict == "blocked-by-us" and told.edit:
        after = _after(requires, told)
        if not truth.frees([advisory], requires, after):
            yield f"the edit does not free it: {after}"
    if here and fewest is not None and not told.edit:
        yield f"an edit of {fewest} frees it"
    if not here and fewest is not None and told.verdict != "blocked-by-us":
        yield f"an edit of {fewest} of the published requirements frees it"
    if fewest is None:
        bare = tuple(_bare(line) for line in requires)
        ours = truth.avoidable(advisory, bare)
        if ours is not (told.verdict == "blocked-by-us"):
            yield f"without our bounds an install {'can' if ours else 'cannot'} avoid it"


def _of_all(truth: Truth, snapshot: Snapshot) -> Iterator[str]:
    """The joint edit: it frees all, and no smaller one does."""
    edited = [one for one in snapshot.reach if one.edit]
    if not edited:
        return
    ids = {one.ids[0] for one in edited}
    advisories = [one for one in truth.world.advisories if one.id in ids]
    requires = truth.world.candidate
    fewest = truth.fewest(advisories, requires)
    edits = {edit for one in edited for edit in one.edit}
    becomes = {edit.requirement: edit.becomes for edit in edits}
    after = tuple(becomes.get(line, line) for line in requires)
    freed = truth.frees(advisories, requires, after)
    if freed and len(edits) != fewest:
        yield f"{len(edits)} edits, {fewest} would do: {sorted(becomes.items())}"
    if not freed and (fewest is not None or "together" not in edited[0].witness):
        yield f"the joint edit does not free all: {after}; {fewest} would do"


def _after(requires: Iterable[str], told: Reach) -> tuple[str, ...]:
    becomes = {edit.requirement: edit.becomes for edit in told.edit}
    return tuple(becomes.get(line, line) for line in requires)


def _bare(line: str) -> str:
    requirement = Requirement(line)
    requirement.specifier = SpecifierSet()
    return str(requirement)
