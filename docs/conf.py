"""How Sphinx makes a site of these pages: ``nox -s docs`` writes it to build/docs.

The source is the whole checkout, so that the links between README.md, docs and CHANGELOG.md are
the same ones as on GitHub, and each of them, with its anchor, is checked.
"""

import re

from pygments.lexers.shell import BashLexer
from sphinx.application import Sphinx

project = "Release Warden"
author = "The Release Warden authors"
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md"]
exclude_patterns = [".*", "build"]
extensions = ["myst_parser"]
myst_heading_anchors = 4  # the anchors that GitHub gives, so that #a-heading works on both

html_theme = "furo"  # asks nobody else for fonts or scripts; tests/docs looks
html_title = project
html_copy_source = False
html_show_sphinx = False


def navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """Make the lists of links on the first page the site's navigation as well."""
    if name == root_doc:
        parts = re.findall(r"^## (.+)\n\n(- \[(?:.|\n)+?)\n\n", source[0], re.MULTILINE)
        source[0] += "".join(map(_toctree, parts))


def _toctree(part: tuple[str, str]) -> str:
    caption, links = part
    pages = "\n".join(re.findall(r"\]\((\S+)\.md\)", links))
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Colour the blocks of the tutorial as what they are, and make the navigation."""
    app.add_lexer("tutorial", BashLexer)
    app.connect("source-read", navigation)
