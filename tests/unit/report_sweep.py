"""Damage done to reports, one harm at a time, and what a record makes of each."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from worlds import NOON

from release.model.record import Record
from release.model.snapshot import Project, Snapshot
from release.record.carry import carry_forward
from release.scan.join import join
from release.scan.readers.code import Source
from release.scan.readers.reading import merge
from release.scan.readers.table import read

HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
OTHER_TYPES: tuple[Any, ...] = (None, True, 7, "words", [], {})
HERE = Project(name="demo", version="1.0", commit="c" * 40)


class NoTree:
    """No files at hand."""

    paths = frozenset[str]()

    def lines(self, _path: str) -> None:
        """None."""


def look(form: str, data: bytes, stem: str = "report") -> Snapshot:
    """A scan that reads one report, and has no project at hand."""
    readings = merge(read(form, data, Source("demo", NoTree(), stem)))
    return Snapshot(
        project=HERE,
        taken_at=NOON,
        scanners={one.name: one.scanner for one in readings},
        findings=join(finding for one in readings for finding in one.findings),
    )


def harms(data: bytes, steps: int = 100, places: int = 2) -> Iterator[tuple[str, bytes]]:
    """Every damaged version of a report, with its name.

    :param steps: into how many parts it is cut.
    :param places: at how many of its occurrences each key is dropped and swapped.
    """
    yield from ((f"cut at {n}/{steps}", data[: len(data) * n // steps]) for n in range(1, steps))
    yield from (("empty", b""), ("blank", b" \n"), ("null", b"null"), ("HTML", HTML))
    yield from (("BOM and nothing", b"\xef\xbb\xbf"), ("BOM", b"\xef\xbb\xbf" + data))
    yield from (
        ("a number", b"7"),
        ("a list", b"[]"),
        ("an object", b"{}"),
        ("bytes", b"\xff\xfe\xfd"),
    )
    report = json.loads(data.decode("utf-8-sig"))
    yield from _as_pip_audit(report)
    for path in _paths(report, places):
        name = ".".join(map(str, path))
        yield f"without {name}", _changed(report, path, None, drop=True)
        was = _at(report, path)
        for other in OTHER_TYPES:
            if type(other) is not type(was) and not _is_number_for_number(was, other):
                yield f"{name} = {other!r}", _changed(report, path, other)


def _is_number_for_number(was: Any, other: Any) -> bool:
    return isinstance(was, int | float) and isinstance(other, int) and not isinstance(was, bool)


def _as_pip_audit(report: Any) -> Iterator[tuple[str, bytes]]:
    listed = report.get("dependencies") if isinstance(report, dict) else None
    if isinstance(listed, list):
        yield "v1 list", json.dumps(listed).encode()
        skipped = [{"name": one["name"], "skip_reason": "no network"} for one in listed]
        yield "all skipped", json.dumps({"dependencies": skipped, "fixes": []}).encode()


def _paths(report: Any, places: int) -> list[tuple[str | int, ...]]:
    """The first and last places of every kind of key: ``results.*.filename`` is one kind."""
    kinds: dict[tuple[str, ...], list[tuple[str | int, ...]]] = {}
    for path in _walk(report, ()):
        kinds.setdefault(tuple(map(_kind, path)), []).append(path)
    return [
        path for same in kinds.values() for path in dict.fromkeys((*same[: places - 1], same[-1]))
    ]


def _kind(step: str | int) -> str:
    """A step of a path; entries of lists and files by name are all alike."""
    return "*" if isinstance(step, int) or "/" in step or "\\" in step else step


def _walk(content: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield (*path, key)
            yield from _walk(value, (*path, key))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _walk(value, (*path, number))


def _at(report: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        report = report[step]
    return report


def _changed(report: Any, path: tuple[str | int, ...], value: Any, *, drop: bool = False) -> bytes:
    harmed = copy.copy(report)
    inside = harmed
    for step in path[:-1]:
        inside[step] = copy.copy(inside[step])
        inside = inside[step]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return json.dumps(harmed).encode()


def misread(form: str, known: Record, data: bytes) -> list[str]:
    """The findings that were open and, after a damaged report, are not."""
    after = carry_forward(known, look(form, data))
    opened = {finding.key for finding in after.open}
    ids = {(f.package, i) for f in after.open for i in f.ids if f.kind == "dependency"}
    return [
        finding.key
        for finding in known.open
        if finding.key not in opened and not any((finding.package, i) in ids for i in finding.ids)
    ]


def is_clean(form: str, known: Record, data: bytes) -> bool:
    """Whether a damaged report reads as a full one that has nothing to tell."""
    scan = look(form, data)
    after = carry_forward(known, scan)
    sure = all(coverage.state == "ok" for coverage in after.scanners.values())
    return bool(known.open) and sure and not after.open
