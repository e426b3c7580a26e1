"""The door to the terminal: who sits there, questions, coloured lines and its width."""

from __future__ import annotations

import getpass
import io
import shutil
import sys
from typing import TYPE_CHECKING

from release.adapters import job, process, progress

if TYPE_CHECKING:
    from rich.console import RenderableType

GOES_ON = " ..."
"""The end of a line that tells what goes on from now until the next line."""
UNCUT = 10_000
"""Columns where nobody watches: no line is as long."""


def is_attended() -> bool:
    """Whether somebody sits at a keyboard and can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not in_ci()


def in_ci() -> bool:
    """Whether this is a job of a CI service, all of which set ``CI``."""
    return bool(process.variable("CI"))


def agree(question: str) -> bool:
    """Ask a person for a yes; where nobody sits, nobody is asked and it counts as given."""
    if not is_attended():
        return True
    with progress.watcher().paused():
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def hidden(question: str) -> str:
    """A secret, asked for without showing it; where stdin is no terminal, what comes there."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    with progress.watcher().paused():
        return getpass.getpass(question, stream=sys.stderr)


def is_lively() -> bool:
    """Whether stderr is a terminal that somebody watches."""
    watched = sys.stderr.isatty() and not process.variable("CI")
    return watched and process.variable("TERM") != "dumb"


def write_error(text: str, style: str) -> None:
    """Write lines to stderr, styled where it is a terminal that wants colours."""
    if not is_lively() or process.variable("NO_COLOR"):
        sys.stderr.write(job.harmless(text) + "\n")
        return
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(text, style=style, markup=False)


def room() -> int | None:
    """The columns of the terminal that stdout goes to; ``None`` where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def drawn(what: RenderableType) -> str:
    """What rich draws, for stdout: as wide as its terminal and in colours; else plain and uncut."""
    from rich.console import Console

    columns = room()
    sink = io.StringIO()
    coloured = columns is not None and not process.variable("NO_COLOR")
    console = Console(
        file=sink,
        width=columns or UNCUT,
        force_terminal=coloured,
        no_color=not coloured,
        highlight=False,
    )
    console.print(what)
    return "".join(f"{line.rstrip()}\n" for line in sink.getvalue().splitlines())
