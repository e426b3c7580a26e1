"""What a scan looks at: the request, HEAD, and the latest release that users get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from release.config import Config
from release.errors import ProjectError, RepositoryError, UnreachableError, VerificationError
from release.model.finding import ClosureKind
from release.model.listing import IndexFile, installable, versions
from release.model.metadata import CoreMetadata, parse_metadata, tells_requirements
from release.model.record import Record
from release.model.snapshot import (
    Gap,
    Project,
)


class Index(Protocol):
    """What a scan needs of a package index."""

    url: str

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files of a project, none where it is not known."""

    def metadata(self, file: IndexFile) -> str:
        """The core metadata of a file."""


@dataclass(frozen=True)
class ScanRequest:
    """What to look at.

    :param project: the project at HEAD.
    :param candidate: HEAD's metadata.
    :param repository: the name of the repository that its releases are on.
    :param releases: that repository's index; ``None`` where nothing was ever published on it.
    :param dependencies: the index that dependencies come from.
    :param advisories: an OSV archive, a folder or an address; ``None`` for the API.
    :param known: the record before this scan.
    :param now: the moment of the scan; files uploaded later do not exist for it.
    :param cache: where resolver and downloads may keep things.
    :param tell: told what goes on.
    :param archive: the advisories that stand in when the API does not answer.
    :param pyproject: the text of HEAD's pyproject.toml, for what its developers install.
    """

    project: Project
    candidate: CoreMetadata
    repository: str
    releases: Index | None
    dependencies: Index
    config: Config
    advisories: str | None
    known: Record | None
    now: datetime
    cache: Path
    tell: Callable[[str], None]
    archive: str | None = None
    pyproject: str = ""


@dataclass(frozen=True)
class Root:
    """One distribution to resolve; without ``metadata``, only the ``gap`` is known of it."""

    kind: ClosureKind
    version: str
    origin: str
    metadata: CoreMetadata | None
    gap: Gap | None = None


def roots_of(request: ScanRequest) -> tuple[Root, ...]:
    """What is resolved: HEAD, and the latest release where there is one."""
    head = request.candidate
    candidate = Root("candidate", head.version, request.project.commit, head)
    published = _published(request)
    return (published, candidate) if published else (candidate,)


def _published(request: ScanRequest) -> Root | None:
    """The latest release that an installer takes, or ``None`` where there is none."""
    if request.releases is None:
        return None
    name = request.project.name
    try:
        files = [file for file in request.releases.files(name) if not file.yanked]
        takes = installable(files) or versions(files)  # pre-releases where there is nothing else
        if not takes:
            return None
        latest = [file for file in files if file.version == takes[-1]]
        file = min(latest, key=lambda one: (not one.name.endswith(".whl"), one.name))
        return _release(request, file, request.releases.metadata(file))
    except (UnreachableError, RepositoryError, ProjectError, VerificationError) as error:
        gap = Gap(name=name, reason=f"the published release cannot be seen: {error.what}")
        return Root("published", "", request.repository, None, gap)


def _release(request: ScanRequest, file: IndexFile, text: str) -> Root:
    metadata = parse_metadata(text, origin=file.name)
    origin = f"{request.repository}: {file.name}"
    if not tells_requirements(text, wheel=file.name.endswith(".whl")):
        reason = f"{file.name} tells its requirements only to who builds it"
        gap = Gap(name=request.project.name, reason=reason)
        return Root("published", metadata.version, origin, None, gap)
    return Root("published", metadata.version, origin, metadata)
