"""How recording scales: seconds of CPU and memory over sizes, and the exponent between them.

    python -m benchmarks.record                  1,000, 10,000 and 100,000 findings
    python -m benchmarks.record 1000 4000        other sizes
    python -m benchmarks.record --plans 4000     plans up to so many (they are YAML; default 1,000)

``decide`` goes from scan, record and past releases in memory to the decision with its reasons and
verdicts. The digests of scan and record, which a decision names, have been worked out by then, as
in a run, which compares both with the last ones first: their row is their own.

The exponent is explained in :mod:`benchmarks.growth`.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

from benchmarks import growth
from release.config import Policy
from release.decide.engine import ReleaseAutomationEngine
from release.decide.facts import Evidence
from release.model.base import decode, digest, encode
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
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import render_findings
from release.record.identity import lasting
from release.record.openvex import openvex
from release.record.remediation import update_plans
from release.record.sarif import sarif

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZES = [1_000, 10_000, 100_000]
ROUNDS = 5
"""Of what takes milliseconds."""


PYTHONS = ("3.11", "3.12", "3.13")
EVERYWHERE: dict[ClosureKind, tuple[str, ...]] = {"published": ("1.0",), "candidate": ("1.0",)}
GONE: dict[ClosureKind, tuple[str, ...]] = {"published": ("1.0",)}
FATES = ("eased", *("removed",) * 5, *("blocked-by-us",) * 4, *("no-fix",) * 10)
"""What becomes of a finding in HEAD, in turns; an eased one stays on the oldest Python."""


def world(count: int) -> Snapshot:
    """A scan of so many packages with a finding each, which users and HEAD resolve."""
    numbers = range(count)
    covered = tuple(f"p{number}=={version}" for number in numbers for version in ("1.0", "2.0"))
    found = tuple(_finding(number) for number in numbers)
    scan = Snapshot(
        project=Project(name="demo", version="1.0", commit="c" * 40),
        taken_at=NOON,
        scanners={"osv": Scanner(state="ok", covered=covered)},
        findings=found,
        closures=(
            _closure("published", (_pin(number, "1.0") for number in numbers)),
            _closure("candidate", (pin for number in numbers for pin in _head(number))),
        ),
        reach=tuple(_reach(finding, number) for number, finding in enumerate(found)),
    )
    return lasting(None, scan)


def _fate(number: int) -> str:
    return FATES[number % len(FATES)]


def _pin(number: int, version: str, pythons: tuple[str, ...] = PYTHONS) -> Pin:
    return Pin(name=f"p{number}", version=version, pythons=pythons, extras=("",), via=("demo",))


def _head(number: int) -> tuple[Pin, ...]:
    """What HEAD brings of a package."""
    if _fate(number) == "removed":
        return (_pin(number, "2.0"),)
    if _fate(number) == "eased":
        return _pin(number, "1.0", PYTHONS[:1]), _pin(number, "2.0", PYTHONS[1:])
    return (_pin(number, "1.0"),)


def _closure(kind: ClosureKind, pins: Iterable[Pin]) -> Closure:
    return Closure(
        kind=kind, version="1.0", origin="here", requires=("p0",), pythons=PYTHONS, extras=("",),
        pins=tuple(pins),
    )  # fmt: skip


def _finding(number: int) -> Finding:
    return Finding(
        key=f"CVE-{number}@p{number}",
        kind="dependency",
        package=f"p{number}",
        version="1.0",
        ids=(f"CVE-{number}", f"GHSA-{number}"),
        severity=("critical", "high", "medium", "low")[number // len(FATES) % 4],
        scope="runtime",
        summary="Something is read where nothing should be, if an attacker asks for it",
        fixed_in=("2.0",),
        affects=GONE if _fate(number) == "removed" else EVERYWHERE,
        pythons=PYTHONS,
        extras=("",),
    )


def _reach(finding: Finding, number: int) -> Reach:
    verdict: Verdict = "blocked-by-us" if _fate(number) == "blocked-by-us" else "no-fix"
    edit = (Edit(requirement="p0<2", becomes="p0>=2"),) if verdict == "blocked-by-us" else ()
    return Reach(
        key=finding.key, package=finding.package, ids=finding.ids, verdict=verdict, edit=edit
    )


def past(count: int = 100) -> tuple[Release, ...]:
    """So many releases before this one."""
    return tuple(
        Release(
            version=f"0.{number}",
            trigger="security-auto",
            fingerprint=f"{number:064}",
            state="confirmed",
            sealed_at=NOON - timedelta(days=30 + number),
        )
        for number in range(count)
    )


def measure(count: int, plans: int) -> dict[str, float]:
    """Seconds of CPU by step, and the peak of memory in MB."""
    taken: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any], rounds: int = 1) -> Any:
        found = []
        for _ in range(rounds):
            start = process_time()
            done = work()
            found.append(process_time() - start)
        taken[step] = min(found)
        return done

    scan = world(count)
    before = timed("first record", lambda: carry_forward(None, scan))
    after = timed("record", lambda: carry_forward(before, scan))
    timed("compare", lambda: SecurityChangeDetector().compare(before, after))
    taken["record and compare"] = taken["record"] + taken["compare"]
    taken["peak MB so far"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    known = Evidence(
        snapshot=scan, record=after, baseline="nothing", config="config", releases=past()
    )
    timed("digests of its inputs", lambda: (digest(scan), digest(after)))
    engine = ReleaseAutomationEngine(Policy())
    decision = timed("decide", lambda: engine.decide(known), ROUNDS)
    timed("encode the decision", lambda: encode(decision), ROUNDS)
    data = timed("encode", lambda: encode(after))
    timed("decode", lambda: decode(Record, data))
    timed("findings page", lambda: render_findings(after, ()))
    timed("OpenVEX", lambda: openvex(after, scan, NOON))
    timed("SARIF", lambda: sarif(after, scan, version="0"))
    if count <= plans:
        text = timed("new plans", lambda: update_plans(None, after, ()))
        timed("unchanged plans", lambda: update_plans(text, after, ()))
    return taken


def show(what: str, figure: float) -> str:
    """Seconds, or megabytes."""
    return f"{figure:.0f} MB" if what.startswith("peak") else f"{figure:.3f} s"


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--plans", type=int, default=1_000, help="the most plans to write")
    asked = parser.parse_args()
    found = [growth.apart(measure, size, asked.plans) for size in asked.sizes]
    sys.stdout.write(growth.table(asked.sizes, found, "findings", show) + "\n")


if __name__ == "__main__":
    main()
