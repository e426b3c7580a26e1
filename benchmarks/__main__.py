"""Everything that has an aim, each beside its peer or limit in the same run: ten minutes.

    nox -s bench                                     all of it
    nox -s bench -- --only start --only cron         some of it
    nox -s bench -- --json FILE --write              keep the figures; table into docs

Time never fails a build; what could not be measured says why, and fails nothing either. A change
in growth does: where an exponent over sizes is above its bound, the exit code is 1 (a few sizes of
it are bounded in every run of the tests, too: tests/unit/test_growth.py). Peers take turns with
ours, and the best round counts, by CPU too: on a machine that others use, wall time says little.

The document of ``--json`` has ``schema`` (``release-warden/bench/1``), ``machine`` and
``results``: each with ``name``, ``figure`` (what ``value`` is, with its unit), ``value`` (``null``
where ``why`` says why), ``limit`` (the aim, ``null`` where there is none), ``met``, ``binding``
(whether a limit that is not met fails the run), and ``detail``, all that was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import cron, gates, growth, peers, publish, record, scan, served, start, status
from benchmarks.result import Result, Unmeasured

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SCHEMA = "release-warden/bench/1"
ARCHIVE = "advisories/PyPI-all.zip"
"""Where RELEASE_WARDEN_SHARED has the advisories."""
AIMED = 10_000
"""Of so many findings a decision has an aim."""
FEW = 3
"""Rounds of what takes seconds."""


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    rounds: int = 5
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    peers: Path = Path(sys.prefix) / "peers"
    archive: Path | None = None
    gates: tuple[str, ...] = ("lint", "types", "sast")

    @property
    def few(self) -> int:
        """Rounds of what takes seconds."""
        return min(self.rounds, FEW)


def _start(asked: Asked) -> Iterator[Result]:
    yield from start.compare(4 * asked.rounds)  # a tenth of a second each, and noisy


def _cron(asked: Asked) -> Iterator[Result]:
    yield from cron.compare(asked.rounds)


def _gates(asked: Asked) -> Iterator[Result]:
    try:
        others = peers.ready(asked.peers)
    except Unmeasured as error:
        _say(str(error))
        others = None
    yield from gates.compare(asked.gates, others)


def _record(asked: Asked) -> Iterator[Result]:
    found = _grown(asked.sizes, record.measure, 1_000, record.show)
    for size, told in zip(asked.sizes, found, strict=True):
        limit = 0.05 if size == AIMED else None
        yield Result(
            f"record and compare {size:,} findings", "s of CPU", told["record and compare"]
        )
        yield Result(f"decision of {size:,} findings", "s of CPU", told["decide"], limit, told)
        both = told["digests of its inputs"] + told["decide"]
        yield Result("the same, with the digests of its inputs", "s of CPU", both)
    names = [name for name in found[0] if name in found[-1] and not name.startswith("peak")]
    yield _growth("record and decide", asked.sizes, found, names)


def _status(asked: Asked) -> Iterator[Result]:
    sizes = asked.sizes[:2]
    found = status.measured(sizes, status.FIVE_YEARS)
    _say(growth.table(sizes, found, "findings", status.show))
    detail = {str(size): figures for size, figures in zip(sizes, found, strict=True)}
    title = f"status site of {sizes[-1]:,} findings and five years"
    yield Result(title, "s", found[-1]["elapsed, s"], 2.0, detail)
    yield _growth("status site", sizes, found, ["ours, s", "unchanged, CPU, s"])


def _served(_: Asked) -> Iterator[Result]:
    yield served.measure()


def _scan(asked: Asked) -> Iterator[Result]:
    if asked.archive is None or not asked.archive.is_file():
        raise Unmeasured("no archive of advisories: --archive, or RELEASE_WARDEN_SHARED")
    told = scan.measured(asked.archive, pins=300, affected=300, latency=20, rounds=asked.few)
    ours, *others = told["tools"]
    title = "advisories of 300 pins, an answer takes 20 ms"
    yield Result(f"{title}, cold", "s", ours["seconds"]["cold"], detail=told)
    for kind in ("cold", "warm"):
        for other in others:
            ratio = 1 / other["times_ours"][kind]
            yield Result(f"{title}, {kind}", f"times {other['tool']}", ratio)


def _publish(asked: Asked) -> Iterator[Result]:
    told = publish.measured(asked.few, peers.ready(asked.peers))
    ours = told["tools"][publish.OURS]
    title = "release of a small package, no gates"
    yield Result(title, "s", ours["wall"], 30.0, told)
    yield Result(title, f"times {publish.UV}", told["times the first"], 1.2)
    yield Result(title, f"times {publish.SEMANTIC}", told["times the second"], 1.0)


def _grown(
    sizes: Sequence[int],
    measure: Callable[[int, int], growth.Figures],
    option: int,
    show: Callable[[str, float], str],
) -> list[growth.Figures]:
    """The figures of some sizes; they are told as a table, too."""
    found = [growth.apart(measure, size, option) for size in sizes]
    _say(growth.table(sizes, found, "findings", show))
    return found


def _growth(
    title: str, sizes: Sequence[int], found: Sequence[growth.Figures], names: Sequence[str]
) -> Result:
    if len(sizes) < 2:
        return Result(f"growth of {title}", "the largest exponent", None, why="one size only")
    name, power = growth.steepest(sizes, found, names)
    title = f"growth of {title}, {sizes[0]:,} to {sizes[-1]:,} findings"
    detail = {"steepest": name}
    return Result(title, "the largest exponent", power, growth.BOUND, detail, binding=True)


PARTS: dict[str, Callable[[Asked], Iterator[Result]]] = {
    "start": _start,
    "status": _status,  # before others remove files by the thousand: see benchmarks.status
    "cron": _cron,
    "gates": _gates,
    "scan": _scan,
    "record": _record,
    "publish": _publish,
    "served": _served,
}


def measured(name: str, asked: Asked) -> list[Result]:
    """The figures of a part; where it could not be measured, that and why."""
    _say(f"{name} ...")
    try:
        return list(PARTS[name](asked))
    except Unmeasured as error:
        _say(f"{name} was not measured: {error}")
        return [Result(name, "", None, why=str(error).splitlines()[0][:160])]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def processor() -> str:
    """The name of the processor, as Linux tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        told = ""
    named = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    return named[1] if named else platform.processor() or "a processor without a name"


