"""Everything that has an aim, each beside its peer or limit in the same run.

    nox -s bench                                     what needs nothing: start, cron, record, status
    nox -s bench -- --only start --only cron         some of it
    nox -s bench -- --only publish --peers VENV      what needs more is named only
    nox -s bench -- --only gates                     ... or takes minutes
    nox -s bench -- --json FILE --write              keep the figures; table into docs

Whatever the figures are, it exits 0: time never fails a build. What grows is bounded by a test
(tests/unit/test_growth.py). Peers take turns with ours, and the best round counts, by CPU too: on
a machine that others use, wall time says little.

The document of ``--json`` has ``schema`` (``release-warden/bench/1``), ``machine`` and
``results``: each with ``name``, ``figure`` (what ``value`` is, with its unit), ``value``,
``limit`` (the aim, ``null`` where there is none), ``met``, and ``detail``, all that was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import cron, gates, growth, publish, record, scan, start, status
from benchmarks.result import Result

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SCHEMA = "release-warden/bench/1"


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    rounds: int = 5
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    peers: Path | None = None
    archive: Path | None = None
    gates: tuple[str, ...] = ("lint", "types", "sast")


def _start(asked: Asked) -> list[Result]:
    return start.compare(asked.rounds)


def _cron(asked: Asked) -> list[Result]:
    return cron.compare(asked.rounds)


def _gates(asked: Asked) -> list[Result]:
    return gates.compare(asked.gates)


def _record(asked: Asked) -> list[Result]:
    found = [growth.apart(record.measure, size, 1_000) for size in asked.sizes]
    sys.stderr.write(growth.table(asked.sizes, found, "findings", record.show) + "\n")
    at = asked.sizes.index(10_000) if 10_000 in asked.sizes else 0
    decided = found[at]["decide"]
    detail = {str(size): figures for size, figures in zip(asked.sizes, found, strict=True)}
    return [Result(f"decision of {asked.sizes[at]:,} findings", "s of CPU", decided, 0.05, detail)]


def _status(asked: Asked) -> list[Result]:
    sizes = asked.sizes[:2]
    found = status.measured(sizes, status.FIVE_YEARS)
    sys.stderr.write(growth.table(sizes, found, "findings", status.show) + "\n")
    detail = {str(size): figures for size, figures in zip(sizes, found, strict=True)}
    what = f"status site of {sizes[-1]:,} findings and five years"
    return [Result(what, "s", found[-1]["elapsed, s"], 2.0, detail)]


def _scan(asked: Asked) -> list[Result]:
    if asked.archive is None:
        raise SystemExit("scan needs --archive, a zip of OSV records")
    told = scan.measured(asked.archive, pins=300, affected=300, latency=20, rounds=asked.rounds)
    ours = told["tools"][0]["seconds"]["cold"]
    return [Result("advisories of 300 pins, cold", "s", ours, None, told)]


def _publish(asked: Asked) -> list[Result]:
    if asked.peers is None:
        raise SystemExit("publish needs --peers, an environment with the peers in it")
    told = publish.measured(asked.rounds, asked.peers)
    ours = told["tools"][publish.OURS]
    return [Result("release of a small package", "s", ours["wall"], 30.0, told)]


PARTS: dict[str, Callable[[Asked], list[Result]]] = {
    "start": _start,
    "cron": _cron,
    "record": _record,
    "status": _status,
    "gates": _gates,
    "scan": _scan,
    "publish": _publish,
}
ALONE = ("start", "cron", "record", "status")
"""Those that need nothing and take no minutes."""


def document(results: Iterable[Result], load: Sequence[float]) -> dict[str, Any]:
    """The figures with the machine that they are of.

    :param load: the machine's load before and after.
    """
    return {
        "schema": SCHEMA,
        "machine": {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "load": [round(value, 1) for value in load],
        },
        "results": [asdict(one) | {"met": one.met} for one in results],
    }


def table(told: dict[str, Any]) -> str:
    """The figures as Markdown."""
    machine = told["machine"]
    words = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | figure | aim | met |", "|---|---|---|---|"]
    for one in told["results"]:
        aim = "" if one["limit"] is None else f"{one['limit']:g} {one['figure']}"
        value = f"{one['value']:.3g} {one['figure']}"
        lines.append(f"| {one['name']} | {value} | {aim} | {words[one['met']]} |")
    before, after = machine["load"]
    where = f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}"
    return "\n".join([*lines, "", f"{where}; load {before} before, {after} after."])


def written(page: str, figures: str) -> str:
    """The page with the figures between its marks.

    :raises ValueError: the page lacks them.
    """
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{figures}\n\n{END}{tail}"


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="default: what needs nothing"
    )
    parser.add_argument("--rounds", type=int, default=Asked.rounds)
    parser.add_argument("--sizes", type=int, nargs="+", default=Asked.sizes)
    parser.add_argument("--gates", nargs="+", default=Asked.gates)
    parser.add_argument("--peers", type=Path, help="an environment with the peers of publish")
    parser.add_argument("--archive", type=Path, help="a zip of OSV records, for scan")
    parser.add_argument("--json", type=Path, help="write the document here")
    parser.add_argument("--write", action="store_true", help="the table into docs/performance.md")
    named = parser.parse_args(words)
    asked = Asked(named.rounds, tuple(named.sizes), named.peers, named.archive, tuple(named.gates))
    before = os.getloadavg()[0]
    results = [one for name in named.only or ALONE for one in PARTS[name](asked)]
    told = document(results, (before, os.getloadavg()[0]))
    if named.json:
        named.json.write_text(json.dumps(told, indent=2) + "\n")
    if named.write:
        PAGE.write_text(written(PAGE.read_text(), table(told)))
    print(table(told))


if __name__ == "__main__":
    main()
