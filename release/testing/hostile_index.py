"""A package index on loopback that misbehaves as it is told.

It takes uploads by the legacy API, as twine, uv and flit send them, lists them by the simple API
(PEP 503, 691 and 700) and serves them. Everything is in memory. Left alone it is a good index: it
wants its credential, checks the digest, takes equal bytes twice, and refuses others under a name
that is used (400, as PyPI does). It can also stand before another index and pass on what goes well.

A *fault* is what one request meets instead; see :meth:`HostileIndex.misbehave`. A fault is any
function from a :class:`Visit` to an :class:`Answer`, so that a test can bring its own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import http.client
import json
import os
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Literal, NamedTuple, NoReturn
from urllib.parse import urlsplit

from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from release.adapters.clock import Clock

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
PATIENCE = 60.0
"""Seconds for an index behind us to answer."""
PIECE = 1024
"""Bytes that are read of an upload at a time, so that a fault can come between."""
BUFFER = 8192
"""Bytes that the system may take of an upload before we read them."""
APOLOGY = "<!DOCTYPE html><html><body><h1>We will be back soon.</h1></body></html>"

Kind = Literal["upload", "listing", "download"]
"""What a request is about."""


class Answer(NamedTuple):
    """What the index says.

    ``every``: seconds between pieces of ``piece`` bytes, for a slow line; ``cut_at``: the byte of
    the body at which the line is cut.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    every: float = 0
    piece: int = 1
    cut_at: int | None = None


