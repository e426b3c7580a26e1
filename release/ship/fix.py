"""An edit of our requirements, written into the files that hold them.

Only the version specifier of a requirement changes: name, extras, marker, quotes, comments and
every other byte of the file stay as they are.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.utils import canonicalize_name

from release.errors import BlockedError
from release.model.base import sha256
from release.model.plan import FileEdit
from release.model.snapshot import Edit
from release.model.text import plain

Read = Callable[[str], str | None]
"""The text of a project's file, or ``None``."""
Identity = tuple[str, frozenset[str], SpecifierSet, str | None, frozenset[str]]
"""What makes two spellings the same requirement: name, extras, specifier, URL, marker's parts."""

PYPROJECT, SETUP_CFG = "pyproject.toml", "setup.cfg"
_PARTS = re.compile(
    r"(?P<head>\s*[A-Za-z0-9][\w.-]*(?:\s*\[[^\]]*\])?)"
    r"(?P<gap>\s*)(?P<spec>[^;@\s](?:[^;@]*[^;@\s])?)?(?P<tail>\s*(?:;.*)?)",
    re.DOTALL,
)
"""A requirement (PEP 508) without a URL, in four parts."""
_LINE = re.compile(r"(?P<indent>\s*)(?P<text>\S.*?)(?P<rest>(?:\s+#.*)?\s*)", re.DOTALL)
"""One requirement of a requirements file or of setup.cfg, with its comment."""
_AND_GROUP = re.compile(r"\(((?:(?! or )[^()])*)\)")
"""Parentheses of a marker that change nothing about it."""


def edit_digest(project: str, edits: Iterable[Edit]) -> str:
    """Twelve hexadecimal digits that name an edit of a project's requirements."""
    pairs = sorted((edit.requirement, edit.becomes) for edit in edits)
    return sha256(msgspec.json.encode([project, pairs]))[:12]


def requirement_edits(read: Read, edits: Iterable[Edit]) -> tuple[FileEdit, ...]:
    """The files of a project as they stand after an edit of its requirements.

    Read are ``[project]`` of pyproject.toml (PEP 621), the requirements files that setuptools'
    dynamic metadata name, and ``[options]`` of setup.cfg.

    :param read: the project's files.
    :param edits: by ``Requires-Dist`` line of the project's metadata.
    :raises BlockedError: a requirement stands nowhere that we know how to change; the error holds
        the edit for a person.
    """
    search = _Search({_identity(edit.requirement): edit for edit in edits})
    pyproject = read(PYPROJECT) or ""
    texts = {PYPROJECT: search.in_pyproject(pyproject)}
    for path, extra in _requirements_files(tomllib.loads(pyproject)):
        text = texts.get(path) or read(path)
        texts |= {path: search.in_lines(text, extra)} if text else {}
    if legacy := read(SETUP_CFG):
        texts[SETUP_CFG] = search.in_setup_cfg(legacy)
    if search.left:
        raise _by_hand(search.left, texts)
    return tuple(
        FileEdit(path=path, after=after) for path, after in texts.items() if after != read(path)
    )


def _by_hand(left: Iterable[Edit], looked: Iterable[str]) -> BlockedError:
    told = "; ".join(f"replace {e.requirement} by {e.becomes}" for e in left)
    return BlockedError(
        "a requirement is written where release-warden does not edit",
        why=f"looked at {', '.join(looked)}; requirements that a build computes, or that a "
        "backend writes in a form of its own, are for a person",
        remedy=f"by hand: {told}; commit, then run release.scan",
    )


class _Search:
    """Looks for requirements, and replaces those that are to change.

    :param wanted: the edits by what they change; ``left`` are those not found so far.
    """

    def __init__(self, wanted: Mapping[Identity, Edit]) -> None:
        self._wanted = wanted
        self._found: set[Identity] = set()

    @property
    def left(self) -> tuple[Edit, ...]:
        return tuple(edit for key, edit in self._wanted.items() if key not in self._found)

    def replaced(self, text: str, extra: str = "") -> str:
        """A requirement as it stands after the edit; the same text where it is not meant."""
        try:
            key = _identity(text, extra)
        except InvalidRequirement:
            return text
        edit = self._wanted.get(key)
        if edit is None:
            return text
        self._found.add(key)
        return respecified(text, Requirement(edit.becomes).specifier)

    def in_pyproject(self, text: str) -> str:
        """``dependencies`` and ``optional-dependencies`` of ``[project]``."""
        document = tomlkit.parse(text)
        project = document.get("project", {})
        arrays = [("", project.get("dependencies", ()))]
        arrays += project.get("optional-dependencies", {}).items()
        for extra, array in arrays:
            for place, item in enumerate(array):
                if (after := self.replaced(item, extra)) != item:
                    literal = item.as_string().startswith("'")
                    array[place] = tomlkit.string(after, literal=literal)
        return tomlkit.dumps(document)

    def in_lines(self, text: str, extra: str) -> str:
        """A requirements file, one requirement a line."""
        return "".join(self._line(line, extra) for line in text.splitlines(keepends=True))

    def in_setup_cfg(self, text: str) -> str:
        """The indented lines of ``install_requires`` and of ``[options.extras_require]``."""
        return "".join(
            line if extra is None else self._line(line, extra)
            for line, extra in _setup_cfg_lines(text)
        )

    def _line(self, line: str, extra: str) -> str:
        parts = _LINE.fullmatch(line)
        if parts is None or parts["text"].startswith("#"):
            return line
        return parts["indent"] + self.replaced(parts["text"], extra) + parts["rest"]


