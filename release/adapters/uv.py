"""The door to the resolver: what a fresh install gets, by ``uv pip compile``.

Nothing steers it: an empty folder as home and working folder, a scrubbed environment, no
configuration, one explicit index; nothing third-party is built or run.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.adapters import netrc, process
from release.errors import ToolError
from release.model.base import Instant
from release.scan.resolution import (
    Answer,
    NoSolution,
    Query,
    Solution,
    StandIn,
    Unanswered,
    merge,
    pin,
    read_lock,
)

OPTIONS = (
    "--universal", "--no-build", "--no-header", "--no-config", "--no-python-downloads",
    "--prerelease", "if-necessary-or-explicit",
    "--annotation-style", "line",
)  # fmt: skip
LOCKING = (
    "--generate-hashes", "--universal", "--no-build", "--no-header", "--no-annotate",
    "--no-config", "--no-python-downloads", "--refresh",
)  # fmt: skip
"""How tools are locked: by the index's newest pages, and not by kept ones."""
NO_SOLUTION = 1
"""uv's exit code when nothing satisfies the requirements; 2 when it could not find out."""
SDISTS_ONLY = re.compile(r"Wheels are required for `([^`]+)` because building from source is")
"""uv's hint when it was ``--no-build`` that left no solution: a gap, not a verdict."""
TIMEOUT = 300.0
TIMEOUT_BESIDE = 60.0
"""Seconds for the lowest resolution: it may wander through the oldest releases of everything."""
LONGEST_WORDS = 800
"""Characters kept of the resolver's reasons."""


@dataclass(frozen=True)
class Uv:
    """The resolver, set to one root, one index and one moment.

    :param name: the root's name.
    :param version: its version.
    :param index_url: the simple index that everything but the root comes from.
    :param cache: uv's cache folder.
    :param resolution: which of the releases that are allowed it takes.
    :param exclude_newer: files uploaded later do not exist; ``None`` where the index tells no
        upload times (uv would then see no file at all).
    """

    name: str
    version: str
    index_url: str
    cache: Path
    exclude_newer: Instant | None
    resolution: Literal["highest", "lowest"] = "highest"

    def solve(self, query: Query, stand_ins: Sequence[StandIn] = ()) -> Answer:
        """Resolve; :class:`NoSolution` is a proof, :class:`Unanswered` is none.

        :param stand_ins: releases that are on offer though they have no wheel.
        """
        with tempfile.TemporaryDirectory(prefix="release-warden-") as folder:
            return self._solve(query, Path(folder), stand_ins)

    def _solve(self, query: Query, folder: Path, stand_ins: Sequence[StandIn]) -> Answer:
        home, given = folder / "home", folder / "given"
        home.mkdir()
        netrc.lend(self.index_url, home)
        given.mkdir()
        self._write(query, given, stand_ins)
        command: list[str | Path] = [process.script("uv"), "pip", "compile", given / "in.txt"]
        command += ["-c", given / "constraints.txt"] if query.constraints else []
        command += ["--find-links", given / "links"] if stand_ins else []
        command += [*OPTIONS, *self._bounds(query.pythons[0])]
        command += ["--python", process.python(), "--cache-dir", self.cache]
        try:
            done = process.run(
                command, cwd=home, env=self._environment(home), timeout=self._patience, check=False
            )
        except ToolError as error:
            return Unanswered(error.what)
        return _answer(done, query, self, {one.name for one in stand_ins})

    def _write(self, query: Query, given: Path, stand_ins: Sequence[StandIn]) -> None:
        """What the resolver is given: the root, what is asked of it, bounds and stand-ins."""
        wheel = root_wheel(given, self.name, self.version, query.requires, _extras(query))
        extra = f"[{query.extra}]" if query.extra else ""
        (given / "in.txt").write_text(f"{self.name}{extra} @ {wheel.as_uri()}\n", "utf-8")
        (given / "constraints.txt").write_text("\n".join(query.constraints), "utf-8")
        (given / "links").mkdir()
        for one in stand_ins:
            root_wheel(given / "links", one.name, one.version, (), (), one.requires_python)

    def arguments(self, lowest: str) -> tuple[str, ...]:
        """What a resolution from this Python on is told, without the folders of one run."""
        parts = urlsplit(self.index_url)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return ("pip", "compile", *OPTIONS, *self._bounds(lowest), "--default-index", bare)

    def untimed(self) -> Uv:
        """The same without a moment."""
        return replace(self, exclude_newer=None)

    @property
    def _patience(self) -> float:
        return TIMEOUT if self.resolution == "highest" else TIMEOUT_BESIDE

    def _bounds(self, lowest: str) -> tuple[str, ...]:
        moment = self.exclude_newer
        newer = ("--exclude-newer", _rfc3339(moment)) if moment else ()
        return ("--python-version", lowest, "--resolution", self.resolution, *newer)

    def _environment(self, home: Path) -> dict[str, str]:
        """The index goes by the environment: its address may hold a password."""
        return process.environment(
            HOME=str(home), XDG_CONFIG_HOME=str(home), UV_DEFAULT_INDEX=self.index_url
        )


