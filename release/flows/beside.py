"""What is looked at beside what users get: shown, offered as an edit, and never a cause.

- ``floor``: the lowest versions that HEAD's requirements admit. Old installs have them, fresh ones
  do not, and almost every healthy package has a vulnerable one. The resolution is kept in the
  cache until the requirements change: it asks for the oldest releases, which stay as they are.
- ``dev``: dependency groups (PEP 735) and build requirements (PEP 518), each resolved for itself.

A failure is told by the scanners ``osv-floor`` and ``osv-dev``, which nothing requires.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from release.errors import UnreachableError
from release.model.base import Noun, sha256
from release.model.metadata import CoreMetadata
from release.model.snapshot import Closure, Edit, Gap, Pin
from release.scan import floors
from release.scan.findings import Weakness
from release.scan.groups import development
from release.scan.requirements import apply, readable
from release.scan.resolution import (
    PLAIN,
    Answer,
    Query,
    Solution,
    Solve,
    merge,
)

Ask = Callable[[Iterable[Query]], list[Answer]]


@dataclass(frozen=True)
class Asked:
    """Some installs, each by the word that stands for it: an extra, or a dependency group."""

    queries: Mapping[str, Query]
    answers: Mapping[str, Answer]
    gaps: tuple[Gap, ...] = ()


def development_closure(base: Closure, pyproject: str, solve: Ask) -> Closure | None:
    """What developers get; ``None`` where the project names no such requirements.

    :param base: HEAD's closure, for its Python versions.
    :param solve: the resolver, asked several things at once.
    """
    groups, unread = development(pyproject)
    if not base.pythons or not (groups or unread):
        return None
    split = {name: readable(lines) for name, lines in groups.items()}
    queries = {name: Query(kept, PLAIN, base.pythons) for name, (kept, _) in split.items()}
    gaps = (*unread, *(gap for _, aside in split.values() for gap in aside))
    answers = dict(zip(queries, solve(queries.values()), strict=True))
    told = _closure(base, Asked(queries, answers, gaps), "group")
    lines = tuple(sorted({line for held in groups.values() for line in held}))
    return msgspec.structs.replace(told, kind="dev", requires=lines, extras=tuple(queries))


class _Kept(Noun, frozen=True, kw_only=True):
    """A lowest resolution in the cache."""

    pins: tuple[Pin, ...]


def floor_closure(
    base: Closure,
    metadata: CoreMetadata,
    solve: Ask,
    cache: Path,
) -> Closure | None:
    """The lowest that HEAD's requirements admit; ``None`` where it has none.

    :param base: HEAD's closure.
    :param solve: the resolver, set to the lowest, asked several things at once.
    :param cache: the folder where answers are kept.
    """
    requires = readable(metadata.requires_dist)[0]
    if not base.pythons or not requires:
        return None
    extras = (PLAIN, *sorted(metadata.extras))
    queries = {extra: Query(requires, extra, base.pythons) for extra in extras}
    kept = cache / f"{sha256(repr((base.resolver, tuple(queries.values()))).encode())}.json"
    pins = _read(kept)
    if pins is None:
        answers = dict(zip(queries, solve(queries.values()), strict=True))
        told = _closure(base, Asked(queries, answers), "extra")
        if not told.gaps:
            cache.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(msgspec.json.encode(_Kept(pins=told.pins)))
    else:
        told = msgspec.structs.replace(base, pins=pins, gaps=())
    ours = floors.ours(told.pins, metadata.normalized_name)
    return msgspec.structs.replace(told, kind="floor", pins=ours)


def without(closure: Closure, releases: Container[tuple[str, str]]) -> Closure:
    """A closure but for some releases, (name, version) pairs."""
    pins = tuple(pin for pin in closure.pins if (pin.name, pin.version) not in releases)
    return msgspec.structs.replace(closure, pins=pins)


def _read(kept: Path) -> tuple[Pin, ...] | None:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=_Kept).pins
    except (OSError, msgspec.DecodeError):
        return None


def _closure(base: Closure, asked: Asked, kind: str) -> Closure:
    solved = {n: a for n, a in asked.answers.items() if isinstance(a, Solution)}
    pins = (
        msgspec.structs.replace(pin, extras=(name,)) for name, a in solved.items() for pin in a.pins
    )
    unsolved = (
        Gap(name=f"{kind} {name}" if name else "the plain install", reason=answer.words)
        for name, answer in asked.answers.items()
        if not isinstance(answer, Solution)
    )
    unread = {name for answer in solved.values() for name in answer.unread}
    blind = (Gap(name=name, reason="no wheel tells what it requires") for name in sorted(unread))
    return msgspec.structs.replace(
        base,
        pins=merge(pins, base.pythons),
        gaps=(*asked.gaps, *unsolved, *blind),
    )


def checked_floors(
    closure: Closure,
    weaknesses: Iterable[Weakness],
    raise_them: Callable[[tuple[str, ...], Iterable[Weakness]], tuple[Edit, ...]],
    solve: Solve,
) -> tuple[Edit, ...]:
    """The edits after which every install still resolves; one that breaks any is left out.

    :param raise_them: finds the edits of some requirements.
    :param solve: the resolver, set to the highest.
    """
    requires = readable(closure.requires)[0]
    try:
        edits = raise_them(requires, weaknesses)
    except UnreachableError:
        return ()
    if _serves(closure, apply(requires, edits), solve):
        return edits
    return tuple(e for e in edits if _serves(closure, apply(requires, [e]), solve))


def _serves(closure: Closure, requires: tuple[str, ...], solve: Solve) -> bool:
    queries = (Query(requires, extra, closure.pythons) for extra in (PLAIN, *closure.extras))
    return all(isinstance(solve(query), Solution) for query in queries)
