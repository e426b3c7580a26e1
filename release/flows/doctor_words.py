"""How a diagnosis is told to a person: a line a check, what needs somebody first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from release.adapters.terminal import drawn
from release.model.diagnosis import Check, CheckState, Diagnosis, Publisher

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

MARKS: dict[CheckState, tuple[str, str]] = {
    "problem": ("problem", "bold red"),
    "unknown": ("unknown", "bold yellow"),
    "advice": ("advice", "yellow"),
    "unchecked": ("unseen", "dim"),
    "ok": ("ok", "green"),
}
"""A word and a style for each state, in the order in which they are told."""


def of_diagnosis(found: Diagnosis) -> str:
    """The diagnosis as a person reads it: what is wrong first, then what to click."""
    head = f"{found.project} -> {found.repository}, by {found.credential}: {_counted(found)}"
    return "\n".join([head, "", drawn(_checks(found)), *_clicks(found.publishers)])


def _counted(found: Diagnosis) -> str:
    states = [check.state for check in found.checks]
    problems, unknown, unseen = (states.count(s) for s in ("problem", "unknown", "unchecked"))
    words = [f"{problems} problem{'s' if problems > 1 else ''}"] if problems else []
    words += [f"{unknown} unknown"] if unknown else []
    told = ", ".join(words) or "healthy"
    return f"{told} ({unseen} not checkable here)" if unseen else told


def _checks(found: Diagnosis) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for state, (word, style) in MARKS.items():
        for check in found.checks:
            if check.state == state:
                grid.add_row(f"[{style}]{word}[/]", check.name, _told(check))
    return grid


def _told(check: Check) -> Text:
    """What it is; why and what is next only where somebody has to know."""
    from rich.text import Text

    told = Text(check.what)
    if check.why and check.state != "unchecked":
        told.append(f"\n{check.why}", "dim")
    if check.next:
        told.append("\nnext: ", "dim").append(check.next)
    return told


def _clicks(wanted: tuple[Publisher, ...]) -> Iterator[str]:
    """What a person clicks on the index: the same page and fields once, for all environments."""
    if not wanted:
        return
    yield "What a person does on the index, once:"
    alike = groupby(wanted, lambda one: (one.steps[0], one.kind, one.after))
    for number, (_, group) in enumerate(alike, 1):
        first, *others = group
        opening, *steps, last = first.steps
        when = f"after {first.after}, " if first.after else ""
        yield f"  {number}. {when}{opening}"
        yield from (f"     {step}" for step in (*steps, last))
        yield from (f"     the same again with Environment name: {o.environment}" for o in others)
