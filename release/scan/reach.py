"""Whether a fresh install can avoid a finding, and who stands in the way.

Pure over three ports: the resolver, the advisories and the index's listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from release.errors import UnreachableError
from release.model.finding import Finding
from release.model.snapshot import Closure, Edit, Reach, Verdict
from release.scan import edits
from release.scan.findings import Weakness, releases_of
from release.scan.requirements import apply, is_barred, lift, readable, unite
from release.scan.resolution import NoSolution, Query, Solution, Unanswered
from release.scan.search import Case, Freed, Place, Search, World, is_hit

HEAD_FREES = "HEAD frees it already"
OWN_CODE = "the advisory is about this project; a release that mends it frees its users"


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
    try:
        weakness = search.whole(weakness)
        places = tuple(place for place in search.places(weakness) if place.pythons)
        if not places:
            return None, _no_fix(finding)
        case = _case(search, finding, weakness, places, candidate)
        return case, _verdict(search, case)
    except UnreachableError as error:
        return None, _reach(finding, "unknown", witness=error.what)


def _case(
    search: Search,
    finding: Finding,
    weakness: Weakness,
    places: tuple[Place, ...],
    candidate: Sequence[str],
) -> Case:
    """HEAD may hold a finding and yet be free of it wherever a fix runs."""
    if finding.reaches("candidate"):
        case = Case(finding, weakness, places, readable(candidate)[0], at_head=True)
        if not isinstance(search.frees_all([case], ()), Freed):
            return case
    return Case(finding, weakness, places, readable(search.published.requires)[0], at_head=False)


def _jointly(search: Search, results: Sequence[tuple[Case | None, Reach]]) -> tuple[Reach, ...]:
    """The smallest edit that frees all findings that an edit frees; each bears its part of it."""
    edited = [(case, reach) for case, reach in results if case and reach.edit]
    if len(edited) < 2:
        return tuple(reach for _, reach in results)
    cases = [case for case, _ in edited]
    joint: Freed | NoSolution | Unanswered
    try:
        joint = edits.smallest(search, cases)
    except UnreachableError as error:
        joint = Unanswered(error.what)
    if not isinstance(joint, Freed):
        note = f"the edits of all findings together were not shown to free it: {joint.words}"
        return tuple(
            _replaced(reach, reach.edit, f"{reach.witness}\n{note}") if reach.edit else reach
            for _, reach in results
        )
    whole = joint
    parts = {case.finding.key: _part(search, case, whole) for case in cases}
    if set(unite(edit for part in parts.values() for edit in part)) != set(whole.edits):
        parts = dict.fromkeys(parts, whole.edits)
    return tuple(
        _replaced(reach, parts[reach.key], reach.witness) if reach.key in parts else reach
        for _, reach in results
    )


def _part(search: Search, case: Case, joint: Freed) -> tuple[Edit, ...]:
    """What of the joint edit one finding needs: no more of it can be left out."""
    part = joint.edits
    for edit in joint.edits:
        fewer = tuple(other for other in part if other != edit)
        if fewer and isinstance(search.frees_all([case], fewer), Freed):
            part = fewer
    return part


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


def _verdict(search: Search, case: Case) -> Reach:
    """The verdict on a finding that some release on the index is free of."""
    requires = search.published.requires
    answers = [search.avoid(requires, place, case.weakness) for place in case.places]
    refusals = [answer for answer in answers if isinstance(answer, NoSolution)]
    silences = [answer for answer in answers if isinstance(answer, Unanswered)]
    if refusals:
        return _blocked(search, case, refusals[0])
    if silences:
        return _reach(case.finding, "unknown", witness=silences[0].words)
    taken = [answer for answer in answers if isinstance(answer, Solution)]
    return _reach(case.finding, "installable-fix", witness=_takes(case.weakness, taken))


def _blocked(search: Search, case: Case, refusal: NoSolution) -> Reach:
    witness = refusal.words if case.at_head else f"{HEAD_FREES}; {refusal.words}"
    found = edits.smallest(search, [case])
    if isinstance(found, Unanswered):
        return _reach(case.finding, "unknown", witness=f"{witness}\n{found.words}")
    if isinstance(found, NoSolution):
        return _past_edits(search, case, witness)
    return _reach(
        case.finding,
        "blocked-by-us",
        blocker="; ".join(edit.requirement for edit in found.edits),
        edit=found.edits if case.at_head else (),
        witness=witness,
    )


def _past_edits(search: Search, case: Case, witness: str) -> Reach:
    """No cap lifted and no floor raised frees it: our floor is too high, or others hold it."""
    floor = edits.too_high(search, case)
    if floor is None:
        blocker = _upstream(search, case)
        return _reach(case.finding, "blocked-upstream", blocker=blocker, witness=witness)
    blocker = "; ".join(floor.lines)
    note = f"only older releases are free of it ({floor.free}), and {blocker} of ours refuses them"
    return _reach(case.finding, "blocked-by-us", blocker=blocker, witness=f"{witness}\n{note}")


def _upstream(search: Search, case: Case) -> str | None:
    """Who holds the affected release once all our bounds are lifted; never ourselves.

    Of all that require it, the one that alone admits no free release.
    """
    lifts = [Edit(requirement=line, becomes=lift(line)) for line in case.requires]
    lifted = apply(case.requires, (e for e in lifts if is_barred(e.requirement)))
    for place in case.places:
        answer = search.world.solve(Query(lifted, place.extra, place.pythons))
        pins = answer.pins if isinstance(answer, Solution) else ()
        for affected in (pin for pin in pins if is_hit(pin, case.weakness)):
            holders = [pin for pin in pins if pin.name in affected.via]
            guilty = (pin for pin in holders if search.holds(pin, place, case.weakness))
            if holder := next(guilty, holders[0] if holders else None):
                return f"{holder.name}=={holder.version}"
    return None


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
