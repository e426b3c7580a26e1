"""What the readers of fragments share: the noun, and how settings and folders are read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from release.model.text import Section
from release.ship.changelog import Form

Read = Callable[[str], str | None]
"""The text of a project's file, or ``None``."""

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True)
class Fragments:
    """The fragments of one tool.

    ``changelog`` is the file that they go into, ``sections`` what they say, ``files`` where they
    lie; ``left`` are files beside them that are no fragments. With ``trouble`` nothing of it is
    taken along.
    """

    tool: str
    changelog: str = ""
    form: Form = field(default_factory=Form)
    sections: tuple[Section, ...] = ()
    files: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    trouble: str = ""


class UnknownFormError(Exception):
    """The tool is configured in a way that is not understood; says which."""


def table(read: Read, path: str, *keys: str) -> dict[str, Any] | None:
    """A table of a TOML file, if both are there.

    :raises UnknownFormError: the file is no TOML.
    """
    try:
        held: Any = tomllib.loads(read(path) or "")
    except tomllib.TOMLDecodeError as error:
        raise UnknownFormError(f"{path} is no TOML") from error
    for key in keys:
        held = held.get(key) if isinstance(held, dict) else None
    return held if isinstance(held, dict) else None


def converted(settings: dict[str, Any], kind: type[S], tool: str) -> S:
    """A tool's settings, typed; an INI file's words are read as what they stand for.

    :raises UnknownFormError: one has another type than the tool documents.
    """
    try:
        return msgspec.convert(settings, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UnknownFormError(f"a setting of {tool} is not understood: {error}") from error


def beside(folder: str, paths: Iterable[str]) -> dict[str, str]:
    """The files that lie directly in a folder, name to path."""
    start = f"{folder}/" if folder else ""
    below = {path.removeprefix(start): path for path in paths if path.startswith(start)}
    return {name: path for name, path in below.items() if "/" not in name}


def inside(*parts: str) -> str:
    """A path from the project's folder, put together as the file system does.

    :raises UnknownFormError: it leads out of the project.
    """
    kept: list[str] = []
    path = "/".join(filter(None, parts))
    for step in path.split("/"):
        if step == ".." and not kept:
            raise UnknownFormError(f"{path} lies outside of the project")
        kept = kept[:-1] if step == ".." else [*kept, *([step] if step not in {"", "."} else [])]
    return "/".join(kept)
