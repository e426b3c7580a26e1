"""Fragments of scriv (scriv.readthedocs.io): files with headings for categories, in a folder."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, Literal

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

FOLDER = "changelog.d"
CATEGORIES = ("Removed", "Added", "Changed", "Deprecated", "Fixed", "Security")
TITLE = "{% if version %}{{ version }} — {% endif %}{{ date.strftime('%Y-%m-%d') }}"

_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}")
_RST_KEPT = re.compile(r"\.\.\.|\.\. [_\[|]|\.\. [\w+:.-]+::")
_ANCHOR = re.compile(r"\.\. _[-.\w]+:|<a id=(['\"])[-.\w]+\1></a>")


class Settings(msgspec.Struct, frozen=True):
    """``[tool.scriv]``, as far as it matters here; lists may be words with commas."""

    fragment_directory: str = FOLDER
    skip_fragments: str = "README.*"
    format: str = ""
    changelog: str = "CHANGELOG.${config:format}"
    categories: tuple[str, ...] | str = CATEGORIES
    start_marker: str = "scriv-insert-here"
    entry_title_template: str = TITLE
    rst_header_chars: str = "=-"
    md_header_level: int = 1
    md_setext_chars: str = ""
    md_html_anchors: bool = True
    compact_fragments: bool = False


def collect(read: Read, paths: Sequence[str]) -> Fragments | None:
    """The fragments, if the project is configured for scriv.

    :raises UnknownFormError: it is, in a way that is not understood.
    """
    settings = _settings(read)
    if settings is None:
        return None
    if settings.md_setext_chars:
        raise UnknownFormError("scriv is configured for underlined headings (md_setext_chars)")
    changelog, markup = _changelog(settings)
    files = _files(settings, paths)
    others = [path for path in files if not path.endswith(f".{markup}")]
    if others:
        raise UnknownFormError(f"{others[0]} is in another markup than {changelog}")
    told = [part for path in files for part in _PARSERS[markup](read(path) or "")]
    return Fragments(
        tool="scriv",
        changelog=changelog,
        form=_form(settings, markup),
        sections=tuple(_combined(told, settings)),
        files=files,
    )


def _files(settings: Settings, paths: Sequence[str]) -> tuple[str, ...]:
    skipped = settings.skip_fragments
    return tuple(
        path
        for name, path in beside(inside(settings.fragment_directory), paths).items()
        if name.endswith((".rst", ".md")) and not (skipped and fnmatch(name, skipped))
    )


def _settings(read: Read) -> Settings | None:
    """What scriv reads, in its order; ``None`` where no file names it."""
    tables = [_ini(read, "setup.cfg"), _ini(read, "tox.ini")]
    tables.append(table(read, "pyproject.toml", "tool", "scriv"))
    merged = {key: value for held in tables for key, value in (held or {}).items()}
    last = _ini(read, inside(str(merged.get("fragment_directory", FOLDER)), "scriv.ini"))
    if last is None and all(held is None for held in tables):
        return None
    old = {"output_file": "changelog", "insert_marker": "start_marker"}
    named = {old.get(key, key): value for key, value in (merged | (last or {})).items()}
    return converted(named, Settings, "scriv")


def _ini(read: Read, path: str) -> dict[str, Any] | None:
    text = read(path)
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text or "")
    except configparser.Error as error:
        raise UnknownFormError(f"{path} is no INI file") from error
    for name in ("scriv", "tool.scriv"):
        if parser.has_section(name):
            return dict(parser[name])
    return None


def _changelog(settings: Settings) -> tuple[str, Literal["md", "rst"]]:
    """The changelog's path and its markup."""
    named = settings.changelog
    markup = settings.format or (named.rpartition(".")[2] if "${" not in named else "rst")
    path = named.replace("${config:format}", markup)
    if markup not in {"md", "rst"} or "${" in path:
        raise UnknownFormError(f"scriv's changelog is {path}")
    return inside(path), "md" if markup == "md" else "rst"


def _form(settings: Settings, markup: Literal["md", "rst"]) -> Form:
    return Form(
        markup=markup,
        title=_title(settings.entry_title_template),
        level=settings.md_header_level,
        levels=settings.rst_header_chars + "~",
        marker=settings.start_marker,
        anchor=settings.md_html_anchors or markup == "rst",
    )


def _title(template: str) -> str:
    """The title's form, where its template says no more than version and day."""
    text = re.sub(r"{%\s*if version\s*%}(.*?){%\s*endif\s*%}", r"\1", template)
    text = re.sub(r"{{\s*version\s*}}", "<version>", text)
    text = re.sub(r"{{\s*date\.strftime\((['\"])%Y-%m-%d\1\)\s*}}", "<date>", text)
    if "{" in text or template.startswith("file:"):
        raise UnknownFormError("scriv's title has a template of its own (entry_title_template)")
    return text.replace("<version>", "{version}").replace("<date>", "{date}")


@dataclass
class _Parsed:
    """The paragraphs of a fragment, each under the category in force."""

    parts: list[tuple[str, list[str]]]

    @classmethod
    def empty(cls) -> _Parsed:
        """Before any line: no category."""
        return cls([("", [])])

    def start(self, category: str) -> None:
        """From here on another category."""
        self.parts.append((category, []))

    def add(self, line: str) -> None:
        """A line of the category in force."""
        self.parts[-1][1].append(line)

    def sections(self) -> Iterator[Section]:
        """Each paragraph with its category."""
        for category, lines in self.parts:
            for paragraph in re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines).strip("\n")):
                if paragraph.strip():
                    yield Section(category, paragraph.rstrip())


def _markdown(text: str) -> Iterator[Section]:
    """A Markdown fragment: the first heading's level is that of categories, comments are out."""
    parsed, mark, commented = _Parsed.empty(), "", False
    for line in map(str.rstrip, text.splitlines()):
        if commented or re.match(r"\s*<!--", line):
            commented = not line.endswith("-->")
        elif re.match(r"#+ ", line) and line.startswith(mark or "#"):
            mark = line.partition(" ")[0] + " "
            parsed.start(line[len(mark) :].strip())
        elif not _ANCHOR.fullmatch(line):
            parsed.add(line)
    return parsed.sections()


def _restructured(text: str) -> Iterator[Section]:
    """A reStructuredText fragment: underlined categories; comments of one line are out."""
    parsed, mark = _Parsed.empty(), ""
    for line in map(str.rstrip, text.splitlines()):
        lines = parsed.parts[-1][1]
        comment = line.startswith("..") and not _RST_KEPT.match(line)
        if comment or _ANCHOR.fullmatch(line):
            continue
        if _UNDERLINE.fullmatch(line) and line[0] == (mark or line[0]):
            mark = line[0]
            if lines and lines[-1]:  # otherwise it is an overline
                parsed.start(lines.pop())
            continue
        parsed.add(line)
    return parsed.sections()


_PARSERS = {"md": _markdown, "rst": _restructured}


def _combined(parts: Iterable[Section], settings: Settings) -> Iterator[Section]:
    """The paragraphs by category: those without one, then in the configured order, then others."""
    named = settings.categories
    listed = re.split(r"\s*[,\n]\s*", named.strip()) if isinstance(named, str) else named
    found: dict[str, list[str]] = {name: [] for name in ("", *listed)}
    for part in parts:
        found.setdefault(part.title, []).append(part.body)
    between = "\n" if settings.compact_fragments else "\n\n"
    yield from (Section(name, between.join(held)) for name, held in found.items() if held)
