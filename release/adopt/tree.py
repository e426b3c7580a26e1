"""A project's files, as this room sees them."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from release.errors import ProjectError

Table = dict[str, Any]


@dataclass(frozen=True)
class Tree:
    """The files of a project's folder, relative to it.

    ``paths`` are those that git does not ignore; ``read`` gives the text of any file, or ``None``.
    """

    paths: tuple[str, ...]
    read: Callable[[str], str | None]

    @cached_property
    def pyproject(self) -> Table:
        """pyproject.toml; empty where there is none.

        :raises ProjectError: it is no TOML.
        """
        try:
            return tomllib.loads(self.read("pyproject.toml") or "")
        except tomllib.TOMLDecodeError as error:
            raise ProjectError(
                "pyproject.toml is no TOML", why=str(error), remedy="mend it, then run again"
            ) from error

    def table(self, *keys: str) -> Table:
        """A table of pyproject.toml; empty where it is not there."""
        found: Any = self.pyproject
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def toml(self, path: str) -> Table:
        """Another TOML file; empty where it is not there or is none."""
        try:
            return tomllib.loads(self.read(path) or "")
        except tomllib.TOMLDecodeError:
            return {}

    def ini(self, path: str) -> configparser.RawConfigParser:
        """A file in the form of setup.cfg; empty where it is not there or cannot be read."""
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(self.read(path) or "")
        except configparser.Error:
            return configparser.RawConfigParser()
        return parser

    def has(self, path: str) -> bool:
        """Whether a file is there, also one that git ignores."""
        return self.read(path) is not None
