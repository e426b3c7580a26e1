"""Where an install has a finding, on which Pythons and with which extras, and where HEAD frees it.

A fix that needs a newer Python frees the users of that Python, and leaves the others where they
are: of one finding one part is removed then, and the other stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from release.model.finding import ClosureKind, Finding
from release.model.snapshot import Closure, Snapshot

Place = tuple[str, str]
"""A Python version and an extra; the extra ``""`` is the plain install."""


def split(snapshot: Snapshot, finding: Finding) -> tuple[Finding, Finding] | None:
    """The part of a finding that HEAD frees users of, and the part that they keep.

    :returns: ``None`` where HEAD frees nobody of it or all, brings it to somebody, or is not
        resolved where it has it.
    """
    published, candidate = snapshot.closure("published"), snapshot.closure("candidate")
    if published is None or candidate is None:
        return None
    before, after = _places(published, finding), _places(candidate, finding)
    extras = {"", *candidate.extras}
    freed = {p for p in before - after if p[0] in candidate.pythons and p[1] in extras}
    if not (freed and after and after < before):
        return None
    return _at(freed, [published], finding), _at(before - freed, [published, candidate], finding)


def _places(closure: Closure, finding: Finding) -> frozenset[Place]:
    return frozenset(place for _, place in _held(closure, finding))


def _held(closure: Closure, finding: Finding) -> Iterable[tuple[str, Place]]:
    """The affected versions that a closure has, each with a place."""
    name, versions = canonicalize_name(finding.package), finding.affects.get(closure.kind, ())
    for pin in closure.pins:
        if canonicalize_name(pin.name) == name and pin.version in versions:
            yield from ((pin.version, (m, e)) for m in pin.pythons for e in pin.extras)


def _at(places: Set[Place], closures: Iterable[Closure], finding: Finding) -> Finding:
    """A finding as it is at some places."""
    affects: dict[ClosureKind, tuple[str, ...]] = {}
    for closure in closures:
        seen = {version for version, place in _held(closure, finding) if place in places}
        affects[closure.kind] = tuple(v for v in finding.affects[closure.kind] if v in seen)
    return replace(
        finding,
        affects=affects,
        pythons=tuple(m for m in finding.pythons if any(m == minor for minor, _ in places)),
        extras=tuple(sorted({extra for _, extra in places})),
    )
