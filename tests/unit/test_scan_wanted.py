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


def asked(*findings, floors=False, offered=(), **other):
    requires = ("jinja2<2", "lxml>=1")
    closures = tuple(
        closure(kind, ["jinja2==1.0"], requires=requires) for kind in ("published", "candidate")
    )
    seen = snapshot(*findings, closures=closures, floors=offered, **other)
    return wanted(seen, floors=floors)


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


def test_floors_are_raised_as_the_scan_offers_and_only_when_asked():
    both = (edit("lxml>=1", "lxml>=4.6"), edit("other>=1", "other>=2"))
    assert asked(LOW, floors=True).edits == ()
    assert asked(LOW, offered=both) == Wanted()
    assert asked(LOW, floors=True, offered=both) == Wanted(edits=both[:1], findings=(LOW,))


def test_a_cap_and_a_floor_of_one_package_become_one_edit():
    high, low = edit("lxml>=1", "lxml>=4.9.1"), edit("lxml>=1", "lxml>=4.6")
    two = finding("CVE-2@lxml", package="lxml", affects=HELD)
    reached = (reach(two, edit=(high,)),)
    assert asked(two, LOW, reach=reached, floors=True, offered=(low,)).edits == (high,)


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
