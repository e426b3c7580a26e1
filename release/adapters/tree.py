"""The project's files at its commit, as the readers of reports ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from release.adapters.workspace import Workspace


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
