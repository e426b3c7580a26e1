"""git over HTTP, for whoever shows a token: a private repository, as its server keeps it."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kit import git


class _Handler(BaseHTTPRequestHandler):
    root: Path
    right: str

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != self.right:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        head, _, answer = self._said().partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def _said(self) -> bytes:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "REMOTE_USER": "x", "CONTENT_LENGTH": str(length),
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
        }  # fmt: skip
        return subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(length),
            env=env,
            capture_output=True,
            check=True,
        ).stdout

    def log_message(self, *args: object) -> None: ...


@contextmanager
def git_server(folder: Path, token: str) -> Iterator[str]:
    """Serve the bare repositories of a folder, to read and to push; yields the address.

    :param token: what has to be shown, as a job shows its own (user ``x-access-token``).
    """
    for repository in folder.glob("*.git"):
        git(repository, "config", "http.receivepack", "true")
    shown = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    handler = type("Handler", (_Handler,), {"root": folder, "right": f"Basic {shown}"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()
