"""The project's files: at its commit, for the readers of reports, or as they lie there now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

from release.adapters.git import Git
from release.adapters.workspace import Workspace
from release.adopt.tree import Tree


class CommitTree:
    """Read from git, each file once; the working tree is never looked at."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lines: dict[str, Sequence[str]] = {}

    @cached_property
    def paths(self) -> frozenset[str]:
        """All files of the project, relative to its folder."""
        prefix = self._workspace.prefix
        everything = self._workspace.git.files(self._workspace.commit)
        return frozenset(p.removeprefix(prefix) for p in everything if p.startswith(prefix))

    def lines(self, path: str, /) -> Sequence[str] | None:
        """The lines of a file; ``None`` where there is none."""
        if path not in self.paths:
            return None
        if path not in self._lines:
            self._lines[path] = (self._workspace.read(path) or "").splitlines()
        return self._lines[path]


def working_tree(workspace: Workspace) -> Tree:
    """The project's files as they are now, whether committed or not."""
    there = (path for path in Git(workspace.root).present() if (workspace.root / path).is_file())
    return Tree(tuple(there), partial(_text, workspace.root))


def _text(root: Path, path: str) -> str | None:
    """The text of a file with its own line ends; what is not UTF-8 in it is replaced."""
    file = root / path
    return file.read_bytes().decode(errors="replace") if file.is_file() else None
