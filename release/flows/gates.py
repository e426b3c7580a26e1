"""Gates: nox sessions of the project, run by calling nox once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from release.adapters import job, process, progress, terminal
from release.adapters.terminal import GOES_ON
from release.errors import BlockedError, ToolError

DEFAULT = ("lint", "types", "tests")
"""What is run, where the noxfile has it, when the configuration names no gates."""

STARTED = re.compile(r"(?:nox > Running|Starting) session ([^\s.]+?)(?:-\d[\w.]*)?(?:\.{3})?$")
ENDED = re.compile(r"nox > Session ([^\s.]+?)(?:-\d[\w.]*)? (was|failed|skipped|abort)")
"""What nox says of a session, where its interpreter may stand behind its name."""
RESULTS = {"was": "green", "failed": "red", "skipped": "skipped", "abort": "aborted"}


class Choice(msgspec.Struct, frozen=True):
    """The gates that a release will run, those that are missing, and a note for the plan."""

    gates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    note: str = ""


class _Listed(msgspec.Struct):
    name: str


class _Session(msgspec.Struct):
    name: str
    result: str


class _Report(msgspec.Struct):
    sessions: list[_Session]


def choose_gates(folder: Path, wanted: tuple[str, ...] | None) -> Choice:
    """Find out which gates a project has.

    :param folder: the project's folder.
    :param wanted: what its configuration names; ``None`` for the default.
    :raises ToolError: its noxfile cannot be read by nox.
    """
    if wanted == ():
        return Choice(note="no gates: the configuration names none")
    if not (folder / "noxfile.py").is_file():
        return Choice(missing=wanted or (), note="no gates: the project has no noxfile.py")
    there = _sessions(folder)
    if wanted is None:
        gates = tuple(name for name in DEFAULT if name in there)
        return Choice(gates, note="" if gates else f"no gates: none of {', '.join(DEFAULT)}")
    missing = tuple(name for name in wanted if name not in there)
    return Choice(tuple(name for name in wanted if name in there), missing)


def _sessions(folder: Path) -> frozenset[str]:
    # -k True: a list without it leaves out what a bare nox does not run.
    argv = [*_nox(folder), "--list", "--json", "-k", "True"]
    # Reading the noxfile must not leave bytecode beside it: that would be a dirty tree.
    env = process.environment(PYTHONDONTWRITEBYTECODE="1")
    done = process.run(argv, cwd=folder, env=env, check=False)
    if done.code:
        raise ToolError(
            "nox cannot read noxfile.py",
            why="\n".join(done.stderr.splitlines()[-5:]),
            remedy="mend it, and commit; see it with: nox --list",
        )
    try:
        return frozenset(item.name for item in msgspec.json.decode(done.raw, type=list[_Listed]))
    except msgspec.DecodeError as error:
        raise ToolError(
            "nox did not list the sessions as JSON",
            why=str(error),
            remedy="see what it says: nox --list --json",
        ) from error


def run_gates(
    folder: Path,
    gates: tuple[str, ...],
    environments: Path,
    *,
    report: Path,
    waivable: frozenset[str] = frozenset(),
    tell: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Run gates in a checkout of the release commit, side by side where the noxfile allows it.

    Their talk goes to stderr as it comes, on GitHub as a group that can be folded: CI services end
    a job that is silent for long. At a terminal it is shown which of them run and how they ended,
    and the talk comes only if not all were green.

    :param environments: where nox keeps its environments, so that a second release is quick.
    :param report: where nox may write how each of them ended.
    :param waivable: those that may be red.
    :param tell: where progress is told; ``None`` for nowhere.
    :returns: those of them that were.
    :raises BlockedError: another one is red, or nox failed before it could say which.
    """
    argv = [*_nox(folder), "--envdir", str(environments), "--report", str(report)]
    argv += ["--parallel", "auto", "--session", *gates]
    if not _run(argv, folder, gates, tell):
        return ()
    red = _red(report, gates)
    if set(red) <= waivable:
        return red
    stop = [gate for gate in red if gate not in waivable]
    raise BlockedError(
        f"a gate is red: {', '.join(stop)}",
        why="nox told above why; nothing was sealed or uploaded",
        remedy=f"mend it, commit, and publish again; to see it alone: nox -s {stop[0]}",
        failure="gate",
    )


def _run(
    argv: list[str], folder: Path, gates: tuple[str, ...], tell: Callable[[str], None] | None
) -> int:
    """Run nox, its talk shown as it comes or kept; its exit code."""
    env = process.environment()
    if not (tell and terminal.is_lively()):
        with job.folded(f"what nox says of {', '.join(gates)}"):
            return process.stream(argv, cwd=folder, env=env)
    heard = Progress(gates, tell)
    code = 1  # also when somebody stops us: it may be the talk that shows what hangs
    try:
        code = process.listen(argv, cwd=folder, env=env, hear=heard.hear)
    finally:
        if code:
            tell("\n".join(heard.talk))
    return code


@dataclass
class Progress:
    """How far the gates are, by what nox says; ``talk`` is all of that."""

    gates: tuple[str, ...]
    tell: Callable[[str], None]
    talk: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        """Take a line of nox's, and tell where something began or ended."""
        self.talk.append(line)
        if (began := STARTED.match(line)) and began[1] not in self.ended | self.running:
            self.running.add(began[1])
            progress.watcher().began(began[1])
        if (end := ENDED.match(line)) and end[1] not in self.ended:
            self.ended.add(end[1])
            progress.watcher().ended(end[1], RESULTS[end[2]])
            self.tell(f"gates: {len(self.ended)} of {len(self.gates)} done{GOES_ON}")


def _red(report: Path, gates: tuple[str, ...]) -> tuple[str, ...]:
    """The gates of a failed run that are not known to be green; without a word on any, all."""
    try:
        sessions = msgspec.json.decode(report.read_bytes(), type=_Report).sessions
    except (OSError, msgspec.DecodeError):
        return gates
    bad = {session.name for session in sessions if session.result not in {"success", "skipped"}}
    red = bad | (set(gates) - {session.name for session in sessions})
    return tuple(gate for gate in gates if gate in red) or gates


def _nox(folder: Path) -> list[str]:
    return [process.python(), "-P", "-m", "nox", "-f", str(folder / "noxfile.py")]
