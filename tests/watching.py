"""Somebody who watches a run and keeps what is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from release.adapters.progress import Nobody, watched_by


@dataclass
class Watching(Nobody):
    """What was told, in order; ``pauses`` counts how often somebody else wrote."""

    parts: list[tuple[str, str]] = field(default_factory=list)
    bytes: list[tuple[str, int, int]] = field(default_factory=list)
    waited: list[tuple[float, str]] = field(default_factory=list)
    pauses: int = 0

    def began(self, part: str) -> None:
        self.parts.append((part, ""))

    def ended(self, part: str, result: str) -> None:
        self.parts.append((part, result))

    def moved(self, name: str, done: int, whole: int) -> None:
        self.bytes.append((name, done, whole))

    def waits(self, seconds: float, why: str) -> None:
        self.waited.append((seconds, why))

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.pauses += 1
        yield


@contextmanager
def watching() -> Iterator[Watching]:
    """What is told inside the block."""
    somebody = Watching()
    with watched_by(somebody):
        yield somebody
