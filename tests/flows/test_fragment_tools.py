"""Fragments are taken along as the tools themselves do it: towncrier and scriv, really run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kit import commit, git

from release.ship import fragments
from release.ship.changelog import released

DAY = "2026-11-23"
TOWNCRIER = ("towncrier>=24", "towncrier", "build", "--yes", "--version", "1.1.0", "--date", DAY)
SCRIV = ("scriv>=1.5", "scriv", "collect", "--version", "1.1.0")
NEWS = {
    "news/123.bugfix{}": "Fixed it.\n\nMore words.\n",
    "news/0010.feature{}": "Ten",
    "news/9.feature{}": "Nine",
    "news/11.feature.2{}": "Ten\n",
    "news/+orphan.bugfix{}": "Nobody asked",
    "news/77.misc{}": "not told",
    "news/gh-3.removal{}": "Gone:\n\n- a\n- b",
    "news/README.md": "how to",
    "news/odd.txt": "kept",
}
PARTS = {
    "changelog.d/20260101_a.md": "<!-- c -->\n\n### Added\n\n- A\n  more\n\n- B\n\n"
    "### Fixed\n\n- F1\n",
    "changelog.d/20260102_b.md": "### Fixed\n\n- F2\n\n#### sub\n\n<!--\nx\n-->\n"
    "### Other\n\n- o\n",
    "changelog.d/README.md": "how to",
}  # fmt: skip
MD = "# Changelog\n\n<!-- {} -->\n\n# 1.0.0\n\nFirst.\n"
START = "towncrier release notes start"
CASES = {
    "towncrier, Markdown": (
        TOWNCRIER,
        {
            "pyproject.toml": '[project]\nname = "thing"\n[tool.towncrier]\ndirectory = "news"\n'
            'filename = "CHANGELOG.md"\n',
            "CHANGELOG.md": MD.format(START),
        }
        | {name.format(".md"): text for name, text in NEWS.items()},
    ),
    "towncrier, a title and issues of its own": (
        TOWNCRIER,
        {
            "towncrier.toml": '[tool.towncrier]\ndirectory = "news"\nfilename = "CHANGELOG.md"\n'
            'title_format = "## [{version}] - {project_date}"\n'
            'issue_format = "[{issue}](i/{issue})"\n'
            '[[tool.towncrier.type]]\nname = "Bugs"\ndirectory = "bugfix"\n'
            '[[tool.towncrier.type]]\nname = "Feature"\nshowcontent = false\n',
            "CHANGELOG.md": MD.format(START),
        }
        | {name.format(".md"): text for name, text in NEWS.items()},
    ),
    "towncrier, reStructuredText": (
        TOWNCRIER,
        {
            "pyproject.toml": '[tool.towncrier]\nname = "Thing"\ndirectory = "news"\n',
            "NEWS.rst": f"News\n====\n\n.. {START}\n\nThing 1.0\n=========\n\nFirst.\n",
        }
        | {name.format(".rst"): text for name, text in NEWS.items()},
    ),
    "scriv, Markdown": (
        SCRIV,
        {
            "pyproject.toml": '[tool.scriv]\nformat = "md"\n',
            "CHANGELOG.md": MD.format("scriv-insert-here"),
        }
        | PARTS,
    ),
    "scriv, compact": (
        SCRIV,
        {
            "setup.cfg": "[scriv]\nformat = md\ncompact_fragments = true\nmd_html_anchors = false\n"
            "md_header_level = 2\ncategories = Fixed, Added\n",
            "CHANGELOG.md": MD.format("scriv-insert-here").replace("\n# 1", "\n## 1"),
        }
        | PARTS,
    ),
    "scriv, reStructuredText": (
        SCRIV,
        {
            "setup.cfg": "[scriv]\n",
            "CHANGELOG.rst": "News\n====\n\n.. scriv-insert-here\n\n1.0.0\n=====\n\nold\n",
            "changelog.d/a.rst": ".. comment\n\nAdded\n.....\n\n- A\n\nFixed\n.....\n\n- x\n",
            "changelog.d/b.rst": "Fixed\n-----\n\n- y\n",
        },
    ),
}


def lines(text: str) -> list[str]:
    """What is written, without blank lines and the day, which scriv takes from the clock."""
    return [line.split(" — ")[0] for line in text.splitlines() if line and set(line) != {"="}]


@pytest.mark.online
@pytest.mark.parametrize(("command", "files"), CASES.values(), ids=CASES)
def test_the_changelog_and_the_files_are_those_of_the_tool(command, files, tmp_path):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    source, *words = command
    subprocess.run(
        ["uv", "tool", "run", "--quiet", "--from", source, *words], cwd=tmp_path, check=True
    )
    found = fragments.find(files.get, files)
    assert found is not None
    before = files[found.changelog]
    ours = released(before, "1.1.0", DAY, found.sections, found.form)
    assert lines(ours) == lines((tmp_path / found.changelog).read_text())
    assert set(found.files) == {name for name in files if not Path(tmp_path / name).exists()}
