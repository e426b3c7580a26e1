"""A package index that is a folder, served on loopback, and advisories about what it holds."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def put(folder: Path, version: str) -> None:
    """A wheel of ``leaf`` in a simple index that is a folder."""
    name, info = f"leaf-{version}-py3-none-any.whl", f"leaf-{version}.dist-info"
    path = folder / "simple" / "leaf" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("leaf.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: leaf\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    links = (
        f'<a href="{p.name}#sha256={hashlib.sha256(p.read_bytes()).hexdigest()}">{p.name}</a>'
        for p in sorted(path.parent.glob("*.whl"))
    )
    (path.parent / "index.html").write_text("<br>".join(links))


@contextmanager
def served_leaf(folder: Path, *versions: str) -> Iterator[str]:
    """The address of a simple index that holds these versions of ``leaf``."""
    for version in versions:
        put(folder, version)
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


def advise(
    folder: Path, name: str, package: str, severity: str, *events: dict[str, str], **other: Any
) -> None:
    """An OSV record of one package in a folder of advisories."""
    folder.mkdir(exist_ok=True)
    record: dict[str, Any] = {
        "id": name,
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
            }
        ],
        "database_specific": {"severity": severity},
    }
    (folder / f"{name}.json").write_text(json.dumps(record | other))
