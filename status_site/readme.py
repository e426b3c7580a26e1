"""The badges of a README: what stands between two markers is ours, all else its author's."""

from __future__ import annotations

import re

from release.errors import UsageError
from status_site.findings import https_only

START = "<!-- release-warden:badges -->"
END = "<!-- /release-warden:badges -->"
_BETWEEN = re.compile(re.escape(START) + r".*?" + re.escape(END), re.DOTALL)
_CODE = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)", re.MULTILINE | re.DOTALL)

SHOWN = {
    "grade": "Security grade",
    "vulnerabilities": "Known vulnerabilities",
    "last-scan": "Last security scan",
    "release": "Release",
}
"""The badges with what a screen reader says of them."""


def with_badges(readme: str, url: str) -> str:
    """The README with its badges brought up to date; with the same address, the same text.

    :param readme: Markdown. Markers in a block of code are only shown, and stay.
    :param url: where the site is served.
    :raises UsageError: the markers are not there just once, or the address is no https one.
    """
    text = block(url)
    code = [match.span() for match in _CODE.finditer(readme)]
    found = [
        match
        for match in _BETWEEN.finditer(readme)
        if not any(start < match.start() < end for start, end in code)
    ]
    if len(found) != 1:
        raise UsageError(
            f"the README has {len(found)} places for badges, not one",
            remedy=f"write these two lines once, where they should stand: {START} and {END}",
        )
    start, end = found[0].span()
    if readme.count(START, start, end) > 1:
        raise UsageError(
            "the README opens its place for badges twice",
            why="what stands between the first opening and the second would be lost",
            remedy=f"leave one {START} and one {END} after it",
        )
    ends = "\r\n" if "\r\n" in readme else "\n"
    return readme[:start] + text.replace("\n", ends) + readme[end:]


def block(url: str) -> str:
    """The badges between their markers, in Markdown.

    :param url: where the site is served.
    :raises UsageError: it is no plain https address.
    """
    base = _base(url)
    lines = [f"[![{text}]({base}badges/{name}.svg)]({base})" for name, text in SHOWN.items()]
    return "\n".join((START, *lines, END))


def _base(url: str) -> str:
    remedy = "give --url, or status-url in [tool.release-warden], as https://..."
    if not url:
        raise UsageError("there is no address that the badges could lead to", remedy=remedy)
    if https_only(url) is None or set(url) & set("()<>[]\"'\\?#"):
        raise UsageError(f"{url!r} is no address that a README can show", remedy=remedy)
    return url.rstrip("/") + "/"
