"""OSV records: ranges, names, ecosystems, withdrawal, malformed ones, alias groups."""

from __future__ import annotations

import functools
import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.errors import DocumentError
from release.scan.advisories import (
    Advisory,
    Damaged,
    UndecidableError,
    alias_groups,
    fixes,
    is_affected,
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
        ([span("introduced 1", "last_affected 1")], ["1"], ["0.9", "1.0.1"]),
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


ARCHIVE = Path(os.environ.get("RELEASE_WARDEN_SHARED", ""), "advisories", "PyPI-all.zip")


@pytest.mark.skipif(
    not os.environ.get("RELEASE_WARDEN_SHARED") or not ARCHIVE.is_file(),
    reason="RELEASE_WARDEN_SHARED names no folder with advisories/PyPI-all.zip",
)
def test_every_real_record_is_read_and_its_ranges_agree_with_another_evaluation() -> None:
    compared = 0
    with zipfile.ZipFile(ARCHIVE) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert len(members) > 2000
    for name, data in members.items():
        mine, raw = read_advisory(data, origin=name), json.loads(data)
        for package in mine.packages:
            for text in probes(raw, package):
                assert verdict(mine, package, text) == judged(raw, package, text), (name, text)
                compared += 1
    assert compared > 20_000


def probes(raw: dict[str, Any], package: str) -> set[str]:
    """Around every turn, and a few of the listed versions."""
    entries = [e for e in raw["affected"] if canonicalize_name(e["package"]["name"]) == package]
    turns = {
        version
        for one in entries
        for range_ in one.get("ranges", ())
        if range_["type"] == "ECOSYSTEM"
        for event in range_["events"]
        for version in event.values()
    }
    around = {f"{text}{end}" for text in turns if readable(text) for end in ("", ".post7", ".dev0")}
    listed = [text for one in entries for text in one.get("versions", ())]
    return {t for t in (*around, *listed[:1], *listed[-1:], "0.0.1", "9999") if readable(t)}


@functools.cache
def parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def readable(text: str) -> bool:
    return parsed(text) is not None


def verdict(record: Advisory, package: str, text: str) -> bool | None:
    try:
        return is_affected(record, package, text)
    except UndecidableError:
        return None


def judged(raw: dict[str, Any], package: str, text: str) -> bool | None:
    """Another reading of the schema: a version is in a range if its last turn let it in."""
    if raw.get("withdrawn"):
        return False
    at, doubtful = Version(text), False
    for one in raw["affected"]:
        if canonicalize_name(one["package"]["name"]) != package:
            continue
        if any(parsed(v) == at for v in one.get("versions", ())):
            return True
        for range_ in one.get("ranges", ()):
            turns = [v for event in range_["events"] for v in event.values()]
            if range_["type"] == "ECOSYSTEM" and not all(map(readable, turns)):
                doubtful = True
            elif range_["type"] == "ECOSYSTEM" and last_turn_lets_in(range_["events"], at):
                return True
    return None if doubtful else False


def last_turn_lets_in(events: list[dict[str, str]], at: Version) -> bool:
    """Look downward for the nearest turn at or below ``at``; with no turn it is outside."""
    passed: list[tuple[Version, int, bool]] = []
    for event in events:
        ((kind, text),) = event.items()
        turn = Version("0.dev0") if text == "0" else Version(text)
        if turn < at or (turn == at and kind != "last_affected"):
            passed.append((turn, 1 if kind == "introduced" else 0, kind == "introduced"))
    return max(passed)[2] if passed else False
