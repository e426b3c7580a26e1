"""The advisories of pinned packages: ours beside pip-audit and uv audit, against one OSV server.

``python -m benchmarks.scan`` from the project's folder. Every figure is the wall time of a whole
process, the best of some rounds in which the tools take turns. Cold is a new cache, warm the cache
of the run before. All Python tools have their bytecode compiled. The pins are packages of the
archive at affected versions (``--affected N``: only so many, the others above all of them), so
that details have to be fetched for each.

uv gets a lock file whose registry is an empty folder, as it would otherwise also ask the index for
the state of each project. pip-audit keeps no answers of an OSV server: for it warm is cold.
A tool that is not installed is skipped by name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

HERE = Path(__file__).parent
SERVER = HERE.parent / "tests" / "osv_server.py"
sys.path.insert(0, str(SERVER.parent))

from osv_server import Archive  # noqa: E402

OURS = "release-warden"
Pins = list[tuple[str, str]]
FINDINGS = frozenset({0, 1})
"""Exit codes: 1 says that there are findings."""


@dataclass(frozen=True)
class Tool:
    """A command over pins, and how to read which (package, id) pairs it printed."""

    name: str
    version: str
    command: Callable[[Path, str], list[str | Path]]
    read: Callable[[str], set[tuple[str, str]]]


@dataclass
class Timing:
    """What one tool took, in seconds, and asked."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    inside: dict[str, list[float]] = field(default_factory=lambda: {"cold": [], "warm": []})
    requests: dict[str, int] = field(default_factory=dict)
    found: set[tuple[str, str]] = field(default_factory=set)


def pins_of(archive: Archive, count: int, affected: int) -> Pins:
    """So many packages in an order that is always the same, the first ``affected`` of them hit."""
    versions = archive.versions()
    names = sorted(versions, key=lambda name: hashlib.sha256(name.encode()).digest())[:count]
    highest = {name: max(versions[name], key=Version) for name in names}
    above = {name: f"{Version(highest[name]).major + 1000}.0" for name in names}
    return [(n, highest[n] if at < affected else above[n]) for at, n in enumerate(names)]


def write_project(folder: Path, pins: Pins) -> None:
    """The pins as requirements.txt, and as a project with a uv.lock."""
    (folder / "requirements.txt").write_text("".join(f"{n}=={v}\n" for n, v in pins))
    (folder / "index").mkdir()
    lines = ["version = 1", 'requires-python = ">=3.11"', "", "[[package]]", 'name = "pinned"']
    lines += ['version = "1"', 'source = { virtual = "." }', "dependencies = ["]
    lines += [*(f'    {{ name = "{name}" }},' for name, _ in pins), "]", ""]
    for name, version in pins:
        source = f'source = {{ registry = "{folder / "index"}" }}'
        lines += ["[[package]]", f'name = "{name}"', f'version = "{version}"', source, ""]
    (folder / "uv.lock").write_text("\n".join(lines))
    needs = ", ".join(f'"{name}"' for name, _ in pins)
    project = '[project]\nname = "pinned"\nversion = "1"\nrequires-python = ">=3.11"\n'
    (folder / "pyproject.toml").write_text(f"{project}dependencies = [{needs}]\n")


def ours(url: str) -> Tool:
    def command(folder: Path, cache: str) -> list[str | Path]:
        script = HERE / "pinned.py"
        return [sys.executable, script, folder / "requirements.txt", url, folder / cache]

    def read(out: str) -> set[tuple[str, str]]:
        words = [line.split() for line in out.splitlines()]
        return {(one[0], id_) for one in words for id_ in one[3:] if id_.startswith("PYSEC-")}

    return Tool(OURS, "this checkout", command, read)


def pip_audit(url: str, program: str) -> Tool:
    def command(folder: Path, _cache: str) -> list[str | Path]:
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
        server = ["-s", "osv", "--osv-url", f"{url}/v1/query"]
        return [program, "-r", folder / "requirements.txt", *options, *server]

    def read(out: str) -> set[tuple[str, str]]:
        packages = json.loads(out)["dependencies"]
        return {(p["name"], v["id"]) for p in packages for v in p["vulns"]}

    return Tool("pip-audit", _version(program), command, read)


def uv_audit(url: str, program: str) -> Tool:
    def command(folder: Path, cache: str) -> list[str | Path]:
        where = ("--directory", folder, "--cache-dir", folder / f"uv-{cache}")
        options = ("--frozen", "--output-format", "json", "--preview-features", "audit,audit-json")
        return [program, "audit", *where, *options, "--service-url", f"{url}/"]

    def read(out: str) -> set[tuple[str, str]]:
        found = json.loads(out)["vulnerabilities"]
        return {(v["dependency"]["name"], v["id"]) for v in found}

    return Tool("uv audit", _version(program), command, read)


def _version(program: str) -> str:
    out = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return out.split()[1]


