"""The OSV API: ``/v1/querybatch``, then ``/v1/vulns/ID`` for what is not known yet."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from release.adapters.osv.cache import RecordCache
from release.adapters.web import NOT_FOUND, OK, Answer, Question, ask_all
from release.errors import UnreachableError
from release.scan.advisories import ECOSYSTEM, Advisory, Damaged, newest, read_or_set_aside
from release.scan.source import Found

QUERIES_A_BATCH = 1000
"""The API's limit (google.github.io/osv.dev/post-v1-querybatch)."""
MOST_PAGES = 100
"""Pages of one answer that are believed."""
LATER = "run again when it is back, or give an archive with --advisories"

Release = tuple[str, str]
"""A normalized name and a version."""


class _Hit(msgspec.Struct, frozen=True):
    id: str
    modified: str = ""


class _Result(msgspec.Struct, frozen=True):
    vulns: tuple[_Hit, ...] = ()
    next_page_token: str | None = None


class _Batch(msgspec.Struct, frozen=True):
    results: tuple[_Result, ...]


class _Query(msgspec.Struct, frozen=True, omit_defaults=True):
    package: dict[str, str]
    version: str
    page_token: str | None = None


class OsvApi:
    """The OSV API; each thing is asked once a run, and details once for each ``modified``.

    :param url: its root, such as ``https://api.osv.dev``.
    :param cache: the file where details are kept; none are without one.
    :param detail: how it is named in a snapshot; by default ``url``.
    """

    def __init__(self, url: str, cache: Path | None = None, *, detail: str = "") -> None:
        self._url = url.rstrip("/")
        self._cache = RecordCache(cache) if cache else None
        self._hits: dict[Release, frozenset[_Hit]] = {}
        self._records: dict[str, Advisory | Damaged | None] = {}
        self._lock = threading.Lock()
        self.detail = detail or url

    @property
    def database_date(self) -> datetime | None:
        """The newest change among the records seen: the API tells no date of its own."""
        return newest(one for one in self._records.values() if isinstance(one, Advisory))

    def match(self, releases: Iterable[Release]) -> Found:
        """The records that the API holds against these releases."""
        asked = sorted(set(releases))
        with self._lock:
            missing = [release for release in asked if release not in self._hits]
            for batch in _batched(missing, QUERIES_A_BATCH):
                self._hits |= self._query(batch)
            packages: dict[str, set[str]] = {}
            for release in asked:
                for hit in self._hits[release]:
                    packages.setdefault(hit.id, set()).add(release[0])
            hits = frozenset[_Hit]().union(*(self._hits[release] for release in asked))
            self._learn({hit.id: hit.modified for hit in hits})
            return self._found(packages)

    def lookup(self, ids: Iterable[str]) -> Found:
        """The records of these ids as they are now, withdrawn ones too."""
        wanted = dict.fromkeys(ids, "")
        with self._lock:
            self._learn(wanted)
            got = [self._records[id_] for id_ in sorted(wanted)]
        records = (one for one in got if isinstance(one, Advisory))
        return Found(tuple(records), tuple(one for one in got if isinstance(one, Damaged)))

    def _found(self, packages: Mapping[str, Iterable[str]]) -> Found:
        """The records listed, ids to packages; an unreadable one counts against all of those."""
        records, damaged = [], []
        for id_, names in sorted(packages.items()):
            one = self._records[id_]
            if isinstance(one, Advisory):
                records.append(one)
            else:
                aside = one or Damaged(id_, "the API lists it and does not have it")
                damaged.append(aside.also_about(names))
        return Found(tuple(records), tuple(damaged))

    def _query(self, releases: Sequence[Release]) -> dict[Release, frozenset[_Hit]]:
        """One batch, page after page: each release's answer may go on on its own."""
        hits: dict[Release, set[_Hit]] = {release: set() for release in releases}
        open_: dict[Release, str | None] = dict.fromkeys(releases)
        for _ in range(MOST_PAGES):
            results = dict(zip(open_, self._page(open_), strict=True))
            for release, result in results.items():
                hits[release].update(result.vulns)
            open_ = {
                release: result.next_page_token
                for release, result in results.items()
                if result.next_page_token
            }
            if not open_:
                return {release: frozenset(found) for release, found in hits.items()}
        raise self._rubbish(f"an answer of more than {MOST_PAGES} pages")

    def _page(self, asked: Mapping[Release, str | None]) -> tuple[_Result, ...]:
        queries = [
            _Query({"name": name, "ecosystem": ECOSYSTEM}, version, token)
            for (name, version), token in asked.items()
        ]
        body = msgspec.json.encode({"queries": queries})
        ((_, answer),) = self._ask([Question(f"{self._url}/v1/querybatch", body)])
        if answer.status != OK:
            raise self._rubbish(f"HTTP {answer.status}")
        try:
            results = msgspec.json.decode(answer.content, type=_Batch).results
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._rubbish(str(error)) from error
        if len(results) != len(asked):
            raise self._rubbish(f"{len(asked)} questions, {len(results)} answers")
        return results

    def _learn(self, wanted: Mapping[str, str]) -> None:
        """Have these records, ids to ``modified``: from this run, from the cache, or fetched."""
        missing = {id_: at for id_, at in wanted.items() if id_ not in self._records}
        self._records |= self._kept(missing)
        self._fetch({id_: at for id_, at in missing.items() if id_ not in self._records})

    def _kept(self, missing: Mapping[str, str]) -> dict[str, Advisory]:
        listed = {id_: at for id_, at in missing.items() if at}
        kept = self._cache.read(listed) if self._cache and listed else {}
        read = {id_: _read(id_, data) for id_, data in kept.items()}
        return {id_: one for id_, one in read.items() if isinstance(one, Advisory)}

    def _fetch(self, missing: Mapping[str, str]) -> None:
        """Fetch records; what has come is kept even if what follows does not."""
        ids = {f"{self._url}/v1/vulns/{quote(id_, safe='')}": id_ for id_ in sorted(missing)}
        fresh: dict[str, tuple[str, bytes]] = {}
        try:
            for question, answer in self._ask([Question(url) for url in ids]):
                id_ = ids[question.url]
                self._records[id_] = record = self._record(id_, answer)
                if missing[id_] and isinstance(record, Advisory):
                    fresh[id_] = missing[id_], answer.content
        finally:
            if self._cache and fresh:
                self._cache.write(fresh)

    def _record(self, id_: str, answer: Answer) -> Advisory | Damaged | None:
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise self._rubbish(f"HTTP {answer.status} for {id_}")
        return _read(id_, answer.content)

    def _ask(self, questions: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
        return ask_all(self._url, questions, remedy=LATER)

    def _rubbish(self, why: str) -> UnreachableError:
        return UnreachableError(
            f"{self._url} answered something that is no OSV answer",
            why=why,
            remedy="see whether osv-url is an OSV API, or give an archive with --advisories",
        )


def _read(id_: str, data: bytes) -> Advisory | Damaged:
    """A record; one of another id is a mistake of somebody on the way."""
    record = read_or_set_aside(data, origin=id_)
    if isinstance(record, Advisory) and record.id != id_:
        return Damaged(id_, f"the answer is about {record.id}", record.packages)
    return record


def _batched(items: Sequence[Release], size: int) -> Iterator[tuple[Release, ...]]:
    iterator = iter(items)
    while batch := tuple(itertools.islice(iterator, size)):
        yield batch
