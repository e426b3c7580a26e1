"""Bring the site to where the world sees it: a folder of plain files, or a bucket.

Neither can be exchanged as a whole. So each file is replaced whole, in an order in which a reader
is never led to what is not there yet: what ``index.json`` names first, ``index.json`` last, and
only then what it names no more is removed. Whoever is killed meanwhile runs again: what is there is
compared by digest, and not by what an earlier run meant to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from release.adapters.bucket import Bucket
from release.adapters.workspace import write_bytes
from release.errors import FailedError, ProjectError, UsageError
from release.model.base import Document, decode, sha256
from status_site.status import SecurityStatus
from status_site.store import current_files, held

KINDS = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "xml": "application/atom+xml",
}
LAST = ("badges/", "index.html", "build.json", "index.json")
"""What leads to the other files comes after them; ``index.json`` is the last."""
PAGE = b'<meta name="build-id"'
"""What tells a page of ours."""
_OURS = re.compile(
    r"(index|findings(-\d+)?|releases|dashboard)\.html|vex\.json|badges/(grade|vulnerabilities|last-scan|release)\.(json|svg)"
    r"|(findings|releases)/[^/]+\.(json|html)|sbom/[^/]+\.cdx\.json"
)
"""What an earlier build may have left there, where there was one; all else is never removed."""


class Destination(Protocol):
    """A place that holds files by name."""

    def digests(self) -> Mapping[str, str]:
        """The files there are, each with the digest of its content."""
        ...

    def digest(self, data: bytes) -> str:
        """The digest that such content would have there."""
        ...

    def put(self, name: str, data: bytes, kind: str) -> None:
        """Write a file whole, in the place of one that may be there."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file."""
        ...


class Folder:
    """A folder of plain files, for any web server or uploader.

    :param path: it is made where it is not there.
    :raises UsageError: it holds the site as links, which ``status.build`` keeps; or it is a file,
        or the site of somebody else.
    """

    def __init__(self, path: Path) -> None:
        if (path / ".current").is_symlink():
            raise UsageError(
                f"{path} is a site that status.build keeps",
                remedy="name another folder; or let the web server follow the links of this one",
            )
        with _told(path):
            _check_free(path)
        self.path = path

    def digests(self) -> Mapping[str, str]:
        """The files there are."""
        with _told(self.path):
            paths = (path for path in self.path.rglob("*") if path.is_file())
            return {p.relative_to(self.path).as_posix(): sha256(p.read_bytes()) for p in paths}

    def digest(self, data: bytes) -> str:
        """Their sha256."""
        return sha256(data)

    def put(self, name: str, data: bytes, kind: str) -> None:  # noqa: ARG002 - told by its suffix
        """Write a file beside, and rename it."""
        with _told(self.path):
            write_bytes(self.path / name, data)

    def delete(self, name: str) -> None:
        """Remove a file, and its folder if that is empty."""
        path = self.path / name
        with _told(self.path):
            path.unlink(missing_ok=True)
            if path.parent != self.path and not any(path.parent.iterdir()):
                path.parent.rmdir()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say which place it was that could not be read or written."""
    try:
        yield
    except OSError as error:
        raise FailedError(
            f"the site could not be brought to {path}",
            why=str(error),
            remedy="make room or give leave there, then run again: it goes on where it ended",
        ) from error


def _check_free(path: Path) -> None:
    """Refuse what no site can lie in, and what holds the pages of somebody else.

    :raises UsageError: it is such a place.
    """
    page = path / "index.html"
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is no folder", remedy="name a folder, or one to be made")
    if page.is_file() and PAGE not in page.read_bytes():
        raise UsageError(
            f"{path} holds another site, whose pages would be replaced",
            why="its index.html was not written by status.publish",
            remedy="name a folder of the status's own, such as a folder in that one",
        )


class Published(Document, frozen=True, kw_only=True, tag="release-warden/status-published/1"):
    """Where the site went, and which files had to be written and removed there."""

    to: str
    build_id: str
    grade: str | None
    written: tuple[str, ...]
    removed: tuple[str, ...]


def destination(named: str) -> Destination:
    """The place that an address stands for.

    :param named: a folder, or ``s3://BUCKET/PREFIX``.
    :raises UsageError: it is no such place.
    """
    if not named:
        raise UsageError("no place is named", remedy="say --to FOLDER, or --to s3://BUCKET/PREFIX")
    parts = urlsplit(named)
    if parts.scheme == "s3" and parts.netloc:
        prefix = parts.path.strip("/")
        return Bucket(parts.netloc, f"{prefix}/" if prefix else "")
    if "://" in named:
        raise UsageError(
            f"the site cannot be published to {parts.scheme}://...",
            remedy="publish it to a folder, and let that service's own tool copy it from there",
        )
    return Folder(Path(named).absolute())


def bring(files: Mapping[str, bytes], to: Destination) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make a place hold these files, as its readers watch.

    :param files: the whole site, path to content.
    :returns: what was written, and what was removed.
    """
    there = to.digests()
    written = tuple(name for name in in_order(files) if there.get(name) != to.digest(files[name]))
    for name in written:
        to.put(name, files[name], KINDS[name.rpartition(".")[2]])
    ours = (name for name in there if name not in files and _OURS.fullmatch(name))
    removed = tuple(sorted(ours)) if "build.json" in there else ()
    for name in removed:
        to.delete(name)
    return written, removed


def in_order(names: Iterable[str]) -> list[str]:
    """The order in which files are written."""
    return sorted(names, key=lambda name: (_rank(name), name))


def _rank(name: str) -> int:
    ranks = (number for number, start in enumerate(LAST, 1) if name.startswith(start))
    return next(ranks, 0)


def publish_site(site: Path, named: str, to: Destination, *, dry_run: bool = False) -> Published:
    """Bring the build that is served in a folder to another place.

    :param site: the site as ``status.build`` keeps it; it is held meanwhile.
    :param named: what the place is called.
    :param dry_run: tell what would be done, and do nothing there.
    :raises ProjectError: nothing was ever built there.
    """
    with held(site):
        files = current_files(site)
        if "index.json" not in files:
            raise ProjectError("there is no site to publish yet", remedy="run release.scan first")
        place = _Unchanged(to) if dry_run else to
        written, removed = bring(files, place)
    status = decode(SecurityStatus, files["index.json"], origin="index.json")
    return Published(
        to=named,
        build_id=status.build_id,
        grade=status.security_grade,
        written=written,
        removed=removed,
    )


class _Unchanged:
    """A place that is looked at only."""

    def __init__(self, place: Destination) -> None:
        self.digests = place.digests
        self.digest = place.digest

    def put(self, name: str, data: bytes, kind: str) -> None:
        """Write nothing."""

    def delete(self, name: str) -> None:
        """Remove nothing."""
