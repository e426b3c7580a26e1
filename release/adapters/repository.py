"""The repositories that releases go to, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from release.adapters import embedded
from release.errors import ProjectError, UsageError

LOCAL = "local"


@dataclass(frozen=True)
class Repository:
    """A package index with the right to upload to it.

    ``tag_folder`` stands before all else in the tags of its releases.
    """

    name: str
    simple_url: str
    upload_url: str
    username: str
    password: str = field(repr=False)
    tag_folder: str = ""


def state_folder(root: Path) -> Path:
    """``ROOT/.release``, made with its own ``.gitignore`` where it is not there yet.

    :raises ProjectError: it cannot be written.
    """
    folder = root / ".release"
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(exist_ok=True)
        if not (ignore.is_file() and ignore.stat().st_size):  # a full disk leaves an empty one
            ignore.write_text("*\n")
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be written",
            why=str(error),
            remedy="release-warden keeps its local index and caches there; make it writable",
        ) from error
    return folder


@contextmanager
def open_repository(name: str, root: Path) -> Iterator[Repository]:
    """A repository, ready for use; the embedded one runs as long as it is needed.

    :param name: ``local`` is the embedded index below ``ROOT/.release/index``.
    :param root: the project's folder.
    :raises UsageError: no repository has that name.
    :raises ToolError: the embedded index did not start.
    """
    _require_known(name)
    with embedded.serve(_local_index(root)) as server:
        yield Repository(
            name=LOCAL,
            simple_url=server.simple_url,
            upload_url=server.upload_url,
            username=server.username,
            password=server.password,
            tag_folder=f"{LOCAL}/",
        )


def is_empty(name: str, root: Path) -> bool:
    """Whether it is known, without any server, that nothing was ever published there.

    :raises UsageError: no repository has that name.
    """
    _require_known(name)
    return not embedded.has_packages(root / ".release" / "index")


def _local_index(root: Path) -> Path:
    return state_folder(root) / "index"


def _require_known(name: str) -> None:
    if name != LOCAL:
        raise UsageError(
            f"there is no repository {name!r}",
            why=f"possible: {LOCAL} (the embedded index in .release/index)",
            remedy=f'use --to {LOCAL}, or set repository = "{LOCAL}" in [tool.release-warden]',
        )
