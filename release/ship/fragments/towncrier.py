"""Fragments of towncrier (towncrier.readthedocs.io): ``123.bugfix.md`` in a folder."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Literal, NamedTuple

import msgspec

from release.model.text import Section
from release.ship.changelog import Form
from release.ship.fragments.form import (
    Fragments,
    Read,
    UnknownFormError,
    beside,
    converted,
    inside,
    table,
)

TYPES = (
    ("feature", "Features", True),
    ("bugfix", "Bugfixes", True),
    ("doc", "Improved Documentation", True),
    ("removal", "Deprecations and Removals", True),
    ("misc", "Misc", False),
)
IGNORED = (".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst")
MARKERS = {
    "md": "<!-- towncrier release notes start -->\n",
    "rst": ".. towncrier release notes start\n",
}


class Folder(msgspec.Struct, frozen=True):
    """A ``[[tool.towncrier.section]]``."""

    path: str = ""
    name: str = ""


class Type(msgspec.Struct, frozen=True):
    """A ``[[tool.towncrier.type]]``, or a ``[tool.towncrier.fragment.<name>]``."""

    name: str = ""
    directory: str = ""
    showcontent: bool = True


class Settings(msgspec.Struct, frozen=True):
    """``[tool.towncrier]``, as far as it matters here."""

    name: str = ""
    package: str = ""
    package_dir: str = ""
    directory: str | None = None
    filename: str = "NEWS.rst"
    template: str = "towncrier:default"
    start_string: str = ""
    title_format: str | bool = ""
    issue_format: str | None = None
    single_file: bool = True
    wrap: bool | int = False
    all_bullets: bool = True
    orphan_prefix: str = "+"
    underlines: tuple[str, ...] = ("=", "-", "~")
    ignore: tuple[str, ...] = ()
    section: tuple[Folder, ...] = ()
    type: tuple[Type, ...] = ()
    fragment: dict[str, Type] = {}

    def unknown(self) -> Iterator[str]:
        """The settings whose effect on the changelog is not imitated."""
        if not self.template.startswith("towncrier:default") or self.title_format is False:
            yield "a template of its own (template)"
        if not self.single_file or "{" in self.filename:
            yield "a file for each version (single_file)"
        if self.wrap or not self.all_bullets or self.underlines != ("=", "-", "~"):
            yield "a layout of its own (wrap, all_bullets, underlines)"
        if len(self.section) > 1 or any(section.name for section in self.section):
            yield "several sections (section)"


class Kind(NamedTuple):
    """A type of fragment; one whose content is not shown tells its issues only."""

    name: str
    title: str
    shows: bool


@dataclass
class _Entries:
    """The texts of one type, each with the issues that it belongs to."""

    kind: Kind
    markup: str
    issues: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, issue: str) -> None:
        """Add a fragment; equal texts are one entry."""
        shown = text if self.kind.shows or not issue else ""
        self.issues.setdefault(shown, []).extend([issue] if issue else [])

    def section(self, issue_format: str | None) -> Section:
        """The entries in towncrier's order: by issue, those without one last, by text."""
        ranked = sorted(
            (("" if held else text), sorted(map(_issue_key, held)), text)
            for text, held in self.issues.items()
        )
        lines = (
            self._line(text, ", ".join(_issue(key[-1], issue_format) for key in keys))
            for _, keys, text in ranked
        )
        return Section(self.kind.title, "\n".join(lines))

    def _line(self, text: str, issues: str) -> str:
        if not text:
            return f"- {issues}"
        if issues and self.markup == "md" and re.search(r"\n  [-*] ", text):
            return f"- {text}\n\n  ({issues})"
        return f"- {text}" + (f" ({issues})" if issues else "")