def document(results: Iterable[Result], load: Sequence[float]) -> dict[str, Any]:
    """The figures with the machine that they are of.

    :param load: the machine's load before and after.
    """
    return {
        "schema": SCHEMA,
        "machine": {
            "processor": processor(),
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
        value = f"not measured: {one['why']}"
        if one["value"] is not None:
            value = f"{one['value']:.3g} {one['figure']}"
        lines.append(f"| {one['name']} | {value} | {aim} | {words[one['met']]} |")
    before, after = machine["load"]
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    told_of = f"{where}, Python {machine['python']}; load {before} before, {after} after."
    return "\n".join([*lines, "", told_of])


def written(page: str, figures: str) -> str:
    """The page with the figures between its marks.

    :raises ValueError: the page lacks them.
    """
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{figures}\n\n{END}{tail}"


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and tell; exit with 1 where something grows faster than it may."""
    named = _parser().parse_args(words)
    asked = Asked(named.rounds, tuple(named.sizes), named.peers, named.archive, tuple(named.gates))
    before, results = os.getloadavg()[0], list[Result]()
    for name in named.only or PARTS:
        results += measured(name, asked)
        told = document(results, (before, os.getloadavg()[0]))
        if named.json:  # after each part: who is interrupted keeps what there is
            named.json.write_text(json.dumps(told, indent=2) + "\n")
    if named.write:
        PAGE.write_text(written(PAGE.read_text(), table(told)))
    print(table(told))
    if any(one.fails for one in results):
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    shared = os.environ.get("RELEASE_WARDEN_SHARED")
    parser.add_argument("--only", action="append", choices=PARTS, help="default: all")
    parser.add_argument("--rounds", type=int, default=Asked.rounds)
    parser.add_argument("--sizes", type=int, nargs="+", default=Asked.sizes)
    parser.add_argument("--gates", nargs="+", default=Asked.gates, choices=gates.COMMANDS)
    parser.add_argument(
        "--peers", type=Path, default=Asked.peers, help="where their environment is, or is made"
    )
    parser.add_argument(
        "--archive",
        type=Path,
        default=Path(shared, ARCHIVE) if shared else None,
        help="a zip of OSV records, for scan; default: that of RELEASE_WARDEN_SHARED",
    )
    parser.add_argument("--json", type=Path, help="write the document here")
    parser.add_argument("--write", action="store_true", help="the table into docs/performance.md")
    return parser


if __name__ == "__main__":
    main()
