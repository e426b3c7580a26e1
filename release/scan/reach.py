"""Whether a fresh install can avoid a finding, and who stands in the way.

Pure over three ports: the resolver, the advisories and the index's listing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from release.errors import UnreachableError
from release.model.finding import RANK, Finding
from release.model.listing import IndexFile, installable, versions
from release.model.snapshot import Closure, Edit, Pin, Reach, Verdict
from release.scan.findings import Weakness, assess, releases_of
from release.scan.pythons import admits
from release.scan.requirements import (
    apply,
    is_barred,
    lift,
    package_of,
    raise_floor,
    readable,
    unite,
)
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
HEAD_FREES = "HEAD frees it already"
OWN_CODE = "the advisory is about this project; a release that mends it frees its users"


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
class Worse(NoSolution):
    """It would be free of the finding, and bring one more severe."""


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
    """A finding of the published closure."""

    finding: Finding
    weakness: Weakness
    places: tuple[Place, ...]
    requires: tuple[str, ...]
    """Our requirements, in which an edit is looked for: HEAD's while HEAD holds it too."""


def reaches(
    findings: Iterable[Finding],
    weaknesses: Sequence[Weakness],
    published: Closure,
    candidate: Sequence[str],
    world: World,
    *,
    own: str,
) -> tuple[Reach, ...]:
    """The verdict on every finding of the published closure, by key.

    :param weaknesses: what was found, in whatever closure.
    :param candidate: the ``Requires-Dist`` lines of HEAD.
    :param own: the project's own name: an advisory about it is for its own code to mend.
    """
    search = Search(published, _of(published, weaknesses), tuple(weaknesses), world)
    results: list[tuple[Case | None, Reach]] = []
    for finding in sorted(findings, key=lambda one: one.key):
        if finding.package == own and "published" in finding.affects:
            results.append((None, _reach(finding, "own-code", witness=OWN_CODE)))
        elif "published" in finding.affects:
            weakness = next(
                w for w in weaknesses if w.package == finding.package and w.ids == {*finding.ids}
            )
            results.append(_settled(search, finding, weakness, candidate))
    return _jointly(search, results)


def _of(closure: Closure, weaknesses: Iterable[Weakness]) -> tuple[Weakness, ...]:
    held = set(releases_of(closure.pins))
    return tuple(
        w for w in weaknesses if any((w.package, version) in held for version in w.versions)
    )


def _settled(
    search: Search, finding: Finding, weakness: Weakness, candidate: Sequence[str]
) -> tuple[Case | None, Reach]:
    requires = tuple(candidate) if "candidate" in finding.affects else search.published.requires
    try:
        weakness = search.whole(weakness)
        places = tuple(place for place in search.places(weakness) if place.pythons)
        if not places:
            return None, _no_fix(finding)
        case = Case(finding, weakness, places, readable(requires)[0])
        return case, search.verdict(case)
    except UnreachableError as error:
        return None, _reach(finding, "unknown", witness=error.what)


def _jointly(search: Search, results: Sequence[tuple[Case | None, Reach]]) -> tuple[Reach, ...]:
    """Check all edits together; where they clash, look for one edit that frees all."""
    edited = [(case, reach) for case, reach in results if case and reach.edit]
    if len(edited) < 2:
        return tuple(reach for _, reach in results)
    cases = [case for case, _ in edited]
    union = unite(edit for _, reach in edited for edit in reach.edit)
    try:
        joint = search.joint_edit(cases, union)
    except UnreachableError as error:
        joint = Unanswered(error.what)
    return tuple(_with_joint(reach, joint, union) if reach.edit else reach for _, reach in results)


def _with_joint(
    reach: Reach, joint: Freed | NoSolution | Unanswered, union: Sequence[Edit]
) -> Reach:
    if isinstance(joint, Freed):
        edits = reach.edit if joint.edits == tuple(union) else joint.edits
        return _replaced(reach, edits, reach.witness)
    note = f"the edits of all findings together were not shown to free it: {joint.words}"
    return _replaced(reach, reach.edit, f"{reach.witness}\n{note}")


