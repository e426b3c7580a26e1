"""The changelog's part of a release commit."""

from release.ship.changelog import released

TEXT = """# Changelog

## [Unreleased]

### Added

- A thing.

## [1.0.0] - 2026-01-01

- First.
"""


def test_what_was_unreleased_goes_under_the_new_version_with_the_notes():
    after = released(TEXT, "1.1.0", "2026-11-23", "### Security\n\n- Fixed.")
    assert after == TEXT.replace(
        "## [Unreleased]\n\n### Added\n\n- A thing.\n\n",
        "## [Unreleased]\n\n## [1.1.0] - 2026-11-23\n\n### Added\n\n- A thing.\n\n"
        "### Security\n\n- Fixed.\n\n",
    )


def test_a_changelog_of_another_form_is_left_alone():
    assert released("Changes\n=======\n", "1.0", "2026-11-23", "x") == "Changes\n=======\n"


def test_a_version_that_is_there_already_is_not_added_again():
    assert released(TEXT, "1.0.0", "2026-11-23", "x") == TEXT


def test_an_unreleased_section_at_the_end_of_the_file():
    after = released("## Unreleased\n", "1.0", "2026-11-23", "- x")
    assert after == "## Unreleased\n\n## [1.0] - 2026-11-23\n\n- x\n"
