"""Fragments of towncrier and scriv, as their documentation has them."""

from __future__ import annotations

import pytest

from release.model.text import Section
from release.ship import fragments

TOWNCRIER = '[project]\nname = "thing"\n[tool.towncrier]\nfilename = "CHANGELOG.md"\n'
NEWS = {
    "newsfragments/123.bugfix.md": "Fixed it.\n\nMore words.\n",
    "newsfragments/0010.feature.md": "Ten",
    "newsfragments/9.feature.1.md": "Nine",
    "newsfragments/11.feature": "Ten\n",
    "newsfragments/+orphan.bugfix.md": "Nobody asked",
    "newsfragments/77.misc.md": "not told",
    "newsfragments/gh-3.removal.md": "Gone:\n\n- a\n- b",
    "newsfragments/README.md": "how to",
    "newsfragments/.gitignore": "",
    "newsfragments/12.unknown.md": "kept",
    "newsfragments/notes": "kept",
    "src/newsfragments/1.bugfix.md": "of another",
}


def found(files: dict[str, str]) -> fragments.Fragments:
    told = fragments.find(files.get, files)
    assert told is not None
    return told


def test_towncriers_fragments_with_its_defaults():
    told = found({"pyproject.toml": TOWNCRIER, **NEWS})
    assert told.trouble == ""
    assert told.sections == (
        Section("Features", "- Nine (#9)\n- Ten (#10, #11)"),
        Section("Bugfixes", "- Fixed it.\n\n  More words. (#123)\n- Nobody asked"),
        Section("Deprecations and Removals", "- Gone:\n\n  - a\n  - b\n\n  (gh-3)"),
        Section("Misc", "- #77"),
    )
    assert (told.changelog, told.form.title, told.form.level) == (
        "CHANGELOG.md",
        "thing {version} ({date})",
        1,
    )
    assert set(told.left) == {"newsfragments/12.unknown.md", "newsfragments/notes"}
    ignored = {"newsfragments/README.md", "newsfragments/.gitignore"}
    lying = {name for name in NEWS if name.startswith("newsfragments/")} - ignored
    assert set(told.files) | set(told.left) == lying


OTHER_WAYS = {
    "a table of types": (
        'directory = "changes"\nissue_format = "[{issue}](https://x/{issue})"\n'
        '[[tool.towncrier.type]]\nname = "Bugs"\n[[tool.towncrier.type]]\nname = "New"\n'
        'directory = "feat"\nshowcontent = false\n',
        {"changes/1.bugs.md": "b", "changes/2.feat.md": "f", "changes/+.feat.md": "orphan"},
        (Section("Bugs", "- b ([1](https://x/1))"), Section("New", "- [2](https://x/2)\n- orphan")),
    ),
    "fragment tables": (
        '[tool.towncrier.fragment.fix]\n[tool.towncrier.fragment.add]\nname = "Added"\n',
        {"thing/newsfragments/1.fix.md": "x", "thing/newsfragments/2.add.md": "y"},
        (Section("Added", "- y (#2)"), Section("Fix", "- x (#1)")),
    ),
    "a package below src": (
        'package = "pkg"\npackage_dir = "./src"\nignore = ["*.TXT"]\n',
        {"src/pkg/newsfragments/1.doc.md": "x", "src/pkg/newsfragments/a.txt": "no"},
        (Section("Improved Documentation", "- x (#1)"),),
    ),
    "one unnamed section": (
        'directory = "news"\n[[tool.towncrier.section]]\nname = ""\npath = "all"\n',
        {"news/all/1.bugfix.md": "x"},
        (Section("Bugfixes", "- x (#1)"),),
    ),
}