def _replaced(reach: Reach, edits: tuple[Edit, ...], witness: str) -> Reach:
    return Reach(
        key=reach.key,
        package=reach.package,
        ids=reach.ids,
        verdict=reach.verdict,
        blocker=reach.blocker,
        edit=edits,
        witness=witness,
    )


@dataclass(frozen=True)
class Search:
    """Resolves again and again, each time asking whether a finding is gone.

    :param users: the weaknesses that users get today.
    :param known: those and the ones that only HEAD brings.
    """

    published: Closure
    users: tuple[Weakness, ...]
    known: tuple[Weakness, ...]
    world: World
    exclusions: dict[tuple[str, frozenset[str]], str | None] = field(default_factory=dict)
    """What shuts a weakness out, by its package and its records' ids."""

    def whole(self, weakness: Weakness) -> Weakness:
        """The same with its group's records on every listed release: another of them may hold
        the release that ends this one's range.
        """
        listed = versions(self.world.files(weakness.package))
        found = self._found(tuple((weakness.package, str(version)) for version in listed))
        group = [weakness, *(other for other in found if _is_same(other, weakness))]
        records = {record.id: record for part in group for record in part.records}
        in_order = tuple(records[id_] for id_ in sorted(records))
        return Weakness(weakness.package, in_order, weakness.versions)

    def places(self, weakness: Weakness) -> tuple[Place, ...]:
        """Where the published closure has it; ``pythons`` are those that a free release admits."""
        held = [
            pin
            for pin in self.published.pins
            if pin.name == weakness.package and pin.version in weakness.versions
        ]
        free = [f for f in _offered(self.world.files(weakness.package)) if _is_free(f, weakness)]
        return tuple(
            Place(
                extra,
                tuple(
                    minor
                    for minor in self.published.pythons
                    if any(minor in pin.pythons for pin in held if extra in pin.extras)
                    and any(admits(file.requires_python, minor) for file in free)
                ),
            )
            for extra in sorted({extra for pin in held for extra in pin.extras})
        )

    def verdict(self, case: Case) -> Reach:
        """The verdict on a finding that some release on the index is free of."""
        answers = [self._avoid(self.published.requires, p, case.weakness) for p in case.places]
        refusals = [answer for answer in answers if isinstance(answer, NoSolution)]
        silences = [answer for answer in answers if isinstance(answer, Unanswered)]
        if refusals:
            return self._blocked(case, refusals[0])
        if silences:
            return _reach(case.finding, "unknown", witness=silences[0].words)
        taken = [a for a in answers if isinstance(a, Solution)]
        return _reach(case.finding, "installable-fix", witness=_takes(case.weakness, taken))

    def _blocked(self, case: Case, refusal: NoSolution) -> Reach:
        here = "candidate" in case.finding.affects
        witness = refusal.words if here else f"{HEAD_FREES}; {refusal.words}"
        found = self._edit(case)
        if isinstance(found, Unanswered):
            return _reach(case.finding, "unknown", witness=f"{witness}\n{found.words}")
        if isinstance(found, NoSolution):
            blocker = self._upstream(case)
            return _reach(case.finding, "blocked-upstream", blocker=blocker, witness=witness)
        return _reach(
            case.finding,
            "blocked-by-us",
            blocker="; ".join(edit.requirement for edit in found.edits),
            edit=found.edits if here else (),
            witness=witness,
        )

    def _edit(self, case: Case) -> Freed | NoSolution | Unanswered:
        """The smallest edit of ours: one requirement if one suffices, else all, shrunk."""
        lines = _barred(case.requires, case.weakness.package)
        if not lines:
            return NoSolution("none of our requirements keeps a release out")
        everything = self._frees(case, _lifts(lines))
        if not isinstance(everything, Freed | Worse):
            return everything
        for line in lines:
            alone = self._frees(case, _lifts([line]))
            if isinstance(alone, Freed):
                return alone
        if isinstance(everything, Worse):
            return everything
        return self._shrunk(everything, lambda edits: self._frees(case, edits))

    def joint_edit(
        self, cases: Sequence[Case], union: tuple[Edit, ...]
    ) -> Freed | NoSolution | Unanswered:
        """One edit that frees all: the union of theirs, else all lifted and shrunk."""
        together = self._free_all(cases, union)
        if isinstance(together, Freed):
            return together
        lines = _barred(cases[0].requires, cases[0].weakness.package)
        everything = self._free_all(cases, unite((*union, *_lifts(lines))))
        if not isinstance(everything, Freed):
            return everything
        return self._shrunk(everything, lambda edits: self._free_all(cases, edits))

    def _shrunk(
        self, freed: Freed, check: Callable[[tuple[Edit, ...]], Freed | NoSolution | Unanswered]
    ) -> Freed:
        """Leave out, one after the other, every edit that is not needed."""
        for edit in freed.edits:
            fewer = check(tuple(other for other in freed.edits if other != edit))
            if isinstance(fewer, Freed):
                freed = fewer
        return freed

    def _free_all(
        self, cases: Sequence[Case], edits: tuple[Edit, ...]
    ) -> Freed | NoSolution | Unanswered:
        for case in cases:
            answer = self._is_gone(case, edits)
            if not isinstance(answer, Freed):
                return answer
        return Freed(edits)

    def _frees(self, case: Case, edits: tuple[Edit, ...]) -> Freed | NoSolution | Unanswered:
        """Whether edits free a finding, if need be with a higher floor for its package."""
        plain = self._is_gone(case, edits)
        if isinstance(plain, Freed):
            return plain
        floored = tuple(self._floored(case, edits))
        return plain if floored == edits else self._is_gone(case, floored)

    def _floored(self, case: Case, edits: Iterable[Edit]) -> Iterator[Edit]:
        fix = self._lowest_fix(case.weakness, case.finding.version)
        for edit in edits:
            ours = package_of(edit.requirement) == case.weakness.package
            becomes = raise_floor(edit.becomes, fix) if ours and fix else edit.becomes
            yield Edit(requirement=edit.requirement, becomes=becomes)

    def _lowest_fix(self, weakness: Weakness, version: str) -> Version | None:
        files = [f for f in self.world.files(weakness.package) if _is_free(f, weakness)]
        return min((v for v in installable(files) if v > Version(version)), default=None)

    def _is_gone(self, case: Case, edits: tuple[Edit, ...]) -> Freed | NoSolution | Unanswered:
        """Whether the highest resolution after the edits is free of it, and brings none worse."""
        rank = RANK[case.finding.severity]
        for place in case.places:
            query = Query(apply(case.requires, edits), place.extra, place.pythons)
            answer = self.world.solve(query)
            if not isinstance(answer, Solution):
                return answer
            if any(_is_hit(pin, case.weakness) for pin in answer.pins):
                return NoSolution("the highest resolution still takes an affected release")
            new = self._new(answer.pins, self.known)
            worse = [w for w in new if RANK[w.rating.severity] > rank]
            if worse:
                return Worse(f"it would bring {min(worse[0].ids)} in {worse[0].package}")
        return Freed(edits)

    def _avoid(self, requires: tuple[str, ...], place: Place, weakness: Weakness) -> Answer:
        """Resolve without the affected releases, nor those with findings that were not there."""
        shut = [weakness]
        for _ in range(ROUNDS):
            bounds = [self._exclusion(one) for one in shut]
            if None in bounds:
                return NoSolution(f"only releases of {shut[-1].package} with other findings do")
            constraints = tuple(sorted({bound for bound in bounds if bound}))
            query = Query(readable(requires)[0], place.extra, place.pythons, constraints)
            answer = self.world.solve(query)
            new = self._new(answer.pins, self.users) if isinstance(answer, Solution) else ()
            if not new:
                return answer
            shut += new
        return Unanswered(f"still other findings after {ROUNDS} rounds of excluding them")

    def _exclusion(self, weakness: Weakness) -> str | None:
        """The constraint that shuts out a weakness; ``None`` when it leaves nothing."""
        key = (weakness.package, frozenset(record.id for record in weakness.records))
        if key not in self.exclusions:
            self.exclusions[key] = exclusion(weakness, self.world.files(weakness.package))
        return self.exclusions[key]

    def _new(self, pins: Iterable[Pin], before: tuple[Weakness, ...]) -> tuple[Weakness, ...]:
        """The weaknesses of a solution that were not there before."""
        found = self._found(releases_of(pins))
        return tuple(w for w in found if not any(_is_same(w, other) for other in before))

    def _found(self, releases: tuple[tuple[str, str], ...]) -> tuple[Weakness, ...]:
        return assess(self.world.match(releases), releases).weaknesses

    def _upstream(self, case: Case) -> str | None:
        """Who holds the affected release once all our bounds are lifted; never ourselves.

        Of all that require it, the one that alone admits no free release.
        """
        lifted = apply(case.requires, _lifts(_barred(case.requires, case.weakness.package)))
        for place in case.places:
            answer = self.world.solve(Query(lifted, place.extra, place.pythons))
            pins = answer.pins if isinstance(answer, Solution) else ()
            for affected in (pin for pin in pins if _is_hit(pin, case.weakness)):
                holders = [pin for pin in pins if pin.name in affected.via]
                guilty = (pin for pin in holders if self._holds(pin, place, case.weakness))
                if holder := next(guilty, holders[0] if holders else None):
                    return f"{holder.name}=={holder.version}"
        return None

    def _holds(self, holder: Pin, place: Place, weakness: Weakness) -> bool:
        """Whether a release cannot be installed beside a free one."""
        bound = self._exclusion(weakness)
        pythons = tuple(minor for minor in place.pythons if minor in holder.pythons)
        requires = (f"{holder.name}=={holder.version}",)
        query = Query(requires, PLAIN, pythons or place.pythons, (bound,) if bound else ())
        return isinstance(self.world.solve(query), NoSolution)


