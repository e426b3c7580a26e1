"""The port that every source of advisories fits: one file an implementation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from release.scan.advisories import Advisory, Damaged


@dataclass(frozen=True)
class Found:
    """What a source gave: records, and the names of those that it has but nobody can read."""

    advisories: tuple[Advisory, ...] = ()
    damaged: tuple[Damaged, ...] = ()


class AdvisorySource(Protocol):
    """A database of advisories."""

    @property
    def detail(self) -> str:
        """Who answered, as a snapshot names it; known once it has."""

    @property
    def database_date(self) -> datetime | None:
        """The newest change among the records seen."""

    def match(self, releases: Iterable[tuple[str, str]]) -> Found:
        """The records that may concern these releases; the caller evaluates them.

        :param releases: (normalized name, version) pairs.
        :raises UnreachableError: the source did not answer, or answered rubbish.
        """

    def lookup(self, ids: Iterable[str]) -> Found:
        """The records of these ids, withdrawn ones too; those it does not know are left out.

        :raises UnreachableError: the source did not answer, or answered rubbish.
        """
