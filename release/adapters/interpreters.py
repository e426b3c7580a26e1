"""The Pythons of this machine: on the PATH, and where pyenv and uv keep theirs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from release.adapters import process
from release.errors import ToolError

PATIENCE = 10.0
"""Seconds for an interpreter to say its version."""
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
ASK = "import sys; print('%d.%d' % sys.version_info[:2], sys.version_info.releaselevel)"


def interpreters(minors: Iterable[str]) -> dict[str, str]:
    """An interpreter for each minor version that is there.

    The one that runs this stands for its own version.

    :param minors: such as ``3.12``.
    :returns: minor version to path, in the order given; without those that are not there.
    """
    wanted = tuple(minors)
    with ThreadPoolExecutor() as pool:
        found = zip(wanted, pool.map(_interpreter, wanted), strict=True)
    return {minor: path for minor, path in found if path}


def best(minors: Iterable[str]) -> str | None:
    """An interpreter of one of these versions: the one that runs this if it is, else the first.

    :param minors: such as ``3.12``.
    """
    ours_first = sorted(minors, key=lambda minor: minor != OURS)
    return next((path for minor in ours_first if (path := _interpreter(minor))), None)


def _interpreter(minor: str) -> str | None:
    if minor == OURS:
        return process.python()
    return next((path for path in _candidates(minor) if _is(path, minor)), None)


def _candidates(minor: str) -> Iterator[str]:
    name = f"python{minor}"
    pyenv = Path(process.variable("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = shutil.which(name)
    # A shim is a shell script that looks for what we find ourselves, and takes its time.
    if on_path and Path(on_path).parent != pyenv / "shims":
        yield on_path
    uv = Path.home() / ".local" / "share" / "uv" / "python"
    for folder, pattern in ((pyenv / "versions", f"{minor}.*"), (uv, f"cpython-{minor}.*")):
        yield from (str(path) for path in sorted(folder.glob(f"{pattern}/bin/{name}")))


def _is(path: str, minor: str) -> bool:
    """Whether it runs (pyenv's shims may not) and is a final release of that version."""
    try:
        done = process.run(
            [path, "-I", "-c", ASK], cwd=Path(path).parent, timeout=PATIENCE, check=False
        )
    except ToolError:
        return False
    return done.code == 0 and done.stdout.split() == [minor, "final"]
