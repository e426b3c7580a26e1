"""Which earlier releases HEAD carries on: told by git's history, not by numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from release.ship.lines import lines

#   A - B - D - E (main)      C1 = 1.4.8 made from A by us, C2 = 2.0.0 from B, C3 = 2.1.0 from D
#   C1 - F (the branch 1.4.x)     hand = 1.4.7, a tag that a person set on A
PARENTS = {
    "A": (), "B": ("A",), "D": ("B",), "E": ("D",),
    "C1": ("A",), "C2": ("B",), "C3": ("D",), "F": ("C1",), "twin": ("A",), "M": ("E", "C2"),
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    tag: str
    commit: str
    ours: bool = True

    @property
    def parents(self) -> tuple[str, ...]:
        return PARENTS[self.commit]


def history(commits: Iterable[str]) -> frozenset[str]:
    found = set(commits)
    for commit in tuple(found):
        found |= history(PARENTS[commit])
    return frozenset(found)


RELEASES = (
    Origin("v1.4.7", "A", ours=False),
    Origin("v1.4.8", "C1"),
    Origin("v2.0.0", "C2"),
    Origin("v2.1.0", "C3"),
)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("A", ["v1.4.7", "v1.4.8"]),
        ("B", ["v1.4.7", "v1.4.8", "v2.0.0"]),  # none of ours was brought to main: all count
        ("E", ["v1.4.7", "v1.4.8", "v2.0.0", "v2.1.0"]),
        ("F", ["v1.4.7", "v1.4.8"]),
        ("M", ["v1.4.7", "v2.0.0", "v2.1.0"]),  # 2.0.0 was brought to main; 1.4.8 is another line
    ],
)
def test_the_lines_of_a_branch(head, expected):
    here, elsewhere = lines(RELEASES, head, history)
    assert list(here) == expected
    assert {*here, *elsewhere} == {release.tag for release in RELEASES}


def test_two_releases_of_one_commit_are_two_lines_to_who_stands_on_one():
    twins = (Origin("v1.4.8", "C1"), Origin("v2.0.0", "twin"))
    assert lines(twins, "F", history) == (("v1.4.8",), ("v2.0.0",))
    assert lines(twins, "B", history) == (("v1.4.8", "v2.0.0"), ())


def test_a_release_commit_of_somebody_else_counts_where_it_is_merged():
    theirs = (Origin("v2.0.0", "C2", ours=False),)
    assert lines(theirs, "B", history) == ((), ("v2.0.0",))
    assert lines(theirs, "M", history) == (("v2.0.0",), ())


def test_without_releases_there_is_one_line():
    assert lines((), "E", history) == ((), ())
