"""From records and closures to findings; keys, dates, coverage, and the database's word."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from release.model.finding import Finding
from release.model.record import Record, Sighting, Tracked
from release.model.snapshot import Closure, Gap, Pin
from release.scan import findings as room
from release.scan.advisories import Advisory, Damaged, read_advisory
from release.scan.findings import (
    assess,
    covered,
    findings_of,
    releases_of,
    seen_at,
    skipped,
    vanished,
)
from release.scan.source import Found
from release.scan.words import word_on

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def advisory(id_: str, *aliases: str, package: str = "thing", **other: Any) -> Advisory:
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
    }
    raw = {
        "id": id_,
        "modified": "2026-01-01T00:00:00Z",
        "aliases": list(aliases),
        "affected": [affected],
    }
    return read_advisory(json.dumps(raw | other).encode(), origin=id_)


def pin(item: str, *extras: str, pythons: tuple[str, ...] = ("3.11", "3.12")) -> Pin:
    name, _, version = item.partition("==")
    return Pin(name=name, version=version, pythons=pythons, extras=extras or ("",))


def closure(*pins: Pin, kind: str = "published", **other: Any) -> Closure:
    facts: dict[str, Any] = {
        "version": "1",
        "origin": "here",
        "requires": (),
        "pythons": ("3.11", "3.12"),
        "extras": (),
    }
    return Closure(kind=kind, pins=pins, **(facts | other))  # type: ignore[arg-type]


def scan(
    records: Iterable[Advisory], *closures: Closure, known: Record | None = None
) -> tuple[Finding, ...]:
    releases = releases_of(p for one in closures for p in one.pins)
    found = assess(Found(tuple(records)), releases)
    return findings_of(found.weaknesses, closures, known, NOON, lambda weakness, version: None)


def remembered(*findings: Finding) -> Record:
    tracked = (Tracked(finding=f, sightings={"osv": Sighting(state="open")}) for f in findings)
    return Record(project="demo", repository="local", tracked=tuple(tracked))


def past(key: str, *ids: str, days: int = 1, **other: Any) -> Finding:
    (found,) = scan([advisory("OLD")], closure(pin("thing==1")))
    return replace(found, key=key, ids=ids, first_seen=NOON - days * DAY, **other)


HERE = closure(pin("thing==1"))


def test_a_finding_tells_the_whole_story() -> None:
    record = advisory(
        "PYSEC-1",
        "CVE-1",
        published="2025-05-05T00:00:00Z",
        summary="Bad\n  thing",
        references=[
            {"type": "WEB", "url": "https://a.example"},
            {"type": "ADVISORY", "url": "https://b.example"},
            {"type": "ADVISORY", "url": "http://plain.example"},
        ],
        database_specific={"severity": "HIGH"},
    )
    candidate = closure(pin("thing==1.5"), kind="candidate")
    published = closure(
        pin("thing==1", "", pythons=("3.12",)), pin("thing==0.9", "x", pythons=("3.11",))
    )
    (one,) = scan([record], published, candidate)
    assert (one.key, one.ids) == ("CVE-1@thing", ("CVE-1", "PYSEC-1"))
    assert (one.version, one.severity, one.score, one.scope) == ("1", "high", None, "runtime")
    assert one.affects == {"published": ("0.9", "1"), "candidate": ("1.5",)}
    assert (one.pythons, one.extras) == (("3.11", "3.12"), ("", "x"))
    assert (one.fixed_in, one.first_seen) == (("2",), NOON)
    assert (one.summary, one.url) == ("Bad thing", "https://b.example")
    assert one.published_at == datetime(2025, 5, 5, tzinfo=UTC)


def test_what_only_an_extra_brings_is_of_that_scope() -> None:
    (one,) = scan([advisory("PYSEC-1")], closure(pin("thing==1", "x")))
    assert (one.scope, one.extras) == ("extra", ("x",))


def test_groups_are_per_package() -> None:
    records = [advisory("A", "CVE-1"), advisory("B", "CVE-1", package="other")]
    found = scan(records, closure(pin("thing==1"), pin("other==1")))
    assert {f.key: f.ids for f in found} == {
        "CVE-1@other": ("B", "CVE-1"),
        "CVE-1@thing": ("A", "CVE-1"),
    }


def test_the_severity_is_that_of_the_worst_record_of_the_group() -> None:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    records = [
        advisory("A", "CVE-1", database_specific={"severity": "LOW"}),
        advisory("CVE-1", severity=[{"type": "CVSS_V3", "score": vector}]),
    ]
    (one,) = scan(records, HERE)
    assert (one.severity, one.score) == ("critical", 9.8)


@pytest.mark.parametrize(
    ("ids", "key"),
    [
        (("PYSEC-1", "GHSA-1", "CVE-2", "CVE-1"), "CVE-1@thing"),
        (("PYSEC-1", "GHSA-1"), "GHSA-1@thing"),
        (("PYSEC-1", "OTHER-1"), "PYSEC-1@thing"),
        (("ZZZ-1", "OTHER-1"), "OTHER-1@thing"),
    ],
)
def test_a_key_is_minted_from_the_best_known_id(ids: tuple[str, ...], key: str) -> None:
    (one,) = scan([advisory(*ids)], HERE)
    assert one.key == key


def test_a_key_and_its_date_stay_when_better_ids_arrive() -> None:
    known = remembered(past("PYSEC-1@thing", "PYSEC-1", days=9))
    (one,) = scan([advisory("PYSEC-1", "CVE-1")], HERE, known=known)
    assert (one.key, one.first_seen) == ("PYSEC-1@thing", NOON - 9 * DAY)


def test_a_finding_is_found_again_through_an_alias_alone() -> None:
    known = remembered(past("PYSEC-1@thing", "CVE-1", "PYSEC-1"))
    (one,) = scan([advisory("GHSA-9", "CVE-1")], HERE, known=known)
    assert one.key == "PYSEC-1@thing"


def test_on_a_merge_the_older_key_stays() -> None:
    known = remembered(
        past("PYSEC-2@thing", "PYSEC-2", days=3), past("PYSEC-1@thing", "PYSEC-1", days=8)
    )
    (one,) = scan([advisory("PYSEC-1", "PYSEC-2")], HERE, known=known)
    assert (one.key, one.first_seen) == ("PYSEC-1@thing", NOON - 8 * DAY)


def test_on_a_split_the_part_with_the_key_s_id_goes_on() -> None:
    known = remembered(past("CVE-2@thing", "A", "B", "CVE-1", "CVE-2", days=5))
    found = scan([advisory("A", "CVE-1"), advisory("B", "CVE-2")], HERE, known=known)
    assert {f.key: (f.ids, f.first_seen) for f in found} == {
        "CVE-1@thing": (("A", "CVE-1"), NOON),
        "CVE-2@thing": (("B", "CVE-2"), NOON - 5 * DAY),
    }


def test_another_package_s_story_is_not_continued() -> None:
    known = remembered(past("CVE-1@other", "CVE-1", package="other"))
    (one,) = scan([advisory("A", "CVE-1")], HERE, known=known)
    assert (one.key, one.first_seen) == ("CVE-1@thing", NOON)


def test_code_findings_are_no_past_of_a_dependency() -> None:
    known = remembered(past("CVE-1@thing", "CVE-1", kind="code"))
    (one,) = scan([advisory("A", "CVE-1")], HERE, known=known)
    assert one.first_seen == NOON


@settings(deadline=None)  # cores are shared
@given(st.permutations(["A", "B", "C", "D"]), st.permutations([0, 1, 2]))
def test_the_order_of_records_and_past_never_matters(names: list[str], turns: list[int]) -> None:
    aliases = {"A": ("CVE-1",), "B": ("CVE-1", "CVE-2"), "C": ("CVE-2",), "D": ("CVE-9",)}
    old = [past("C@thing", "C", days=2), past("B@thing", "B", days=2), past("D@thing", "D")]
    known = remembered(*(old[turn] for turn in turns))
    found = scan((advisory(n, *aliases[n]) for n in names), HERE, known=known)
    assert [(f.key, f.ids) for f in found] == [
        ("B@thing", ("A", "B", "C", "CVE-1", "CVE-2")),
        ("D@thing", ("CVE-9", "D")),
    ]


def test_two_thousand_known_and_two_thousand_found_take_a_look_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    def ids(weakness: room.Weakness) -> frozenset[str]:
        nonlocal looks
        looks += 1
        return original(weakness)

    original = room.Weakness.ids.fget
    assert original
    names = [f"PYSEC-{number}" for number in range(2000)]
    known = remembered(*(past(f"{name}@thing", name) for name in names[:1]))
    template = known.tracked[0]
    tracked = (
        replace(template, finding=replace(template.finding, key=f"{n}@thing", ids=(n,)))
        for n in names
    )
    known = replace(known, tracked=tuple(tracked))
    monkeypatch.setattr(room.Weakness, "ids", property(ids))
    found = scan([advisory(name, f"CVE-{name}") for name in names], HERE, known=known)
    assert len(found) == 2000
    assert all(f.first_seen == NOON - DAY for f in found)
    assert looks < 10 * 2000


def test_an_undecided_record_is_set_aside_with_its_package_and_no_finding() -> None:
    broken = advisory(
        "PYSEC-1",
        affected=[
            {
                "package": {"name": "Thing", "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "x"}]}],
            }
        ],
    )
    found = assess(Found((broken,)), [("thing", "1"), ("other", "1")])
    assert found.weaknesses == ()
    (aside,) = found.undecided
    assert (aside.name, aside.packages) == ("PYSEC-1", {"thing"})


def test_covered_is_all_but_what_a_lost_record_names() -> None:
    closures = [closure(pin("thing==1"), pin("other==2"), gaps=(Gap(name="x[y]", reason="why"),))]
    lost = [Damaged("PYSEC-1.json", "broken", frozenset({"thing"})), Damaged("z.json", "rubbish")]
    assert covered(closures, lost) == ("other==2",)
    assert [(gap.name, gap.reason) for gap in skipped(closures, lost)] == [
        ("PYSEC-1.json", "broken"),
        ("x[y]", "published: why"),
        ("z.json", "rubbish"),
    ]


def test_vanished_is_what_was_open_and_is_not_reported_at_the_same_version() -> None:
    stays = past("CVE-1@Thing", "CVE-1", package="Thing")
    elsewhere = past("CVE-2@thing", "CVE-2", version="0.5", affects={"published": ("0.5",)})
    known = remembered(stays, elsewhere, past("CVE-3@thing", "CVE-3"))
    reported = [past("CVE-3@thing", "CVE-3")]
    assert [f.key for f in vanished(known, reported, ["thing==1"])] == ["CVE-1@Thing"]
    assert vanished(None, reported, ["thing==1"]) == ()


def test_a_finding_was_seen_at_every_version_of_every_closure() -> None:
    one = past("K@thing", "K", version="2", affects={"published": ("1", "2"), "candidate": ("3",)})
    assert seen_at(one) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("found", "ruling"),
    [
        (Found((advisory("A", "CVE-1"),)), "still-affected"),
        (Found((advisory("A", "CVE-1", withdrawn="2026-02-02T00:00:00Z"),)), "withdrawn"),
        (Found((advisory("A", "CVE-1", affected=[]),)), "unknown"),
        (Found((advisory("A", "CVE-1", package="other"),)), "unknown"),
        (Found((advisory("B", "CVE-7"),)), "unknown"),
        (Found((), (Damaged("A", "rubbish"),)), "unknown"),
        (
            Found(
                (advisory("A", "CVE-1", withdrawn="2026-02-02T00:00:00Z"),), (Damaged("B", "r"),)
            ),
            "unknown",
        ),
        (Found(), "unknown"),
    ],
)
def test_the_database_s_word(found: Found, ruling: str) -> None:
    word = word_on(past("CVE-1@thing", "A", "CVE-1"), found, ["thing==1"])
    assert (word.key, word.ruling) == ("CVE-1@thing", ruling)
    assert word.evidence


def test_a_range_that_no_longer_holds_the_version_is_corrected() -> None:
    one = past("K@thing", "A", version="2", affects={"published": ("2",)})
    word = word_on(one, Found((advisory("A"),)), ["thing==2"])
    assert (word.ruling, word.evidence) == (
        "range-corrected",
        "A modified 2026-01-01T00:00:00+00:00",
    )
