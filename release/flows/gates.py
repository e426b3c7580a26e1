"""Gates: nox sessions of the project, run by calling nox once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from release.adapters import process
from release.errors import BlockedError, ToolError

DEFAULT = ("lint", "types", "tests")
"""What is run, where the noxfile has it, when the configuration names no gates."""


class Choice(msgspec.Struct, frozen=True):
    """The gates that a release will run, those that are missing, and a note for the plan."""

    gates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    note: str = ""


class _Listed(msgspec.Struct):
    name: str


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
        raise ToolError("nox did not list the sessions as JSON", why=str(error)) from error


def run_gates(folder: Path, gates: tuple[str, ...], environments: Path) -> None:
    """Run gates in a checkout of the release commit; their talk goes to stderr.

    :param environments: where nox keeps its environments, so that a second release is quick.
    :raises BlockedError: one of them is red.
    """
    argv = [*_nox(folder), "--envdir", str(environments), "--session", *gates]
    code = process.stream(argv, cwd=folder, env=process.environment())
    if code:
        raise BlockedError(
            f"a gate is red: {', '.join(gates)}",
            why="nox told above which one and why; nothing was sealed or uploaded",
            remedy=f"mend it, commit, and publish again; to see it alone: nox -s {gates[0]}",
        )


def _nox(folder: Path) -> list[str]:
    return [process.python(), "-P", "-m", "nox", "-f", str(folder / "noxfile.py")]
