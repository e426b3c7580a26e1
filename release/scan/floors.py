"""Which of our floors to raise, so that the lowest that they admit is not vulnerable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.version import Version

from release.model.listing import IndexFile, offered
from release.model.snapshot import Edit, Pin
from release.scan.findings import Weakness, assess
from release.scan.requirements import admits_version, changes, package_of, raise_floor
from release.scan.source import Found


def ours(pins: Iterable[Pin], own: str) -> tuple[Pin, ...]:
    """The pins that our own requirements ask for: what else is lowest has others' floors."""
    return tuple(pin for pin in pins if own in pin.via)


def raised(
    requires: Sequence[str],
    weaknesses: Iterable[Weakness],
    match: Callable[[Iterable[tuple[str, str]]], Found],
    files: Callable[[str], tuple[IndexFile, ...]],
) -> tuple[Edit, ...]:
    """The requirements with a floor at the lowest release that has no known weakness.

    A requirement that admits no such release above the vulnerable one is left as it is.

    :param weaknesses: those of the lowest resolution.
    :raises UnreachableError: a port did not answer.
    """
    lowest: dict[str, Version] = {}
    for weakness in weaknesses:
        held = max(map(Version, weakness.versions))
        lowest[weakness.package] = max(held, lowest.get(weakness.package, held))
    clean = {name: tuple(_clean(name, match, files(name))) for name in sorted(lowest)}
    edits = (_raised(line, clean, lowest) for line in requires)
    return tuple(edit for edit in edits if edit and changes(edit))


def _clean(
    name: str,
    match: Callable[[Iterable[tuple[str, str]]], Found],
    files: Iterable[IndexFile],
) -> Iterator[Version]:
    """The releases of a package that have no known weakness, lowest first."""
    takes = sorted({file.version for file in offered(files) if file.version})
    releases = [(name, str(version)) for version in takes]
    judged = assess(match(releases), releases)
    bad = frozenset[str]().union(*(weakness.versions for weakness in judged.weaknesses))
    if not judged.undecided:
        yield from (version for version in takes if str(version) not in bad)


def _raised(
    line: str, clean: dict[str, tuple[Version, ...]], lowest: dict[str, Version]
) -> Edit | None:
    name = package_of(line)
    fits = (
        version
        for version in clean.get(name, ())
        if version > lowest[name] and admits_version(line, str(version))
    )
    floor = next(fits, None)
    return Edit(requirement=line, becomes=raise_floor(line, floor)) if floor else None
