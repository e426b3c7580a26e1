"""The embedded index: a real package server (pypiron) on loopback, over one folder.

One server a folder. Who finds a live one joins it; the last one to leave ends it; one whose users
are all dead is an orphan, and is ended and replaced. ``server.json`` (mode 0600) says who runs:
the server's process and its users' (ids with start times, as ids are used again), its port and a
credential thrown away with it. The port is kept over restarts where it is free, so that addresses
in receipts stay true.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import requests
from filelock import FileLock, Timeout

from release.adapters import process
from release.errors import ToolError, TryAgainError

HOST = "127.0.0.1"
UPLOADER, ADMIN = "uploader", "admin"
LOCK_PATIENCE = 60.0
"""Seconds; a start takes less than one."""
START_PATIENCE = 20.0
"""Seconds until the server must be healthy."""
END_PATIENCE = 2.0
"""Seconds until it is killed."""
PORT_TRIES = 3


@dataclass(frozen=True)
class Server:
    """A running server: its simple API, its upload address and the right to upload."""

    simple_url: str
    upload_url: str
    username: str
    password: str = field(repr=False)


class _Process(msgspec.Struct, frozen=True):
    """A process, told from a later one of the same id by its start time."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        return _start_time(self.pid) == self.started


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """``server.json``; only ``port`` is left of a server that ended."""

    port: int
    server: _Process | None = None
    users: tuple[_Process, ...] = ()
    password: str = ""

    @property
    def running(self) -> bool:
        return self.server is not None and self.server.alive

    def __repr__(self) -> str:
        return f"_State(port={self.port}, server={self.server})"


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """A server over ``folder``, running inside the ``with`` block.

    :param folder: made where it is not there; the packages lie in its ``data``.
    :raises ToolError: the server is missing or did not start.
    :raises TryAgainError: another run has been starting or ending one for a minute.
    """
    folder = folder.resolve()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    me = _this_process()
    with _locked(folder):
        state = _join(folder, me) or _start(folder, me)
    try:
        yield _server(state)
    finally:
        with _locked(folder):
            _leave(folder, me)


def has_packages(folder: Path) -> bool:
    """Whether anything was ever uploaded to the index over ``folder``."""
    packages = folder / "data" / "packages"
    return packages.is_dir() and any(packages.iterdir())


def _server(state: _State) -> Server:
    address = f"http://{HOST}:{state.port}"
    return Server(f"{address}/simple/", f"{address}/legacy/", UPLOADER, state.password)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        with FileLock(folder / "lock", timeout=LOCK_PATIENCE):
            _holder(folder).write_text(f"{os.getpid()}\n")
            yield
    except Timeout as error:
        raise TryAgainError(
            "the embedded index is being started or ended by another run",
            why=f"{folder / 'lock'} has been held for {LOCK_PATIENCE:g} seconds, "
            f"by process {_read_holder(folder)}",
            remedy="wait for that process, or end it, then run again",
            failure="lock",
        ) from error


def _holder(folder: Path) -> Path:
    """Says who took the lock last; the lock file itself is emptied by whoever asks for it."""
    return folder / "lock.holder"


def _read_holder(folder: Path) -> str:
    try:
        return _holder(folder).read_text().strip()
    except FileNotFoundError:
        return "unknown"


def _join(folder: Path, me: _Process) -> _State | None:
    """The live server's state with us among its users; ``None`` after ending an orphan."""
    state = _read(folder)
    if not state or not state.running:
        return None
    users = tuple(user for user in state.users if user.alive)
    if users and _is_healthy(state.port):
        return _write(folder, msgspec.structs.replace(state, users=(*users, me)))
    _end(state)
    return None


def _leave(folder: Path, me: _Process) -> None:
    """Strike us off once; the last one ends the server. Whoever died counts as gone."""
    state = _read(folder)
    if not state:
        return
    users = list(state.users)
    if me in users:
        users.remove(me)
    if rest := tuple(user for user in users if user.alive):
        _write(folder, msgspec.structs.replace(state, users=rest))
        return
    _retire(folder, state)


