"""Locks of git's refs that outlived the git that took them.

git locks a ref by making a file beside it, for milliseconds; killed at that moment it leaves the
file, and every later git refuses the ref until somebody removes it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

PATIENCE = 5.0
"""Seconds that one and the same lock must stand before its git is held to be dead."""

PAUSE = 0.05


def outlive(paths: Iterable[Path]) -> bool:
    """Wait until the locks are gone; remove those that nobody lets go of.

    A lock that is taken anew meanwhile is another lock, and is waited for in its turn.

    :returns: whether there were any, so that it is worth trying again.
    """
    found = [path for path in paths if path.exists()]
    for path in found:
        _outlive(path)
    return bool(found)


def _outlive(path: Path) -> None:
    seen, since = _identity(path), time.monotonic()
    while seen is not None and time.monotonic() - since < PATIENCE:
        time.sleep(PAUSE)
        if (now := _identity(path)) != seen:
            seen, since = now, time.monotonic()
    if seen is not None:
        with contextlib.suppress(OSError):  # the caller sees that it still stands
            path.unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one lock from the next at the same place; ``None`` for none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns
