"""What the run of this process does and how long it takes, counted where it happens.

One process is one run, so there is one meter. The book of runs is written from it
(:mod:`release.flows.runs`), and whoever traces runs hears of each step as it begins and ends.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from release.adapters import process

RUN, ACTOR = "GITHUB_RUN_ID", "GITHUB_TRIGGERING_ACTOR"


class Listener(Protocol):
    """Somebody who wants to know of each step while it goes on, such as a tracer."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Around a step."""
        ...


@dataclass
class Meter:
    """The figures of one run.

    ``run`` names it; ``steps`` are seconds by name, those of one name added up. ``updating`` is how
    many seconds the update of the status site after it took, and what it failed of.
    """

    run: str = field(default_factory=lambda: process.variable(RUN) or secrets.token_hex(8))
    started: float = field(default_factory=time.perf_counter)
    actor: str = field(default_factory=lambda: process.variable(ACTOR) or "")
    stage: str = ""
    version: str = ""
    credential: str = ""
    failure: str = ""
    retries: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    scanners: dict[str, str] = field(default_factory=dict)
    updating: tuple[float, str] | None = None
    listeners: list[Listener] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return round(time.perf_counter() - self.started, 3)

    def retried(self) -> None:
        """A server is asked once more; several threads may do so."""
        with _counting:
            self.retries += 1

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, whether it succeeds or not."""
        began = time.perf_counter()
        with ExitStack() as stack:
            for listener in self.listeners:
                stack.enter_context(listener.step(name))
            try:
                yield
            finally:
                took = self.steps.get(name, 0.0) + time.perf_counter() - began
                self.steps[name] = round(took, 3)


_counting = threading.Lock()
_current = Meter()


def current() -> Meter:
    """The meter of this run."""
    return _current


def begin() -> Meter:
    """A new run begins: its meter stands at nothing."""
    global _current  # noqa: PLW0603 - one process is one run
    _current = Meter()
    return _current
