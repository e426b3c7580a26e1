"""How recording scales: seconds of CPU and memory over sizes, and the exponent between them.

    python benchmarks/record.py                  1,000, 10,000 and 100,000 findings
    python benchmarks/record.py 1000 4000        other sizes
    python benchmarks/record.py --plans 4000     plans up to so many (they are YAML; default 1,000)

Each size runs in a process of its own, so that memory is its own too. The exponent is that of
``seconds = c * size ** exponent`` between a size and the one before it: 1.0 is linear.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from time import process_time
from typing import Any

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
    data = timed("encode", lambda: encode(after))
    timed("decode", lambda: decode(Record, data))
    timed("findings page", lambda: render_findings(after, ()))
    timed("OpenVEX", lambda: openvex(after, scan, NOON))
    timed("SARIF", lambda: sarif(after, scan, version="0"))
    if count <= plans:
        text = timed("new plans", lambda: update_plans(None, after, ()))
        timed("unchanged plans", lambda: update_plans(text, after, ()))
    return taken


def apart(count: int, plans: int) -> dict[str, float]:
    """Measure in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, count, plans).result()


def table(sizes: list[int], plans: int) -> str:
    """The figures, each with the exponent since the size before."""
    found = [apart(size, plans) for size in sizes]
    lines = [f"{'':20}" + "".join(f"{size:>18,}" for size in sizes)]
    for step in found[0]:
        cells = [_cell(found, sizes, at, step) for at in range(len(sizes))]
        lines.append(f"{step:20}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def _cell(found: list[dict[str, float]], sizes: list[int], at: int, step: str) -> str:
    if step not in found[at]:
        return "-"
    now = found[at][step]
    if step.startswith("peak"):
        return f"{now:.0f} MB"
    if at == 0 or not found[at - 1].get(step):
        return f"{now:.3f} s"
    exponent = math.log(now / found[at - 1][step]) / math.log(sizes[at] / sizes[at - 1])
    return f"{now:.3f} s ^{exponent:.2f}"


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--plans", type=int, default=1_000, help="the most plans to write")
    asked = parser.parse_args()
    sys.stdout.write(table(asked.sizes, asked.plans) + "\n")


if __name__ == "__main__":
    main()
