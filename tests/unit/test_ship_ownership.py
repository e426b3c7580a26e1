"""Whose a name on an index is: proof before signs, signs before hints, and no guessing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from release.model.listing import IndexFile
from release.ship.ownership import Attester, Clues, declared_homes, home_of, judge

OURS, THEIRS = "github.com/acme/thing", "github.com/squatter/thing"


def listed(version: str = "1.0", sha256: str = "a" * 64) -> IndexFile:
    return IndexFile(name=f"thing-{version}.tar.gz", url="https://x.example/f", sha256=sha256)


def metadata(*lines: str) -> str:
    return "\n".join(["Metadata-Version: 2.4", "Name: thing", "Version: 1.0", *lines, "", "text"])


NAMES_US = metadata("Project-URL: Repository, https://github.com/acme/thing")
NAMES_THEM = metadata("Project-URL: Repository, https://github.com/squatter/thing")
CLUES = Clues(listed=(listed(),), home=OURS)


def test_a_name_that_the_index_does_not_know_is_free():
    found = judge(Clues(listed=None, home=OURS, metadata=NAMES_US))
    assert (found.verdict, found.evidence) == ("free", ())


def test_a_name_without_any_release_is_nobodys_as_far_as_can_be_told():
    found = judge(replace(CLUES, listed=()))
    assert (found.verdict, found.newest) == ("unknown", None)


def test_bytes_that_this_ledger_sealed_are_proof():
    found = judge(replace(CLUES, sealed={"thing-1.0.tar.gz": "a" * 64}))
    assert (found.verdict, found.proved, found.newest) == ("ours", True, "1.0")


def test_other_bytes_under_a_sealed_name_are_proof_of_another():
    found = judge(replace(CLUES, sealed={"thing-1.0.tar.gz": "b" * 64}))
    assert (found.verdict, found.proved) == ("anothers", True)
    assert "thing-1.0.tar.gz there is not what this ledger sealed" in found.evidence[0].what


def test_a_file_whose_hash_is_not_told_proves_nothing():
    one = IndexFile(name="thing-1.0.tar.gz", url="https://x.example/f")
    found = judge(replace(CLUES, listed=(one,), sealed={"thing-1.0.tar.gz": "a" * 64}))
    assert (found.verdict, found.evidence) == ("unknown", ())


@pytest.mark.parametrize(
    ("repository", "verdict"), [("Acme/Thing", "ours"), ("squatter/thing", "anothers")]
)
def test_a_publisher_that_the_index_has_verified_is_proof(repository, verdict):
    found = judge(replace(CLUES, attester=Attester(repository), metadata=NAMES_US))
    assert (found.verdict, found.proved) == (verdict, True)


def test_a_publisher_on_github_says_nothing_of_a_project_that_lives_elsewhere():
    found = judge(replace(CLUES, attester=Attester("acme/thing"), home="git.example/acme/thing"))
    assert (found.verdict, found.evidence) == ("unknown", ())


def test_proof_that_is_at_odds_with_itself_settles_nothing():
    files = (listed("1.0"), listed("1.1"))
    sealed = {"thing-1.0.tar.gz": "a" * 64, "thing-1.1.tar.gz": "b" * 64}
    found = judge(replace(CLUES, listed=files, sealed=sealed))
    assert (found.verdict, found.proved, len(found.evidence)) == ("unknown", False, 2)


@pytest.mark.parametrize(("text", "verdict"), [(NAMES_US, "ours"), (NAMES_THEM, "anothers")])
def test_the_repository_that_the_uploader_names_is_a_sign_and_no_proof(text, verdict):
    found = judge(replace(CLUES, metadata=text))
    assert (found.verdict, found.proved) == (verdict, False)


def test_proof_goes_before_what_an_uploader_says():
    found = judge(replace(CLUES, metadata=NAMES_THEM, sealed={"thing-1.0.tar.gz": "a" * 64}))
    assert (found.verdict, found.proved) == ("ours", True)
    assert [one.speaks for one in found.evidence] == ["for", "against"]


def test_tags_and_authors_are_hints_that_decide_nothing():
    text = metadata("Author-email: Ann <ann@acme.example>")
    emails = frozenset({"ann@acme.example"})
    found = judge(replace(CLUES, metadata=text, emails=emails, tagged=frozenset({"1.0", "2.0"})))
    assert found.verdict == "unknown"
    assert [(one.kind, one.weight) for one in found.evidence] == [
        ("tags", "hint"),
        ("author", "hint"),
    ]


def test_without_a_remote_nothing_can_be_compared():
    found = judge(replace(CLUES, home="", metadata=NAMES_THEM, attester=Attester("squatter/thing")))
    assert (found.verdict, found.evidence) == ("unknown", ())


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://github.com/Acme/Thing.git", OURS),
        ("https://user:pw@github.com/acme/thing/", OURS),
        ("git@github.com:acme/thing.git", OURS),
        ("ssh://git@github.com:22/acme/thing", OURS),
        ("https://github.com/acme/thing/issues?q=1", OURS),
        ("https://github.com/acme", ""),
        ("/srv/git/acme/thing.git", ""),
        ("../thing.git", ""),
        ("C:/acme/thing", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_where_a_repository_is(url, home):
    assert home_of(url) == home


def test_links_to_docs_and_sponsors_name_no_repository():
    text = metadata(
        "Home-page: https://thing.example/a/b",
        "Project-URL: Documentation, https://github.com/acme/docs",
        "Project-URL: Sponsor, https://github.com/sponsors/ann",
    )
    assert declared_homes(text, OURS) == frozenset()


def test_the_source_goes_before_the_home_page():
    text = metadata(
        "Home-page: https://github.com/acme/site",
        "Project-URL: Source-Code, https://github.com/acme/thing",
    )
    assert declared_homes(text, OURS) == {OURS}
    alone = metadata("Home-page: https://github.com/acme/thing")
    assert declared_homes(alone, OURS) == {OURS}


def test_the_host_of_our_own_remote_is_a_forge_too():
    text = metadata("Project-URL: Source, https://git.acme.example/acme/thing")
    assert declared_homes(text, OURS) == frozenset()
    ours = "git.acme.example/acme/thing"
    assert declared_homes(text, ours) == {ours}
