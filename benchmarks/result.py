"""One figure with its aim, and how a child is timed."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """A figure.

    ``figure`` says what ``value`` is, with its unit; ``limit`` is the most that is aimed at. What
    could not be measured has no value, and says ``why``. Where ``binding``, a value above its limit
    fails the run: so it is with growth, and never with time.
    """

    name: str
    figure: str
    value: float | None
    limit: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    binding: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; ``None`` where there is none, or no value."""
        return None if self.limit is None or self.value is None else self.value <= self.limit

    @property
    def fails(self) -> bool:
        """Whether the run fails for it."""
        return self.binding and self.met is False


class Unmeasured(Exception):  # noqa: N818 - no error: it is told, and the rest goes on
    """Something could not be measured here; it says why."""


@dataclass(frozen=True)
class Taken:
    """Seconds of one child and its children, and what it said."""

    wall: float
    cpu: float
    out: str
    err: str


def timed(
    argv: Sequence[str | Path], cwd: Path, env: Mapping[str, str], codes: Sequence[int] = (0,)
) -> Taken:
    """Run a child to its end and time it.

    :raises Unmeasured: it ended with another exit code than these.
    """
    before, began = _cpu(), time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    taken = Taken(time.perf_counter() - began, _cpu() - before, done.stdout, done.stderr)
    if done.returncode not in codes:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise Unmeasured(f"{argv} exited with {done.returncode}:\n{said}")
    return taken


def best(rounds: Sequence[Taken]) -> dict[str, float]:
    """The least wall time and the least CPU of some rounds."""
    return {"wall": min(one.wall for one in rounds), "cpu": min(one.cpu for one in rounds)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
