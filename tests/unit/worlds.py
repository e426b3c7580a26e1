"""Builders of nouns for tests: a small world with one project and its closures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from release.decide.facts import Evidence
from release.model.base import digest
from release.model.finding import ClosureKind, Finding
from release.model.record import Record
from release.model.release import Release
from release.model.snapshot import (
    Closure,
    Edit,
    Pin,
    Project,
    Reach,
    Scanner,
    Snapshot,
    Verdict,
)
from release.record.carry import carry_forward

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HELD: dict[ClosureKind, tuple[str, ...]] = {"published": ("1.0",), "candidate": ("1.0",)}
FREED: dict[ClosureKind, tuple[str, ...]] = {"published": ("1.0",)}
ADDED: dict[ClosureKind, tuple[str, ...]] = {"candidate": ("2.0",)}


def finding(key: str = "CVE-1@jinja2", **other: Any) -> Finding:
    name, _, package = key.partition("@")
    facts: dict[str, Any] = {
        "kind": "dependency",
        "package": package,
        "version": "1.0",
        "ids": (name,),
        "severity": "high",
        "scope": "runtime",
        "affects": HELD,
        "pythons": ("3.11",),
        "extras": ("",),
    }
    return Finding(key=key, **(facts | other))


def closure(kind: ClosureKind, pins: Iterable[str], **other: Any) -> Closure:
    facts: dict[str, Any] = {
        "version": "1.0",
        "origin": "here",
        "requires": ("jinja2",),
        "pythons": ("3.11",),
        "extras": ("",),
    }
    held = (item.partition("==") for item in pins)
    nouns = tuple(Pin(name=n, version=v, pythons=("3.11",), extras=("",)) for n, _, v in held)
    return Closure(kind=kind, pins=nouns, **(facts | other))


def scanner(*covered: str, state: str = "ok", **other: Any) -> Scanner:
    return Scanner(state=state, covered=covered, **other)  # type: ignore[arg-type]


def snapshot(*findings: Finding, **other: Any) -> Snapshot:
    """A scan of a world where users get jinja2 1.0 and HEAD would bring jinja2 2.0."""
    facts: dict[str, Any] = {
        "project": Project(name="demo", version="1.0", commit="c" * 40),
        "taken_at": NOON,
        "scanners": {"osv": scanner("jinja2==1.0", "jinja2==2.0")},
        "closures": (closure("published", ["jinja2==1.0"]), closure("candidate", ["jinja2==2.0"])),
    }
    return Snapshot(findings=findings, **(facts | other))


def reach(one: Finding, verdict: Verdict = "blocked-by-us", **other: Any) -> Reach:
    facts: dict[str, Any] = {}
    if verdict == "blocked-by-us":
        edit = Edit(requirement="jinja2<2", becomes="jinja2>=2.0")
        facts = {"blocker": "jinja2<2", "edit": (edit,), "witness": "jinja2 2.0 resolves"}
    return Reach(key=one.key, package=one.package, ids=one.ids, verdict=verdict, **(facts | other))


def evidence(scan: Snapshot, *releases: Release, before: Record | None = None) -> Evidence:
    return Evidence(
        snapshot=scan,
        record=carry_forward(before, scan),
        baseline=digest(before) if before else "nothing",
        config="config",
        releases=releases,
    )


def release(version: str, **other: Any) -> Release:
    facts: dict[str, Any] = {
        "trigger": "security-auto",
        "fingerprint": "another",
        "state": "confirmed",
        "sealed_at": NOON,
    }
    return Release(version=version, **(facts | other))
