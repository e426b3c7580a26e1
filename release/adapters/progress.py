"""What goes on now, told by those who do it to whoever shows it.

Uploads, waits and gates happen far below where anybody knows of a terminal. They tell it here; who
watches is decided at the top of a run, and where nobody does, nothing is kept and nothing imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

Say = Callable[[str], None]
"""Says one line."""


class Watcher(Protocol):
    """Somebody who shows what goes on. Any thread may tell, and no call may fail or block."""

    def planned(self, steps: tuple[str, ...]) -> None:
        """These steps are to be taken, in this order."""
        ...

    def began(self, part: str) -> None:
        """A part of the running step has begun, such as a gate."""
        ...

    def ended(self, part: str, result: str) -> None:
        """It has ended; ``result`` is a word for how."""
        ...

    def moved(self, name: str, done: int, whole: int) -> None:
        """So many bytes of a file went out or came in, of so many; ``whole`` is 0 if unknown."""
        ...

    def waits(self, seconds: float, why: str) -> None:
        """Nothing is done for so long, and why."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Inside the block somebody else writes to the terminal."""
        ...


class Nobody:
    """Where nothing is shown."""

    def planned(self, steps: tuple[str, ...]) -> None:
        """Nobody wants to know."""

    def began(self, part: str) -> None:
        """Nobody wants to know."""

    def ended(self, part: str, result: str) -> None:
        """Nobody wants to know."""

    def moved(self, name: str, done: int, whole: int) -> None:
        """Nobody wants to know."""

    def waits(self, seconds: float, why: str) -> None:
        """Nobody wants to know."""

    def paused(self) -> AbstractContextManager[None]:
        """Nothing is in the way."""
        return nullcontext()


_watcher: Watcher = Nobody()


def watcher() -> Watcher:
    """Who watches this run."""
    return _watcher


@contextmanager
def watched_by(somebody: Watcher) -> Iterator[None]:
    """Inside the block, somebody watches."""
    global _watcher  # noqa: PLW0603 - one process is one run
    before, _watcher = _watcher, somebody
    try:
        yield
    finally:
        _watcher = before


def planned(steps: Iterable[str]) -> None:
    """These steps are to be taken, in this order."""
    _watcher.planned(tuple(steps))


def moved(name: str, done: int, whole: int) -> None:
    """So many bytes of a file went out or came in, of so many; ``whole`` is 0 if unknown."""
    _watcher.moved(name, done, whole)


def waits(seconds: float, why: str) -> None:
    """Nothing is done for so long, and why: in our own words, not in a server's."""
    _watcher.waits(seconds, why)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Around a part of the running step."""
    _watcher.began(name)
    result = "failed"
    try:
        yield
        result = "ok"
    finally:
        _watcher.ended(name, result)
