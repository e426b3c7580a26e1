"""What every pipeline starts from: the project, its metadata and ledger, the clock, a voice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from release.adapters.builder import built_metadata
from release.adapters.clock import Clock
from release.adapters.ledger import Ledger
from release.adapters.repository import Repository
from release.adapters.workspace import Workspace
from release.model.metadata import CoreMetadata

Tell = Callable[[str], None]
"""Says one line of progress to a person, on stderr."""


@dataclass(frozen=True)
class Context:
    """One run on one project at one commit."""

    workspace: Workspace
    clock: Clock
    tell: Tell

    @cached_property
    def metadata(self) -> CoreMetadata:
        """The metadata of HEAD, static where PEP 621 guarantees it and built otherwise."""
        with self.workspace.checkout(self.workspace.commit) as folder:
            return built_metadata(folder, index_url=self.workspace.config.index_url)

    @cached_property
    def ledger(self) -> Ledger:
        """The project's ledger."""
        return Ledger(self.workspace.git, self.metadata.normalized_name)

    def tag_prefix(self, repository: Repository) -> str:
        """What stands before the version in a tag.

        A project in a folder of a larger repository has its name in it, as others may release
        from there too: ``local/v1.0.0``, but ``local/thing/v1.0.0``.
        """
        name = f"{self.metadata.normalized_name}/" if self.workspace.prefix else ""
        return f"{repository.tag_folder}{name}v"
