"""What can be seen to go wrong beforehand: the branch, the clock, what PyPI would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from release.model.plan import Problem

SKEW = timedelta(minutes=10)
"""How far our clock may be from the index's; tokens and signatures allow for no more."""


@dataclass(frozen=True)
class Preflight:
    """What was gathered about the place that a release is made from.

    ``branches`` are those that hold HEAD, here or at a remote; ``allowed`` those that releases may
    come from, none meaning any; ``behind`` is the remote's branch that HEAD lacks commits of.
    ``now`` is our clock, ``None`` where it was set by hand; ``committed`` is HEAD's time, ``told``
    the time by the index.
    ``refused`` is why an index would refuse the metadata or the readme. ``lacks`` are the
    Pythons that the project supports where this machine has none of them, ``None`` where it has.
    """

    committed: datetime
    now: datetime | None = None
    told: datetime | None = None
    branches: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    behind: str = ""
    refused: tuple[str, ...] = ()
    lacks: tuple[str, ...] | None = None


def preflight(facts: Preflight) -> Iterator[Problem]:
    """Everything that stands in the way, all at once."""
    yield from _branch(facts)
    yield from _clock(facts)
    for one in facts.refused:
        yield Problem(
            check="metadata-accepted",
            what=f"an index would refuse it: {one}",
            next="correct it in pyproject.toml or the readme, and commit",
        )
    if facts.lacks is not None:
        yield no_python(facts.lacks)


def no_python(versions: tuple[str, ...]) -> Problem:
    """The problem that the archives can be tried on no Python of this machine.

    :param versions: those that the project supports.
    """
    known = ", ".join(versions) or "none that is known"
    return Problem(
        check="python",
        what=f"this machine has no Python that the project supports: {known}",
        next="install one of them, as with: uv python install VERSION; then run again",
    )


def _branch(facts: Preflight) -> Iterator[Problem]:
    fits = any(fnmatchcase(one, like) for one in facts.branches for like in facts.allowed)
    if facts.allowed and not fits:
        on = ", ".join(facts.branches) or "no branch"
        yield Problem(
            check="branch",
            what=f"HEAD is on {on}; releases come from {', '.join(facts.allowed)}",
            next="check out one of those, or correct branches in [tool.release-warden]",
        )
    if facts.behind:
        yield Problem(
            check="up-to-date",
            what=f"{facts.behind} holds commits that HEAD lacks",
            next="pull, look at what came, then run again",
        )


def _clock(facts: Preflight) -> Iterator[Problem]:
    if facts.now is None:
        return
    if facts.told and abs(facts.now - facts.told) > SKEW:
        yield Problem(
            check="clock",
            what=f"our clock says {facts.now:%Y-%m-%d %H:%M} UTC, the index {facts.told:%H:%M}",
            next="set this machine's clock; credentials and signatures depend on it",
        )
    if facts.committed - facts.now > SKEW:
        yield Problem(
            check="clock",
            what=f"HEAD was committed at {facts.committed:%Y-%m-%d %H:%M} UTC, and it is only "
            f"{facts.now:%Y-%m-%d %H:%M}",
            next="set this machine's clock, or commit again with a right one",
        )