@pytest.mark.parametrize(("config", "files", "sections"), OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_towncrier_configured(config, files, sections):
    told = found({"pyproject.toml": TOWNCRIER + config, **files})
    assert told.trouble == ""
    assert told.sections == sections
    assert told.left == ()


@pytest.mark.parametrize(
    ("config", "title", "level", "markup"),
    [
        ('title_format = "## [{version}] - {project_date}"', "[{version}] - {date}", 2, "md"),
        ('name = "Nice"\ntitle_format = "{name} {version}"', "Nice {version}", 1, "md"),
        ('filename = "NEWS.rst"', "thing {version} ({date})", 1, "rst"),
    ],
)
def test_towncriers_title(config, title, level, markup):
    plain = TOWNCRIER.replace('filename = "CHANGELOG.md"\n', "")
    other = "" if "filename" in config else 'filename = "CHANGELOG.md"\n'
    form = found({"pyproject.toml": f"{plain}{other}{config}\n"}).form
    assert (form.title, form.level, form.markup) == (title, level, markup)


def test_towncriers_own_file_goes_before_pyproject():
    own = '[tool.towncrier]\nfilename = "NEWS.md"\n'
    assert found({"pyproject.toml": TOWNCRIER, "towncrier.toml": own}).changelog == "NEWS.md"


UNKNOWN = {
    'template = "our.md"': "a template of its own (template)",
    "title_format = false": "a template of its own (template)",
    "single_file = false": "a file for each version (single_file)",
    "wrap = true": "a layout of its own (wrap, all_bullets, underlines)",
    "all_bullets = false": "a layout of its own (wrap, all_bullets, underlines)",
    '[[tool.towncrier.section]]\nname = "A"\npath = "a"': "several sections (section)",
    'directory = "../news"': "../news lies outside of the project",
    "directory = 3": "a setting of towncrier is not understood: Expected `str | null`, got `int`",
    "type = [1]": "a setting of towncrier is not understood",
}


@pytest.mark.parametrize(("config", "why"), UNKNOWN.items())
def test_a_form_of_towncrier_that_is_not_understood_is_left_alone(config, why):
    told = found({"pyproject.toml": f"{TOWNCRIER}{config}\n", **NEWS})
    assert why in told.trouble
    assert (told.files, told.sections) == ((), ())


ADDED = (
    "<!-- a\nlong comment -->\n\n### Added\n\n- A thing\n  more\n\n- Another\n\n#### Below\n\nx\n"
)
SCRIV = {
    "changelog.d/20260102_b.md": "### Fixed\n\n- F2\n\n### Other\n\n- o\n",
    "changelog.d/20260101_a.md": ADDED + "\n### Fixed\n<!-- one line -->\n- F1\n",
    "changelog.d/README.md": "how to",
    "changelog.d/new_fragment.md.j2": "{{ x }}",
}


def test_scrivs_fragments_in_its_order():
    told = found({"pyproject.toml": '[tool.scriv]\nformat = "md"\n', **SCRIV})
    assert told.sections == (
        Section("Added", "- A thing\n  more\n\n- Another\n\n#### Below\n\nx"),
        Section("Fixed", "- F1\n\n- F2"),
        Section("Other", "- o"),
    )
    assert told.files == ("changelog.d/20260101_a.md", "changelog.d/20260102_b.md")
    assert (told.changelog, told.form.marker) == ("CHANGELOG.md", "scriv-insert-here")
    assert told.form.title == "{version} — {date}"


INI = """\
[scriv]
format = md
compact_fragments = true
categories = Fixed, Added
md_header_level = 2
"""


@pytest.mark.parametrize("path", ["setup.cfg", "tox.ini", "changelog.d/scriv.ini"])
def test_scriv_configured_in_an_ini_file(path):
    told = found({path: INI, **SCRIV})
    assert told.sections[0] == Section("Fixed", "- F1\n- F2")
    assert told.form.level == 2


RST = """\
.. A comment.

Added
.....

- A thing
- `link`_

.. _link: https://x

Fixed
.....

- y
"""


def test_scrivs_fragments_in_restructured_text():
    files = {
        "setup.cfg": "[scriv]\n",
        "changelog.d/a.rst": RST,
        "changelog.d/b.rst": "plain words\n",
    }
    told = found(files)
    assert told.sections == (
        Section("", "plain words"),
        Section("Added", "- A thing\n- `link`_\n\n.. _link: https://x"),
        Section("Fixed", "- y"),
    )
    assert told.changelog == "CHANGELOG.rst"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("entry_title_template = file: x.j2", "scriv's title has a template of its own"),
        ("entry_title_template = {{ config.x }}", "scriv's title has a template of its own"),
        ("md_setext_chars = =-", "scriv is configured for underlined headings"),
        ("changelog = ${x}.md", "scriv's changelog is ${x}.md"),
        ("changelog = CHANGES.txt", "scriv's changelog is CHANGES.txt"),
        ("md_header_level = two", "a setting of scriv is not understood"),
        ("changelog = NEWS.rst\nformat = rst", "is in another markup than NEWS.rst"),
    ],
)
def test_a_form_of_scriv_that_is_not_understood_is_left_alone(config, why):
    first = "" if "changelog" in config else "format = md\n"
    told = found({"setup.cfg": f"[scriv]\n{first}{config}\n", **SCRIV})
    assert why in told.trouble
    assert (told.files, told.sections) == ((), ())


@pytest.mark.parametrize("path", ["pyproject.toml", "towncrier.toml", "setup.cfg"])
def test_a_file_that_cannot_be_read_is_told(path):
    assert path in found({path: "[[["}).trouble


def test_a_project_without_either_tool_has_no_fragments():
    assert fragments.find({"pyproject.toml": "", **NEWS}.get, NEWS) is None