class Cut(Exception):  # noqa: N818 - a signal from a fault to the server, never seen outside
    """The line is cut without an answer; ``reset``: by a reset (TCP RST), as a crash does."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


@dataclass(frozen=True)
class Stored:
    """A file on the index; ``sha256`` is what the listing says of ``content``."""

    project: str
    name: str
    content: bytes = field(repr=False)
    sha256: str
    at: datetime


class Seen(NamedTuple):
    """A request that came in.

    ``size``: the bytes of its body that were read, of ``length``; ``name``: the file of an upload,
    as far as it was read.
    """

    kind: Kind
    path: str
    size: int
    length: int
    name: str = ""


Fault = Callable[["Visit"], Answer]


@dataclass
class HostileIndex:
    """A running index.

    :param url: its address, ``http://127.0.0.1:PORT``.
    :param username: who may upload.
    :param password: theirs; another is refused (403), none too (401).
    :param behind: the address of a real index that answers what no fault does; empty for none.
    :param speaks_json: whether listings come as JSON (PEP 691) to who asks for it.
    :param stored: what it holds, oldest first.
    :param seen: every request.
    :param offered: by file name, the sha256 of all bytes that ever came in whole, kept or not.
    """

    url: str = ""
    username: str = "uploader"
    password: str = field(default="hostile-index-password", repr=False)
    behind: str = ""
    speaks_json: bool = True
    stored: list[Stored] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    offered: dict[str, set[str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _next: dict[Kind, deque[Fault]] = field(default_factory=dict, repr=False)
    _then: dict[Kind, Fault] = field(default_factory=dict, repr=False)

    @property
    def upload_url(self) -> str:
        """Where files are uploaded to."""
        return f"{self.url}/legacy/"

    @property
    def simple_url(self) -> str:
        """Its simple API."""
        return f"{self.url}/simple/"

    @property
    def files(self) -> dict[str, str]:
        """What it really holds, name to sha256 of the bytes, whatever its listing says."""
        return {one.name: hashlib.sha256(one.content).hexdigest() for one in self.stored}

    def misbehave(self, kind: Kind, *faults: Fault, then: Fault | None = None) -> None:
        """Let the next requests of a kind meet these faults, one each, in order.

        :param faults: :func:`good` among them lets one request pass.
        :param then: what all later ones meet; by default nothing does.
        """
        with self.lock:
            self._next[kind] = deque(faults)
            self._then[kind] = then or good

    def heal(self) -> None:
        """Be a good index from now on."""
        with self.lock:
            self._next.clear()
            self._then.clear()

    def forget(self) -> None:
        """Be a good and empty index, as at the start."""
        self.heal()
        with self.lock:
            self.stored.clear()
            self.seen.clear()
            self.offered.clear()

    @property
    def uploads(self) -> list[str]:
        """The file of every upload that was tried, in order; empty for what broke off early."""
        return [one.name for one in self.seen if one.kind == "upload"]

    def fault(self, kind: Kind) -> Fault:
        """Take the fault that the next request of a kind meets."""
        with self.lock:
            if waiting := self._next.get(kind):
                return waiting.popleft()
            return self._then.get(kind, good)


@dataclass
class Visit:
    """One request, as a fault sees it."""

    index: HostileIndex
    kind: Kind
    path: str
    headers: Message
    length: int
    receive: Callable[[int], bytes] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def read(self, size: int | None = None, after: Callable[[int], None] | None = None) -> bytes:
        """Read the body up to ``size`` bytes of it, by default to its end.

        :param after: called after each piece with the bytes read so far.
        :raises Cut: the other side has gone.
        """
        end = self.length if size is None else min(size, self.length)
        while len(self.body) < end:
            piece = self.receive(min(PIECE, end - len(self.body)))
            if not piece:
                raise Cut(reset=False)
            self.body += piece
            if after:
                after(len(self.body))
        return self.body

    def proceed(self) -> Answer:
        """What a good index does and answers."""
        if self.index.behind:
            return self._pass_on()
        if self.kind == "upload":
            return self._take()
        if self.kind == "listing":
            return self.show(self.listed)
        held = {f"/files/{one.sha256}/{one.name}": one for one in self.index.stored}
        found = held.get(self.path)
        return Answer(200, found.content, _kind("application/octet-stream")) if found else _absent()

    def _pass_on(self) -> Answer:
        """What the index behind us does and answers, with our address for its own."""
        body, host = self.read() or None, urlsplit(self.index.behind).netloc
        left = {"host", "accept-encoding"}  # what is not packed can be read and rewritten
        headers = {name: text for name, text in self.headers.items() if name.lower() not in left}
        with contextlib.closing(http.client.HTTPConnection(host, timeout=PATIENCE)) as line:
            line.request("POST" if self.kind == "upload" else "GET", self.path, body, headers)
            got = line.getresponse()
            data = got.read().replace(f"http://{host}".encode(), self.index.url.encode())
            names = ("Content-Type", "Location", "Retry-After")
            told = {name: text for name in names if (text := got.headers.get(name))}
        return Answer(got.status, data, told)

    @property
    def listed(self) -> tuple[Stored, ...]:
        """The files of the project that is asked for, oldest first."""
        project = canonicalize_name(self.path.rstrip("/").rpartition("/")[2])
        return tuple(one for one in self.index.stored if one.project == project)

    def show(self, files: Sequence[Stored]) -> Answer:
        """A listing of some files, in what the client asks for; 404 for none."""
        if not files:
            return _absent()
        if self.index.speaks_json and JSON in self.headers.get("Accept", ""):
            return Answer(200, self._as_json(files), _kind(JSON))
        return Answer(200, self._as_html(files), _kind(HTML))

    def _as_json(self, files: Sequence[Stored]) -> bytes:
        rows = [
            {
                "filename": one.name,
                "url": self._address(one),
                "hashes": {"sha256": one.sha256},
                "size": len(one.content),
                "upload-time": one.at.isoformat().replace("+00:00", "Z"),
            }
            for one in files
        ]
        versions = sorted({str(_parsed(one.name)[1]) for one in files})
        meta = {"meta": {"api-version": "1.1"}, "name": files[0].project, "versions": versions}
        return json.dumps({**meta, "files": rows}).encode()

    def _as_html(self, files: Sequence[Stored]) -> bytes:
        head = '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">'
        rows = [
            f'<a href="{html.escape(self._address(one))}#sha256={one.sha256}">{one.name}</a><br>'
            for one in files
        ]
        return "\n".join([head, "</head><body>", *rows, "</body></html>"]).encode()

    def _address(self, one: Stored) -> str:
        digest = hashlib.sha256(one.content).hexdigest()
        return f"{self.index.url}/files/{digest}/{one.name}"

    def _take(self) -> Answer:
        fields = _form(self.headers, self.read())
        name, content = fields["content"]
        digest = hashlib.sha256(content).hexdigest()
        with self.index.lock:
            self.index.offered.setdefault(name, set()).add(digest)
            if refusal := self._refusal(fields, name, digest):
                return refusal
            if name not in self.index.files:
                project, _ = _parsed(name)
                one = Stored(project, name, content, digest, Clock().now())
                self.index.stored.append(one)
        return Answer(200)

    def _refusal(
        self, fields: Mapping[str, tuple[str, bytes]], name: str, digest: str
    ) -> Answer | None:
        """Why a good index does not take an upload; ``None`` where it does."""
        right = f"{self.index.username}:{self.index.password}"
        wanted = "Basic " + base64.b64encode(right.encode()).decode()
        if given := self.headers.get("Authorization"):
            if given != wanted:
                return _words(403, "Invalid or non-existent authentication information.")
        else:
            return _words(401, "Who are you?")
        told = fields.get("sha256_digest", ("", digest.encode()))[1].decode()
        if told != digest:
            return _words(400, f"The digest supplied does not match {name}.")
        if self.index.files.get(name, digest) != digest:
            return _words(400, f"File already exists ('{name}'), with other bytes.")
        return None


def good(visit: Visit) -> Answer:
    """No fault: what a good index does."""
    return visit.proceed()


def status(code: int, text: str = "no", **headers: str) -> Fault:
    """Answer this status and do nothing: 500, 401 for a token that has expired, ...

    :param headers: underscores are written as hyphens: ``Retry_After="2"``.
    """
    told = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(visit: Visit) -> Answer:
        visit.read()
        return Answer(code, text.encode(), _kind("text/plain") | told)

    return fault


def busy(seconds: float | None = None, *, as_date: bool = False, code: int = 429) -> Fault:
    """Answer that there were too many requests.

    :param seconds: what ``Retry-After`` asks for; ``None`` for no such header.
    :param as_date: ask for a moment (RFC 9110, HTTP-date) and not for seconds.
    """

    def fault(visit: Visit) -> Answer:
        if seconds is None:
            return status(code, "Too many requests")(visit)
        moment = Clock().now() + timedelta(seconds=seconds)
        date = format_datetime(moment.astimezone(UTC), usegmt=True)
        return status(code, "Too many requests", Retry_After=date if as_date else f"{seconds:g}")(
            visit
        )

    return fault


def html_page(code: int = 200, text: str = APOLOGY) -> Fault:
    """Answer a page for people, as a proxy's apology or a login does, and do nothing."""

    def fault(visit: Visit) -> Answer:
        visit.read()
        return Answer(code, text.encode(), _kind(HTML))

    return fault


