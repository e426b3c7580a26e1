"""Another evaluation of the ranges of OSV records, and its comparison with ours.

Ours goes upward through the turns of a range, as the schema's pseudo-code does. This one looks
downward from a version for the nearest turn, straight in the JSON.
"""

from __future__ import annotations

import functools
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.scan.advisories import Advisory, UndecidableError, is_affected, read_advisory

_SHARED = os.environ.get("RELEASE_WARDEN_SHARED")
_FILE = Path(_SHARED or "", "advisories", "PyPI-all.zip")
ARCHIVE = _FILE if _SHARED and _FILE.is_file() else None
NO_ARCHIVE = "RELEASE_WARDEN_SHARED names no folder with advisories/PyPI-all.zip"
NEIGHBOURS = (".post7", ".dev0", "rc1", ".0.1", "+local")
"""What makes a version one that lies next to it."""


@dataclass
class Compared:
    """How often the two were asked, where they differ, and which records leave both in doubt."""

    verdicts: int = 0
    disagreements: list[tuple[str, str, str]] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)


def real_records() -> list[bytes]:
    """All records of the archive, by name."""
    assert ARCHIVE is not None
    with zipfile.ZipFile(ARCHIVE) as archive:
        return [archive.read(n) for n in sorted(archive.namelist()) if n.endswith(".json")]


def compare(records: Iterable[bytes]) -> Compared:
    """Ask both about every version that a record mentions, and about their neighbours."""
    compared = Compared()
    for data in records:
        mine, raw = read_advisory(data, origin="a record"), json.loads(data)
        for package in mine.packages:
            for text in probes(raw, package):
                told = verdict(mine, package, text)
                compared.verdicts += 1
                if told is None:
                    compared.doubtful.add(mine.id)
                if told != judged(raw, package, text):
                    compared.disagreements.append((mine.id, package, text))
    return compared


def probes(raw: dict[str, Any], package: str) -> set[str]:
    """Every version that a record mentions of a package, and what lies next to it."""
    entries = [e for e in raw["affected"] if canonicalize_name(e["package"]["name"]) == package]
    turns = {
        version
        for one in entries
        for range_ in one.get("ranges", ())
        if range_["type"] == "ECOSYSTEM"
        for event in range_["events"]
        for version in event.values()
    }
    around = {f"{text}{end}" for text in turns if readable(text) for end in ("", *NEIGHBOURS)}
    listed = {text for one in entries for text in one.get("versions", ())}
    return {t for t in (*around, *listed, "0.0.1", "9999") if readable(t)}


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
        if any(parsed(v) in (at, parsed(at.public)) for v in one.get("versions", ())):
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
        if turn < Version(at.public) or (turn <= at and kind != "last_affected"):
            passed.append((turn, 1 if kind == "introduced" else 0, kind == "introduced"))
    return max(passed)[2] if passed else False
