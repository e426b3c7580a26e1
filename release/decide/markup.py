"""Templates for text that people read, in which nothing from outside is ever markup.

Whatever a template puts in is escaped, unless a filter of ours has already made it safe: to forget
a filter does no harm.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.decide.templates import TEMPLATES
from release.model import text

if TYPE_CHECKING:
    from jinja2 import Environment

ID_SHOWN = 60
"""The most characters of an id, a version or a package's name in a line of the notes."""

_RST = re.compile(r"([\\`*_|<>:\[\]@])")


class Made(str):
    """Text that is markup on purpose."""

    __slots__ = ()


@dataclass(frozen=True)
class Markup:
    """A markup language: how others' text is made harmless in it."""

    name: str
    escape: Callable[[str, int], str]
    code: Callable[[str, int], str]
    link: Callable[[str], str]

    def render(self, template: str, **values: object) -> Made:
        """A template of :mod:`release.decide.templates`, filled in."""
        return Made(_environment(self).get_template(template).render(values))


def _rst_escape(words: str, limit: int) -> str:
    return _RST.sub(r"\\\1", text.plain(words, limit))


def _rst_code(words: str, limit: int) -> str:
    """An inline literal; one must not begin or end in white space or hold its own end."""
    return f"``{text.plain(words, limit).replace('`', chr(39)) or '-'}``"


def _rst_link(url: str) -> str:
    """A bare address is a link in reStructuredText; one that holds anything odd is shown."""
    return url if text.link(url) == f"<{url}>" else _rst_escape(url, 300)


MARKDOWN = Markup("md", text.escape, text.code, text.link)
RST = Markup("rst", _rst_escape, _rst_code, _rst_link)


@functools.cache
def _environment(markup: Markup) -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    made = Environment(  # noqa: S701 # nosec B701 # no HTML: ``finalize`` escapes for Markdown
        loader=DictLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Made) else markup.escape(str(value), 300),
    )
    made.filters |= _filters(markup)
    return made


def _filters(markup: Markup) -> Mapping[str, Callable[..., object]]:
    def code(words: str) -> Made:
        return Made(markup.code(words, ID_SHOWN))

    def codes(words: Iterable[str], limit: int = 5) -> Made:
        return Made(text.listing(map(code, words), limit))

    def cut(words: str, limit: int) -> Made:
        return Made(markup.escape(words, limit))

    def link(url: str) -> Made:
        return Made(markup.link(url))

    return {"code": code, "codes": codes, "cut": cut, "link": link}
