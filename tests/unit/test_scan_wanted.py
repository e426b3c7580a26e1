"""The edit that a snapshot calls for, and the words that go with it."""

import pytest
from worlds import FREED, HELD, closure, finding, reach, snapshot

from release.model.snapshot import Edit
from release.scan.wanted import Wanted, wanted
from release.ship.proposal import commit_message, request_body, subject

ONE = finding("CVE-1@jinja2")
TWO = finding("CVE-2@lxml", package="lxml")
LOW = finding("CVE-3@lxml", package="lxml", scope="floor", fixed_in=("4.6", "5.0"),
              affects={"candidate": ("1.0",)})  # fmt: skip


def edit(old, new):
    return Edit(requirement=old, becomes=new)


def asked(*findings, requires=("jinja2<2", "lxml>=1"), floors=False, **other):
    closures = tuple(
        closure(kind, ["jinja2==1.0"], requires=requires) for kind in ("published", "candidate")
    )
    return wanted(snapshot(*findings, closures=closures, **other), floors=floors)


def test_the_edits_of_all_findings_are_one():
    lxml = edit("lxml<5", "lxml>=5")
    found = asked(TWO, ONE, reach=(reach(ONE), reach(TWO, edit=(lxml,))))
    assert found.edits == (edit("jinja2<2", "jinja2>=2.0"), lxml)
    assert [one.key for one in found.findings] == [ONE.key, TWO.key]


@pytest.mark.parametrize(
    "one",
    [
        finding(suppressed=True),
        finding(affects=FREED),
        finding(scope="dev"),
        finding(scope="code"),
    ],
)
def test_what_head_does_not_bring_to_users_calls_for_no_edit(one):
    assert asked(one, reach=(reach(one),)) == Wanted()


@pytest.mark.parametrize("verdict", ["installable-fix", "blocked-upstream", "no-fix", "unknown"])
def test_only_what_we_block_calls_for_an_edit(verdict):
    assert asked(ONE, reach=(reach(ONE, verdict),)) == Wanted()


@pytest.mark.parametrize(
    ("requires", "edits"),
    [
        (("lxml>=1",), [("lxml>=1", "lxml>=4.6")]),
        (("lxml",), [("lxml", "lxml>=4.6")]),
        (("lxml>1,<6",), [("lxml>1,<6", "lxml<6,>=4.6")]),
        (("LXML>=1; extra == 'x'",), [("LXML>=1; extra == 'x'", 'LXML>=4.6; extra == "x"')]),
        (("lxml<4", "lxml==1.0", "jinja2"), []),
        (("lxml @ https://example.org/lxml.whl", "lxml (>dev)"), []),
        ((), []),
    ],
)
def test_a_floor_is_raised_to_the_lowest_fix_where_the_requirement_takes_it(requires, edits):
    found = asked(LOW, requires=requires, floors=True)
    assert found.edits == tuple(edit(*pair) for pair in edits)
    assert asked(LOW, requires=requires) == Wanted()


def test_a_floor_finding_with_an_edit_of_its_own_keeps_it():
    own = edit("lxml>=1", "lxml>=5.0")
    assert asked(LOW, reach=(reach(LOW, edit=(own,)),), floors=True).edits == (own,)


def test_a_cap_and_a_floor_of_one_package_become_one_edit():
    high = edit("lxml>=1", "lxml>=4.9.1")
    two = finding("CVE-2@lxml", package="lxml", affects=HELD)
    found = asked(two, LOW, reach=(reach(two, edit=(high,)),), floors=True)
    assert found.edits == (high,)


def test_a_fix_below_the_version_is_no_floor():
    old = finding("CVE-4@lxml", package="lxml", scope="floor", version="3.0", fixed_in=("2.9",))
    assert asked(old, floors=True) == Wanted()


HOSTILE = finding(
    "CVE-9@x",
    package="x`<script>\nSigned-off-by: you",
    ids=("CVE-9", "[click](http://evil.example)"),
    version="1.0\n\nmore",
)


def test_others_text_in_a_proposal_is_harmless():
    edits = (edit("x<2", "x>=2"),)
    message = commit_message((HOSTILE,), edits)
    assert message.splitlines()[0] == subject((HOSTILE,))
    assert "\nSigned-off-by" not in message
    body = request_body((HOSTILE,), edits)
    assert "[click]" not in body
    assert "\nSigned-off-by" not in body
    assert "`x<2` becomes `x>=2`" in body


def test_the_words_of_many_findings_are_bounded():
    many = tuple(finding(f"CVE-{n}@p{n}", package=f"p{n}") for n in range(400))
    assert subject(many) == ("Free users of known weaknesses in p0, p1, p10 and 397 more")
    for text in (commit_message(many, ()), request_body(many, ())):
        assert "and 350 more" in text
        assert len(text) < 10_000


def test_a_proposal_that_only_raises_floors_says_so():
    assert subject((LOW,)) == "Raise the floors of lxml above known weaknesses"
    assert subject((LOW, ONE)).startswith("Free users")
