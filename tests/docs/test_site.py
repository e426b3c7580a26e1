"""The site that the gate has just made of the pages, and that the gate sees what is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from release.gates import SITE

ROOT = Path(__file__).parents[2]
BUILT = sorted((ROOT / SITE).rglob("*.html"))


class Requests(HTMLParser):
    """What a browser asks for by itself when it opens a page: all addresses but those of links."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag != "a":
            self.addresses += [given[name] for name in ("src", "href", "data") if name in given]


def test_every_page_is_there():
    names = {page.relative_to(ROOT / SITE).as_posix() for page in BUILT}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    assert len(pages) > 25
    assert {page.relative_to(ROOT).with_suffix(".html").as_posix() for page in pages} <= names


@pytest.mark.parametrize("page", BUILT, ids=lambda page: page.stem)
def test_a_page_asks_nobody_else(page):
    seen = Requests()
    seen.feed(page.read_text(encoding="utf-8"))
    assert seen.addresses
    assert [one for one in seen.addresses if re.match(r"(?:[a-z]+:)?//", one)] == []


@pytest.mark.parametrize("style", sorted((ROOT / SITE).rglob("*.css")), ids=lambda file: file.name)
def test_a_style_asks_nobody_else(style):
    text = style.read_text(encoding="utf-8")
    assert re.findall(r"@import|url\(['\"]?(?:https?:)?//[^)]+", text) == []


def test_the_four_kinds_are_in_the_navigation():
    first = (ROOT / SITE / "docs" / "index.html").read_text(encoding="utf-8")
    captions = re.findall(r'class="caption-text">([^<]+)<', first)
    assert captions == ["Tutorial", "How to", "Reference", "Explanation"]


WRONG = """\
# Wrong

### A heading too deep

[a page](nowhere.md) [a heading](tutorial.md#nowhere) [here](#nowhere)
"""


def test_what_is_broken_fails_the_build(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(ROOT / "docs" / "conf.py", docs)
    (docs / "index.md").write_text("# First\n\n## How to\n\n- [Go on](tutorial.md)\n\n")
    (docs / "tutorial.md").write_text("# Go on\n\n[back](index.md#how-to)\n")
    built = build(tmp_path)
    assert built.returncode == 0, built.stderr
    (docs / "forgotten.md").write_text(WRONG)
    broken = build(tmp_path)
    assert broken.returncode != 0
    for word in ("'nowhere.md'", "'nowhere'", "Non-consecutive header", "in any toctree"):
        assert word in broken.stderr
    assert broken.stderr.count("WARNING") == 5


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages in a folder as the gate does."""
    words = ("-q", "--fail-on-warning", "--nitpicky", "--conf-dir", "docs", ".", "built")
    command = [sys.executable, "-m", "sphinx", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
