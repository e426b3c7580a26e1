"""Scanners that run as children: pip-audit, bandit, detect-secrets, and third parties'.

Each writes its report into a file that did not exist before, so that no stale one is believed, and
the report's reader judges it; exit codes are no verdict (pip-audit's is 0 when it skipped things).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path

from msgspec.structs import replace

from release.adapters import process
from release.config import BUILT_IN_SCANNERS
from release.errors import ConfigError, ToolError
from release.model.snapshot import Pin
from release.scan.readers import bandit, detect_secrets, pip_audit, table
from release.scan.readers.code import place
from release.scan.readers.reading import Reading, absent, failed, merge
from release.scan.runner import Runner, Target

GROUP = "release_warden.scanners"
PATIENCE = 600.0
"""Seconds that a scanner has."""
NOT_SHIPPED = frozenset({"tests", "test", "docs", "doc", "examples", "benchmarks"})
"""Folders that users do not get, and where scanners of code find what is meant to be there."""
WORDS = 400
"""Characters kept of what a failed scanner said last."""


def runners(names: Iterable[str]) -> tuple[Runner, ...]:
    """The scanners of these names.

    :raises ConfigError: nobody knows one of them.
    """
    built_in: dict[str, Runner] = {one.name: one for one in (PipAudit(), Bandit(), DetectSecrets())}
    plugged = {point.name: point for point in entry_points(group=GROUP)}
    found: list[Runner] = []
    for name in names:
        if name in built_in:
            found.append(built_in[name])
        elif name in plugged:
            found.append(ThirdParty(name, plugged[name]))
        else:
            known = sorted({*BUILT_IN_SCANNERS, *plugged})
            guess = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"unknown scanner {name!r} in [tool.release-warden]",
                why=f"did you mean {guess[0]!r}?" if guess else f"known: {', '.join(known)}",
                remedy=f"correct it, or install the package that brings it (entry point {GROUP})",
            )
    return tuple(found)


class PipAudit:
    """pip-audit over what ships: the closures' pins, so that nothing is resolved or installed."""

    name = pip_audit.NAME

    def run(self, target: Target) -> tuple[Reading, ...]:
        """Ask for each package at each of its versions."""
        sheets = list(_sheets(target.pins))
        if not sheets:
            return (failed(self.name, "no closure could be resolved, so there is nothing to ask"),)
        readings = [one for n, pins in enumerate(sheets) for one in self._ask(target, n, pins)]
        return merge(readings)

    def _ask(self, target: Target, number: int, pins: Sequence[Pin]) -> tuple[Reading, ...]:
        listed = target.scratch / f"requirements-{number}.txt"
        listed.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        url = f"{target.osv_url.rstrip('/')}/v1/query"
        flags = ("--no-deps", "--disable-pip", "-f", "json", "--progress-spinner", "off")
        argv: list[str | Path] = ["-r", listed, *flags, "-s", "osv", "--osv-url", url, "-o"]
        report = target.scratch / f"{self.name}-{number}.json"
        return _run(self.name, "pip_audit", [*argv, report], target, report)


def _sheets(pins: Iterable[Pin]) -> Iterator[list[Pin]]:
    """Parted so that a package stands on each sheet at one version, as pip-audit wants it."""
    versions: dict[str, list[Pin]] = {}
    for pin in sorted(pins, key=lambda pin: (pin.name, pin.version)):
        same = versions.setdefault(pin.name, [])
        if pin.version not in {other.version for other in same}:
            same.append(pin)
    for number in range(max(map(len, versions.values()), default=0)):
        yield [same[number] for same in versions.values() if len(same) > number]


class Bandit:
    """bandit over the Python files that ship."""

    name = bandit.NAME

    def run(self, target: Target) -> tuple[Reading, ...]:
        """Look at every file by name: no folder's settings steer what is looked at."""
        files = [path for path in target.files if path.endswith(".py") and _ships(path)]
        if not files:
            return (failed(self.name, "the project holds no Python file that ships"),)
        report = target.scratch / "bandit.json"
        argv: list[str | Path] = ["-f", "json", "-q", "-o", report, *_named(files)]
        return _run(self.name, "bandit", argv, target, report)


