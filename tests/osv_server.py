"""The OSV API on loopback, over a folder of records: as much of it as a scanner asks.

``POST /v1/querybatch`` finds by name and listed version or range, hides withdrawn records, and
pages; ``GET /v1/vulns/ID`` gives any record; ``POST /v1/query`` gives whole records. The evaluation
is of its own, so that it can disagree.

``python tests/osv_server.py ARCHIVE SECONDS`` serves an archive fast enough to measure clients by:
answers are made once, and one event loop hands them out, each so many seconds late. It says its
address, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

HANG = -1
"""Instead of a status: no answer until the server ends."""
CUT = -2
"""Instead of a status: half of an answer, then nothing."""
DRIP = -3
"""Instead of a status: an answer without end, a few bytes at a time."""


@dataclass
class Trouble:
    """An answer that is none; ``status`` may be one of the constants above."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass
class Osv:
    """A running server.

    :param page: hits a page; 0 for all at once.
    :param token_first: the first page of every answer with hits holds a token and nothing else.
    :param endless: every page has a next one.
    :param troubles: given out first, one a request.
    :param seen: (method, path, number of queries, moment) of every request.
    """

    records: dict[str, dict[str, Any]]
    raw: dict[str, bytes]
    url: str = ""
    page: int = 0
    token_first: bool = False
    endless: bool = False
    troubles: list[Trouble] = field(default_factory=list)
    seen: list[tuple[str, str, int, float]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def hits(self, query: dict[str, Any]) -> dict[str, Any]:
        """One result of a batch."""
        found = [
            {"id": id_, "modified": record["modified"]}
            for id_, record in self.about(query["package"]["name"])
            if "withdrawn" not in record and _holds(record, query)
        ]
        token = str(query.get("page_token") or "")
        if self.endless:
            return {"next_page_token": "more"}
        if found and self.token_first and not token:
            return {"next_page_token": "0"}
        at = int(token or 0)
        end = at + self.page if self.page else len(found)
        more = {"next_page_token": str(end)} if end < len(found) else {}
        page = found[at:end]
        return ({"vulns": page} if page else {}) | more

    def about(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The records that name a package, by id."""
        wanted = canonicalize_name(name)
        return [
            (id_, record)
            for id_, record in sorted(self.records.items())
            if any(canonicalize_name(o["package"]["name"]) == wanted for o in record["affected"])
        ]

    def paths(self, method: str) -> list[str]:
        """What was asked by a method."""
        return [path for how, path, _, _ in self.seen if how == method]


def _holds(record: dict[str, Any], query: dict[str, Any]) -> bool:
    name, version = query["package"]["name"], query["version"]
    return any(
        entry["package"]["ecosystem"] == query["package"]["ecosystem"]
        and canonicalize_name(entry["package"]["name"]) == canonicalize_name(name)
        and (version in entry.get("versions", ()) or _in_ranges(entry, Version(version)))
        for entry in record.get("affected", ())
    )


def _in_ranges(entry: dict[str, Any], version: Version) -> bool:
    """Each range as spans from an ``introduced`` to the end that follows it."""
    for range_ in entry.get("ranges", ()):
        if range_["type"] == "GIT":
            continue
        start: Version | None = None
        for event in range_["events"]:
            if "introduced" in event:
                start = Version("0.dev0" if event["introduced"] == "0" else event["introduced"])
            elif "fixed" in event and start is not None:
                if start <= version < Version(event["fixed"]):
                    return True
                start = None
            elif "last_affected" in event and start is not None:
                if start <= version <= Version(event["last_affected"]):
                    return True
                start = None
        if start is not None and version >= start:
            return True
    return False


@contextmanager
def osv_api(folder: Path, **settings: Any) -> Iterator[Osv]:
    """Serve a folder of records while the block runs; malformed ones are served as they are."""
    raw = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.json"))}
    told = Osv({k: r for k, v in raw.items() if (r := _read(v))}, raw, **settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, told))
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        told.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer, or the other side's delayed ACK costs 40 ms

    def __init__(self, told: Osv, *args: Any) -> None:
        self.told = told
        super().__init__(*args)

    def do_GET(self) -> None:
        if not self._trouble("GET", 0):
            data = self.told.raw.get(self.path.removeprefix("/v1/vulns/"))
            self._send(200 if data else 404, data or b'{"code":5,"message":"Bug not found."}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._trouble("POST", len(body["queries"])):
            results = [self.told.hits(query) for query in body["queries"]]
            self._send(200, json.dumps({"results": results}).encode())

    def _trouble(self, method: str, queries: int) -> bool:
        self.told.seen.append((method, self.path, queries, time.monotonic()))
        if not self.told.troubles:
            return False
        trouble = self.told.troubles.pop(0)
        if trouble.status == HANG:
            self.told.ended.wait(30)
        elif trouble.status == DRIP:
            self._drip()
        elif trouble.status == CUT:
            self._send(200, trouble.body, {"Content-Length": str(2 * len(trouble.body) + 1)})
        else:
            self._send(trouble.status, trouble.body, trouble.headers)
        self.close_connection = True
        return True

    def _drip(self) -> None:
        self._send(200, b"{", {"Content-Length": "1000000"})
        try:
            while not self.told.ended.wait(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _read(data: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(data)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "modified" in record else None


class Archive:
    """The records of an archive, and the answers about them, each made once."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
        self.raw = {json.loads(data)["id"]: data for data in members}
        self._by_package: dict[str, list[dict[str, Any]]] = {}
        for record in map(json.loads, members):
            for name in {canonicalize_name(one["package"]["name"]) for one in record["affected"]}:
                self._by_package.setdefault(name, []).append(record)
        self.hits = functools.cache(self._hits)
        self.brief = functools.cache(self._brief)

    def versions(self) -> dict[str, set[str]]:
        """The versions that records list, by package, as far as they are versions."""
        listed: dict[str, set[str]] = {}
        for name, records in self._by_package.items():
            entries = [one for r in records if "withdrawn" not in r for one in r["affected"]]
            for one in entries:
                if canonicalize_name(one["package"]["name"]) == name:
                    told = filter(_is_version, one.get("versions", ()))
                    listed.setdefault(name, set()).update(told)
        return {name: versions for name, versions in listed.items() if versions}

    def _hits(self, name: str, version: str) -> list[dict[str, Any]]:
        query = {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        records = self._by_package.get(canonicalize_name(name), ())
        return [one for one in records if "withdrawn" not in one and _holds_if_told(one, query)]

    def _brief(self, name: str, version: str) -> bytes:
        hits = [{"id": one["id"], "modified": one["modified"]} for one in self.hits(name, version)]
        return json.dumps({"vulns": hits} if hits else {}).encode()

    def whole(self, name: str, version: str) -> bytes:
        """An answer to ``/v1/query``."""
        records = b",".join(self.raw[one["id"]] for one in self.hits(name, version))
        return b'{"vulns":[' + records + b"]}" if records else b"{}"


def _is_version(text: str) -> bool:
    try:
        return bool(Version(text))
    except InvalidVersion:
        return False


def _holds_if_told(record: dict[str, Any], query: dict[str, Any]) -> bool:
    """A range whose turns are no versions holds nothing but what is listed."""
    try:
        return _holds(record, query)
    except InvalidVersion:
        return False


class Quick(asyncio.Protocol):
    """One connection of the fast server; ``/count`` tells the requests since it was last asked."""

    count = 0

    def __init__(self, archive: Archive, latency: float) -> None:
        self._archive = archive
        self._latency = latency
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            head, _, rest = self._pending.partition(b"\r\n\r\n")
            _, _, told = head.lower().partition(b"content-length:")
            length = int(told.partition(b"\r\n")[0] or 0)
            if len(rest) < length:
                return
            self._pending = rest[length:]
            method, path, _ = head.decode().split(" ", 2)
            self._send(*self._answer(method, path, rest[:length]))

    def _send(self, status: str, body: bytes) -> None:
        told = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        head = f"HTTP/1.1 {status}\r\n{told}\r\n\r\n"
        if self._latency:
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency, self._transport.write, head.encode() + body)
        else:
            self._transport.write(head.encode() + body)

    def _answer(self, method: str, path: str, body: bytes) -> tuple[str, bytes]:
        if path == "/count":
            told, Quick.count = str(Quick.count).encode(), 0
            return "200 OK", told
        Quick.count += 1
        if method == "GET":
            record = self._archive.raw.get(path.removeprefix("/v1/vulns/"))
            return ("200 OK", record) if record else ("404 Not Found", b"{}")
        asked = json.loads(body)
        if path == "/v1/query":
            return "200 OK", self._archive.whole(asked["package"]["name"], asked["version"])
        queries = [(query["package"]["name"], query["version"]) for query in asked["queries"]]
        answers = (self._archive.brief(name, version) for name, version in queries)
        return "200 OK", b'{"results":[' + b",".join(answers) + b"]}"


async def serve(archive: Archive, latency: float) -> None:
    """Serve until stdin ends; every answer is late by so many seconds."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Quick(archive, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Archive(Path(sys.argv[1])), float(sys.argv[2])))
