"""The hooks of pre-commit: the linters that a project runs, their versions and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from release.adopt.tree import Tree

CONFIG = ".pre-commit-config.yaml"


@dataclass(frozen=True)
class Hook:
    """A hook: its id, the tag of its repository (``rev``), and its ``args``."""

    id: str
    rev: str
    args: tuple[str, ...]

    @property
    def version(self) -> str | None:
        """The version of the tool: linters tag their hooks with it; ``None`` for any other tag."""
        try:
            return Version(self.rev).public
        except InvalidVersion:
            return None


def hook(tree: Tree, *ids: str) -> Hook | None:
    """The first hook of one of these ids; ``None`` where the configuration has none, or is none."""
    return next((one for one in _hooks(tree) if one.id in ids), None)


def _hooks(tree: Tree) -> Iterator[Hook]:
    for repo in _tables(_load(tree.read(CONFIG) or "").get("repos")):
        for one in _tables(repo.get("hooks")):
            args = tuple(str(word) for word in one.get("args") or ())
            yield Hook(str(one.get("id", "")), str(repo.get("rev", "")), args)


def _load(text: str) -> dict[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _tables(listed: object) -> Iterator[dict[str, Any]]:
    yield from (
        one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)
    )
