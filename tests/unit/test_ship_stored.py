"""The token in a vault: its forms, and whether it is fit for a release."""

import json
from datetime import UTC, datetime

import pytest

from release.errors import DocumentError
from release.ship.macaroon import Scope
from release.ship.stored import read_stored, unfit

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OURS = frozenset({"plain-thing"})


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("pypi-x", ("__token__", "pypi-x")),
        (" pypi-x\n", ("__token__", "pypi-x")),
        ('{"token": "pypi-x"}', ("__token__", "pypi-x")),
        ('{"username": "__token__", "password": "pypi-x"}', ("__token__", "pypi-x")),
        ('{"username": "me", "password": "p"}', ("me", "p")),
    ],
)
def test_the_forms_in_which_it_may_lie_there(text, read):
    assert read_stored(text) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it holds none"),
        ("canary words", "blanks"),
        ("{canary", "other keys"),
        ('{"canary": "x"}', "other keys"),
        ('{"token": 3}', "other keys"),
        ('{"token": "canary", "password": "y"}', "more than one"),
        ('{"username": "", "password": "canary"}', "holds none"),
        (json.dumps({"token": "canary canary"}), "blanks"),
    ],
)
def test_what_has_not_the_form_is_not_shown(text, why):
    with pytest.raises(DocumentError, match="not the form of a token") as caught:
        read_stored(text)
    assert why in caught.value.why
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("scope", "host", "why"),
    [
        (Scope(location="i.example", projects=OURS), "i.example", ""),
        (Scope(location="i.example", projects=OURS), "upload.i.example", ""),
        (Scope(location="i.example", by_id=True), "i.example", ""),
        (Scope(location="i.example", minted=True), "i.example", ""),
        (Scope(location="i.example"), "i.example", "all projects of its owner"),
        (Scope(location="i.example", projects=OURS), "test.i.example", "shown to test.i.example"),
        (Scope(location="i.example", projects=frozenset()), "i.example", "good for no project"),
        (
            Scope(location="i.example", projects=frozenset({"Other.One"})),
            "i.example",
            "good for other-one, not for Plain.Thing",
        ),
        (Scope(location="i.example", projects=OURS, expires=NOW), "i.example", "it expired on"),
        (
            Scope(location="i.example", projects=OURS, not_before=NOW.replace(year=2027)),
            "i.example",
            "good from 2027-11-23",
        ),
    ],
)
def test_whether_a_token_is_fit(scope, host, why):
    told = unfit(scope, host=host, project="Plain.Thing", now=NOW)
    assert why in told
    assert bool(told) == bool(why)


def test_a_project_that_is_not_known_is_not_compared():
    scope = Scope(location="i", projects=frozenset({"other"}))
    assert unfit(scope, host="i", project="", now=NOW) == ""