def redirect(to: str, code: int = 301) -> Fault:
    """Send the client elsewhere; ``{path}`` in ``to`` is the path that it asked for."""

    def fault(visit: Visit) -> Answer:
        visit.read()
        return Answer(code, headers={"Location": to.format(path=visit.path)})

    return fault


def reset(after: int = 0) -> Fault:
    """Reset the line when so many bytes of the body have come in."""

    def fault(visit: Visit) -> NoReturn:
        visit.read(after)
        raise Cut(reset=True)

    return fault


def hang(seconds: float | None = None) -> Fault:
    """Take the request and say nothing, so long or until the index ends; then cut the line."""

    def fault(visit: Visit) -> NoReturn:
        visit.read()
        visit.index.ended.wait(seconds)
        raise Cut(reset=False)

    return fault


def drip(every: float = 0.05, piece: int = 1, empty: int = 16) -> Fault:
    """Do what a good index does, and answer a few bytes at a time.

    :param every: seconds between two pieces.
    :param piece: bytes in one.
    :param empty: how many to say where a good index says none.
    """

    def fault(visit: Visit) -> Answer:
        said = visit.proceed()
        return said._replace(body=said.body or b"." * empty, every=every, piece=piece)

    return fault


def sip(every: float = 0.01, piece: int = PIECE) -> Fault:
    """Read the body slowly, then do what a good index does."""

    def pause(_: int) -> None:
        threading.Event().wait(every)

    def fault(visit: Visit) -> Answer:
        for end in range(piece, visit.length + piece, piece):
            visit.read(end)
            pause(end)
        return visit.proceed()

    return fault


def lose_answer(*, by_reset: bool = False) -> Fault:
    """Do what a good index does, and cut the line before the answer."""

    def fault(visit: Visit) -> NoReturn:
        visit.proceed()
        raise Cut(reset=by_reset)

    return fault


def store_then(code: int, text: str = "Server Error") -> Fault:
    """Do what a good index does, and answer as if it had failed."""

    def fault(visit: Visit) -> Answer:
        visit.proceed()
        return _words(code, text)

    return fault


def swallow(visit: Visit) -> Answer:
    """Say yes to an upload, and keep nothing."""
    visit.read()
    return Answer(200)


def exists_already(visit: Visit) -> Answer:
    """Refuse an upload as one that is there already, in PyPI's words, and keep nothing."""
    fields = _form(visit.headers, visit.read())
    return _words(400, f"File already exists ('{fields['content'][0]}'). See help/#file-name-reuse")


def stale(files: int = 1) -> Fault:
    """List what was there before the last so many uploads."""

    def fault(visit: Visit) -> Answer:
        return visit.show(visit.listed[: -files or None])

    return fault


