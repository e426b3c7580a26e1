"""A package index on loopback whose releases are made up: a few lines of metadata each."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Made:
    """One made-up release, as a wheel."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    python: str = ""
    yanked: bool = False
    extras: tuple[str, ...] = ()
    tags: str = "py3-none-any"
    uploaded: str = "2026-01-01T00:00:00Z"

    @property
    def file(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-{self.tags}.whl"

    @property
    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Python: {self.python}"] if self.python else []
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        return "\n".join([*lines, *(f"Requires-Dist: {line}" for line in self.requires)]) + "\n"

    @property
    def wheel(self) -> bytes:
        info = f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        tags = f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {self.tags}\n"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in {"METADATA": self.metadata, "WHEEL": tags, "RECORD": ""}.items():
                archive.writestr(zipfile.ZipInfo(f"{info}/{name}"), text)
        return packed.getvalue()


@dataclass
class MadeIndex:
    """Shelves of releases, each with a simple API of its own (PEP 503, 658, 691, 700)."""

    url: str
    shelves: dict[str, dict[str, list[Made]]] = field(default_factory=dict)

    def shelve(self, releases: Sequence[Made]) -> str:
        """Put up some releases; the address of their simple API, which nobody has seen before."""
        shelf = self.shelves.setdefault(str(len(self.shelves)), {})
        for release in releases:
            shelf.setdefault(release.name, []).append(release)
        return f"{self.url}/{len(self.shelves) - 1}/simple/"

    def page(self, shelf: str, name: str) -> bytes | None:
        held = self.shelves.get(shelf, {}).get(name)
        if held is None:
            return None
        files = [
            {
                "filename": one.file,
                "url": f"{self.url}/{shelf}/files/{name}/{one.file}",
                "hashes": {"sha256": hashlib.sha256(one.wheel).hexdigest()},
                "upload-time": one.uploaded,
                "yanked": one.yanked,
                "requires-python": one.python or None,
                "core-metadata": {"sha256": hashlib.sha256(one.metadata.encode()).hexdigest()},
            }
            for one in held
        ]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode()

    def file(self, shelf: str, name: str, file: str) -> bytes | None:
        for one in self.shelves.get(shelf, {}).get(name, ()):
            if file in {one.file, f"{one.file}.metadata"}:
                return one.wheel if file == one.file else one.metadata.encode()
        return None


@contextmanager
def made_index() -> Iterator[MadeIndex]:
    """Serve; in this process, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shelf, kind, *rest = self.path.strip("/").split("/")
            body = index.page(shelf, *rest) if kind == "simple" else index.file(shelf, *rest)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", JSON if kind == "simple" else "application/binary")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        index = MadeIndex(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield index
        finally:
            server.shutdown()
