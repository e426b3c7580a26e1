"""Where a project says what its tests, linters and type checkers need.

Every place that the field uses is known: dependency groups (PEP 735), extras (PEP 621 and
setup.cfg), the tables of poetry, pdm, uv and hatch, requirements files, and tox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.adopt.tree import Tree

PREFERRED = ("test", "tests", "testing", "dev", "develop", "development", "lint", "typing", "types")
"""The names that groups and extras of tools usually have, the most fitting first."""

FILES = re.compile(
    r"(^|/)(requirements?[/_.-].*|[^/]*[_.-]requirements?)\.(txt|in)$|^requirements$"
)
"""Requirements files by their paths: requirements-dev.txt, requirements/test.txt and the like."""

LOCKS = (
    ("uv.lock", "package"),
    ("poetry.lock", "package"),
    ("pdm.lock", "package"),
    ("pylock.toml", "packages"),
)
"""Lock files, and their list of packages."""

PLAIN = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w, -]*\])?\s*([<>=!~][^{}:]*)?(;.*)?")
"""A line of tox's ``deps`` that is a requirement, without substitutions or factors."""


@dataclass(frozen=True)
class Want:
    """A list of requirements, and how it is installed.

    ``words`` is what pip is given for it; ``brings_project`` if that installs the project too.
    """

    where: str
    words: tuple[str, ...]
    requirements: tuple[str, ...]
    brings_project: bool = False

    def requirement(self, tool: str) -> str | None:
        """The line that asks for a tool, if one does."""
        return next((line for line in self.requirements if name_of(line) == tool), None)


def wants(tree: Tree) -> tuple[Want, ...]:
    """Every such list of a project, the most fitting first."""
    return (
        *_groups(tree),
        *_extras(tree),
        *_tables(tree),
        *_files(tree),
        *_tox(tree),
    )


def wanted_by(found: Iterable[Want], tool: str) -> Want | None:
    """The first list that asks for a tool."""
    return next((want for want in found if want.requirement(tool)), None)


def locked(tree: Tree, tool: str) -> str | None:
    """The version of a tool that the lock file of uv, poetry, pdm or pip (PEP 751) names."""
    for path, key in LOCKS:
        found = (
            one
            for one in tree.toml(path).get(key, ())
            if canonicalize_name(one.get("name", "")) == tool
        )
        if version := next((one.get("version") for one in found), None):
            return str(version)
    return None


def name_of(line: str) -> str | None:
    """The normalised name of what a requirement asks for; ``None`` if the line is none."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return None


def _ordered(names: Iterable[str]) -> list[str]:
    def rank(name: str) -> int:
        return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)

    return sorted(names, key=rank)


def _groups(tree: Tree) -> Iterator[Want]:
    groups = tree.table("dependency-groups")
    for name in _ordered(groups):
        lines = tuple(_group_lines(groups, name, frozenset()))
        yield Want(f"group {name} of pyproject.toml", ("--group", name), lines)


def _group_lines(groups: Mapping[str, Any], name: str, above: frozenset[str]) -> Iterator[str]:
    """The requirements of a group with those that it includes (PEP 735)."""
    by_name = {canonicalize_name(one): lines for one, lines in groups.items()}
    own = canonicalize_name(name)
    for line in by_name.get(own, ()) if own not in above else ():
        if isinstance(line, str):
            yield line
        elif isinstance(line, dict) and "include-group" in line:
            yield from _group_lines(groups, line["include-group"], above | {own})


def _extras(tree: Tree) -> Iterator[Want]:
    extras = dict(tree.table("project", "optional-dependencies"))
    legacy = tree.ini("setup.cfg")
    if legacy.has_section("options.extras_require"):
        extras |= {
            name: text.split("\n") for name, text in legacy["options.extras_require"].items()
        }
    for name in _ordered(extras):
        lines = tuple(line for line in extras[name] if line)
        yield Want(f"extra {name}", ("-e", f".[{name}]"), lines, brings_project=True)


def _tables(tree: Tree) -> Iterator[Want]:
    poetry = tree.table("tool", "poetry")
    for name, group in {"dev": poetry, **poetry.get("group", {})}.items():
        table = group.get("dev-dependencies" if group is poetry else "dependencies", {})
        lines = tuple(line for key, value in table.items() if (line := _of_poetry(key, value)))
        yield from _listed(f"poetry's group {name}", lines)
    for name, listed in tree.table("tool", "pdm", "dev-dependencies").items():
        yield from _listed(f"pdm's group {name}", listed)
    yield from _listed("uv's dev-dependencies", tree.table("tool", "uv").get("dev-dependencies"))
    for name, env in tree.table("tool", "hatch", "envs").items():
        both = [*env.get("dependencies", ()), *env.get("extra-dependencies", ())]
        yield from _listed(f"hatch's environment {name}", both)


def _listed(where: str, lines: Iterable[str] | None) -> Iterator[Want]:
    real = tuple(line for line in lines or () if name_of(line))
    if real:
        yield Want(where, real, real)


def _of_poetry(name: str, value: Any) -> str | None:
    """A line of poetry's own form as a requirement; ``None`` where it is none of an index."""
    if isinstance(value, dict):
        extras = f"[{','.join(value['extras'])}]" if value.get("extras") else ""
        return f"{name}{extras}{_bounds(value['version'])}" if "version" in value else None
    return f"{name}{_bounds(value)}" if isinstance(value, str) and name != "python" else None


def _bounds(text: str) -> str:
    """Poetry's ``^1.2`` and ``~1.2`` in the words of PEP 440."""
    sign, rest = text[:1], text[1:].strip()
    if text.strip() in {"*", ""}:
        return ""
    if sign not in "^~" or text.startswith("~="):
        return text if text[:1] in "<>=!~" else f"=={text}"
    try:
        numbers = Version(rest).release
    except InvalidVersion:
        return ""
    place = 0 if len(numbers) == 1 else 1
    if sign == "^":
        place = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    upper = [*numbers[:place], numbers[place] + 1]
    return f">={rest},<{'.'.join(map(str, upper))}"


def _files(tree: Tree) -> Iterator[Want]:
    for path in sorted(path for path in tree.paths if FILES.search(path)):
        lines = tuple(line.split(" #")[0].strip() for line in (tree.read(path) or "").splitlines())
        real = tuple(line for line in lines if name_of(line))
        if real:
            yield Want(path, ("-r", path), real)


def _tox(tree: Tree) -> Iterator[Want]:
    ini = tree.ini("tox.ini")
    text = ini.get("testenv", "deps", fallback="") if ini.has_section("testenv") else ""
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    yield from _listed("tox.ini", [line for line in lines if PLAIN.fullmatch(line)])
