"""Release lines: which earlier releases HEAD carries on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol


class Release(Protocol):
    """A tagged release: its commit, that one's parents, and whether this tool made the commit."""

    @property
    def tag(self) -> str:
        """The tag's name."""

    @property
    def commit(self) -> str:
        """Where it stands."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The commits before."""

    @property
    def ours(self) -> bool:
        """Whether the commit is a release commit of this tool."""


History = Callable[[Iterable[str]], frozenset[str]]
"""Some commits and all that they descend from."""


def lines(
    releases: Iterable[Release], head: str, history: History
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tags of releases from HEAD's line, and those from others.

    A release commit of this tool stands on no branch until somebody brings it there: what counts
    is the commit that it was made from. If HEAD has left that commit by way of another release, it
    is of that one's line: to who stands on 1.4.8, a 2.0.0 made from the same commit is another.
    """
    known, held = tuple(releases), history([head])
    landed = [release for release in known if release.commit in held]
    left = history({parent for release in landed for parent in release.parents})

    def is_here(release: Release) -> bool:
        bases = release.parents if release.ours else ()
        return release.commit in held or any(b in held and b not in left for b in bases)

    here = tuple(release.tag for release in known if is_here(release))
    return here, tuple(release.tag for release in known if not is_here(release))
