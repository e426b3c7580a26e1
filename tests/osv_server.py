"""The OSV API on loopback, over a folder of records: as much of it as a scanner asks.

``POST /v1/querybatch`` finds by name and listed version or range, hides withdrawn records, and
pages; ``GET /v1/vulns/ID`` gives any record. The evaluation is of its own, so that it can disagree.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

HANG = -1
"""Instead of a status: no answer until the server ends."""
CUT = -2
"""Instead of a status: half of an answer, then nothing."""


@dataclass
class Trouble:
    """An answer that is none; ``status`` may be :data:`HANG` or :data:`CUT`."""

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
            for id_, record in sorted(self.records.items())
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
        elif trouble.status == CUT:
            self._send(200, trouble.body, {"Content-Length": str(2 * len(trouble.body) + 1)})
        else:
            self._send(trouble.status, trouble.body, trouble.headers)
        self.close_connection = True
        return True

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
