"""A real index behind a counter at which a test can say no, be slow, or lose an answer."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Answer = tuple[int, Mapping[str, str], bytes]
Rule = Callable[[str, Mapping[str, str], bytes], Answer | None]
"""Path, headers and body of an upload to its answer; ``None`` lets it through to the index."""


@dataclass
class Counter:
    """``rule`` judges uploads; ``lose`` lets them through and cuts the line before the answer."""

    url: str = ""
    rule: Rule = lambda *_: None
    lose: int = 0
    uploads: list[str] = field(default_factory=list)

    @property
    def upload_url(self) -> str:
        return f"{self.url}/legacy/"


def filename(body: bytes) -> str:
    """The name of the file in an upload."""
    return body.partition(b'name="content"; filename="')[2].partition(b'"')[0].decode()


class _Handler(BaseHTTPRequestHandler):
    counter: Counter
    host: str

    def do_GET(self) -> None:
        self._answer(self._pass_on(b""))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.counter.uploads.append(filename(body))
        said = self.counter.rule(self.path, self.headers, body)
        if said is None:
            said = self._pass_on(body)
        if self.counter.lose:
            self.counter.lose -= 1
            self.close_connection = True
            return
        self._answer(said)

    def _pass_on(self, body: bytes) -> Answer:
        line = http.client.HTTPConnection(self.host)
        left = {"host", "accept-encoding"}  # what is not packed can be read and rewritten
        headers = {k: v for k, v in self.headers.items() if k.lower() not in left}
        line.request(self.command, self.path, body or None, headers)
        got = line.getresponse()
        data = got.read().replace(f"http://{self.host}".encode(), self.counter.url.encode())
        line.close()
        return got.status, {"Content-Type": got.headers.get("Content-Type", "")}, data

    def _answer(self, said: Answer) -> None:
        status, headers, body = said
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def open_counter(behind: str) -> Iterator[Counter]:
    """A counter in front of an index.

    :param behind: the address of the index.
    """
    counter = Counter()
    handler = type("Handler", (_Handler,), {"counter": counter, "host": urlsplit(behind).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    counter.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield counter
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
