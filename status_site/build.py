"""Write the site: each file whole or not at all, and not at all when nothing changed.

``index.json`` and ``index.html`` each tell the whole state and carry the same ``build_id``, so that
whichever of them is served at any moment, alone or beside an older other, is true.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from release.errors import FailedError
from release.model.base import encode
from status_site.documents import read
from status_site.page import render
from status_site.status import SecurityStatus

FOLDER = "security-status"
"""Where the site lies in a project."""


@dataclass(frozen=True)
class BuildResult:
    """The status that was built, where it lies, and which files had to change."""

    status: SecurityStatus
    folder: Path
    written: tuple[str, ...]


def build(documents: Path, output: Path) -> BuildResult:
    """Build the site of a folder of documents.

    :param documents: what a run laid out; absent documents are not there yet.
    :param output: the site's folder; it ignores itself in git.
    :raises DocumentError: a document cannot be read; the site stays as it was.
    :raises FailedError: a file cannot be written; that file stays as it was.
    """
    status = SecurityStatus.from_documents(read(documents))
    contents = {"index.json": encode(status), "index.html": render(status)}
    try:
        output.mkdir(parents=True, exist_ok=True)
        written = [name for name, data in contents.items() if _put(output / name, data)]
        _ignore(output / ".gitignore")
    except OSError as error:
        raise FailedError(
            f"the site in {output} could not be written",
            why=str(error),
            remedy="what was served before still is; make room or give leave, then run again",
        ) from error
    return BuildResult(status, output, tuple(written))


def after_run(folder: Path) -> None:
    """Build the site after a run: the entry point ``release_warden.after_run``.

    :param folder: ``PROJECT/.release/run/documents``.
    """
    build(folder, folder.parents[2] / FOLDER)


def _ignore(path: Path) -> None:
    """Keep the working tree clean; what an adopter wrote there stays."""
    if not path.exists():
        _put(path, b"*\n")


def _put(path: Path, data: bytes) -> bool:
    """Replace a file in one step.

    :returns: whether it had to be.
    """
    if path.exists() and path.read_bytes() == data:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, no path
            file.write(data)
            file.flush()
            os.fsync(handle)
        Path(name).chmod(0o644)  # mkstemp's 0600 would hide the page from a web server
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return True
