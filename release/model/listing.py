"""What an index lists of a project."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from release.model.base import Instant, Noun


class IndexFile(Noun, frozen=True, kw_only=True):
    """One file of the simple API (PEP 503, 691, 658, 592, 700, 740); absent facts are ``None``."""

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None
    upload_time: Instant | None = None
    yanked: bool = False
    requires_python: str | None = None
    metadata_url: str | None = None
    provenance: bool = False
    provenance_url: str | None = None

    @property
    def version(self) -> Version | None:
        """The version in the file's name, if it is a wheel's or an sdist's."""
        try:
            if self.name.endswith(".whl"):
                return parse_wheel_filename(self.name)[1]
            return parse_sdist_filename(self.name)[1]
        except (InvalidWheelFilename, InvalidSdistFilename):
            return None


def versions(files: Iterable[IndexFile]) -> list[Version]:
    """All versions listed, lowest first, yanked and pre-releases included."""
    return sorted({file.version for file in files if file.version})


def offered(files: Iterable[IndexFile]) -> list[IndexFile]:
    """The files of the releases that an installer takes by itself: not the yanked ones, and
    pre-releases only where a project has nothing else (PEP 440, PEP 592).
    """
    kept = [file for file in files if file.version and not file.yanked]
    finals = [file for file in kept if file.version and not file.version.is_prerelease]
    return finals or kept


def installable(files: Iterable[IndexFile]) -> list[Version]:
    """The versions that an installer takes by itself: not yanked, no pre-release; lowest first."""
    return [v for v in versions(file for file in files if not file.yanked) if not v.is_prerelease]
