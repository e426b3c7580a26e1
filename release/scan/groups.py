"""What a project's developers install, by its pyproject.toml."""

from __future__ import annotations

import tomllib

from packaging.dependency_groups import DependencyGroupResolver

from release.model.snapshot import Gap

BUILD = "build-system"
"""The name under which build requirements go (PEP 518); no dependency group is meant by it."""


def development(pyproject: str) -> tuple[dict[str, tuple[str, ...]], tuple[Gap, ...]]:
    """The requirements of each dependency group (PEP 735) and of the build, those that have any.

    :param pyproject: the file's text; empty for a project that has none.
    :returns: requirements by group, and what cannot be read.
    """
    table = tomllib.loads(pyproject)
    held: dict[str, tuple[str, ...]] = {BUILD: tuple(table.get(BUILD, {}).get("requires", ()))}
    gaps: list[Gap] = []
    try:
        resolver = DependencyGroupResolver(table.get("dependency-groups", {}))
    except ExceptionGroup as error:
        return _filled(held), (Gap(name="dependency-groups", reason=_told(error)),)
    for name in resolver.dependency_groups:
        try:
            held[name] = tuple(map(str, resolver.resolve(name)))
        except ExceptionGroup as error:
            gaps.append(Gap(name=name, reason=_told(error)))
    return _filled(held), tuple(gaps)


def _filled(held: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: lines for name, lines in sorted(held.items()) if lines}


def _told(error: ExceptionGroup[Exception]) -> str:
    return "; ".join(" ".join(str(one).split()) for one in error.exceptions)