def _setup_cfg_lines(text: str) -> Iterator[tuple[str, str | None]]:
    """Each line, with the extra that it requires something for; ``None`` where it does not."""
    section = key = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("["):
            section, key = line.strip().strip("[]"), ""
        elif line.strip() and not line[0].isspace() and line[0] not in "#;":
            key = re.split("[=:]", line, maxsplit=1)[0].strip()
        elif section == "options" and key == "install_requires":
            yield line, ""
            continue
        elif section == "options.extras_require":
            yield line, key
            continue
        yield line, None


def _requirements_files(pyproject: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The requirements files that setuptools' dynamic metadata name, with their extra."""
    dynamic = pyproject.get("tool", {}).get("setuptools", {}).get("dynamic", {})
    sources = [("", dynamic.get("dependencies", {}))]
    sources += dynamic.get("optional-dependencies", {}).items()
    for extra, source in sources:
        files = source.get("file", ()) if isinstance(source, dict) else ()
        for path in [files] if isinstance(files, str) else files:
            yield path, extra


def respecified(text: str, specifier: SpecifierSet) -> str:
    """A requirement with another version specifier, in its own spelling.

    What stays of the old specifier keeps its place, after what is new.

    :param text: such as ``Pkg[x] >= 1, < 2 ; python_version < '3.12'``; without a URL.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise InvalidRequirement(f"{plain(text, 200)} cannot be taken apart")
    old = parts["spec"] or ""
    new = _spelled_like(old, specifier)
    return parts["head"] + (parts["gap"] + new if new else "") + parts["tail"]


def _spelled_like(old: str, specifier: SpecifierSet) -> str:
    """A specifier with the commas, spaces and parentheses of an old one."""
    inner = old.strip("() ")
    words = [word.strip() for word in inner.split(",") if word.strip()]
    stood = {_specifier(word): word for word in words}
    space = " " if words and re.match(r"[<>=!~]+\s", words[0]) else ""
    fresh = [f"{s.operator}{space}{s.version}" for s in specifier if s not in stood]
    kept = [word for one, word in stood.items() if one in set(specifier)]
    joined = (", " if re.search(r",\s", inner) else ",").join([*sorted(fresh), *kept])
    return f"({joined})" if joined and old.startswith("(") else joined


def _specifier(word: str) -> Specifier | None:
    try:
        return Specifier(word)
    except InvalidSpecifier:
        return None


def _identity(text: str, extra: str = "") -> Identity:
    """What makes a requirement the same however it is spelled.

    :param extra: the extra whose list it stands in, which its ``Requires-Dist`` line has in its
        marker.
    :raises InvalidRequirement: it is none.
    """
    requirement = Requirement(text)
    parts = _marker_parts(str(requirement.marker)) if requirement.marker else frozenset()
    if extra:
        parts |= {f'extra == "{canonicalize_name(extra)}"'}
    name = canonicalize_name(requirement.name)
    extras = frozenset(canonicalize_name(one) for one in requirement.extras)
    return name, extras, requirement.specifier, requirement.url, parts


def _marker_parts(marker: str) -> frozenset[str]:
    """What a marker asks for, in any order: backends write the extra before or after the rest."""
    flat = _AND_GROUP.sub(r"\1", marker)
    flat = flat[1:-1] if _is_group(flat) else flat
    return frozenset(part.strip() for part in _split_and(flat))


def _is_group(text: str) -> bool:
    """Whether one pair of parentheses encloses everything."""
    return text.startswith("(") and text.find(")") == len(text) - 1


def _split_and(text: str) -> Iterator[str]:
    """The parts between ``and`` outside of parentheses; those of an ``or`` are one part."""
    if " or " in re.sub(r"\([^()]*\)", "", text):
        yield text
        return
    for part in re.split(r" and (?![^(]*\))", text):
        yield part[1:-1] if _is_group(part) else part


def difference(path: str, before: str, after: str) -> str:
    """A unified diff of one file."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
             for line in lines)  # fmt: skip
    return "".join(whole)
