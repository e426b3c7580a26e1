"""Core metadata: the part of it that decides what users get."""

from __future__ import annotations

from email.parser import HeaderParser

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from release.errors import ProjectError
from release.model.base import Noun

BEFORE_DYNAMIC = frozenset({"", "1.0", "1.1", "1.2", "2.0", "2.1"})
"""The metadata versions in which an sdist's fields promise nothing about the wheels' (PEP 643)."""


class CoreMetadata(Noun, frozen=True, kw_only=True):
    """Name, version and requirements of a distribution (core metadata specification).

    ``requires_dist`` are the ``Requires-Dist`` lines as written, extras' markers included.
    """

    name: str
    version: str
    requires_python: str | None = None
    requires_dist: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    @property
    def normalized_name(self) -> str:
        """The name as indexes compare it (PEP 503)."""
        return canonicalize_name(self.name)


def spelled(line: str) -> str:
    """A ``Requires-Dist`` line in the one spelling that all backends' lines have in common.

    A legacy one, which does not parse, stays as it is.
    """
    try:
        return str(Requirement(line))
    except InvalidRequirement:
        return line


def tells_requirements(text: str, *, wheel: bool) -> bool:
    """Whether the ``Requires-Dist`` lines are what an installer goes by.

    A wheel's are. An sdist's are from metadata 2.2 on, unless it calls them dynamic (PEP 643).
    """
    if wheel:
        return True
    headers = HeaderParser().parsestr(text)
    dynamic = {field.strip().lower() for field in headers.get_all("Dynamic") or ()}
    version = (headers.get("Metadata-Version") or "").strip()
    return version not in BEFORE_DYNAMIC and "requires-dist" not in dynamic


def parse_metadata(text: str, *, origin: str) -> CoreMetadata:
    """Read a METADATA or PKG-INFO file.

    :raises ProjectError: name or version is missing.
    """
    headers = HeaderParser().parsestr(text)
    name, version = headers.get("Name"), headers.get("Version")
    if not name or not version:
        raise ProjectError(
            f"{origin} has no name or no version", remedy="it is no core metadata; build it again"
        )
    return CoreMetadata(
        name=name,
        version=version,
        requires_python=headers.get("Requires-Python"),
        requires_dist=tuple(headers.get_all("Requires-Dist") or ()),
        extras=tuple(headers.get_all("Provides-Extra") or ()),
    )
