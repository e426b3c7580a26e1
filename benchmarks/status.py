"""How building the site scales: seconds of CPU and of waiting over sizes, and the exponent.

    python -m benchmarks.status                  1,000, 10,000 and 40,000 findings
    python -m benchmarks.status 1000 4000        other sizes
    python -m benchmarks.status --days 1826      daily scans in the history (default: five years)

Each size runs in a process of its own, from a folder of documents on the disk to a site on the
disk (TMPDIR says on which). The system's seconds are spent in making a file for each finding;
beside them stands what a bare loop takes that makes as many files. The exponent is that of
``seconds = c * size ** exponent`` between a size and the one before it: 1.0 is linear.

Nothing is removed before the last size was measured. ext4 gives no inode anew within a minute of
its removal, and looks at all of those before each new file (``recently_deleted`` in its
``ialloc.c``): after ten thousand were removed nearby, by whomever, ten thousand files take it
seconds, ours and those of the bare loop alike.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from os import times
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks import growth
from release.model.base import Document, encode
from release.model.changes import Change
from release.model.finding import Finding
from release.model.heartbeat import Heartbeat, Run
from release.model.history import History, Scanned
from release.model.record import Coverage, Record, Sighting, Tracked
from release.model.snapshot import Closure, Pin, Project, Scanner, Snapshot
from release.record.history import response, stories
from status_site.build import build

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZES = [1_000, 10_000, 40_000]
FIVE_YEARS = 1_826
WHERE: dict[str, Any] = {"project": "demo", "repository": "local"}
SEEN = {"osv": Sighting(state="open")}
GONE = {"osv": Sighting(state="resolved", cause="upgraded")}


def _finding(number: int, days: int) -> Finding:
    return Finding(
        key=f"CVE-2024-{number}@p{number}",
        kind="dependency",
        package=f"p{number}",
        version="1.0",
        ids=(f"CVE-2024-{number}", f"GHSA-aaaa-bbbb-{number}"),
        severity=("critical", "high", "medium", "low")[number % 4],
        scope="runtime",
        summary="Something is read where nothing should be, if an attacker asks for it",
        fixed_in=("1.1",),
        first_seen=NOON - timedelta(days=number % days),
        fix_available_at=NOON - timedelta(days=number % 60),
        affects={"published": ("1.0",), "candidate": ("1.0",)},
    )


def _tracked(finding: Finding, number: int) -> Tracked:
    if number % 2:
        return Tracked(finding=finding, sightings=GONE, resolved_at=NOON - timedelta(hours=1))
    return Tracked(finding=finding, sightings=SEEN)


def documents(count: int, days: int) -> dict[str, Document]:
    """A project with so many findings, half of them open, and a scan each day."""
    findings = [_finding(number, days) for number in range(count)]
    scanner = Scanner(state="ok", covered=tuple(f"p{n}==1.0" for n in range(count)))
    pins = tuple(
        Pin(name=f"p{n}", version="1", pythons=("3.12",), extras=("",), via=("demo",))
        for n in range(50)
    )
    closure = Closure(
        kind="published", version="1.0", origin="", requires=(), pythons=("3.12",), extras=("",),
        pins=pins,
    )  # fmt: skip
    record = Record(
        **WHERE,
        scanners={"osv": Coverage(state="ok", covered=scanner.covered)},
        tracked=tuple(_tracked(finding, n) for n, finding in enumerate(findings)),
    )
    scans = tuple(_scanned(day, findings, days) for day in range(days))
    told = stories(record, scans, NOON)
    return {
        "run": Run(**WHERE, task="release.scan", outcome="ok", exit_code=0, at=NOON),
        "record": record,
        "heartbeat": Heartbeat(**WHERE, commit="c", taken_at=NOON, scanners={"osv": scanner}),
        "snapshot": Snapshot(
            project=Project(name="demo", version="1.0", commit="c"), taken_at=NOON,
            scanners={"osv": scanner}, findings=tuple(findings), closures=(closure,),
        ),
        "history": History(
            **WHERE, scans=scans, as_of=NOON, stories=told, response=response(told)
        ),
    }  # fmt: skip


def _scanned(day: int, findings: list[Finding], days: int) -> Scanned:
    changes = tuple(
        Change(kind="new", key=f.key, package=f.package, ids=f.ids, severity=f.severity)
        for f in findings[day::days]
    )
    return Scanned(entry=f"{day:040}", at=NOON - timedelta(days=day), commit="c", changes=changes)


def measured(sizes: Sequence[int], days: int) -> list[growth.Figures]:
    """The figures of each size, smallest first; all lies in one folder until the end."""
    with tempfile.TemporaryDirectory() as place:
        return [growth.apart(partial(_measure, place), size, days) for size in sizes]


def measure(count: int, days: int) -> growth.Figures:
    """The figures of one build."""
    with tempfile.TemporaryDirectory() as place:
        return _measure(place, count, days)


def _measure(place: str, count: int, days: int) -> growth.Figures:
    """Seconds and sizes of one build below a folder."""
    folder, site = Path(place, f"documents-{count}"), Path(place, f"site-{count}")
    folder.mkdir()
    for name, document in documents(count, days).items():
        (folder / f"{name}.json").write_bytes(encode(document))
    before, wall = times(), perf_counter()
    build(folder, site)
    after, elapsed = times(), perf_counter() - wall
    again = process_time()
    build(folder, site)
    unchanged = process_time() - again
    return {
        "ours, s": after.user - before.user,
        "the system's, s": after.system - before.system,
        "elapsed, s": elapsed,
        "bare loop, s": _bare(Path(place, f"bare-{count}"), site),
        "unchanged, CPU, s": unchanged,
        "index.json, kB": (site / "index.json").stat().st_size / 1e3,
        "index.json gzip, kB": len(gzip.compress((site / "index.json").read_bytes())) / 1e3,
        "index.html, kB": (site / "index.html").stat().st_size / 1e3,
        "history.json, kB": (site / "history.json").stat().st_size / 1e3,
    }


def _bare(folder: Path, site: Path) -> float:
    """Seconds in which a loop that does nothing else makes the files of the findings once more."""
    files = {path.name: path.read_bytes() for path in (site / "findings").iterdir()}
    folder.mkdir()
    began = perf_counter()
    for name, data in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(descriptor, data)
        os.close(descriptor)
    return perf_counter() - began


def show(_: str, figure: float) -> str:
    """Seconds and kilobytes alike."""
    return f"{figure:.2f}"


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--days", type=int, default=FIVE_YEARS, help="daily scans")
    asked = parser.parse_args()
    found = measured(asked.sizes, asked.days)
    sys.stdout.write(growth.table(asked.sizes, found, "findings", show) + "\n")


if __name__ == "__main__":
    main()