def without(ending: str) -> Fault:
    """List all but the files whose name ends so, such as ``.whl``."""

    def fault(visit: Visit) -> Answer:
        return visit.show([one for one in visit.listed if not one.name.endswith(ending)])

    return fault


def wrong_hash(visit: Visit) -> Answer:
    """List another sha256 for every file than its bytes have."""
    return visit.show([replace(one, sha256=one.sha256[::-1]) for one in visit.listed])


def other_bytes(visit: Visit) -> Answer:
    """Answer as many bytes as a good index would, but others."""
    said = visit.proceed()
    return said._replace(body=bytes(byte ^ 1 for byte in said.body))


def cut_short(share: float = 0.5) -> Fault:
    """Do what a good index does, and cut the line within the answer's body."""

    def fault(visit: Visit) -> Answer:
        said = visit.proceed()
        return said._replace(cut_at=int(len(said.body) * share))

    return fault


def at_piece(act: Callable[[int], None]) -> Fault:
    """Call ``act`` with the bytes read, after each piece of an upload; then go on as a good index.

    Whoever kills the uploader there sees what a torn upload leaves behind.
    """

    def fault(visit: Visit) -> Answer:
        visit.read(after=act)
        return visit.proceed()

    return fault


def after_store(act: Callable[[], None]) -> Fault:
    """Do what a good index does, and call ``act`` before the answer goes out."""

    def fault(visit: Visit) -> Answer:
        said = visit.proceed()
        act()
        return said

    return fault


@contextmanager
def serve_hostile_index(behind: str = "") -> Iterator[HostileIndex]:
    """An index of its own on loopback, running inside the ``with`` block.

    :param behind: the address of a real index (plain HTTP), such as ``http://127.0.0.1:8080``, to
        which all is passed on that meets no fault, path by path; ``stale``, ``without`` and
        ``wrong_hash`` know only files of our own.
    """
    index = HostileIndex(behind=behind)
    handler = type("Handler", (_Handler,), {"index": index})
    with _Server(("127.0.0.1", 0), handler) as server:
        index.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield index
        finally:
            index.ended.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # its end waits for the last visit

    def server_bind(self) -> None:
        """Take little at once: a torn upload must be torn."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request: HTTP/1.0, so that every fault stands alone."""

    index: HostileIndex

    def do_POST(self) -> None:
        self._serve("upload")

    def do_GET(self) -> None:
        self._serve("listing" if self.path.endswith("/") else "download")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _serve(self, kind: Kind) -> None:
        visit = Visit(
            index=self.index,
            kind=kind,
            path=self.path,
            headers=self.headers,
            length=int(self.headers.get("Content-Length") or 0),
            receive=self.rfile.read1,
        )
        try:
            try:
                said = self.index.fault(kind)(visit)
            finally:
                self._note(visit)
            self._say(said)
        except Cut as cut:
            self._hang_up(reset=cut.reset)
        except (ConnectionError, TimeoutError):
            self._hang_up(reset=False)  # the client has gone, or was killed

    def _note(self, visit: Visit) -> None:
        told = re.search(rb'name="content"; filename="([^"]*)"', visit.body)
        name = told[1].decode() if told else ""
        seen = Seen(visit.kind, self.path, len(visit.body), visit.length, name)
        self.index.seen.append(seen)

    def _say(self, said: Answer) -> None:
        self.send_response(said.status)
        for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        body = said.body[: said.cut_at]
        size = said.piece if said.every else len(body) or 1
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            if said.every and self.index.ended.wait(said.every):
                return

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            now = struct.pack("ii", 1, 0)  # on, and no time to linger: the system sends a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            os.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _kind(name: str) -> dict[str, str]:
    return {"Content-Type": name}


def _words(code: int, text: str) -> Answer:
    return Answer(code, text.encode(), _kind("text/plain; charset=utf-8"))


def _absent() -> Answer:
    return _words(404, "404 Not Found")


def _parsed(name: str) -> tuple[str, object]:
    """Project and version of a file name."""
    parse = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
    return parse(name)[:2]


def _form(headers: Message, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The fields of an upload (RFC 7578): by name, the file name and the bytes."""
    boundary = _parameter(headers["Content-Type"], "boundary").encode()
    fields = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        told = re.search(rb"(?i)^content-disposition: *([^\r\n]*)", head, re.MULTILINE)
        words = told[1].decode() if told else ""
        fields[_parameter(words, "name")] = (_parameter(words, "filename"), data)
    return fields


def _parameter(words: str, name: str) -> str:
    """A parameter of a header's value; empty where there is none."""
    message = Message()
    message["Content-Disposition"] = words
    return str(message.get_param(name, "", header="Content-Disposition"))
