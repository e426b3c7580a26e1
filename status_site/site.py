"""The site of a project at hand: build it, and show it on this machine."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from release.adapters.workspace import write_file
from release.errors import ProjectError, UsageError
from release.model.base import Document
from status_site.build import FOLDER, BuildResult, build
from status_site.readme import block, with_badges

LOOPBACK = "127.0.0.1"


def build_site(
    project: Path, output: Path | None = None, now: datetime | None = None
) -> BuildResult:
    """Build the site from the documents of a project's last run.

    :param project: the project's folder.
    :param output: where the site goes; by default ``security-status`` in the project.
    :param now: the present moment; by default the last run's.
    :raises ProjectError: no run has left documents yet.
    """
    documents = project / ".release" / "run" / "documents"
    if not documents.is_dir():
        raise ProjectError(
            f"there is nothing to show of {project.resolve().name} yet",
            why=f"no run has left documents in {documents}",
            remedy="run release.scan, then again",
        )
    return build(documents, output or project / FOLDER, now)


class BadgesResult(Document, frozen=True, kw_only=True, tag="release-warden/status-badges/1"):
    """What stands between the markers of a README, and whether that is news to it."""

    readme: str
    changed: bool
    text: str


def write_badges(readme: Path, url: str, *, dry_run: bool = False) -> BadgesResult:
    """Bring the badges of a README up to date.

    :param readme: the file; Markdown in UTF-8.
    :param url: where the site is served.
    :param dry_run: tell, and change nothing.
    :raises UsageError: there is no such file, it has no place for badges, or the address is wrong.
    """
    text = block(url)
    try:
        before = readme.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{readme.name} cannot be read", why=str(error), remedy="name it with --readme"
        ) from error
    after = with_badges(before, url)
    if after != before and not dry_run:
        write_file(readme.resolve(), after)
    return BadgesResult(readme=str(readme), changed=after != before, text=text)


def serve_site(project: Path, port: int = 0, tell: Callable[[str], object] | None = None) -> None:
    """Build the site, then show it on loopback until Ctrl-C.

    :param port: 0 takes a free one.
    :param tell: told the address; by default it goes to stderr.
    :raises ProjectError: no run has left documents yet.
    :raises UsageError: the port is taken or not allowed.
    """
    folder = build_site(project).folder
    with server(folder, port) as running:
        (tell or _tell)(f"{address(running)}  (Ctrl-C ends it)")
        with contextlib.suppress(KeyboardInterrupt):
            running.serve_forever()


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of a folder on loopback, listening but not yet answering.

    :raises UsageError: the port is taken or not allowed.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} cannot be used",
            why=str(error),
            remedy="give another --port, or 0 for a free one",
        ) from error


def address(running: ThreadingHTTPServer) -> str:
    """The address of a server's first page."""
    return f"http://{LOOPBACK}:{running.server_address[1]}/"


class Handler(SimpleHTTPRequestHandler):
    """The files of the site, always asked for anew, and nothing else."""

    extensions_map = {
        ".html": "text/html; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".xml": "application/atom+xml",
        "": "application/octet-stream",
    }

    def translate_path(self, path: str) -> str:
        """Hidden files are not part of the site."""
        inner = Path(super().translate_path(path))
        hidden = any(name.startswith(".") for name in inner.relative_to(self.directory).parts)
        return str(Path(self.directory) / "not-found" / "hidden" if hidden else inner)

    def list_directory(self, path: str | os.PathLike[str]) -> None:  # noqa: ARG002 - inherited
        """A folder is no page."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """What a cache may not do, and what a browser may not guess."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Nothing: a request is no event."""
