"""What the resolver is asked and what it answers: the port that closures and reach share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from release.model.listing import IndexFile, offered, versions
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
    """It gets these; of the ``unread`` packages among them nobody can see what they require.

    ``missing`` are the Python versions on which there is no such install, each with its answer.
    """

    pins: tuple[Pin, ...]
    unread: tuple[str, ...] = ()
    missing: tuple[tuple[str, NoSolution | Unanswered], ...] = ()


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
Files = Callable[[str], Iterable[IndexFile]]
"""What the index lists of a package."""


def misfits(pins: Iterable[Pin], files: Files) -> dict[str, tuple[str, ...]]:
    """By Python version, the bounds that shut out what was taken and does not run there.

    A universal resolution holds a release's lower bound on Python to be one, and an upper bound,
    or wheels for older versions alone, to be none: installers do not.
    """
    found: dict[str, set[str]] = {}
    for one in pins:
        listed = tuple(files(one.name))
        taken = [file for file in listed if str(file.version) == one.version]
        for minor in one.pythons if taken else ():
            if not any(pythons.runs(file, minor) for file in taken):
                found.setdefault(minor, set()).add(_fitting(one, listed, minor))
    return {minor: tuple(sorted(bounds)) for minor, bounds in found.items()}


def _fitting(one: Pin, listed: Iterable[IndexFile], minor: str) -> str:
    """The bound that admits what runs there. To name a pre-release would be to ask for it."""
    runs = {file.version for file in listed if pythons.runs(file, minor)}
    shut = {str(v) for v in versions(listed) if v not in runs and not v.is_prerelease}
    return one.name + ",".join(f"!={version}" for version in sorted({*shut, one.version}))


def pieced(answer: Solution, alone: Mapping[str, Answer], minors: tuple[str, ...]) -> Answer:
    """An answer for all Python versions, of which some were asked about alone.

    :param alone: their answers.
    """
    solved = {minor: one for minor, one in alone.items() if isinstance(one, Solution)}
    missing = [
        (minor, one) for minor, one in alone.items() if isinstance(one, NoSolution | Unanswered)
    ]
    if len(missing) == len(minors):
        return missing[0][1]
    missing += [gap for one in solved.values() for gap in one.missing]
    kept = (_on(pin, [m for m in pin.pythons if m not in alone]) for pin in answer.pins)
    told = (pin for one in solved.values() for pin in one.pins)
    pins = merge((pin for pin in (*kept, *told) if pin.pythons), minors)
    unread = {name for one in (answer, *solved.values()) for name in one.unread}
    held = {pin.name for pin in pins}
    return Solution(pins, tuple(sorted(unread & held)), tuple(missing))


def _on(pin: Pin, minors: Iterable[str]) -> Pin:
    return msgspec.structs.replace(pin, pythons=tuple(minors))


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
