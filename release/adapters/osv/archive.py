"""All records at once: an archive such as OSV publishes per ecosystem, or a folder."""

from __future__ import annotations

import hashlib
import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from release.adapters.osv.api import LATER
from release.adapters.web import OK, ask, session_for
from release.errors import UnreachableError, UsageError
from release.scan.advisories import Advisory, Damaged, newest, read_or_set_aside
from release.scan.source import Found

LARGEST_ARCHIVE = 1 << 30
"""Bytes of an archive that are taken, both packed and unpacked."""
UNPACKING_FAILURES = (
    zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError,
    RuntimeError,  # encrypted
    NotImplementedError,  # packed by a method that Python does not know
)  # fmt: skip


def open_archive(where: str, cache: Path, *, detail: str = "", kept: bool = False) -> OsvArchive:
    """Read all records of an archive or a folder.

    :param where: a zip archive, a folder, or the address of such an archive.
    :param cache: where an archive is downloaded to.
    :param detail: how it is named in a snapshot.
    :param kept: whether an earlier download may serve when the address does not answer.
    :raises UnreachableError: it could not be fetched, or is no archive.
    :raises UsageError: there is nothing there.
    """
    if urlsplit(where).scheme in {"http", "https"}:
        return OsvArchive(_zip_members(_downloaded(where, cache, kept=kept)), detail)
    path = Path(where)
    if path.is_dir():
        return OsvArchive(_folder_members(path), detail)
    if path.is_file():
        return OsvArchive(_zip_members(path), detail)
    raise UsageError(
        f"there are no advisories at {where}",
        remedy="name a folder of OSV records, a zip archive of them, or its http(s) address",
    )


class OsvArchive:
    """All records at once: an archive such as OSV publishes per ecosystem, or a folder.

    :param members: (file name, content) pairs.
    :param detail: how it is named in a snapshot.
    :raises UnreachableError: none of them is a record.
    """

    def __init__(self, members: Iterable[tuple[str, bytes]], detail: str = "") -> None:
        self.detail = detail
        read = [read_or_set_aside(data, origin=name) for name, data in members]
        self._damaged = tuple(one for one in read if isinstance(one, Damaged))
        records = (one for one in read if isinstance(one, Advisory))
        self._records = {one.id: one for one in sorted(records, key=lambda one: one.modified)}
        if not self._records:
            raise UnreachableError(
                "the advisories named hold no OSV record that can be read",
                why="a database without records knows nothing, which is not the same as clean",
                remedy="name a folder or an archive of OSV records with --advisories",
            )
        self._by_package: dict[str, list[Advisory]] = {}
        for record in self._records.values():
            for package in record.packages:
                self._by_package.setdefault(package, []).append(record)
        self.database_date = newest(self._records.values())

    def match(self, releases: Iterable[tuple[str, str]]) -> Found:
        """The records about these packages, whatever their versions."""
        names = {canonicalize_name(name) for name, _ in releases}
        records = {r.id: r for name in sorted(names) for r in self._by_package.get(name, ())}
        return Found(tuple(records.values()), self._damaged)

    def lookup(self, ids: Iterable[str]) -> Found:
        """The records of these ids; a damaged one is told by its file's name."""
        wanted = set(ids)
        records = tuple(self._records[id_] for id_ in sorted(wanted) if id_ in self._records)
        damaged = (one for one in self._damaged if one.id in wanted)
        return Found(records, tuple(damaged))


def _downloaded(url: str, cache: Path, *, kept: bool) -> Path:
    target = cache / f"advisories-{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip"
    try:
        return _download(url, target)
    except UnreachableError:
        if kept and target.is_file():
            return target
        raise


def _download(url: str, target: Path) -> Path:
    """Fetch an archive into the cache; a torn one never takes a whole one's place."""
    with session_for(url) as session:
        answer = ask(session, url, remedy=LATER)
    if answer.status != OK:
        raise UnreachableError(
            f"{urlsplit(url).hostname} has no archive of advisories there",
            why=f"HTTP {answer.status} for {url}",
            remedy="see whether the address is right",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(answer.content)
        return Path(part).replace(target)
    finally:
        Path(part).unlink(missing_ok=True)


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The records of a zip archive, by name.

    :raises UnreachableError: it is no zip archive, is torn, or unpacks beyond reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.filename)
            records = [info for info in infos if info.filename.endswith(".json")]
            if sum(info.file_size for info in records) > LARGEST_ARCHIVE:
                raise _no_archive(path, "it unpacks to more than a gibibyte")
            for info in records:
                yield info.filename, archive.read(info)
    except UNPACKING_FAILURES as error:
        raise _no_archive(path, str(error)) from error


def _folder_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The records below a folder, at whatever depth, by name."""
    for file in sorted(path.rglob("*.json")):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file.read_bytes()


def _no_archive(path: Path, why: str) -> UnreachableError:
    return UnreachableError(
        f"{path.name} is no archive of OSV records",
        why=why,
        remedy="fetch it anew: a zip of JSON files, one record each",
    )
