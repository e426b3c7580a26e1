"""The port that every scanner fits which runs beside the advisories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from release.model.snapshot import Pin
from release.scan.readers.code import Source
from release.scan.readers.reading import Reading


@dataclass(frozen=True)
class Target:
    """What to look at.

    :param folder: a fresh clone of the project at its commit.
    :param files: the project's files in it, relative, with slashes.
    :param pins: what users get, by all closures.
    :param source: where a report of it comes from, for its reader.
    :param osv_url: the OSV API.
    :param scratch: a folder of the scanner's own.
    """

    folder: Path
    files: tuple[str, ...]
    pins: tuple[Pin, ...]
    source: Source
    osv_url: str
    scratch: Path


class Runner(Protocol):
    """A scanner that can be run."""

    @property
    def name(self) -> str:
        """What its report goes under."""

    def run(self, target: Target) -> tuple[Reading, ...]:
        """Run it to its end and read its report.

        What goes wrong is in the readings and never raised: a scanner that is not installed is
        ``absent``, one that crashed or ran out of time has ``failed``.
        """
