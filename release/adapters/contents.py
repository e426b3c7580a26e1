"""The door to check-wheel-contents: what a wheel holds that nobody meant to ship."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from release.adapters import process
from release.errors import ToolError

TABLE = "check-wheel-contents"
GRAVE = "W001,W003,W004,W005,W006,W007,W008,W010,W101,W102,W201,W202"
"""What is a mistake in any wheel; the rest (duplicates, several packages) many ship on purpose."""
PATIENCE = 120.0
"""Seconds."""


@dataclass(frozen=True)
class Complaints:
    """What is wrong with a wheel, and what is merely odd about it."""

    grave: tuple[str, ...]
    odd: tuple[str, ...]


def check(wheel: Path, pyproject: Path) -> Complaints:
    """Look at a wheel's contents.

    :param pyproject: the project's; its ``[tool.check-wheel-contents]`` decides what counts.
    :raises ToolError: check-wheel-contents does not run.
    """
    if _configured(pyproject):
        return Complaints(_run(wheel, "--config", str(pyproject)), ())
    every = _run(wheel, "--no-config")
    grave = tuple(one for one in every if one.partition(":")[0] in GRAVE.split(","))
    return Complaints(grave, tuple(one for one in every if one not in grave))


def _configured(pyproject: Path) -> bool:
    if not pyproject.is_file():
        return False
    return TABLE in tomllib.loads(pyproject.read_text("utf-8")).get("tool", {})


def _run(wheel: Path, *options: str) -> tuple[str, ...]:
    """Its complaints, each as ``W001: words``."""
    argv: list[str | Path] = [process.script("check-wheel-contents"), *options, wheel]
    done = process.run(argv, cwd=wheel.parent, timeout=PATIENCE, check=False)
    lines = done.stdout.splitlines()
    marks = [line.partition(f"{wheel}: ")[2] for line in lines]
    complaints = tuple(mark for mark in marks if mark[:1] == "W" and mark[1:4].isdigit())
    if done.code and not complaints:
        raise ToolError(
            f"check-wheel-contents cannot read {wheel.name}",
            why=(done.stderr or done.stdout).strip()[-2000:],
            remedy="mend [tool.check-wheel-contents] in pyproject.toml",
        )
    return complaints
