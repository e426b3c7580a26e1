"""The doors to advisories: the OSV API, and archives or folders of OSV records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from release.adapters.osv.api import OsvApi
from release.errors import UnreachableError
from release.scan.source import AdvisorySource, Found

CACHE = "osv-1.sqlite"
"""The file of details; another number when what is in it changes its form."""


def open_source(
    advisories: str | None, osv_url: str, cache: Path, *, archive: str | None = None
) -> AdvisorySource:
    """The source that a run asks.

    :param advisories: a zip archive or a folder of OSV records, or the address of such an
        archive; ``None`` for the API.
    :param osv_url: the API.
    :param cache: where details and archives that were fetched are kept.
    :param archive: what stands in when the API does not answer, named as ``advisories`` is.
    :raises UnreachableError: the archive could not be fetched, or is none.
    :raises UsageError: ``advisories`` names nothing that exists.
    """
    if advisories is not None:
        from release.adapters.osv.archive import open_archive

        return open_archive(advisories, cache, detail=named(advisories))
    api = OsvApi(osv_url, cache / CACHE, detail=named(osv_url))
    return WithStandIn(api, archive, cache) if archive else api


class WithStandIn:
    """The API, and an archive in its place from the moment that it does not answer.

    :param api: asked first.
    :param archive: a file, a folder or an address, opened only when it is needed.
    :param cache: where it is downloaded to; a copy there serves when there is no network at all.
    """

    def __init__(self, api: AdvisorySource, archive: str, cache: Path) -> None:
        self._source = api
        self._archive: str | None = archive
        self._cache = cache

    @property
    def database_date(self) -> datetime | None:
        """The newest change among the records of the source that answered."""
        return self._source.database_date

    @property
    def detail(self) -> str:
        """Who answered."""
        return self._source.detail

    def match(self, releases: Iterable[tuple[str, str]]) -> Found:
        """The API's answer, or the archive's."""
        asked = tuple(releases)
        return self._first(lambda source: source.match(asked))

    def lookup(self, ids: Iterable[str]) -> Found:
        """The API's answer, or the archive's."""
        wanted = tuple(ids)
        return self._first(lambda source: source.lookup(wanted))

    def _first(self, ask: Callable[[AdvisorySource], Found]) -> Found:
        """The first answer decides who answers from here on: a scan never mixes two databases."""
        archive, self._archive = self._archive, None
        try:
            return ask(self._source)
        except UnreachableError as error:
            if archive is None:
                raise
            self._source = self._stand_in(archive, error)
            return ask(self._source)

    def _stand_in(self, archive: str, error: UnreachableError) -> AdvisorySource:
        from release.adapters.osv.archive import open_archive

        detail = f"{named(archive)}, because {self._source.detail} gave no answer"
        try:
            return open_archive(archive, self._cache, detail=detail, kept=True)
        except UnreachableError as second:
            raise UnreachableError(
                f"{error.what}, and the archive in its place is no help",
                why=f"{error.why}; {second.what}: {second.why}",
                remedy=error.remedy,
            ) from error


def named(source: str) -> str:
    """A source of advisories, without the folders of one machine or a password in an address."""
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
    return Path(source).resolve().name
