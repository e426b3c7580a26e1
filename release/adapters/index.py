"""The door to package indexes: a client of the simple repository API.

PEP 503 (HTML), 592 (yanked), 629 (versions), 658 and 714 (metadata files), 691 (JSON) and 700
(sizes and upload times).
"""

from __future__ import annotations

import hashlib
import html.parser
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec
from packaging.utils import canonicalize_name

from release.adapters.web import NOT_FOUND, OK, Answer, ask, session_for, shown
from release.errors import RepositoryError, UnreachableError
from release.model.listing import IndexFile
from release.ship import archives
from release.ship.failures import failure_of_status
from release.ship.ownership import Attester

JSON = "application/vnd.pypi.simple.v1+json"
PROVENANCE = "application/vnd.pypi.integrity.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


class _Json(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A file as PEP 691 writes it."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None
    upload_time: str | None = None
    yanked: bool | str | None = False
    requires_python: str | None = None
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None
    provenance: str | None = None


class _Meta(msgspec.Struct, frozen=True):
    api_version: str = msgspec.field(name="api-version")


class _Page(msgspec.Struct, frozen=True):
    meta: _Meta
    files: tuple[_Json, ...]


class _Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """Who published, as PEP 740 writes it; of other kinds than GitHub only the kind is read."""

    kind: str
    repository: str = ""
    workflow: str = ""
    environment: str | None = None


class _Bundle(msgspec.Struct, frozen=True):
    publisher: _Publisher


class _Provenance(msgspec.Struct, frozen=True):
    attestation_bundles: tuple[_Bundle, ...]


class SimpleIndex:
    """One package index.

    A user and password in the address are sent to that host only, and stand in no address,
    message or document that comes out.

    :param url: its simple API, such as ``http://127.0.0.1:8080/simple/``.
    :param fresh: ask caches on the way not to answer, for a confirmation.

    ``told`` is the time of the last answer, by the server's clock (RFC 9110, Date).
    """

    def __init__(self, url: str, *, fresh: bool = False) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc.rpartition("@")[2]
        self._auth = (
            (unquote(parts.username), unquote(parts.password or "")) if (parts.username) else None
        )
        self._headers = {"Cache-Control": "no-cache"} if fresh else {}
        self.told: datetime | None = None
        self.url = urlunsplit((parts.scheme, self._host, parts.path.rstrip("/") + "/", "", ""))

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """What the index lists of a project; nothing when it does not know it.

        :raises UnreachableError: it did not answer, or its answer is no listing.
        """
        return self.listing(project) or ()

    def listing(self, project: str) -> tuple[IndexFile, ...] | None:
        """What the index lists of a project; ``None`` when it does not know the name.

        :raises UnreachableError: it did not answer, or its answer is no listing.
        """
        page = self._get(urljoin(self.url, f"{canonicalize_name(project)}/"), Accept=ACCEPT)
        if page.status == NOT_FOUND:
            return None
        _require_ok(page)
        if page.kind in {JSON, "application/json"}:
            return tuple(_from_json(page))
        if page.kind in {"text/html", "application/vnd.pypi.simple.v1+html"}:
            return tuple(_from_html(page))
        raise _no_listing(page, f"its content type is {page.kind or 'missing'}")

    def metadata(self, file: IndexFile) -> str:
        """The core metadata of a listed file, as text: METADATA of a wheel, PKG-INFO of an sdist.

        The small metadata file is taken where the index has one (PEP 658), else the archive.

        :raises RepositoryError: the bytes are not those that the index lists.
        :raises UnreachableError: the index did not answer.
        :raises VerificationError: the archive cannot be read or holds no metadata.
        """
        if file.metadata_url:
            answer = self._get(file.metadata_url)
            if answer.status != NOT_FOUND:
                _require_ok(answer)
                expected = urlsplit(file.metadata_url).fragment.removeprefix("sha256=")
                return _checked(answer.content, expected, f"{file.name}.metadata").decode()
        return archives.metadata_text(file.name, self.download(file))

    def download(self, file: IndexFile) -> bytes:
        """The bytes of a listed file.

        :raises RepositoryError: their sha256 is not the listed one.
        :raises UnreachableError: the index did not answer.
        """
        # identity: a server that labels a .tar.gz as gzip-encoded must not have it unpacked.
        answer = self._get(file.url, **{"Accept-Encoding": "identity"})
        _require_ok(answer)
        return _checked(answer.content, file.sha256, file.name)

    def attester(self, file: IndexFile) -> Attester | None:
        """Who published a file, as the index has verified it (PEP 740); ``None`` if it tells none.

        :raises UnreachableError: the index did not answer, or with something else.
        """
        if not file.provenance_url:
            return None
        answer = self._get(file.provenance_url, Accept=PROVENANCE)
        _require_ok(answer)
        try:
            bundles = msgspec.json.decode(answer.content, type=_Provenance).attestation_bundles
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreachableError(
                f"{urlsplit(answer.url).hostname} answered something that is no provenance",
                why=f"{shown(answer.url)}: {error}",
                remedy="see whether it does so for other projects too; nothing rests on it",
            ) from error
        told = [one.publisher for one in bundles if one.publisher.kind == "GitHub"]
        return Attester(told[0].repository, told[0].workflow, told[0].environment) if told else None

    def _get(self, url: str, **headers: str) -> Answer:
        """One question, in a session that does not outlive it."""
        auth = self._auth if urlsplit(url).netloc == self._host else None
        with session_for(url) as session:
            answer = ask(session, url, headers=self._headers | headers, auth=auth)
        self.told = _date(answer) or self.told
        return answer


def _date(answer: Answer) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def pypi_simple_url() -> str:
    """PyPI's simple API, at the address that twine knows."""
    from twine.utils import DEFAULT_REPOSITORY

    return _simple_url(DEFAULT_REPOSITORY)


def testpypi_simple_url() -> str:
    """TestPyPI's simple API, at the address that twine knows."""
    from twine.utils import TEST_REPOSITORY

    return _simple_url(TEST_REPOSITORY)


def _simple_url(upload_url: str) -> str:
    """Where an index lists what is uploaded there.

    twine also knows this address as such, in the module that uploads: importing that takes 0.1 s,
    in every run. A test compares the two.
    """
    parts = urlsplit(upload_url)
    return f"{parts.scheme}://{parts.netloc.removeprefix('upload.')}/simple/"


def _require_ok(answer: Answer) -> None:
    if answer.status != OK:
        raise UnreachableError(
            f"{urlsplit(answer.url).hostname} answered HTTP {answer.status}",
            why=shown(answer.url),
            remedy="see whether the index's address is right and whether it lets you read",
            failure=failure_of_status(answer.status),
        )


def _no_listing(page: Answer, why: str) -> UnreachableError:
    return UnreachableError(
        f"{urlsplit(page.url).hostname} answered something that is no listing",
        why=f"{shown(page.url)}: {why}",
        remedy="see whether the index's address ends in its simple API, such as /simple/",
        failure="unknown",
    )


def _checked(data: bytes, sha256: str | None, name: str) -> bytes:
    got = hashlib.sha256(data).hexdigest()
    if sha256 and got != sha256:
        raise RepositoryError(
            f"the index serves other bytes for {name} than it lists",
            why=f"listed sha256 {sha256}, served {got}",
            remedy="do not use this file; find out who changed it, the index or a cache on the way",
        )
    return data


def _from_json(page: Answer) -> Iterator[IndexFile]:
    try:
        listing = msgspec.json.decode(page.content, type=_Page)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_listing(page, str(error)) from error
    _require_version_1(page, listing.meta.api_version)
    for file in listing.files:
        core = file.core_metadata if file.core_metadata is not None else file.dist_info_metadata
        url = _absolute(page, file.url)
        yield IndexFile(
            name=file.filename,
            url=url,
            sha256=file.hashes.get("sha256"),
            size=file.size,
            upload_time=_moment(file.upload_time),
            yanked=file.yanked is not None and file.yanked is not False,
            requires_python=file.requires_python,
            metadata_url=_metadata_url(
                url, core.get("sha256", "") if isinstance(core, dict) else "" if core else None
            ),
            provenance=bool(file.provenance),
            provenance_url=_absolute(page, file.provenance) if file.provenance else None,
        )


def _from_html(page: Answer) -> Iterator[IndexFile]:
    reader = _Anchors()
    reader.feed(page.content.decode("utf-8", "replace"))
    reader.close()
    files = [_from_anchor(page, text, at) for text, at in reader.anchors]
    listed = [file for file in files if file]
    # A login page or a proxy's apology is HTML too, and must not read as "nothing published".
    if not listed and reader.version is None:
        raise _no_listing(page, "an HTML page with neither files nor a repository version")
    _require_version_1(page, reader.version or "1.0")
    yield from listed


def _from_anchor(page: Answer, text: str, attributes: dict[str, str | None]) -> IndexFile | None:
    """An anchor is a file when its text is the last part of its address (PEP 503)."""
    url = _absolute(page, attributes.get("href") or "")
    fragment = urlsplit(attributes.get("href") or "").fragment
    if not text or unquote(urlsplit(url).path.rpartition("/")[2]) != text:
        return None
    core = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata", "false"))
    digest = None if core == "false" else (core or "").removeprefix("true")
    told = attributes.get("data-provenance")
    return IndexFile(
        name=text,
        url=url,
        sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None,
        yanked="data-yanked" in attributes,
        requires_python=attributes.get("data-requires-python") or None,
        metadata_url=_metadata_url(url, digest and digest.removeprefix("sha256=")),
        provenance=bool(told),
        provenance_url=_absolute(page, told) if told else None,
    )


class _Anchors(html.parser.HTMLParser):
    """Collects the anchors of a page with their attributes, and the repository version."""

    def __init__(self) -> None:
        super().__init__()
        self.version: str | None = None
        self.anchors: list[tuple[str, dict[str, str | None]]] = []
        self._open: dict[str, str | None] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An anchor begins, or the meta tag of PEP 629 stands here."""
        given = dict(attrs)
        if tag == "a":
            self._open, self._text = given, ""
        elif tag == "meta" and given.get("name") == "pypi:repository-version":
            self.version = given.get("content")

    def handle_data(self, data: str) -> None:
        """The text of an anchor comes in pieces."""
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        """An anchor ends."""
        if tag == "a" and self._open is not None:
            self.anchors.append((self._text.strip(), self._open))
            self._open = None


def _require_version_1(page: Answer, version: str) -> None:
    """Clients must not read a major version that they do not know (PEP 629)."""
    if version.partition(".")[0] != "1":
        raise _no_listing(page, f"it speaks version {version} of the simple API, we speak 1")


def _metadata_url(url: str, digest: str | None) -> str | None:
    """The metadata file's address, its sha256 (where known) in the fragment; ``None`` if none."""
    if digest is None:
        return None
    return f"{url}.metadata" + (f"#sha256={digest}" if digest else "")


def _absolute(page: Answer, url: str) -> str:
    """The address of a file, without fragment, user and password."""
    return shown(urljoin(page.url, url))


def _moment(text: str | None) -> datetime | None:
    """PEP 700 asks for UTC with a Z; what has no zone tells no moment."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
