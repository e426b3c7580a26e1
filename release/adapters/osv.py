"""The doors to advisories: the OSV API, and archives or folders of OSV records."""

from __future__ import annotations

import hashlib
import itertools
import lzma
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
import requests
from packaging.utils import canonicalize_name

from release.adapters.web import CONNECTIONS, NOT_FOUND, OK, ask, session_for
from release.errors import UnreachableError, UsageError
from release.scan.advisories import ECOSYSTEM, Advisory, Damaged, read_or_set_aside
from release.scan.source import AdvisorySource, Found

QUERIES_A_BATCH = 1000
"""The API's limit (google.github.io/osv.dev/post-v1-querybatch)."""
MOST_PAGES = 100
"""Pages of one answer that are believed."""
LARGEST_ARCHIVE = 1 << 30
"""Bytes of an archive that are taken, both packed and unpacked."""
LATER = "run again when it is back, or give an archive with --advisories"
UNPACKING_FAILURES = (
    zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError,
    RuntimeError,  # encrypted
    NotImplementedError,  # packed by a method that Python does not know
)  # fmt: skip


class _Hit(msgspec.Struct, frozen=True):
    id: str


class _Result(msgspec.Struct, frozen=True):
    vulns: tuple[_Hit, ...] | None = None
    next_page_token: str | None = None


class _Batch(msgspec.Struct, frozen=True):
    results: tuple[_Result, ...]


class _Query(msgspec.Struct, frozen=True, omit_defaults=True):
    package: dict[str, str]
    version: str
    page_token: str | None = None


def open_source(advisories: str | None, osv_url: str, cache: Path) -> AdvisorySource:
    """The source that a run asks.

    :param advisories: a zip archive or a folder of OSV records, or the address of such an
        archive; ``None`` for the API.
    :param osv_url: the API.
    :param cache: where an archive is downloaded to.
    :raises UnreachableError: the archive could not be fetched, or is none.
    :raises UsageError: ``advisories`` names nothing that exists.
    """
    if advisories is None:
        return OsvApi(osv_url)
    if urlsplit(advisories).scheme in {"http", "https"}:
        return OsvArchive(_zip_members(_download(advisories, cache)))
    path = Path(advisories)
    if path.is_dir():
        return OsvArchive(_folder_members(path))
    if path.is_file():
        return OsvArchive(_zip_members(path))
    raise UsageError(
        f"there are no advisories at {advisories}",
        remedy="name a folder of OSV records, a zip archive of them, or its http(s) address",
    )


class OsvArchive:
    """All records at once: an archive such as OSV publishes per ecosystem, or a folder.

    :param members: (file name, content) pairs.
    :raises UnreachableError: none of them is a record.
    """

    def __init__(self, members: Iterable[tuple[str, bytes]]) -> None:
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
        self.database_date = _newest(self._records.values())

    def match(self, releases: Iterable[tuple[str, str]]) -> Found:
        """The records about these packages, whatever their versions."""
        names = {canonicalize_name(name) for name, _ in releases}
        records = {r.id: r for name in sorted(names) for r in self._by_package.get(name, ())}
        return Found(tuple(records.values()), self._damaged)

    def lookup(self, ids: Iterable[str]) -> Found:
        """The records of these ids; a damaged one is told by its file's name."""
        wanted = set(ids)
        records = tuple(self._records[id_] for id_ in sorted(wanted) if id_ in self._records)
        damaged = (one for one in self._damaged if Path(one.name).stem in wanted)
        return Found(records, tuple(damaged))


