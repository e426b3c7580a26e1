"""Which Python versions a project's users run, and how markers read there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from release.model.listing import IndexFile

_INTERPRETER = re.compile(r"(py|cp)(\d)(\d*)")

END_OF_LIFE = {
    "3.8": datetime(2024, 10, 7, tzinfo=UTC),
    "3.9": datetime(2025, 10, 31, tzinfo=UTC),
    "3.10": datetime(2026, 10, 31, tzinfo=UTC),
    "3.11": datetime(2027, 10, 31, tzinfo=UTC),
    "3.12": datetime(2028, 10, 31, tzinfo=UTC),
    "3.13": datetime(2029, 10, 31, tzinfo=UTC),
    "3.14": datetime(2030, 10, 31, tzinfo=UTC),
    "3.15": datetime(2031, 10, 31, tzinfo=UTC),
}
"""End of life by minor version, oldest first (devguide.python.org/versions), months in full."""

FIRST_RELEASE = {
    "3.14": datetime(2025, 10, 7, tzinfo=UTC),
    "3.15": datetime(2026, 10, 1, tzinfo=UTC),
}
"""First final release of the minors young enough that a scan's moment may lie before it."""

SYSTEMS = (
    ("posix", "linux", "Linux", ("x86_64", "aarch64")),
    ("posix", "darwin", "Darwin", ("arm64", "x86_64")),
    ("nt", "win32", "Windows", ("AMD64", "ARM64")),
)
PLATFORMS = tuple(
    {
        "os_name": os_name,
        "sys_platform": sys_platform,
        "platform_system": system,
        "platform_machine": machine,
    }
    for os_name, sys_platform, system, machines in SYSTEMS
    for machine in machines
)
"""The platforms whose users stand for all, as markers name them (PEP 508)."""


def supported(
    requires_python: str | None, configured: Sequence[str], now: datetime
) -> tuple[str, ...]:
    """The minor versions to look at, lowest first.

    :param requires_python: the project's ``Requires-Python``; what cannot be read admits all.
    :param configured: the configuration's list, which wins.
    :param now: versions past their end of life at this moment do not count, unless no other is
        admitted: then the newest of them does.
    """
    if configured:
        return tuple(sorted(configured, key=_key))
    known = [minor for minor in END_OF_LIFE if FIRST_RELEASE.get(minor, now) <= now]
    within = [minor for minor in known if admits(requires_python, minor)]
    alive = [minor for minor in within if now < END_OF_LIFE[minor]]
    return tuple(alive or within[-1:])


def admits(requires_python: str | None, minor: str) -> bool:
    """Whether the newest patch release of a minor version is admitted."""
    try:
        return SpecifierSet(requires_python or "").contains(_newest_patch(minor))
    except InvalidSpecifier:
        return True


def runs(file: IndexFile, minor: str) -> bool:
    """Whether CPython of this minor version can install a file, on whatever platform.

    Its ``Requires-Python`` and, for a wheel, its tags (PEP 425) say so: a wheel for PyPy alone,
    or for one older CPython, does not run.
    """
    if not admits(file.requires_python, minor):
        return False
    if not file.name.endswith(".whl"):
        return True
    tags = parse_wheel_filename(file.name)[3]
    return any(_fits(tag, _key(minor)) for tag in tags)


def _fits(tag: Tag, python: tuple[int, ...]) -> bool:
    found = _INTERPRETER.fullmatch(tag.interpreter)
    if not found:
        return False
    kind, major, digits = found.groups()
    wanted = (int(major), int(digits or 0))
    if kind == "py":
        return wanted[0] == python[0] and wanted <= python
    return wanted == python or (tag.abi == "abi3" and wanted[0] == python[0] and wanted <= python)


def holds(marker: Marker | None, minor: str) -> bool:
    """Whether a marker is true for CPython of this minor version on any platform."""
    return marker is None or any(marker.evaluate(env) for env in _environments(minor))


def _environments(minor: str) -> Iterator[dict[str, str]]:
    for platform in PLATFORMS:
        yield platform | {
            "python_version": minor,
            "python_full_version": _newest_patch(minor),
            "implementation_name": "cpython",
            "implementation_version": _newest_patch(minor),
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_version": "",
            "extra": "",
        }


def _newest_patch(minor: str) -> str:
    """A patch number beyond any real one: users are taken to run the newest."""
    return f"{minor}.99"


def _key(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))
