"""Badges between the markers of a README: idempotent, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import UsageError
from status_site.readme import END, SHOWN, START, block, with_badges
from status_site.site import write_badges

URL = "https://plain.example/security-status"


@given(st.text(), st.text(), st.text())
def test_idempotent_and_nothing_else_changes(before, between, after):
    readme = f"{before.replace('`', '').replace('~', '')}{START}{between}{END}{after}"
    if readme.count(START) != 1 or readme.count(END) != 1:
        return
    once = with_badges(readme, URL)
    assert with_badges(once, URL) == once
    assert once.startswith(readme.partition(START)[0])
    assert once.endswith(END + readme.partition(END)[2])


def test_every_badge_leads_to_the_site():
    lines = block(URL + "/").splitlines()
    assert (lines[0], lines[-1]) == (START, END)
    assert lines[1] == f"[![Security grade]({URL}/badges/grade.svg)]({URL}/)"
    assert len(lines) == len(SHOWN) + 2


@pytest.mark.parametrize(
    "url",
    [
        "", "http://plain.example", "https://a.example/)](https://evil.example",
        "https://a.example/?x", "https://a.example/#x", "https://me@a.example/", "a.example",
    ],
)  # fmt: skip
def test_an_address_that_would_not_do(url):
    with pytest.raises(UsageError, match="no address"):
        with_badges(f"{START}{END}", url)


@pytest.mark.parametrize(
    "readme", ["", START, f"{END}{START}", f"{START}{END} {START}{END}", f"```\n{START}{END}\n```"]
)
def test_a_readme_without_just_one_place(readme):
    with pytest.raises(UsageError, match=r"has \d places") as caught:
        with_badges(readme, URL)
    assert START in caught.value.remedy


def test_text_after_an_opening_that_was_never_closed_is_not_lost():
    with pytest.raises(UsageError, match="opens its place for badges twice") as caught:
        with_badges(f"{START}\n# Plain\n\nWhat it does.\n\n{START}\n{END}\n", URL)
    assert "would be lost" in caught.value.why


def test_a_readme_that_is_a_link_stays_one(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"{START}{END}")
    (tmp_path / "README.md").symlink_to("docs/index.md")
    assert write_badges(tmp_path / "README.md", URL).changed
    assert (tmp_path / "README.md").is_symlink()
    assert (tmp_path / "docs" / "index.md").read_text() == block(URL)


def test_a_readme_that_is_not_there_or_is_no_text(tmp_path):
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "folder.md").mkdir()
    for name in ("latin.md", "nowhere.md", "folder.md"):
        with pytest.raises(UsageError, match=f"{name} cannot be read"):
            write_badges(tmp_path / name, URL)