def installed(url: str) -> list[Tool]:
    """Our command, and the peers that there are; the others are named on stderr."""
    tools = [ours(url)]
    for name, make in (("pip-audit", pip_audit), ("uv", uv_audit)):
        beside = Path(sys.executable).with_name(name)
        program = str(beside) if beside.is_file() else shutil.which(name)
        if program:
            tools.append(make(url, program))
        else:
            print(f"skipped {name}: it is not installed", file=sys.stderr)
    return tools


@contextmanager
def server(archive: Path, latency: float) -> Iterator[str]:
    """The OSV server in a process of its own; its address."""
    command = (sys.executable, SERVER, archive, str(latency))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def run(tool: Tool, folder: Path, cache: str, url: str) -> tuple[float, int, str, str]:
    """One whole process: seconds, requests that the server saw, stdout, stderr."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    _asked(url)
    start = time.perf_counter()
    done = subprocess.run(
        tool.command(folder, cache),
        capture_output=True,
        text=True,
        cwd=folder,
        env=env,
        check=False,
    )
    took = time.perf_counter() - start
    if done.returncode not in FINDINGS:
        raise SystemExit(f"{tool.name} exited with {done.returncode}:\n{done.stderr}")
    return took, _asked(url), done.stdout, done.stderr


def _asked(url: str) -> int:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/count") as told:
        return int(told.read())


def measure(tools: Sequence[Tool], folder: Path, url: str, rounds: int) -> dict[str, Timing]:
    """Round 0 compiles bytecode and warms the server, and is not counted."""
    timings = {tool.name: Timing() for tool in tools}
    for at in range(rounds + 1):
        for tool in tools:
            timing = timings[tool.name]
            for kind in ("cold", "warm"):
                took, asked, out, err = run(tool, folder, f"cache-{at}", url)
                timing.requests[kind], timing.found = asked, tool.read(out)
                if at:
                    getattr(timing, kind).append(took)
                    timing.inside[kind] += [float(err)] if tool.name == OURS else []
    return timings


def report(timings: dict[str, Timing], tools: Sequence[Tool], pins: Pins) -> dict[str, Any]:
    first = timings[OURS]

    def row(tool: Tool) -> dict[str, Any]:
        timing = timings[tool.name]
        best = {"cold": min(timing.cold), "warm": min(timing.warm)}
        mine = {"cold": min(first.cold), "warm": min(first.warm)}
        return {
            "tool": tool.name,
            "version": tool.version,
            "seconds": {kind: round(value, 4) for kind, value in best.items()},
            "times_ours": {kind: round(best[kind] / mine[kind], 2) for kind in best},
            "requests": timing.requests,
            "findings": len(timing.found),
            "only_here": sorted(timing.found - first.found),
            "only_ours": sorted(first.found - timing.found),
        }

    return {
        "pins": len(pins),
        "rounds": len(first.cold),
        "without_start_up": {kind: round(min(took), 4) for kind, took in first.inside.items()},
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "python": platform.python_version(),
        "tools": [row(tool) for tool in tools],
    }


def table(told: dict[str, Any]) -> str:
    lines = [f"{'':<16}{'cold':>9}{'warm':>9}{'x ours, cold':>14}{'warm':>7}{'requests':>13}"]
    for row in told["tools"]:
        seconds, times, asked = row["seconds"], row["times_ours"], row["requests"]
        lines.append(
            f"{row['tool']:<16}{seconds['cold']:>7.3f} s{seconds['warm']:>7.3f} s"
            f"{times['cold']:>14.2f}{times['warm']:>7.2f}{asked['cold']:>7} /{asked['warm']:>4}"
            f"   {row['findings']} findings, {row['version']}"
        )
    inside = told["without_start_up"]
    lines.append(f"{'  of that, work':<16}{inside['cold']:>7.3f} s{inside['warm']:>7.3f} s")
    machine = told["machine"]
    lines.append(f"{machine['cores']} cores, load {machine['load']:.1f}, Python {told['python']}")
    return "\n".join(lines)


def measured(
    archive: Path, *, pins: int, affected: int, latency: float, rounds: int
) -> dict[str, Any]:
    """The document of a comparison.

    :param latency: of each answer, in milliseconds.
    """
    chosen = pins_of(Archive(archive), pins, affected)
    with tempfile.TemporaryDirectory() as folder, server(archive, latency / 1000) as url:
        write_project(Path(folder), chosen)
        tools = installed(url)
        return report(measure(tools, Path(folder), url, rounds), tools, chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    shared = os.environ.get("RELEASE_WARDEN_SHARED")
    parser.add_argument(
        "--archive",
        type=Path,
        default=Path(shared, "advisories", "PyPI-all.zip") if shared else None,
        help="a zip of OSV records; by default that of RELEASE_WARDEN_SHARED",
    )
    parser.add_argument("--pins", type=int, default=300)
    parser.add_argument("--affected", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0, help="of each answer, in ms")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args()
    if asked.archive is None or not asked.archive.is_file():
        parser.error("there is no archive of advisories: give one with --archive")
    told = measured(
        asked.archive,
        pins=asked.pins,
        affected=asked.affected,
        latency=asked.latency,
        rounds=asked.rounds,
    )
    print(json.dumps(told, indent=2) if asked.json else table(told))


if __name__ == "__main__":
    main()