def _start(folder: Path, me: _Process) -> _State:
    before = _read(folder)
    port = before.port if before else 0
    for _ in range(PORT_TRIES):
        state, up = _spawn(folder, _free_port(port), me), False
        try:
            up = _came_up(state)
        finally:
            if not up:
                _retire(folder, state)
        if up:
            return state
        port = 0
    log = _log(folder).read_text("utf-8", "replace").splitlines()
    raise ToolError(
        "the embedded index did not start",
        why="\n".join(log[-20:]),
        remedy=f"read {_log(folder)}; if its data is damaged, move {folder} away: it holds only "
        "rehearsals",
    )


def _spawn(folder: Path, port: int, me: _Process) -> _State:
    """Start a server and write down at once that it is there."""
    password = secrets.token_urlsafe(32)
    command: list[str | Path] = [
        process.script("pypiron"), "serve", "--data-dir", folder / "data",
        "--bind-addr", f"{HOST}:{port}", "--uploader-user", UPLOADER, "--admin-user", ADMIN,
        # No advisory feed: it would be fetched from the network.
        "--advisory-feed", "", "--malware-block", "false",
    ]  # fmt: skip
    env = process.environment(
        PYPIRON_UPLOADER_PASS=password, PYPIRON_ADMIN_PASS=secrets.token_urlsafe(32)
    )
    with warnings.catch_warnings():
        # The child is left running on purpose, and is ended by its id.
        warnings.simplefilter("ignore", ResourceWarning)
        pid = process.spawn(command, cwd=folder / "data", env=env, log=_log(folder))
    server = _Process(pid, _start_time(pid) or "")
    return _write(folder, _State(port=port, server=server, users=(me,), password=password))


def _came_up(state: _State) -> bool:
    """Wait until our server, and not another on its port, is healthy; ``False`` if it ended."""
    end = time.monotonic() + START_PATIENCE
    while state.running and time.monotonic() < end:
        if _is_healthy(state.port):
            return state.running
        time.sleep(0.02)
    return False


def _retire(folder: Path, state: _State) -> None:
    """End the server and forget it, its credential included, but for its port."""
    _end(state)
    _write(folder, _State(port=state.port))


def _is_healthy(port: int) -> bool:
    try:
        # A session of its own that ignores the environment: loopback takes no proxy.
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"http://{HOST}:{port}/health", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _end(state: _State) -> None:
    """End the server and what it started: politely, then not."""
    if not state.server:
        return
    for name in (signal.SIGTERM, signal.SIGKILL):
        if not state.running:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(state.server.pid, name)
        _await_end(state)
    with contextlib.suppress(ChildProcessError):  # it was another run's child, or is reaped
        os.waitpid(state.server.pid, os.WNOHANG)


def _await_end(state: _State) -> None:
    end = time.monotonic() + END_PATIENCE
    while state.running and time.monotonic() < end:
        time.sleep(0.01)


def _free_port(wanted: int) -> int:
    """``wanted`` where it is free, else any free port; 0 wants any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise ToolError(
        f"no port is free on {HOST}", remedy="end programs that hold many ports, then run again"
    )


def _this_process() -> _Process:
    return _Process(os.getpid(), _start_time(os.getpid()) or "")


def _start_time(pid: int) -> str | None:
    """When a process started, in the system's own words; ``None`` when it is not running."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]  # state and starttime, see proc(5)


def _start_time_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    words = process.run(command, cwd=Path("/"), check=False, timeout=10).stdout.split()
    return " ".join(words[1:]) if words and not words[0].startswith("Z") else None


def _log(folder: Path) -> Path:
    return folder / "server.log"


def _read(folder: Path) -> _State | None:
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=_State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write(folder: Path, state: _State) -> _State:
    """Write the state for our eyes only, whole or not at all."""
    path, draft = folder / "server.json", folder / "server.json.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(path)
    return state