def resolver_version(cache: Path) -> str:
    """Such as ``uv 0.13.9``.

    :param cache: any folder to run in.
    :raises ToolError: uv is missing or broken.
    """
    said = process.run([process.script("uv"), "--version"], cwd=cache).stdout
    return " ".join(said.split()[:2])


def lock(requirements: Sequence[str], *, python: str, index_url: str) -> str:
    """Pin requirements and all that they need, on every system, with the hash of every file.

    :param requirements: lines as pip reads them.
    :param python: the lowest version that it is to be installed on.
    :param index_url: the simple index that everything comes from; the answer does not name it.
    :raises ToolError: there is no solution, or it could not be found.
    """
    with tempfile.TemporaryDirectory(prefix="release-warden-") as folder:
        home = Path(folder)
        netrc.lend(index_url, home)
        env = process.environment(HOME=folder, XDG_CONFIG_HOME=folder, UV_DEFAULT_INDEX=index_url)
        command: list[str | Path] = [process.script("uv"), "pip", "compile", "-"]
        command += [*LOCKING, "--python", process.python(), "--python-version", python]
        done = process.run(
            command,
            cwd=home,
            env=env,
            stdin="\n".join(requirements),
            timeout=TIMEOUT,
        )
    return done.stdout


def _extras(query: Query) -> tuple[str, ...]:
    """The extra asked for, and those that its requirements name: ``all`` may mean ``x[a,b]``."""
    named = (Requirement(line).extras for line in query.requires)
    return tuple(sorted({query.extra, *(extra for extras in named for extra in extras)} - {""}))


def root_wheel(
    folder: Path,
    name: str,
    version: str,
    requires: Sequence[str],
    extras: Sequence[str],
    requires_python: str = "",
) -> Path:
    """Write a wheel that holds nothing but metadata.

    :param requires: readable ``Requires-Dist`` lines.
    :param extras: the extras that it provides.
    """
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *([f"Requires-Python: {requires_python}"] if requires_python else []),
        *(f"Requires-Dist: {line}" for line in requires),
        *(f"Provides-Extra: {extra}" for extra in extras),
    ]
    wheel = ["Wheel-Version: 1.0", "Generator: x", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata) + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "\n".join(wheel) + "\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def _answer(done: process.Completed, query: Query, asked: Uv, stand_ins: Collection[str]) -> Answer:
    if done.code == 0:
        try:
            pins = pin(read_lock(done.stdout), query.pythons, query.extra)
        except ValueError as error:
            return Unanswered(f"uv's answer cannot be read: {error}")
        root = canonicalize_name(asked.name)
        got = merge((one for one in pins if one.name != root), query.pythons)
        return Solution(got, tuple(sorted({one.name for one in got} & set(stand_ins))))
    words = _nameless(reasons(done.stderr), asked)
    unbuilt = tuple(sorted(map(canonicalize_name, SDISTS_ONLY.findall(done.stderr))))
    if done.code == NO_SOLUTION and not unbuilt:
        return NoSolution(words)
    return Unanswered(words, elsewhere=done.code == NO_SOLUTION, unbuilt=unbuilt)


def _nameless(words: str, asked: Uv) -> str:
    """The words without the root's version: one answer serves all versions that ask the same."""
    name = canonicalize_name(asked.name)
    return words.replace(f"{name}=={Version(asked.version)}", name)


def reasons(stderr: str) -> str:
    """The first reason that uv gives, on one line, without the lines that name our folders."""
    said = [line for line in stderr.splitlines() if "file://" not in line]
    first = "\n".join(said).partition("\n\n")[0].replace("cause:", "")
    text = " ".join(first.removeprefix("error: ").split())
    text = text[max(text.find("Because "), 0) :]
    return text if len(text) <= LONGEST_WORDS else text[:LONGEST_WORDS].rstrip() + "…"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
