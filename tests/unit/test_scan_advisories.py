"""OSV records: ranges, names, ecosystems, withdrawal, malformed ones, alias groups."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from ranges import ARCHIVE, NO_ARCHIVE, compare, real_records

from release.errors import DocumentError
from release.scan.advisories import (
    Advisory,
    Damaged,
    UndecidableError,
    alias_groups,
    fixes,
    is_affected,
    newest,
    provenance,
    read_advisory,
    read_or_set_aside,
)


def entry(
    *ranges: Any, versions: Iterable[str] = (), name: str = "thing", ecosystem: str = "PyPI"
) -> dict[str, Any]:
    return {
        "package": {"name": name, "ecosystem": ecosystem},
        "ranges": list(ranges),
        "versions": list(versions),
    }


def span(*events: str, kind: str = "ECOSYSTEM") -> dict[str, Any]:
    """``span("introduced 0", "fixed 2")``."""
    pairs = (event.split() for event in events)
    return {"type": kind, "events": [{what: version} for what, version in pairs]}


def record(*affected: dict[str, Any], id_: str = "PYSEC-1", **other: Any) -> dict[str, Any]:
    return {"id": id_, "modified": "2024-01-01T00:00:00Z", "affected": list(affected)} | other


def read(raw: dict[str, Any]) -> Advisory:
    return read_advisory(json.dumps(raw).encode(), origin="a test")


def affects(raw: dict[str, Any], *versions: str, package: str = "thing") -> list[bool]:
    return [is_affected(read(raw), package, version) for version in versions]


@pytest.mark.parametrize(
    ("ranges", "inside", "outside"),
    [
        ([span("introduced 0", "fixed 2")], ["0.0.dev1", "0a1", "1.9", "2rc1"], ["2", "2.0", "3"]),
        ([span("introduced 0")], ["0", "0.dev1", "99", "1!0"], []),
        ([span("introduced 1", "fixed 2")], ["1", "1.0.post1"], ["1rc1", "0.9", "2"]),
        ([span("introduced 1", "last_affected 2")], ["1", "2", "2.0.0"], ["2.0.1", "2.post1", "3"]),
        ([span("introduced 1", "last_affected 1")], ["1", "1+cpu"], ["0.9", "1.0.1", "1.post1+a"]),
        ([span("introduced 1", "last_affected 1+a")], ["1", "1+a"], ["1+b", "1.0.1"]),
        ([span("introduced 1", "fixed 2")], ["1+cpu"], ["2+cpu"]),
        ([span("fixed 2", "introduced 1")], ["1", "1.5"], ["0.9", "2"]),
        (
            [span("fixed 4", "introduced 3", "introduced 0", "fixed 2")],
            ["1", "3", "3.9"],
            ["2", "2.5", "4"],
        ),
        ([span("introduced 1", "fixed 2"), span("introduced 3")], ["1", "3", "9"], ["2", "0"]),
        ([span("introduced 1", "fixed 2", "introduced 2", "fixed 3")], ["1", "2", "2.5"], ["3"]),
        ([span("introduced 0", "limit 2")], ["0", "1.9"], ["2", "3"]),
        ([span("introduced 0", "limit 1", "limit 3")], ["0", "2"], ["3", "4"]),
        ([span("introduced 0", "fixed 3", "limit *")], ["2"], ["3"]),
        ([span("introduced 1.10", "fixed 1.20")], ["1.10", "1.19"], ["1.2", "1.9", "1.20"]),
        ([span("introduced 0", "fixed 2", kind="SEMVER")], ["1.0"], ["2.0"]),
        ([span("introduced 1!0", "fixed 1!2")], ["1!1"], ["1", "99", "1!2"]),
        ([span("introduced 0", "fixed 1", "fixed 2")], ["0.5"], ["1", "1.5", "2"]),
    ],
)
def test_a_range_holds_what_the_schema_says(
    ranges: list[Any], inside: list[str], outside: list[str]
) -> None:
    for raw in (record(entry(*ranges)), record(*(entry(one) for one in ranges))):
        assert affects(raw, *inside, *outside) == [True] * len(inside) + [False] * len(outside)


def test_commits_are_nothing_that_an_index_lists() -> None:
    assert affects(record(entry(span("introduced 0", kind="GIT"))), "1.0") == [False]


@pytest.mark.parametrize("version", ["1.0", "1", "1.0.0", "1.0+local"])
def test_a_listed_version_is_compared_as_a_version(version: str) -> None:
    assert affects(record(entry(versions=["1.0", "2004d-wild"])), version) == [True]


@pytest.mark.parametrize("version", ["1.0.post1", "1.0.1", "0.9", "1.0rc1"])
def test_another_version_than_the_listed_is_none(version: str) -> None:
    assert affects(record(entry(versions=["1.0", "2004d-wild"])), version) == [False]


def test_a_list_and_a_range_both_count() -> None:
    raw = record(entry(span("introduced 2", "fixed 3"), versions=["0.5"]))
    assert affects(raw, "0.5", "1", "2.5") == [True, False, True]


@pytest.mark.parametrize("name", ["My_Thing", "my.thing", "my-thing", "MY--thing"])
def test_names_are_compared_as_indexes_do(name: str) -> None:
    raw = record(entry(span("introduced 0"), name=name))
    assert affects(raw, "1", package="my-thing") == [True]
    assert read(raw).packages == {"my-thing"}


def test_another_ecosystem_or_package_is_not_ours() -> None:
    raw = record(
        entry(span("introduced 0"), ecosystem="npm"), entry(span("introduced 0"), name="other")
    )
    assert affects(raw, "1") == [False]
    assert read(raw).packages == {"other"}


def test_an_entry_without_a_package_concerns_nobody() -> None:
    assert affects(record({"ranges": [span("introduced 0")]}), "1") == [False]


def test_a_withdrawn_record_says_nothing() -> None:
    raw = record(entry(span("introduced 0"), versions=["1"]), withdrawn="2024-02-01T00:00:00Z")
    assert affects(raw, "1") == [False]


def test_a_range_that_says_yes_outweighs_one_in_doubt() -> None:
    doubtful, sure = span("introduced 0", "fixed 0.2-n653"), span("introduced 0", "fixed 2")
    for raw in (record(entry(doubtful, sure)), record(entry(sure, doubtful))):
        assert affects(raw, "1") == [True]
        with pytest.raises(UndecidableError, match=r"0\.2-n653"):
            affects(raw, "3")


@pytest.mark.parametrize(
    "range_",
    [span("introduced 0", "fixed abc"), span("fixed 2"), span("introduced 0", "limit x")],
)
def test_what_cannot_be_decided_is_said_so(range_: Any) -> None:
    with pytest.raises(UndecidableError):
        affects(record(entry(range_)), "1")
    assert affects(record(entry(range_, versions=["1"])), "1") == [True]


def test_a_version_that_is_none_cannot_be_decided() -> None:
    with pytest.raises(UndecidableError, match="'trunk' is no version"):
        affects(record(entry(span("introduced 0"))), "trunk")


@pytest.mark.parametrize(
    ("ranges", "version", "expected"),
    [
        ([span("introduced 0", "fixed 2")], "1", {"2"}),
        ([span("introduced 0", "fixed 2", "introduced 3", "fixed 4")], "1", {"2"}),
        ([span("introduced 0", "fixed 2", "introduced 3", "fixed 4")], "3", {"4"}),
        ([span("introduced 0", "fixed 2"), span("introduced 3", "fixed 4")], "3", {"4"}),
        ([span("introduced 0", "fixed 2"), span("introduced 0", "fixed 3")], "1", {"2", "3"}),
        ([span("introduced 0", "last_affected 2")], "1", set()),
        ([span("introduced 3", "fixed 4")], "1", {"4"}),
    ],
)
def test_the_fix_is_the_end_of_the_range_that_holds(
    ranges: list[Any], version: str, expected: set[str]
) -> None:
    found = fixes(read(record(entry(*ranges, versions=[version]))), "thing", version)
    assert found == {Version(text) for text in expected}


GOOD = record(entry(span("introduced 0")))


@pytest.mark.parametrize(
    ("data", "packages"),
    [
        (b"", None),
        (b"null", None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b"<html>busy</html>", None),
        (b'\xef\xbb\xbf{"id": "X"}', None),
        (json.dumps(GOOD).encode()[:-20], None),
        (json.dumps(GOOD | {"id": 7}).encode(), {"thing"}),
        (json.dumps(GOOD | {"modified": "yesterday"}).encode(), {"thing"}),
        (json.dumps(GOOD | {"modified": "2024-01-01T00:00:00"}).encode(), {"thing"}),
        (json.dumps({"id": "X", "affected": GOOD["affected"]}).encode(), {"thing"}),
        (json.dumps(GOOD | {"affected": [{"package": {"name": 7}}]}).encode(), None),
        (json.dumps(GOOD | {"affected": ["thing"]}).encode(), None),
        (json.dumps(GOOD | {"affected": 3}).encode(), None),
        (json.dumps(record(entry(ecosystem="npm"), id_="X") | {"id": None}).encode(), set()),
        (b'{"id":"X","database_specific":' + b'{"a":' * 9999 + b"1" + b"}" * 10000, None),
    ],
)
def test_a_malformed_record_is_set_aside_by_name(data: bytes, packages: set[str] | None) -> None:
    aside = read_or_set_aside(data, origin="PYSEC-9.json")
    assert isinstance(aside, Damaged)
    assert (aside.name, aside.packages) == ("PYSEC-9.json", packages)
    assert aside.reason
    assert aside.may_concern(frozenset({"thing"})) == (packages is None or "thing" in packages)
    with pytest.raises(DocumentError, match=r"PYSEC-9\.json is no OSV record"):
        read_advisory(data, origin="PYSEC-9.json")


def named(id_: str, *aliases: str, **other: Any) -> Advisory:
    return read(record(id_=id_, aliases=list(aliases), **other))


def parts(records: Iterable[Advisory]) -> set[frozenset[str]]:
    return {frozenset(one.id for one in group) for group in alias_groups(records)}


def test_aliases_join_both_ways_and_over_third_names() -> None:
    joined = [named("A", "CVE-1"), named("B", "CVE-1", "CVE-2"), named("C", "CVE-2")]
    assert parts(joined) == {frozenset("ABC")}
    assert parts([named("A", "B"), named("B")]) == {frozenset("AB")}
    assert parts([named("A"), named("B", "A")]) == {frozenset("AB")}


def test_related_and_upstream_never_join() -> None:
    apart = [named("A", related=["B"]), named("B", related=["A"], upstream=["A"])]
    assert parts(apart) == {frozenset("A"), frozenset("B")}


@settings(deadline=None)  # cores are shared
@given(st.data())
def test_groups_do_not_depend_on_order(data: st.DataObject) -> None:
    names = [f"N{number}" for number in range(8)]
    linked = st.lists(st.sampled_from(names), max_size=3)
    records = [named(name, *data.draw(linked)) for name in names]
    expected = alias_groups(records)
    shuffled = data.draw(st.permutations(records))
    turned = [named(r.id, *data.draw(st.permutations(r.aliases or ()))) for r in shuffled]
    assert parts(shuffled) == parts(expected[0] + sum(expected[1:], ()))
    assert [[r.id for r in g] for g in alias_groups(turned)] == [
        [r.id for r in g] for g in expected
    ]
    assert sorted(name for group in parts(records) for name in group) == names


def test_who_told_an_alias_can_be_traced() -> None:
    group = [named("B", "CVE-2", "CVE-1"), named("A", "CVE-1")]
    expected = {"A": ("A",), "B": ("B",), "CVE-1": ("A", "B"), "CVE-2": ("B",)}
    assert provenance(group) == provenance(reversed(group)) == expected
    assert list(provenance(group)) == sorted(expected)


def test_the_newest_change_is_the_date_of_a_database() -> None:
    dates = [f"2024-0{month}-01T00:00:00Z" for month in (2, 3, 1)]
    latest = newest(named(f"P-{at}", modified=at) for at in dates)
    assert latest is not None
    assert latest.month == 3
    assert newest([]) is None


def test_a_damaged_record_counts_against_the_packages_that_were_asked_about() -> None:
    nameless = Damaged("P-1", "torn").also_about(["thing"])
    assert nameless.packages == {"thing"}
    assert Damaged("P-1", "torn", frozenset({"other"})).also_about(["thing"]).packages == {
        "thing",
        "other",
    }


LINE = ["0.dev1", "0.5", "1rc1", "1", "1.post1", "1.5", "2a1", "2", "3", "1!0.1"]
"""Versions in order; turns and probes of made-up ranges are taken from it."""


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, str]]:
    starts = draw(st.lists(st.sampled_from(["0", *LINE]), min_size=1, max_size=3))
    ends = draw(
        st.lists(
            st.tuples(st.sampled_from(["fixed", "last_affected"]), st.sampled_from(LINE)),
            max_size=3,
        )
    )
    limits = draw(st.lists(st.sampled_from(["*", *LINE]), max_size=2))
    events = [{"introduced": at} for at in starts] + [{kind: at} for kind, at in ends]
    return draw(st.permutations(events + [{"limit": at} for at in limits]))


def walked(events: list[dict[str, str]]) -> list[bool]:
    """Walk along the line with a switch: which of its versions are passed with the switch on."""
    told = {kind: [e[kind] for e in events if kind in e] for kind in ("introduced", "fixed")}
    last = [e["last_affected"] for e in events if "last_affected" in e]
    limits = [e["limit"] for e in events if "limit" in e]
    end = len(LINE) if "*" in limits or not limits else max(map(LINE.index, limits))
    on, passed = "0" in told["introduced"], []
    for at, version in enumerate(LINE):
        on = version in told["introduced"] or (on and version not in told["fixed"])
        passed.append(on and at < end)
        on = on and version not in last
    return passed


@settings(deadline=None)  # cores are shared
@given(st.lists(turns(), min_size=1, max_size=3))
def test_made_up_ranges_agree_with_a_walk_along_the_line(ranges: list[Any]) -> None:
    parts_ = [{"type": "ECOSYSTEM", "events": events} for events in ranges]
    expected = [any(passed) for passed in zip(*map(walked, ranges), strict=True)]
    assert affects(record(entry(*parts_)), *LINE) == expected
    assert affects(record(*(entry(part) for part in reversed(parts_))), *LINE) == expected


@pytest.mark.skipif(not ARCHIVE, reason=NO_ARCHIVE)
def test_real_records_agree_with_another_evaluation() -> None:
    """One record in forty; tests/proofs has all of them."""
    compared = compare(real_records()[::40])
    assert compared.disagreements == []
    assert compared.verdicts > 2_000
