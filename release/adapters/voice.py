"""The voice of a run: what it says on stderr while it goes on, for a person, a pipe or a CI log."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Protocol, Self

from release.adapters import job, meter, progress, terminal
from release.adapters.secrecy import hide
from release.adapters.terminal import GOES_ON

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but for line ends and tabs (ECMA-48): others' words may hold them."""
LONG = 5.0
"""Seconds: a shorter wait needs no line of its own."""


class Face(progress.Watcher, Protocol):
    """One way of showing a run."""

    def say(self, line: str) -> None:
        """Say a line; one that ends in :data:`GOES_ON` tells what goes on until the next."""
        ...

    def step(self, name: str) -> AbstractContextManager[None]:
        """Around a step."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


class Plain(progress.Nobody):
    """Every line as it comes, for a pipe or a terminal that can only print."""

    def say(self, line: str) -> None:
        """Write a line."""
        sys.stderr.write(job.harmless(line) + "\n")
        sys.stderr.flush()

    def waits(self, seconds: float, why: str) -> None:
        """Tell of a wait that is worth a line."""
        if seconds >= LONG:
            self.say(f"  waiting {seconds:.0f} s: {why}")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around a step: how it ended is told by who runs it, unless it failed."""
        began = time.perf_counter()
        try:
            with telling_failure(self.say, name, began):
                yield
        finally:
            self.left()

    def left(self) -> None:
        """A step is over."""

    def close(self) -> None:
        """Nothing was kept back."""


@contextmanager
def telling_failure(say: progress.Say, name: str, began: float) -> Iterator[None]:
    """Around a step: say how long it took when it fails or is stopped."""
    how = "failed"
    try:
        yield
        how = ""
    except KeyboardInterrupt:
        how = "stopped"
        raise
    finally:
        if how:
            say(f"{name}: {how} after {time.perf_counter() - began:.1f} s")


class Quiet(Plain):
    """One line for each thing that was done, with its time, for a log of CI."""

    def __init__(self) -> None:
        self._held: tuple[str, float] | None = None
        self._in_step = False

    def say(self, line: str) -> None:
        """Write a line; what only begins is kept back until it is over."""
        now = time.perf_counter()
        if not line.endswith(GOES_ON):
            self._let_go(now, unless=line)
            super().say(line)
        elif not self._in_step:
            self._let_go(now)
            self._held = line.removesuffix(GOES_ON), now

    def _let_go(self, now: float, unless: str = "") -> None:
        """Tell how long took what was kept back, unless this line of its own tells that."""
        held, self._held = self._held, None
        if held and not unless.startswith(f"{held[0]}:"):
            super().say(f"{held[0]} ({now - held[1]:.1f} s)")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around a step, of which there is one line, at its end."""
        self._held, self._in_step = None, True
        with super().step(name):
            yield

    def left(self) -> None:
        """A step is over."""
        self._in_step = False

    def close(self) -> None:
        """What was kept back is over."""
        self._let_go(time.perf_counter())


class Voice:
    """Says lines of progress on stderr, and shows what goes on where somebody watches."""

    def __init__(self) -> None:
        self._face = _face()
        self._watched = ExitStack()

    def __call__(self, line: str) -> None:
        """Say a line, without any secret in it, and without what would steer a terminal."""
        self._face.say(CONTROL.sub("", hide(line)))

    def __enter__(self) -> Self:
        self._watched.enter_context(progress.watched_by(self._face))
        meter.current().listeners.append(self._face)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        meter.current().listeners.remove(self._face)
        self._watched.close()
        self._face.close()


def _face() -> Face:
    if terminal.in_ci():
        return Quiet()
    if not terminal.is_lively():
        return Plain()
    from release.adapters.display import Display

    return Display()
