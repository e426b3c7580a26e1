"""How recording scales: seconds of CPU and memory over sizes, and the exponent between them.

    python -m benchmarks.record                  1,000, 10,000 and 100,000 findings
    python -m benchmarks.record 1000 4000        other sizes
    python -m benchmarks.record --plans 4000     plans up to so many (they are YAML; default 1,000)

The exponent is explained in :mod:`benchmarks.growth`.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from typing import Any

from benchmarks import growth
from release.config import Policy
from release.decide.engine import ReleaseAutomationEngine
from release.decide.facts import Evidence
from release.model.base import decode, encode
from release.model.finding import Finding
from release.model.record import Record
from release.model.snapshot import Project, Scanner, Snapshot
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.findings_page import render_findings
from release.record.openvex import openvex
from release.record.remediation import update_plans
from release.record.sarif import sarif

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZES = [1_000, 10_000, 100_000]


def world(count: int) -> Snapshot:
    """A scan of so many packages with a finding each."""
    return Snapshot(
        project=Project(name="demo", version="1.0", commit="c" * 40),
        taken_at=NOON,
        scanners={"osv": Scanner(state="ok", covered=tuple(f"p{n}==1.0" for n in range(count)))},
        findings=tuple(_finding(number) for number in range(count)),
    )


def _finding(number: int) -> Finding:
    return Finding(
        key=f"CVE-{number}@p{number}",
        kind="dependency",
        package=f"p{number}",
        version="1.0",
        ids=(f"CVE-{number}", f"GHSA-{number}"),
        severity="high",
        scope="runtime",
        affects={"published": ("1.0",), "candidate": ("1.0",)},
    )


def measure(count: int, plans: int) -> dict[str, float]:
    """Seconds of CPU by step, and the peak of memory in MB."""
    taken: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        start = process_time()
        done = work()
        taken[step] = process_time() - start
        return done

    scan = world(count)
    before = timed("first record", lambda: carry_forward(None, scan))
    after = timed("record", lambda: carry_forward(before, scan))
    timed("compare", lambda: SecurityChangeDetector().compare(before, after))
    taken["record and compare"] = taken["record"] + taken["compare"]
    taken["peak MB so far"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    known = Evidence(snapshot=scan, record=after, baseline="nothing", config="config", releases=())
    timed("decide", lambda: ReleaseAutomationEngine(Policy()).decide(known))
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
