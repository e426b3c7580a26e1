"""What every test lives under; nothing here needs to be asked for.

- No test sees the user's own settings: HOME is empty, git has no identity and no configuration.
- Only tests marked ``online`` reach beyond loopback: in others, connecting and resolving names is
  refused, and children get a proxy that refuses. They are skipped where the registry does not
  answer, except in CI (``CI`` set), where it has to.
- Tests in ``tests/unit`` open no socket, start no process and write no file outside ``tmp_path``.

A refusal raises :class:`Refused`, which is no ``Exception``, so that no code under test eats it.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import os
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from release.adapters import secrecy

# Properties are about what holds, not about how fast. What Hypothesis remembers of an example it
# first writes outside of tmp_path, which no unit test may: so nothing is remembered.
settings.register_profile(
    "ours", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

UNIT = Path(__file__).parent / "unit"
LOOPBACK_NAMES = {"localhost", "localhost.localdomain", "", None}
REFUSING_PROXY = "http://127.0.0.1:9"  # the discard port (RFC 863): nobody listens
PROCESS_EVENTS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "pty.spawn",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(BaseException):
    """A test did what tests of its kind may not."""


@dataclass
class Guard:
    """What is refused right now; outside of a test's own call, nothing is."""

    offline: bool = False
    unit: bool = False
    writable: tuple[Path, ...] = field(default=())

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Judge one audit event (PEP 578)."""
        if self.offline and event in {"socket.connect", "socket.sendto"}:
            self._local(args[1])
        elif self.offline and event == "socket.getaddrinfo":
            self._local(args)
        elif self.unit and (event == "socket.__new__" or event in PROCESS_EVENTS):
            raise Refused(f"a unit test may not do {event}: {args!r}")
        elif self.unit and event == "open":
            self._written(*args)

    def _local(self, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None  # a path: a Unix socket
        if not _is_loopback(host):
            raise Refused(f"only tests marked online may reach {host!r}")

    def _written(self, path: Any, _: str | None, flags: int) -> None:
        if isinstance(path, int) or not flags & WRITING:
            return
        file = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - resolve() would do I/O
        harmless = file == Path(os.devnull) or "__pycache__" in file.parts
        if not harmless and not any(file.is_relative_to(folder) for folder in self.writable):
            raise Refused(f"a unit test may write below tmp_path only, not {file}")


def _is_loopback(host: object) -> bool:
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


guard = Guard()
sys.addaudithook(guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold the guard up while a test runs."""
    base = item.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    guard.writable = (base, item.config.rootpath / ".hypothesis")
    guard.offline = item.get_closest_marker("online") is None
    guard.unit = item.path.is_relative_to(UNIT)
    try:
        return (yield)
    finally:
        guard.offline = guard.unit = False


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs the registry where there is none."""
    if item.get_closest_marker("online") and "CI" not in os.environ:
        trouble = _registry_trouble()
        if trouble:
            pytest.skip(f"the package registry does not answer: {trouble}")


@functools.cache
def _registry_trouble() -> str:
    """Why the registry cannot be used; empty if it can."""
    from twine.repository import WAREHOUSE_WEB

    try:
        with urllib.request.build_opener().open(f"{WAREHOUSE_WEB}simple/pip/", timeout=10):
            return ""
    except OSError as error:
        return str(error)


@pytest.fixture(scope="session", autouse=True)
def _clean_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty HOME; the caches of uv and pip stay where they are, or every run would be cold."""
    with pytest.MonkeyPatch.context() as patch:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for name in [name for name in os.environ if _is_personal(name)]:
            patch.delenv(name)
        yield


def _is_personal(name: str) -> bool:
    """Whether a variable tells of the user, of a nox around us, or steers uv."""
    return name in {"EMAIL", "XDG_CONFIG_HOME", "UV_PYTHON"} or name.startswith(
        ("GIT_AUTHOR_", "GIT_COMMITTER_", "NOX_", "TWINE_")
    )


@pytest.fixture(autouse=True)
def _children_offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of an offline test find a proxy that refuses, and loopback beside it."""
    if request.node.get_closest_marker("online"):
        return
    monkeypatch.setattr(urllib.request, "_opener", None)  # it would outlive the proxy
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, REFUSING_PROXY)
        monkeypatch.setenv(name.upper(), REFUSING_PROXY)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost,::1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost,::1")


@pytest.fixture(autouse=True)
def _nothing_guarded() -> Iterator[None]:
    """What one test guards as a secret is none in the next."""
    yield
    secrecy._known.clear()
    logging.setLogRecordFactory(logging.LogRecord)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, secrecy.Veil):
            setattr(sys, name, stream._stream)
