"""nginx over a folder on loopback, and requests at a constant rate, each timed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONNECTIONS = 32
PATHS = ("index.html", "index.json", "badges/grade.svg", "badges/grade.json", "history.json")
"""What of a site is asked for, in turns."""
CONFIG = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  include /etc/nginx/mime.types;
  access_log off;
  sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {site};
    location ~ /\\. {{ return 404; }}
    location / {{ add_header Cache-Control no-cache; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, site: Path) -> Iterator[int]:
    """nginx on loopback, with the site's folder as its root.

    :raises FileNotFoundError: it is not installed.
    """
    if NGINX is None:
        raise FileNotFoundError("nginx is not installed (apt-get install nginx-light)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    user = "" if os.geteuid() else "user root;"  # else its worker could not enter our folder
    config.write_text(CONFIG.format(folder=folder, port=port, site=site, user=user))
    child = subprocess.Popen([NGINX, "-e", str(folder / "error.log"), "-c", str(config)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.05)
        yield port
    finally:
        child.terminate()
        child.wait(20)


class Load:
    """Requests that start at a constant rate, whether or not those before have been answered.

    Each takes from the moment at which it was due, so that a server that stalls is not let off
    (coordinated omission: github.com/giltene/wrk2).
    """

    def __init__(self, port: int, paths: Sequence[str] = PATHS) -> None:
        self.port, self.paths = port, paths
        self.milliseconds: list[float] = []
        self.late: list[float] = []
        self.errors: list[str] = []

    async def run(self, count: int, rate: float) -> None:
        due: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(due)) for _ in range(CONNECTIONS)]
        start = time.perf_counter() + 0.5
        for number in range(count):
            moment = start + number / rate
            if (wait := moment - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            self.late.append((time.perf_counter() - moment) * 1000)
            due.put_nowait((moment, self.paths[number % len(self.paths)]))
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _work(self, due: asyncio.Queue[tuple[float, str] | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while (asked := await due.get()) is not None:
            moment, path = asked
            writer.write(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.milliseconds.append((time.perf_counter() - moment) * 1000)
            if not head.startswith(b"HTTP/1.1 200"):
                self.errors.append(head.splitlines()[0].decode())
        writer.close()

    def share(self, percent: float) -> float:
        """The milliseconds within which such a share of the requests was answered."""
        return percentile(self.milliseconds, percent)

    @property
    def own(self) -> float:
        """How late the generator itself was, in milliseconds: at its 99th percentile."""
        return percentile(self.late, 99)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which such a share of them lies."""
    return sorted(values)[int(len(values) * percent / 100)]
