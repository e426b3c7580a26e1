"""What a person at a terminal sees of a run: lines that stay, and below them what goes on now.

::

    ✔ gates: lint, types, tests green (12.3 s)
    ⠹ upload  0:00:04
        demo-1.4.0-py3-none-any.whl ━━━━━━━━━━━━━━━╸         61 %  12.2/20.0 MB
      then: confirm, prove, tag  (3 of 9 done, 0:00:21)

Rich draws it, from a thread of its own; this module keeps what it draws. It is imported when
somebody watches only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from release.adapters.terminal import GOES_ON
from release.adapters.voice import telling_failure
from release.model.text import plain

A_SECOND = 8
"""How often the picture is drawn."""
BAR = 30
"""Columns of a bar."""
SHOWN = 8
"""Parts, and files, that are shown at most: the picture has to fit a terminal."""
LEAST = 1 << 16
"""Bytes: a smaller file is there before anybody has read its name."""
MARKS = {"ok": ("✔", "+", "green"), "green": ("✔", "+", "green"), "skipped": ("-", "-", "yellow")}
"""By a part's result its mark, that of a terminal without Unicode, and a colour."""
BAD = ("✘", "x", "red")


@dataclass
class Part:
    """A part of the running step; ``result`` is empty while it runs."""

    began: float
    result: str = ""
    took: float = 0.0


@dataclass
class Doing:
    """What goes on: a step, or with ``loose`` whatever the last line told of."""

    name: str
    began: float
    loose: bool = False
    note: str = ""
    parts: dict[str, Part] = field(default_factory=dict)
    bytes: dict[str, tuple[int, int]] = field(default_factory=dict)
    wait: tuple[float, str] | None = None