def exclusion(weakness: Weakness, files: Iterable[IndexFile]) -> str | None:
    """The constraint that admits exactly the releases above the lowest free one that are free.

    :returns: such as ``werkzeug>=2.3.8,!=3.0.0``; ``None`` when no release is free.
    """
    listed = tuple(files)
    free = [v for v in installable(listed) if not weakness.affects(str(v))]
    if not free:
        return None
    shut = [v for v in versions(listed) if v > free[0] and weakness.affects(str(v))]
    return weakness.package + ",".join([f">={free[0]}", *(f"!={v}" for v in shut)])


def _offered(files: Iterable[IndexFile]) -> list[IndexFile]:
    return [f for f in files if f.version and not f.yanked and not f.version.is_prerelease]


def _is_free(file: IndexFile, weakness: Weakness) -> bool:
    return file.version is not None and not weakness.affects(str(file.version))


def _is_hit(pin: Pin, weakness: Weakness) -> bool:
    return pin.name == weakness.package and weakness.affects(pin.version)


def _is_same(weakness: Weakness, other: Weakness) -> bool:
    return weakness.package == other.package and not weakness.ids.isdisjoint(other.ids)


def _barred(requires: Iterable[str], package: str) -> tuple[str, ...]:
    """Our requirements that keep releases out, the one on the package itself first."""
    barred = {line for line in requires if is_barred(line)}
    return tuple(sorted(barred, key=lambda line: (package_of(line) != package, line)))


def _lifts(lines: Iterable[str]) -> tuple[Edit, ...]:
    return tuple(Edit(requirement=line, becomes=lift(line)) for line in lines)


def _takes(weakness: Weakness, solutions: Iterable[Solution]) -> str:
    pins = [pin for solution in solutions for pin in solution.pins]
    taken = sorted({f"{p.name}=={p.version}" for p in pins if p.name == weakness.package})
    return f"resolves with {', '.join(taken)}" if taken else f"resolves without {weakness.package}"


def _no_fix(finding: Finding) -> Reach:
    where = [f"extra {extra}" if extra else "the plain install" for extra in finding.extras]
    return _reach(
        finding,
        "no-fix",
        witness=f"no release of {finding.package} is free of it for Python "
        f"{', '.join(finding.pythons)} ({', '.join(where)})",
    )


def _reach(
    finding: Finding,
    verdict: Verdict,
    *,
    witness: str,
    blocker: str | None = None,
    edit: tuple[Edit, ...] = (),
) -> Reach:
    return Reach(
        key=finding.key,
        package=finding.package,
        ids=finding.ids,
        verdict=verdict,
        blocker=blocker,
        edit=edit,
        witness=witness,
    )
