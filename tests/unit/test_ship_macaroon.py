"""What a token of PyPI may do, as its own library writes it."""

import base64
import contextlib
from datetime import UTC, datetime

import pypitoken
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import DocumentError
from release.model.secret import Secret
from release.ship.macaroon import Scope, looks_like_one, read_scope

SOON = datetime(2030, 1, 1, tzinfo=UTC)
ID = "00000000-0000-0000-0000-000000000000"


def token(*restrictions, domain="index.example", identifier="someone"):
    made = pypitoken.Token.create(domain=domain, identifier=identifier, key="k")
    for one in restrictions:
        made.restrict(**one)
    return Secret(made.dump())


@pytest.mark.parametrize(
    ("restrictions", "scope"),
    [
        ([], {}),
        ([{"user_id": ID}], {}),
        ([{"legacy_noop": True}], {}),
        ([{"project_names": ["a", "b"]}], {"projects": frozenset({"a", "b"})}),
        (
            [{"project_names": ["a", "b"]}, {"project_names": ["b", "c"]}],
            {"projects": frozenset({"b"})},
        ),
        ([{"legacy_project_names": ["a"]}], {"projects": frozenset({"a"})}),
        ([{"project_ids": [ID]}], {"by_id": True}),
        (
            [{"not_before": 60, "not_after": SOON}],
            {"not_before": datetime(1970, 1, 1, 0, 1, tzinfo=UTC), "expires": SOON},
        ),
        (
            [
                {"not_before": 1, "not_after": 90},
                {"legacy_not_before": 60, "legacy_not_after": 1893456000},
            ],
            {
                "not_before": datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
                "expires": datetime(1970, 1, 1, 0, 1, 30, tzinfo=UTC),
            },
        ),
    ],
)
def test_the_scope_of_a_token(restrictions, scope):
    given = token(*restrictions)
    assert looks_like_one(given)
    assert read_scope(given) == Scope(location="index.example", **scope)


def test_what_is_account_wide():
    assert read_scope(token()).is_account_wide
    assert not read_scope(token({"project_names": ["a"]})).is_account_wide
    assert not read_scope(token({"project_ids": [ID]})).is_account_wide


@given(st.text(max_size=300), st.integers(0, 400))
def test_any_identifier_is_passed_over_and_a_torn_token_is_none(identifier, length):
    whole = token({"project_names": ["a"]}, identifier=identifier)
    assert read_scope(whole).projects == {"a"}
    torn = whole.reveal()[: min(length, len(whole.reveal()) - 48)]
    with pytest.raises(DocumentError) as caught:
        read_scope(Secret(torn))
    assert caught.value.__cause__ is None
    assert len(torn) < 8 or torn not in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    for head in (b"", b"\x02"):
        text = "pypi-" + base64.urlsafe_b64encode(head + data).decode().rstrip("=")
        with contextlib.suppress(DocumentError):
            read_scope(Secret(text))


def test_caveats_that_its_library_does_not_write():
    from pymacaroons import MACAROON_V2, Macaroon

    for caveat in ('[4, "publisher"]', '{"project_ids": []}', "[77, 1]", "[]", "3", '{"new": 1}'):
        made = Macaroon(location="i", identifier="x", key="k", version=MACAROON_V2)
        made.add_first_party_caveat(caveat)
        scope = read_scope(Secret("pypi-" + made.serialize()))
        assert scope.minted is caveat.startswith("[4")
        assert scope.by_id is ("project_ids" in caveat)
        assert scope.projects is None
