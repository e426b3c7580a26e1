"""What every pipeline starts from: the project, its metadata and ledger, the clock, a voice."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

from release.adapters import meter
from release.adapters.builder import built_metadata, static_metadata
from release.adapters.clock import Clock
from release.adapters.ledger import Ledger
from release.adapters.remote import Remote
from release.adapters.repository import Place, Repository, locate, open_repository
from release.adapters.workspace import Workspace
from release.errors import WardenError
from release.model.metadata import CoreMetadata
from release.model.seal import Entry

Tell = Callable[[str], None]
"""Says one line of progress to a person, on stderr."""


@dataclass(frozen=True)
class Context:
    """One run on one project at one commit.

    ``to`` is the repository that this run was asked to use; empty for the configured one.
    """

    workspace: Workspace
    clock: Clock
    tell: Tell
    to: str = ""

    @cached_property
    def metadata(self) -> CoreMetadata:
        """The metadata of HEAD, static where PEP 621 guarantees it and built otherwise."""
        static = static_metadata(self.workspace.read("pyproject.toml") or "")
        if static:
            return static
        with self.workspace.checkout(self.workspace.commit) as folder:
            return built_metadata(folder, index_url=self.workspace.config.index_url)

    def believe(self, metadata: CoreMetadata) -> None:
        """Take the project's metadata from an archive: nothing of the project runs to learn it."""
        vars(self)["metadata"] = metadata

    @cached_property
    def ledger(self) -> Ledger:
        """The project's ledger, as the remote that shares it has it now.

        :raises TryAgainError: that remote does not answer.
        """
        ledger = Ledger(self.workspace.git, self.metadata.normalized_name, self.remote)
        ledger.fetch()
        return ledger

    @cached_property
    def remote(self) -> Remote | None:
        """The remote that shares ledger and tags; what the embedded index does, nobody shares.

        :raises ConfigError: git knows none of that name.
        """
        name = self.workspace.config.remote
        return None if name is None or self.place.is_local else Remote(self.workspace.git, name)

    @cached_property
    def place(self) -> Place:
        """Where the repository of this run is.

        :raises UsageError: there is no such repository.
        """
        return locate(self._named, self.workspace.config.repositories)

    def open_repository(self) -> AbstractContextManager[Repository]:
        """The repository of this run, ready for use."""
        config = self.workspace.config
        table = tomllib.loads(self.workspace.read("pyproject.toml") or "").get("project", {})
        return open_repository(
            self._named, self.workspace.root, config, project=table.get("name", "")
        )

    @property
    def _named(self) -> str:
        return self.to or self.workspace.config.repository

    @property
    def tag_prefix(self) -> str:
        """What stands before the version in a tag.

        A project in a folder of a larger repository has its name in it, as others may release
        from there too: ``local/v1.0.0``, but ``local/thing/v1.0.0``.
        """
        name = f"{self.metadata.normalized_name}/" if self.workspace.prefix else ""
        return f"{self.place.tag_folder}{name}v"


@dataclass
class Stopwatch:
    """Times the steps of one run and keeps them as journal lines."""

    context: Context
    entries: list[Entry] = field(default_factory=list)

    def step(self, name: str, act: Callable[[], str]) -> Entry:
        """Run one step, tell of it, and return its journal line."""
        self.context.tell(f"{name} ...")
        started = time.perf_counter()
        with meter.current().step(name):
            detail = _named(name, act)
        entry = Entry(
            step=name,
            at=self.context.clock.now(),
            seconds=round(time.perf_counter() - started, 3),
            detail=detail,
        )
        self.context.tell(f"{name}: {detail} ({entry.seconds:.1f} s)")
        self.entries.append(entry)
        return entry


def _named(step: str, act: Callable[[], str]) -> str:
    """Run a step; an error that leaves it says which one it was."""
    try:
        return act()
    except WardenError as error:
        error.step = error.step or step
        raise
