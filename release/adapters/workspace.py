"""The door to the project's folder."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from release.adapters.git import Git, repository_of
from release.adapters.repository import state_folder
from release.config import Config, parse
from release.errors import ConfigError, ProjectError, TryAgainError, UsageError
from release.model.base import sha256

HUMAN_FACING = "security/findings"
"""Rendered for people; does not count as a dirty tree."""

PRODUCT = re.compile(r"(^|/)([^/]+\.egg-info/|__pycache__/|\.new\.gitignore$)")
"""What installs and imports leave lying about, or the status site that died at its first file, and
no build reads."""

LOCK_PATIENCE = 60
"""Seconds for which another run's rendering is waited for."""


@dataclass(frozen=True)
class Workspace:
    """A project at one commit.

    ``root`` holds its pyproject.toml; ``prefix`` is that folder as git names it from the top of
    the repository, empty or ending in a slash (a monorepo has more than one project).
    """

    root: Path
    git: Git
    prefix: str
    commit: str
    config: Config

    @property
    def state(self) -> Path:
        """``.release/``: what may be lost without losing anything that counts."""
        return state_folder(self.root)

    @property
    def documents(self) -> Path:
        """The folder of documents that plug-ins such as the status site read."""
        return self.state / "run" / "documents"

    def read(self, path: str) -> str | None:
        """The text of a file of the project at its commit; ``None`` where it is not there."""
        full = posixpath.normpath(self.prefix + path)
        if full not in self._texts:
            there = full in self._paths
            self._texts[full] = self.git.show(self.commit, full) if there else None
        return self._texts[full]

    @cached_property
    def _texts(self) -> dict[str, str | None]:
        """What was read of the commit, which never changes."""
        return {}

    @cached_property
    def _paths(self) -> frozenset[str]:
        """The files of the commit, from the top: many are asked for that are not there."""
        return frozenset(self.git.files(self.commit))

    def files(self) -> tuple[str, ...]:
        """The paths of the project's files at its commit, from its folder."""
        listed = (path for path in sorted(self._paths) if path.startswith(self.prefix))
        return tuple(path.removeprefix(self.prefix) for path in listed)

    def dirty(self) -> tuple[str, ...]:
        """The project's files that differ from the commit, renderings and build products aside.

        A repository made of an sdist has setuptools' ``egg-info`` in it, which every editable
        install writes anew, and no build reads. Whoever loads the noxfile may leave bytecode.
        """
        ours = (path for path in self.git.dirty() if path.startswith(self.prefix))
        written = (f"{self.prefix}{HUMAN_FACING}/",)
        return tuple(p for p in ours if not p.startswith(written) and not PRODUCT.search(p))

    @contextmanager
    def scratch(self, name: str = "") -> Iterator[Path]:
        """A new folder below ``.release/run``, removed at the end.

        :param name: its name, where it must always be the same; by default one that is free.
        """
        parent = self.state / "run"
        parent.mkdir(exist_ok=True)
        folder = parent / name if name else Path(tempfile.mkdtemp(prefix="tmp-", dir=parent))
        if name:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """Hold the human-facing files: of several runs, one at a time writes them.

        :raises TryAgainError: another run has held them for a minute.
        """
        lock = self.state / "run" / "rendering.lock"
        lock.parent.mkdir(exist_ok=True)
        try:
            with FileLock(lock, timeout=LOCK_PATIENCE):
                yield
        except Timeout as error:
            raise TryAgainError(
                f"another run holds {HUMAN_FACING}",
                remedy="run again when it has ended",
                failure="lock",
            ) from error

    @contextmanager
    def checkout(self, commit: str, *, tag: str | None = None, name: str = "") -> Iterator[Path]:
        """The project's folder in a fresh clone that stands on a commit.

        :param tag: a tag to set in the clone only.
        :param name: as of :meth:`scratch`.
        """
        with self.scratch(name) as folder:
            self.git.checkout(commit, folder / "clone", tag=tag)
            yield folder / "clone" / self.prefix


def open_workspace(project: str | Path) -> Workspace:
    """Look at a project.

    :param project: its folder.
    :raises UsageError: no such folder.
    :raises ProjectError: no pyproject.toml, no repository, no commit.
    :raises ConfigError: its configuration is wrong.
    """
    root = Path(project).resolve()
    if not root.is_dir():
        raise UsageError(f"{project} is no folder", remedy="name the project's with --project")
    pyproject = root / "pyproject.toml"
    if not pyproject.is_file() and not (root / "setup.py").is_file():
        raise ProjectError(
            f"{root} holds no pyproject.toml, nor an old setup.py",
            remedy="run in the project's folder, or name it with --project",
        )
    git = repository_of(root)
    prefix = os.path.relpath(root, git.folder.resolve())
    return Workspace(
        root=root,
        git=git,
        prefix="" if prefix == "." else f"{prefix}/",
        commit=git.head(),
        config=parse(_text(pyproject)),
    )


def _text(pyproject: Path) -> str:
    """The file's text; empty where an old project has none.

    :raises ConfigError: it is not UTF-8, as TOML has to be.
    """
    try:
        return pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    except UnicodeDecodeError as error:
        raise ConfigError(
            "pyproject.toml is not UTF-8", why=str(error), remedy="save it as UTF-8, as TOML wants"
        ) from error


def set_aside(path: Path, data: bytes) -> Path:
    """Keep a file's content beside it, under a name of its own digest, so that none is lost twice.

    The file itself stays where it is: a run that is killed here has changed nothing.

    :param data: the content as it was read.
    :returns: the copy.
    """
    copy = path.with_name(f"{path.name}.{sha256(data)[:12]}.bak")
    write_bytes(copy, data)
    return copy


def write_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all; an equal one is left alone."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; an equal one is left alone, and its mode stays."""
    if path.is_file() and path.read_bytes() == data:
        return
    mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as sink:
            sink.write(data)
        Path(name).chmod(mode)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
