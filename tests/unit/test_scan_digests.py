"""The order of records, of what they list, and their timestamps: no digest knows of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import NOON, closure

from release.model.base import digest, encode
from release.model.snapshot import Project, Scanner, Snapshot
from release.record.carry import carry_forward
from release.scan.advisories import read_or_set_aside
from release.scan.findings import (
    assess,
    covered,
    findings_of,
    releases_of,
    skipped,
    vanished,
)
from release.scan.source import Found
from release.scan.words import word_on

PACKAGES = ("jinja2", "flask")
CLOSURES = (
    closure("published", ["jinja2==1.0", "flask==1.0"]),
    closure("candidate", ["jinja2==2.0", "flask==1.0"]),
)
IDS = [f"{prefix}-{n}" for prefix in ("CVE", "GHSA", "PYSEC") for n in range(3)]
MOMENTS = st.integers(0, 10**7).map(lambda seconds: NOON - timedelta(seconds=seconds))
VECTORS = (
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N",
)
VERSIONS = st.sampled_from(["0", "1.0", "1.5", "2.0", "3.0", "no version"])


def some(items: Any, most: int = 3) -> Any:
    return st.lists(items, max_size=most, unique_by=str)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """An OSV record about the packages, now and then one that cannot be read or decided."""
    affected = [
        {
            "package": {"ecosystem": "PyPI", "name": name},
            "versions": draw(some(VERSIONS)),
            "ranges": [
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": draw(VERSIONS)}, {draw(ENDS): draw(VERSIONS)}],
                }
                for _ in range(draw(st.integers(0, 2)))
            ],
            "ecosystem_specific": {"severity": draw(st.sampled_from(["LOW", "HIGH", "odd"]))},
        }
        for name in draw(st.lists(st.sampled_from(PACKAGES), min_size=1, unique=True))
    ]
    return {
        "id": draw(st.sampled_from(IDS)),
        "modified": "2026-01-01T00:00:00Z" if draw(st.integers(0, 9)) else "never",
        "published": "2025-12-01T00:00:00Z",
        "withdrawn": draw(st.sampled_from([None, None, None, "2026-01-01T00:00:00Z"])),
        "aliases": draw(some(st.sampled_from(IDS))),
        "summary": draw(st.sampled_from(["", "a leak", "a hole"])),
        "details": "words",
        "severity": [
            {"type": "CVSS_V3", "score": one} for one in draw(some(st.sampled_from(VECTORS)))
        ],
        "references": [
            {"type": kind, "url": f"https://x.y/{kind}"}
            for kind in draw(some(st.sampled_from(["WEB", "ADVISORY", "FIX"])))
        ],
        "affected": affected,
    }


ENDS = st.sampled_from(["fixed", "last_affected"])
WORLDS = st.lists(records(), min_size=1, max_size=6, unique_by=lambda record: record["id"])


def told_otherwise(record: dict[str, Any], draw: st.DrawFn) -> dict[str, Any]:
    """The same record, its lists in other orders, changed at another moment."""
    moved = {
        name: draw(st.permutations(value)) if isinstance(value, list) else value
        for name, value in record.items()
    }
    if record["modified"] != "never":
        moved["modified"] = draw(MOMENTS).isoformat()
    moved["affected"] = [
        {n: draw(st.permutations(v)) if isinstance(v, list) else v for n, v in entry.items()}
        for entry in moved["affected"]
    ]
    return moved


def scanned(world: list[dict[str, Any]], known: Any, now: datetime) -> Snapshot:
    """What a scan of these closures makes of an answer of the advisories."""
    read = [read_or_set_aside(msgspec.json.encode(one), origin=one["id"]) for one in world]
    found = Found(
        tuple(one for one in read if not hasattr(one, "reason")),
        tuple(one for one in read if hasattr(one, "reason")),
    )
    releases = releases_of(pin for one in CLOSURES for pin in one.pins)
    judged = assess(found, releases)
    lost = (*found.damaged, *judged.undecided)
    findings = findings_of(judged.weaknesses, CLOSURES, known, now, lambda *_: NOON)
    settled = covered(CLOSURES, lost)
    gone = vanished(known, findings, settled)
    return Snapshot(
        project=Project(name="demo", version="1.0", commit="c" * 40),
        taken_at=now,
        scanners={
            "osv": Scanner(
                state="partial" if lost else "ok",
                covered=settled,
                skipped=skipped(CLOSURES, lost),
                database_date=max((one.modified for one in found.advisories), default=None),
            )
        },
        findings=findings,
        closures=CLOSURES,
        words=tuple(word_on(finding, found, settled) for finding in gone),
    )


@settings(max_examples=40, deadline=None)
@given(WORLDS, st.data())
def test_neither_order_nor_timestamps_change_the_digest_of_a_snapshot(world, data):
    first = scanned(world, None, NOON)
    known = carry_forward(None, first)
    again = scanned(world, known, NOON)
    retold = [told_otherwise(one, data.draw) for one in data.draw(st.permutations(world))]
    later = scanned(retold, known, NOON + timedelta(hours=data.draw(st.integers(1, 999))))
    assert digest(later) == digest(again)
    assert encode(carry_forward(known, later)) == encode(carry_forward(known, again))


@settings(max_examples=40, deadline=None)
@given(WORLDS, WORLDS, st.data())
def test_nor_of_one_in_which_findings_vanished_without_a_word(world, after, data):
    """The words on findings that are gone and stay open are told again at each scan."""
    known = carry_forward(None, scanned(world, None, NOON))
    known = carry_forward(known, scanned(after, known, NOON))
    again = scanned(after, known, NOON)
    retold = [told_otherwise(one, data.draw) for one in data.draw(st.permutations(after))]
    later = scanned(retold, known, NOON + timedelta(hours=1))
    assert digest(later) == digest(again)


def test_of_one_record_told_twice_the_newest_counts_wherever_it_stands():
    old = {
        "id": "CVE-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "versions": ["1.0"]}],
    }
    new = old | {"modified": "2026-02-01T00:00:00Z", "withdrawn": "2026-02-01T00:00:00Z"}
    assert scanned([old], None, NOON).findings
    assert scanned([old, new], None, NOON).findings == ()
    assert scanned([new, old], None, NOON).findings == ()