class Display:
    """Shows a run at a terminal. Any thread may tell it of what it does."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._plain = not self._console.encoding.startswith("utf")
        self._spinner = Spinner("line" if self._plain else "dots", style="cyan")
        self._began = time.monotonic()
        self._steps: tuple[str, ...] = ()
        self._doing: Doing | None = None
        self._ended = ""
        self._live: Live | None = None
        self._lock = threading.RLock()

    def say(self, line: str) -> None:
        """Write a line that stays, or show what goes on from now."""
        if line.endswith(GOES_ON):
            self._goes_on(line.removesuffix(GOES_ON))
            return
        with self._lock:
            if self._doing and self._doing.loose:
                self._doing = None
        self._print(line)

    def _print(self, line: str) -> None:
        """A line that tells of a step that went well begins with a mark."""
        ended, self._ended = self._ended, ""
        if ended and line.startswith(f"{ended}: "):
            text = Text.assemble((f"{self._mark('ok')} ", "green"), (ended, "bold"))
            text.append(line.removeprefix(ended))
        else:
            text = Text(line, "dim")
        self._console.print(text, soft_wrap=True)

    def _goes_on(self, text: str) -> None:
        with self._lock:
            if self._doing is None or self._doing.loose:
                self._doing = Doing(text, time.monotonic(), loose=True)
            else:
                self._doing.note = text.removeprefix(f"{self._doing.name}: ")
                self._doing.wait = None
        self._show()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around a step."""
        with self._lock:
            self._doing = Doing(name, time.monotonic())
        self._show()
        try:
            with telling_failure(self._say_failed, name, time.perf_counter()):
                yield
            self._ended = name
        finally:
            with self._lock:
                self._doing = None

    def _say_failed(self, line: str) -> None:
        self._console.print(Text(f"{self._mark('failed')} {line}", "red"), soft_wrap=True)

    def planned(self, steps: tuple[str, ...]) -> None:
        """These steps are to be taken; of a plan that is known already they are the rest."""
        with self._lock:
            if not set(steps) <= set(self._steps):
                self._steps = steps

    def began(self, part: str) -> None:
        """A part of the step has begun."""
        with self._lock:
            if self._doing:
                self._doing.parts[plain(part, 60)] = Part(time.monotonic())

    def ended(self, part: str, result: str) -> None:
        """It has ended."""
        with self._lock:
            held = self._doing.parts.get(plain(part, 60)) if self._doing else None
            if held:
                held.result, held.took = result, time.monotonic() - held.began

    def moved(self, name: str, done: int, whole: int) -> None:
        """So many bytes went out or came in."""
        if max(done, whole) < LEAST:
            return
        with self._lock:
            if self._doing:
                self._doing.bytes[plain(name, 60)] = (done, whole)
                self._doing.wait = None

    def waits(self, seconds: float, why: str) -> None:
        """Nothing is done for so long."""
        with self._lock:
            if self._doing:
                self._doing.wait = (time.monotonic() + seconds, why)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The picture is taken away for a while."""
        shown = self._live is not None
        self.close()
        try:
            yield
        finally:
            if shown:
                self._show()

    def close(self) -> None:
        """Take the picture away."""
        live, self._live = self._live, None
        if live:
            live.stop()

    def _show(self) -> None:
        """Draw it now, so that what is over is not seen any longer."""
        if self._live:
            self._live.refresh()
            return
        # Streams are not redirected: a veil that is put over them meanwhile would be lost.
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        self._console.show_cursor(True)  # a run that is killed cannot bring it back

    def _mark(self, result: str) -> str:
        fine, ascii_only, _ = MARKS.get(result, BAD)
        return ascii_only if self._plain else fine

    def _parts(self, parts: dict[str, Part]) -> RenderableType:
        """A line for each part: how it is, and how long it took or takes."""
        grid = _grid()
        newest = sorted(parts.items(), key=lambda item: (not item[1].result, item[1].began))
        for name, part in newest[-SHOWN:]:
            style = MARKS.get(part.result, BAD)[2] if part.result else "cyan"
            took = part.took if part.result else time.monotonic() - part.began
            mark = self._mark(part.result) if part.result else "-" if self._plain else "·"
            grid.add_row("  ", Text(mark, style), name, _clock(took), Text(part.result, style))
        return grid

    def _picture(self) -> RenderableType:
        with self._lock:
            doing = self._doing
            if doing is None:
                return Group()
            lines: list[RenderableType] = [self._head(doing)]
            lines += [self._parts(doing.parts)] if doing.parts else []
            lines += [_bars(doing.bytes)] if doing.bytes else []
            if then := self._then(doing):
                lines.append(Text(f"  {then}", "dim", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _head(self, doing: Doing) -> RenderableType:
        now = time.monotonic()
        grid = Table.grid(padding=(0, 1))
        told = Text(doing.name, "bold", no_wrap=True, overflow="ellipsis")
        told.append(f"  {_clock(now - doing.began)}", "not bold cyan")
        if doing.note:
            told.append(f"  {doing.note}", "not bold")
        if doing.wait and doing.wait[0] > now:
            until, why = doing.wait
            told.append(f"  waiting {until - now:.0f} s: {why}", "not bold yellow")
        grid.add_row(self._spinner, told)
        return grid

    def _then(self, doing: Doing) -> str:
        """What comes after the step, and how far the whole is."""
        if doing.name not in self._steps:
            return ""
        at = self._steps.index(doing.name)
        rest = ", ".join(self._steps[at + 1 :])
        far = f"{at} of {len(self._steps)} done, {_clock(time.monotonic() - self._began)}"
        return f"then: {rest}  ({far})" if rest else f"the last step  ({far})"


def _grid() -> Table:
    """Columns that are never wrapped, so that the picture is as high as it should be."""
    grid = Table.grid(padding=(0, 1))
    for _ in range(5):
        grid.add_column(no_wrap=True, overflow="ellipsis")
    return grid


def _bars(files: dict[str, tuple[int, int]]) -> RenderableType:
    """A line for each file: how much of it went out or came in."""
    grid = _grid()
    for name, (done, whole) in list(files.items())[-SHOWN:]:
        if whole:
            bar = ProgressBar(total=whole, completed=min(done, whole), width=BAR)
            told = f"{done * 100 // whole:3d} %", f"{decimal(done)} of {decimal(whole)}"
            grid.add_row("  ", name, bar, *told)
        else:
            grid.add_row("  ", name, decimal(done))
    return grid


def _clock(seconds: float) -> str:
    """As 0:00:04."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