def collect(read: Read, paths: Sequence[str]) -> Fragments | None:
    """The fragments, if the project is configured for towncrier.

    :raises UnknownFormError: it is, in a way that is not understood.
    """
    settings = _settings(read)
    if settings is None:
        return None
    for what in settings.unknown():
        raise UnknownFormError(f"towncrier is configured for {what}")
    form = _form(settings)
    found = {kind.name: _Entries(kind, form.markup) for kind in _kinds(settings)}
    files, left = [], []
    for name, path in _fragments(settings, paths).items():
        parsed = _parsed(name, found)
        if parsed is None:
            left.append(path)
            continue
        issue, kind = parsed
        orphan = settings.orphan_prefix and issue.startswith(settings.orphan_prefix)
        found[kind].add(_text(read(path) or ""), "" if orphan else issue)
        files.append(path)
    told = (entries.section(settings.issue_format) for entries in found.values())
    return Fragments(
        tool="towncrier",
        changelog=inside(settings.filename),
        form=form,
        sections=tuple(section for section in told if section.body),
        files=tuple(files),
        left=tuple(left),
    )


def _settings(read: Read) -> Settings | None:
    """What towncrier reads; the project's name stands for its package and its name."""
    held = table(read, "towncrier.toml", "tool", "towncrier")
    held = table(read, "pyproject.toml", "tool", "towncrier") if held is None else held
    if held is None:
        return None
    project = str((table(read, "pyproject.toml", "project") or {}).get("name", ""))
    package = held.get("package") or project
    name = held.get("name") or (package if project else str(package).title())
    return converted({**held, "name": name, "package": package}, Settings, "towncrier")


def _fragments(settings: Settings, paths: Sequence[str]) -> dict[str, str]:
    """Names and paths of the files in the folder of fragments, the ignored ones aside.

    Older towncriers look at the top of the project, where newer ones look into the package.
    """
    found = beside(_folder(settings, settings.package), paths)
    found = found or beside(_folder(settings, ""), paths)
    ignored = [pattern.lower() for pattern in (*IGNORED, *settings.ignore)]
    return {n: p for n, p in found.items() if not any(fnmatch(n.lower(), i) for i in ignored)}


def _kinds(settings: Settings) -> Iterator[Kind]:
    for item in settings.type:
        yield Kind(item.directory or item.name.lower(), item.name, item.showcontent)
    if settings.type:
        return
    for name, item in sorted(settings.fragment.items()):
        yield Kind(name, item.name or name.capitalize(), item.showcontent)
    if not settings.fragment:
        yield from (Kind(*one) for one in TYPES)


def _folder(settings: Settings, package: str) -> str:
    path = settings.section[0].path if settings.section else ""
    if settings.directory is not None:
        return inside(settings.directory, path)
    return inside(settings.package_dir, package, path, "newsfragments")


def _parsed(name: str, kinds: Container[str]) -> tuple[str, str] | None:
    """Issue and type of a fragment's name: the last part that is a type, and all before it."""
    parts = name.split(".")
    for at in range(len(parts) - 1, 0, -1):
        if parts[at] in kinds:
            issue = ".".join(parts[:at]).strip()
            return (str(int(issue)) if issue.isdecimal() else issue), parts[at]
    return None


def _text(text: str) -> str:
    """A fragment as the content of a bullet: further lines are indented."""
    first, *further = text.strip().splitlines() or [""]
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in further)])


def _issue_key(issue: str) -> tuple[bool, bool, str, int, str]:
    """Towncrier's order of issues: words, then words with a number, then numbers."""
    number = re.search(r"\d+", issue)
    if number is None:
        return False, False, issue, -1, issue
    words = issue[: number.start()] + issue[number.end() :]
    return issue.isdecimal(), True, words, int(number[0]), issue


def _issue(issue: str, issue_format: str | None) -> str:
    if issue_format is not None:
        return issue_format.replace("{issue}", issue)
    return f"#{issue}" if issue.isdecimal() else issue


def _form(settings: Settings) -> Form:
    markup: Literal["md", "rst"] = "md" if settings.filename.endswith(".md") else "rst"
    own = settings.title_format if isinstance(settings.title_format, str) else ""
    title = own or f"{settings.name} {{version}} ({{project_date}})".strip()
    words = title.replace("{project_date}", "{date}").replace("{name}", settings.name)
    hashes = len(words) - len(words.lstrip("#")) if markup == "md" else 0
    return Form(
        markup=markup,
        title=words[hashes:].strip(),
        level=hashes or 1,
        marker=settings.start_string or MARKERS[markup],
    )
