"""The changelog's part of a release commit (keepachangelog.com, or the form of a fragment tool)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from release.model.text import Section

NAMES = ("CHANGELOG.md", "CHANGES.md", "HISTORY.md", "NEWS.md")
"""Where a changelog is looked for when no tool names one."""

_UNRELEASED = re.compile(r"^(#{1,3}) (\[?)unreleased\b.*$", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^\s*(```|~~~)")
_REFERENCE = re.compile(r"^\[[^\]\n]+\]:\s*\S+.*$")
_COMPARISON = re.compile(
    r"^(\[unreleased\]:\s*\S+/compare/)(\S*?)(\d[^\s/]*?)(\.{2,3})(\S+)[ \t]*$", re.I | re.M
)


@dataclass(frozen=True)
class Form:
    """How the file is written.

    ``title`` is the heading's text for a version, with ``{version}`` and ``{date}``, ``level`` its
    level and ``levels`` the underlines of reStructuredText by level. ``marker`` is the text after
    which, on a line of its own, new versions go.
    """

    markup: Literal["md", "rst"] = "md"
    title: str = "[{version}] - {date}"
    level: int = 2
    levels: str = "=-~"
    marker: str = ""
    anchor: bool = False

    def heading(self, text: str, deeper: int = 0) -> str:
        """A heading, so much deeper than a version's."""
        if self.markup == "md":
            return f"{'#' * (self.level + deeper)} {text}"
        return f"{text}\n{self.levels[deeper] * len(text)}"

    def target(self, version: str) -> str:
        """What links lead to, before the heading, where the tool sets such targets."""
        if not self.anchor:
            return ""
        name = f"changelog-{version}"
        return f"<a id='{name}'></a>\n" if self.markup == "md" else f".. _{name}:\n\n"


@dataclass(frozen=True)
class _Place:
    """Where a new version goes: the text before, its unreleased entries, the text after."""

    before: str
    own: str
    after: str
    form: Form


def unreleased(text: str) -> tuple[Section, ...]:
    """The entries below the Unreleased heading; none where there is no such heading."""
    place = _unreleased_place(text)
    return tuple(parted(place.own, place.form.level + 1)) if place else ()


def released(
    text: str, version: str, date: str, parts: Iterable[Section], form: Form | None = None
) -> str:
    """The changelog with a section for a new version.

    :param text: the whole file. One without an Unreleased heading (or, with ``form``, its marker)
        is left alone, since its form is its owner's; so is one that has the version already.
    :param date: as 2026-11-23.
    :param parts: the section's content, what was unreleased among it.
    :param form: of the tool that writes the file, if one does.
    """
    place = _unreleased_place(text) or (_marked_place(text, form) if form else None)
    if place is None or _tells(text, version):
        return text
    names = {"version": version, "date": date}
    title = place.form.heading(_filled(place.form.title, names))
    section = f"{place.form.target(version)}{title}\n\n{_body(parts, place.form)}"
    after = place.after.lstrip("\n")
    whole = f"{place.before.rstrip()}\n\n{section}\n\n{after}".rstrip("\n") + "\n"
    return _compared(whole, version)


def merged(*groups: Iterable[Section]) -> tuple[Section, ...]:
    """Sections, those of equal title made one; the first group's stand first.

    Words without a heading get one where they do not come first, as they would else be taken for
    a part of the section above them.
    """
    found: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for section in (section for group in groups for section in group):
        if section.body.strip():
            title = section.title or ("Changed" if found else "")
            titles.setdefault(title.lower(), title)
            found.setdefault(title.lower(), []).append(section.body.strip())
    return tuple(Section(titles[name], "\n\n".join(bodies)) for name, bodies in found.items())


def parted(body: str, level: int) -> Iterator[Section]:
    """A Markdown text parted at its headings of a level; fenced code is no heading."""
    title, lines, fenced = "", list[str](), False
    for line in body.strip().splitlines():
        fenced ^= bool(_FENCE.match(line))
        if not fenced and line.startswith(f"{'#' * level} "):
            yield Section(title, "\n".join(lines).strip())
            title, lines = line[level + 1 :].strip(), []
        else:
            lines.append(line)
    yield Section(title, "\n".join(lines).strip())


def _body(parts: Iterable[Section], form: Form) -> str:
    blocks = [f"{form.heading(s.title, 1)}\n\n{s.body}" if s.title else s.body for s in parts]
    return "\n\n".join(blocks) or "No changes are told."


def _unreleased_place(text: str) -> _Place | None:
    """The place below the Unreleased heading, whose entries move under the new version."""
    heading = _UNRELEASED.search(text)
    if heading is None:
        return None
    level = len(heading[1])
    following = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE).search(text, heading.end())
    end = following.start() if following else _references(text, heading.end())
    form = Form(title=_title(text, heading), level=level)
    return _Place(text[: heading.end()], text[heading.end() : end], text[end:], form)


def _title(text: str, heading: re.Match[str]) -> str:
    """The form of the versions' headings that are there; with none, as keepachangelog.com has it.

    A file whose headings are in no brackets, or begin with a v, goes on so.
    """
    earlier = re.search(rf"^{heading[1]} (\[?)(v?)\d", text, re.MULTILINE)
    bracket, v = (earlier[1], earlier[2]) if earlier else ("[", "")
    name = f"{v}{{version}}"
    return (f"[{name}]" if bracket else name) + " - {date}"


def _references(text: str, start: int) -> int:
    """Where the link definitions begin that end a file."""
    lines = text[start:].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or _REFERENCE.match(lines[-1])):
        lines.pop()
    return start + sum(map(len, lines))


def _marked_place(text: str, form: Form) -> _Place | None:
    """The place below the line that holds the tool's marker."""
    at = text.find(form.marker) if form.marker else -1
    if at < 0:
        return None
    end = text.find("\n", at + len(form.marker.rstrip("\n")))
    end = len(text) if end < 0 else end + 1
    return _Place(text[:end], "", text[end:], form)


def _filled(title: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        title = title.replace(f"{{{name}}}", value)
    return title


def _tells(text: str, version: str) -> bool:
    """Whether a heading of the file names the version already, in either markup."""
    named = rf"(?<![\w.])v?{re.escape(version)}(?![\w.]*\d)"
    headings = rf"^#+ .*{named}|^.*{named}.*\n([=~^\"'*+#-])\1{{2,}}\s*$"
    return re.search(headings, text, re.MULTILINE) is not None


def _compared(text: str, version: str) -> str:
    """The link definitions with the new version in them, where Unreleased links a comparison.

    ``[unreleased]: .../compare/v1.0...HEAD`` names the tags' form, which is kept.
    """

    def renewed(link: re.Match[str]) -> str:
        start, v, old, dots, head = link.groups()
        label = re.sub(r"unreleased", version, start, count=1, flags=re.IGNORECASE)
        fresh = f"{start}{v}{version}{dots}{head}"
        return f"{fresh}\n{label}{v}{old}{dots}{v}{version}"

    return _COMPARISON.sub(renewed, text, count=1)
