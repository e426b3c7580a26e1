"""A real devpi-server on loopback, with one user and one index."""

from __future__ import annotations

import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

PATIENCE = 90.0
"""Seconds; it makes its tables first."""
WEAK = ("--argon2-memory-cost", "8", "--argon2-parallelism", "1", "--argon2-time-cost", "1")
"""Hidden options: with its own, every password costs seconds."""


@dataclass(frozen=True)
class Devpi:
    """A running server."""

    url: str
    username: str = "shop"
    password: str = "hush-hush"

    @property
    def upload_url(self) -> str:
        return f"{self.url}/shop/dev/"

    @property
    def simple_url(self) -> str:
        return f"{self.url}/shop/dev/+simple/"


@contextmanager
def serve(folder: Path) -> Iterator[Devpi]:
    """A server of its own over an empty folder."""
    scripts = Path(sysconfig.get_path("scripts"))
    where = ("--serverdir", str(folder / "server"))
    init = [str(scripts / "devpi-init"), *where, "--no-root-pypi"]
    subprocess.run(init, check=True, capture_output=True, timeout=PATIENCE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [str(scripts / "devpi-server"), *where, "--port", str(port), *WEAK]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            devpi = Devpi(f"http://127.0.0.1:{port}")
            _await(devpi, child)
            _prepare(devpi)
            yield devpi
        finally:
            child.terminate()
            child.wait(30)


def _await(devpi: Devpi, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and child.poll() is None:
        try:
            if requests.get(f"{devpi.url}/+api", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("devpi-server did not start")


def _prepare(devpi: Devpi) -> None:
    """A user and an index, whose files may not be replaced."""
    user = {"password": devpi.password}
    requests.put(f"{devpi.url}/{devpi.username}", json=user, timeout=30).raise_for_status()
    token = requests.post(
        f"{devpi.url}/+login", json={"user": devpi.username, **user}, timeout=30
    ).json()["result"]["password"]
    made = requests.put(
        f"{devpi.url}/shop/dev",
        json={"type": "stage", "bases": [], "volatile": False},
        auth=(devpi.username, token),
        headers={"X-Devpi-Auth": _auth(devpi.username, token)},
        timeout=30,
    )
    made.raise_for_status()


def _auth(user: str, token: str) -> str:
    import base64

    return base64.b64encode(f"{user}:{token}".encode()).decode()