class OsvApi:
    """The OSV API: ``/v1/querybatch``, then ``/v1/vulns/ID``; each thing asked once a run.

    :param url: its root, such as ``https://api.osv.dev``.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._ids: dict[tuple[str, str], frozenset[str]] = {}
        self._records: dict[str, Advisory | Damaged | None] = {}
        self._lock = threading.Lock()

    @property
    def database_date(self) -> datetime | None:
        """The newest change among the records seen: the API tells no date of its own."""
        return _newest(one for one in self._records.values() if isinstance(one, Advisory))

    def match(self, releases: Iterable[tuple[str, str]]) -> Found:
        """The records that the API holds against these releases."""
        asked = sorted(set(releases))
        with self._lock:
            missing = [release for release in asked if release not in self._ids]
            for batch in _batched(missing, QUERIES_A_BATCH):
                self._ids |= self._query(batch)
            ids = frozenset[str]().union(*(self._ids[release] for release in asked))
            self._fetch(ids)
            return self._found(ids, lost="the API lists it and does not have it")

    def lookup(self, ids: Iterable[str]) -> Found:
        """The records of these ids, withdrawn ones too."""
        wanted = frozenset(ids)
        with self._lock:
            self._fetch(wanted)
            return self._found(wanted)

    def _found(self, ids: Iterable[str], lost: str = "") -> Found:
        got = {id_: self._records[id_] for id_ in sorted(ids)}
        damaged = [one for one in got.values() if isinstance(one, Damaged)]
        if lost:
            damaged += [Damaged(id_, lost) for id_, one in got.items() if one is None]
        records = tuple(one for one in got.values() if isinstance(one, Advisory))
        return Found(records, tuple(damaged))

    def _query(self, releases: Sequence[tuple[str, str]]) -> dict[tuple[str, str], frozenset[str]]:
        """One batch, page after page: each release's answer may go on on its own."""
        ids: dict[tuple[str, str], set[str]] = {release: set() for release in releases}
        open_: list[tuple[tuple[str, str], str | None]] = [(release, None) for release in releases]
        with _session(self._url) as session:
            for _ in range(MOST_PAGES):
                results = self._page(session, open_)
                for (release, _token), result in zip(open_, results, strict=True):
                    ids[release] |= {hit.id for hit in result.vulns or ()}
                open_ = [
                    (release, result.next_page_token)
                    for (release, _token), result in zip(open_, results, strict=True)
                    if result.next_page_token
                ]
                if not open_:
                    return {release: frozenset(found) for release, found in ids.items()}
        raise self._rubbish(f"an answer of more than {MOST_PAGES} pages")

    def _page(
        self, session: requests.Session, asked: Sequence[tuple[tuple[str, str], str | None]]
    ) -> tuple[_Result, ...]:
        queries = [
            _Query({"name": name, "ecosystem": ECOSYSTEM}, version, token)
            for (name, version), token in asked
        ]
        body = msgspec.json.encode({"queries": queries})
        answer = self._ask(session, "POST", "/v1/querybatch", body)
        try:
            results = msgspec.json.decode(answer or b"", type=_Batch).results
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._rubbish(str(error)) from error
        if len(results) != len(asked):
            raise self._rubbish(f"{len(asked)} questions, {len(results)} answers")
        return results

    def _fetch(self, ids: Iterable[str]) -> None:
        missing = sorted(id_ for id_ in ids if id_ not in self._records)
        if missing:
            with _session(self._url) as session, ThreadPoolExecutor(CONNECTIONS) as pool:
                got = pool.map(lambda id_: self._record(session, id_), missing)
                self._records |= dict(zip(missing, got, strict=True))

    def _record(self, session: requests.Session, id_: str) -> Advisory | Damaged | None:
        answer = self._ask(session, "GET", f"/v1/vulns/{quote(id_, safe='')}")
        return None if answer is None else read_or_set_aside(answer, origin=id_)

    def _ask(
        self, session: requests.Session, method: str, path: str, body: bytes | None = None
    ) -> bytes | None:
        """The body of an answer; ``None`` when there is no such thing."""
        answer = ask(session, self._url + path, method=method, body=body, remedy=LATER)
        if answer.status == NOT_FOUND and method == "GET":
            return None
        if answer.status != OK:
            raise self._rubbish(f"HTTP {answer.status}")
        return answer.content

    def _rubbish(self, why: str) -> UnreachableError:
        return UnreachableError(
            f"{self._url} answered something that is no OSV answer",
            why=why,
            remedy="see whether osv-url is an OSV API, or give an archive with --advisories",
        )


def _session(url: str) -> requests.Session:
    session = session_for(url)
    session.headers["Content-Type"] = "application/json"
    return session


def _download(url: str, cache: Path) -> Path:
    """Fetch an archive into the cache; a torn one never takes a whole one's place."""
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"advisories-{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip"
    with _session(url) as session:
        answer = ask(session, url, remedy=LATER)
    if answer.status != OK:
        raise UnreachableError(
            f"{urlsplit(url).hostname} has no archive of advisories there",
            why=f"HTTP {answer.status} for {url}",
            remedy="see whether the address is right",
        )
    part = target.with_suffix(".part")
    part.write_bytes(answer.content)
    return part.replace(target)


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


def _newest(records: Iterable[Advisory]) -> datetime | None:
    return max((record.modified for record in records), default=None)


def _batched(items: Sequence[tuple[str, str]], size: int) -> Iterator[tuple[tuple[str, str], ...]]:
    iterator = iter(items)
    while batch := tuple(itertools.islice(iterator, size)):
        yield batch
