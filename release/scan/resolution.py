"""What the resolver is asked and what it answers: the port that closures and reach share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from release.model.listing import IndexFile, offered
from release.model.snapshot import Pin
from release.scan import pythons

PLAIN = ""
"""The install without any extra."""


@dataclass(frozen=True)
class Query:
    """The question what a fresh install of a root with these requirements gets.

    :param requires: its ``Requires-Dist`` lines.
    :param extra: the one extra asked for, or :data:`PLAIN`.
    :param pythons: the minor versions of interest, lowest first.
    :param constraints: further bounds on any package, one requirement each.
    """

    requires: tuple[str, ...]
    extra: str
    pythons: tuple[str, ...]
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Solution:
    """It gets these; of the ``unread`` packages among them nobody can see what they require."""

    pins: tuple[Pin, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoSolution:
    """Nothing satisfies it; ``words`` are the resolver's reasons."""

    words: str


@dataclass(frozen=True)
class Unanswered:
    """The resolver could not tell; ``words`` say why.

    ``elsewhere``: it may be able to for newer Python versions alone; ``unbuilt``: packages that
    have releases without a wheel, which is what stopped it.
    """

    words: str
    elsewhere: bool = False
    unbuilt: tuple[str, ...] = ()


@dataclass(frozen=True)
class StandIn:
    """A release without a wheel: the resolver may take it, as if it required nothing."""

    name: str
    version: str
    requires_python: str


def without_wheel(
    name: str, files: Iterable[IndexFile], minors: Iterable[str]
) -> tuple[StandIn, ...]:
    """The releases of a package that users of these Python versions have to build, lowest first."""
    takes = offered(files)
    wheels = {
        file.version
        for file in takes
        if file.name.endswith(".whl") and any(pythons.runs(file, minor) for minor in minors)
    }
    built = {
        file.version: file
        for file in takes
        if file.version and file.version not in wheels and not file.name.endswith(".whl")
    }
    return tuple(
        StandIn(canonicalize_name(name), str(version), file.requires_python or "")
        for version, file in sorted(built.items())
    )


Answer = Solution | NoSolution | Unanswered
Solve = Callable[[Query], Answer]


@dataclass(frozen=True)
class Locked:
    """One line of a universal resolution: a version, where it holds, and who asks for it."""

    name: str
    version: str
    marker: Marker | None
    via: tuple[str, ...]


def read_lock(text: str) -> tuple[Locked, ...]:
    """Read ``uv pip compile --universal --annotation-style line``; direct URLs are left out.

    :raises ValueError: a line is no pinned requirement.
    """
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(locked for line in lines if (locked := _read_line(line)))


def _read_line(line: str) -> Locked | None:
    body, _, via = line.partition("# via ")
    try:
        requirement = Requirement(body.strip())
    except InvalidRequirement as error:
        raise ValueError(f"no pinned requirement: {line}") from error
    if requirement.url:
        return None
    pinned = [s.version for s in requirement.specifier if s.operator in {"==", "==="}]
    if len(pinned) != 1:
        raise ValueError(f"no pinned requirement: {line}")
    return Locked(
        name=canonicalize_name(requirement.name),
        version=pinned[0],
        marker=requirement.marker,
        via=tuple(sorted(_names(via))),
    )


def _names(via: str) -> Iterator[str]:
    """Who asks; uv also names the files that it was given (``-r in.txt``, ``-c bounds.txt``)."""
    for name in via.split(","):
        if name.strip() and not name.strip().startswith("-"):
            yield canonicalize_name(name.strip())


def pin(locked: Iterable[Locked], minors: tuple[str, ...], extra: str) -> tuple[Pin, ...]:
    """The pins that reach users on these Python versions."""
    pins = []
    for line in locked:
        where = tuple(minor for minor in minors if pythons.holds(line.marker, minor))
        if where:
            pins.append(
                Pin(
                    name=line.name,
                    version=line.version,
                    pythons=where,
                    extras=(extra,),
                    via=line.via,
                )
            )
    return tuple(pins)


def merge(pins: Iterable[Pin], minors: tuple[str, ...]) -> tuple[Pin, ...]:
    """The pins sorted, one for all extras that get a version on the same Python versions."""
    places: dict[tuple[str, str, str], set[str]] = {}
    via: dict[tuple[str, str], set[str]] = {}
    for one in pins:
        via.setdefault((one.name, one.version), set()).update(one.via)
        for extra in one.extras:
            places.setdefault((one.name, one.version, extra), set()).update(one.pythons)
    extras: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (name, version, extra), seen in sorted(places.items()):
        where = tuple(minor for minor in minors if minor in seen)
        extras.setdefault((name, version, where), []).append(extra)
    return tuple(
        Pin(
            name=name,
            version=version,
            pythons=where,
            extras=tuple(asked),
            via=tuple(sorted(via[name, version])),
        )
        for (name, version, where), asked in sorted(extras.items())
    )
