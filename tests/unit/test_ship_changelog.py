"""The changelog's part of a release commit."""

from __future__ import annotations

import pytest

from release.model.text import Section
from release.ship.changelog import Form, merged, parted, released, unreleased

TEXT = """# Changelog

## [Unreleased]

Words before.

### Added

- A thing.

```md
### No heading
```

## [1.0.0] - 2026-01-01

- First.
"""
OURS = (Section("Security", "- Fixed."),)
DAY = "2026-11-23"


def written(text: str, *, version: str = "1.1.0", form: Form | None = None) -> str:
    return released(text, version, DAY, merged(OURS, unreleased(text)), form)


def test_what_was_unreleased_goes_under_the_new_version_below_our_notes():
    body = "Words before.\n\n### Added\n\n- A thing.\n\n```md\n### No heading\n```\n\n"
    heading = f"## [Unreleased]\n\n## [1.1.0] - {DAY}\n\n### Security\n\n- Fixed.\n\n"
    assert written(TEXT) == TEXT.replace(
        f"## [Unreleased]\n\n{body}", f"{heading}### Changed\n\n{body}"
    )
    assert released(TEXT, "1.1.0", DAY, unreleased(TEXT)) == TEXT.replace(
        f"## [Unreleased]\n\n{body}", f"## [Unreleased]\n\n## [1.1.0] - {DAY}\n\n{body}"
    )


def test_sections_of_one_title_are_one_and_ours_stands_first():
    own = [Section("Added", "- a"), Section("security", "- theirs"), Section("Fixed", " ")]
    assert merged(OURS, own) == (
        Section("Security", "- Fixed.\n\n- theirs"),
        Section("Added", "- a"),
    )
    assert merged((), own, [Section("Added", "- b")])[0] == Section("Added", "- a\n\n- b")


def test_a_text_is_parted_at_headings_outside_of_code():
    assert list(parted("a\n### B\nb\n~~~\n### c\n~~~\n#### d\n", 3)) == [
        Section("", "a"),
        Section("B", "b\n~~~\n### c\n~~~\n#### d"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Changes\n=======\n",
        "# Changelog\n\n## 1.0\n\n- x\n",
        TEXT.replace("1.0.0", "1.1.0"),  # the version is there already
        "## Unreleased\n\n## v1.1.0 (some day)\n",
    ],
)
def test_a_changelog_of_another_form_is_left_alone(text):
    assert written(text) == text


def test_a_longer_version_is_another():
    assert "## [1.0] - " in written(TEXT.replace("1.0.0", "1.0.1"), version="1.0")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## Unreleased\n", f"## Unreleased\n\n## [1.1.0] - {DAY}\n\n### Security\n\n- Fixed.\n"),
        (
            "# unreleased\n\n# v1.0.0\n",
            f"# unreleased\n\n# v1.1.0 - {DAY}\n\n## Security\n\n- Fixed.\n\n# v1.0.0\n",
        ),
        (
            "### [Unreleased](u)\n\n### 1.0.0\n",
            f"### [Unreleased](u)\n\n### 1.1.0 - {DAY}\n\n#### Security\n\n- Fixed.\n\n### 1.0.0\n",
        ),
    ],
    ids=["alone", "one level up, with a v", "one level down, no brackets"],
)  # fmt: skip
def test_the_new_heading_has_the_form_of_the_others(before, after):
    assert written(before) == after


LINKS = "[unreleased]: https://x.org/p/compare/v1.0.0...HEAD\n[1.0.0]: https://x.org/p/v1.0.0\n"


@pytest.mark.parametrize("earlier", ["", "## [1.0.0] - 2026-01-01\n\n- First.\n\n"])
def test_the_link_definitions_stay_at_the_end_and_learn_the_version(earlier):
    after = written(f"# C\n\n## [Unreleased]\n\n- x\n\n{earlier}{LINKS}")
    assert after.endswith(
        "[unreleased]: https://x.org/p/compare/v1.1.0...HEAD\n"
        "[1.1.0]: https://x.org/p/compare/v1.0.0...v1.1.0\n"
        "[1.0.0]: https://x.org/p/v1.0.0\n"
    )
    assert "### Security\n\n- Fixed.\n\n### Changed\n\n- x\n" in after


def test_a_tools_marker_is_the_place_and_its_form_is_kept():
    form = Form(title="Thing {version} ({date})", markup="rst", marker=".. start\n", anchor=True)
    text = "News\n====\n\n.. start\n\nThing 1.0 (then)\n================\n\nx\n"
    assert released(text, "1.1", DAY, [Section("Fixed", "- y")], form) == (
        "News\n====\n\n.. start\n\n.. _changelog-1.1:\n\nThing 1.1 (2026-11-23)\n"
        "======================\n\nFixed\n-----\n\n- y\n\nThing 1.0 (then)\n================\n\nx\n"
    )
    assert released(text, "1.0", DAY, OURS, form) == text  # an underlined heading has it
    assert released("News\n", "1.1", DAY, OURS, form) == "News\n"


def test_a_heading_of_the_changelog_goes_before_a_tools_marker():
    form = Form(marker="<!-- start -->\n")
    after = written("## [Unreleased]\n\n<!-- start -->\n", form=form)
    assert after.startswith("## [Unreleased]\n\n## [1.1.0]")