class DetectSecrets:
    """detect-secrets over all files; what it finds is never tried out on the network."""

    name = detect_secrets.NAME

    def run(self, target: Target) -> tuple[Reading, ...]:
        """Look at every file by name, so that it is known which were looked at."""
        report = target.scratch / "detect-secrets.json"
        argv = ["scan", "--no-verify", *_named(target.files)]
        read = _run(self.name, "detect_secrets", argv, target, report, to_stdout=True)
        return tuple(_covering(one, target.files) for one in read)


def _named(files: Iterable[str]) -> list[str]:
    """As arguments that no tool takes for a flag."""
    return [f"./{path}" for path in files]


def _covering(reading: Reading, files: Iterable[str]) -> Reading:
    """The report lists only what it flags, but we know what it was given."""
    if reading.scanner.state not in {"ok", "partial"}:
        return reading
    blind = {gap.name for gap in reading.scanner.skipped}
    covered = tuple(sorted({place(path) for path in files} - blind))
    return replace(reading, scanner=replace(reading.scanner, covered=covered, selective=False))


@dataclass(frozen=True)
class ThirdParty:
    """A scanner that another package brings by an entry point; see docs/scanners.md.

    Its code runs in a process of its own, with a scrubbed environment: it cannot reach into ours,
    and its report is read like any other.
    """

    name: str
    point: EntryPoint

    def run(self, target: Target) -> tuple[Reading, ...]:
        """Hand it the task as JSON and read the report that it wrote."""
        report = target.scratch / f"{self.name}.report"
        task = {
            "project": str(target.folder),
            "files": list(target.files),
            "pins": [f"{pin.name}=={pin.version}" for pin in target.pins],
            "report": str(report),
        }
        argv = [process.python(), "-P", "-c", CALL, self.point.module, self.point.attr]
        done = _child(self.name, argv, target, stdin=json.dumps(task))
        if isinstance(done, Reading):
            return (done,)
        form = (done.stdout.strip().splitlines() or [""])[-1]
        if done.code or form not in table.READERS or not report.is_file():
            return (failed(self.name, _why(done)),)
        read = table.read(form, report.read_bytes(), target.source)
        return merge(_under(self.name, one) for one in read)


CALL = """\
import importlib, json, sys
from functools import reduce
scan = reduce(getattr, sys.argv[2].split("."), importlib.import_module(sys.argv[1]))
print("\\n" + scan(json.load(sys.stdin)))
"""
"""Run in the child: the entry point, called with the task, returns the form of its report."""


def _under(name: str, reading: Reading) -> Reading:
    """A third party's words go under its own name, never under another scanner's."""
    found = (replace(finding, scanners=(name,)) for finding in reading.findings)
    return replace(reading, name=name, findings=tuple(found))


def _run(
    name: str,
    module: str,
    arguments: Sequence[str | Path],
    target: Target,
    report: Path,
    *,
    to_stdout: bool = False,
) -> tuple[Reading, ...]:
    """Run a tool that is installed beside us, and read its report."""
    if not _is_installed(name):
        return (absent(name, f"{name} is not installed: pip install {name}"),)
    done = _child(name, [process.python(), "-P", "-m", module, *arguments], target)
    if isinstance(done, Reading):
        return (done,)
    if to_stdout and not done.code:
        report.write_bytes(done.raw)
    if not report.is_file():
        return (failed(name, _why(done)),)
    return table.read(name, report.read_bytes(), target.source)


def _is_installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def _child(
    name: str, argv: Sequence[str | Path], target: Target, stdin: str | None = None
) -> process.Completed | Reading:
    try:
        return process.run(argv, cwd=target.folder, stdin=stdin, timeout=PATIENCE, check=False)
    except ToolError as error:
        return failed(name, error.what)


def _why(done: process.Completed) -> str:
    said = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-WORDS:]
    return f"it exited with {done.code} and left no report: {said or 'it said nothing'}"


def _ships(path: str) -> bool:
    *folders, name = path.split("/")
    return NOT_SHIPPED.isdisjoint(folders) and not name.startswith(("test_", "conftest"))
