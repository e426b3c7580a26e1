"""Where an install has a finding, on which Pythons and with which extras, and where HEAD frees it.

A fix that needs a newer Python frees the users of that Python, and leaves the others where they
are: of one finding one part is removed then, and the other stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, product

from msgspec.structs import replace

from release.model.finding import ClosureKind, Finding
from release.model.names import normalised
from release.model.snapshot import Closure, Pin, Snapshot

Place = tuple[str, str]
"""A Python version and an extra; the extra ``""`` is the plain install."""


class Places:
    """Where the closures of a scan have what, by package."""

    def __init__(self, snapshot: Snapshot) -> None:
        published, candidate = snapshot.closure("published"), snapshot.closure("candidate")
        self._published = _Installed(published) if published else None
        self._candidate = _Installed(candidate) if candidate else None

    @property
    def packages(self) -> Mapping[str, Sequence[Pin]]:
        """The pins of HEAD, by the normalised name of their package."""
        return self._candidate.packages if self._candidate else {}

    def split(self, finding: Finding) -> tuple[Finding, Finding] | None:
        """The part of a finding that HEAD frees users of, and the part that they keep.

        :returns: ``None`` where HEAD frees nobody of it or all, brings it to somebody, or is not
            resolved where it has it.
        """
        published, candidate = self._published, self._candidate
        if published is None or candidate is None or published.is_alike(candidate, finding):
            return None
        before, after = published.places(finding), candidate.places(finding)
        if not (after and after < before):
            return None
        freed = {place for place in before - after if candidate.is_resolved_at(place)}
        if not freed:
            return None
        kept = before - freed
        return _at(freed, [published], finding), _at(kept, [published, candidate], finding)


class _Installed:
    """What an install of a closure brings."""

    def __init__(self, closure: Closure) -> None:
        self.kind = closure.kind
        self._pythons, self._extras = {*closure.pythons}, {"", *closure.extras}
        self.packages: dict[str, list[Pin]] = {}
        for pin in closure.pins:
            self.packages.setdefault(normalised(pin.name), []).append(pin)

    def is_alike(self, other: _Installed, finding: Finding) -> bool:
        """Whether both bring the finding to the same places, as is seen at once of most."""
        name, affects = normalised(finding.package), finding.affects
        return self.packages.get(name) == other.packages.get(name) and (
            affects.get(self.kind) == affects.get(other.kind)
        )

    def is_resolved_at(self, place: Place) -> bool:
        """Whether the closure was resolved for a Python and an extra."""
        python, extra = place
        return python in self._pythons and extra in self._extras

    def pins(self, finding: Finding) -> Iterator[Pin]:
        """The pins of the finding's package at the versions that it affects."""
        versions = finding.affects.get(self.kind, ())
        for pin in self.packages.get(normalised(finding.package), ()):
            if pin.version in versions:
                yield pin

    def places(self, finding: Finding) -> frozenset[Place]:
        """Where it has the finding."""
        held = (product(pin.pythons, pin.extras) for pin in self.pins(finding))
        return frozenset(chain.from_iterable(held))


def _at(places: Set[Place], closures: Iterable[_Installed], finding: Finding) -> Finding:
    """A finding as it is at some places."""
    affects: dict[ClosureKind, tuple[str, ...]] = {}
    for closure in closures:
        held = closure.pins(finding)
        seen = {p.version for p in held if not places.isdisjoint(product(p.pythons, p.extras))}
        affects[closure.kind] = tuple(v for v in finding.affects[closure.kind] if v in seen)
    minors = {minor for minor, _ in places}
    return replace(
        finding,
        affects=affects,
        pythons=tuple(minor for minor in finding.pythons if minor in minors),
        extras=tuple(sorted({extra for _, extra in places})),
    )
