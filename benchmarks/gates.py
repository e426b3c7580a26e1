"""Gates with new environments and caches: as a release runs them, and as others would.

``nox -j auto`` is what a release does; beside it nox one gate after the other, tox with the same
installs and commands in parallel (with tox-uv, as nox installs with uv too), and each gate alone.
uv's own cache is warm for all.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import Requirement

from benchmarks.result import Result, Taken, timed
from release.gates import PACKAGES, TYPED

ROOT = Path(__file__).parents[1]
ROUNDS = 2
"""Of half a minute each way."""
COMMANDS: dict[str, list[list[str]]] = {
    "lint": [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["lint-imports", "--no-cache"],
        ["python", "-m", "invoke", "release.workflows"],
    ],
    "types": [["mypy", *TYPED]],
    "sast": [["bandit", "--quiet", "--recursive", *PACKAGES]],
}
"""What the gates run, for tox."""


def compare(names: Sequence[str], peers: Path | None) -> list[Result]:
    """Each way in turns, each gate alone among them; the best round counts.

    A round before them warms the cache of uv, and is not counted.

    :param peers: the environment that has tox in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        _nox(fresh / "warm", *names)
        turns = [_turn(fresh / str(at), names, peers) for at in range(ROUNDS)]
    best = {way: min(turn[way] for turn in turns) for way in turns[0]}
    longest = max(best[name] for name in names)
    title = f"gates {', '.join(names)}, cold, nox -j"
    tox = best["parallel"] / best["tox"] if peers else None
    return [
        Result(title, "times the longest", best["parallel"] / longest, 1.15, {"rounds": turns}),
        Result(title, "times nox, one by one", best["parallel"] / best["sequential"], 0.65),
        Result(title, "times tox in parallel", tox, why="" if tox else "tox is not there"),
    ]


def _turn(place: Path, names: Sequence[str], peers: Path | None) -> dict[str, float]:
    """Seconds of each way, and of each gate alone, with folders of its own."""
    place.mkdir()
    taken = {name: _nox(place / name, name).wall for name in names} | {
        "sequential": _nox(place / "sequential", *names).wall,
        "parallel": _nox(place / "parallel", *names, words=("-j", "auto")).wall,
    }
    return taken | ({"tox": _tox(place / "tox", names, peers).wall} if peers else {})


def _nox(place: Path, *names: str, words: tuple[str, ...] = ()) -> Taken:
    argv = [sys.executable, "-m", "nox", "--envdir", str(place), *words, "--session", *names]
    return timed(argv, ROOT, _environment(place))


def _tox(place: Path, names: Sequence[str], peers: Path) -> Taken:
    place.mkdir()
    config = place / "tox.toml"
    config.write_text(tomlkit.dumps(_for_tox(names)))
    argv = (peers / "bin" / "tox", "run-parallel", "-c", config, "--root", ROOT)
    where = ("--workdir", place / "work", "-e", ",".join(names))
    return timed((*argv, *where), ROOT, _environment(place))


def _for_tox(names: Sequence[str]) -> dict[str, Any]:
    """The same installs and commands, as tox wants them written."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tools = {Requirement(line).name: line for line in project["optional-dependencies"]["dev"]}
    needs = {
        "lint": [f"-e {ROOT}", tools["ruff"], tools["import-linter"]],
        "types": [f"-e {ROOT}[dev]"],
        "sast": [tools["bandit"]],
    }
    base = {"package": "skip", "change_dir": str(ROOT), "pass_env": ["*_CACHE_DIR", "UV_*"]}
    return {
        "no_package": True,
        "env_run_base": base,
        "env": {name: {"deps": needs[name], "commands": COMMANDS[name]} for name in names},
    }


def _environment(place: Path) -> dict[str, str]:
    """Nothing that a tool has kept from another run."""
    return os.environ | {
        "MYPY_CACHE_DIR": str(place / "mypy"),
        "RUFF_CACHE_DIR": str(place / "ruff"),
    }
