"""The embedded index: one real server a folder, however many runs use it and however they end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from release.adapters import embedded
from release.adapters.repository import is_empty, locate, open_repository, state_folder
from release.errors import ProjectError, ToolError, UsageError

HOLD = """
import sys, time
from pathlib import Path
from release.adapters.embedded import serve
with serve(Path(sys.argv[1])) as server:
    print(server.simple_url, flush=True)
    sys.stdin.read()
"""


def healthy(url: str) -> bool:
    try:
        return requests.get(url.replace("/simple/", "/health"), timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "index"


class Holder:
    """Another run that uses the index until it is told to end, or killed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_serves_and_ends(folder: Path) -> None:
    with embedded.serve(folder) as server:
        assert healthy(server.simple_url)
        assert server.password not in repr(server)
    assert not healthy(server.simple_url)


def test_keeps_its_port_and_changes_its_password(folder: Path) -> None:
    with embedded.serve(folder) as first:
        pass
    with embedded.serve(folder) as second:
        assert second.simple_url == first.simple_url
        assert second.password != first.password


def test_takes_another_port_when_its_own_is_gone(folder: Path) -> None:
    with embedded.serve(folder) as first:
        port = int(first.simple_url.split(":")[2].split("/")[0])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with embedded.serve(folder) as second:
            assert second.simple_url != first.simple_url
            assert healthy(second.simple_url)


def test_ends_on_an_exception(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), embedded.serve(folder) as server:
        raise KeyboardInterrupt
    assert not healthy(server.simple_url)


def test_state_is_for_our_eyes_and_forgets_the_password(folder: Path) -> None:
    with embedded.serve(folder) as server:
        state = folder / "server.json"
        assert state.stat().st_mode & 0o777 == 0o600
        assert server.password in state.read_text()
        pid = re.search(r'"pid":(\d+)', state.read_text())
        assert pid
        argv = Path(f"/proc/{pid[1]}/cmdline").read_text()
        assert "pypiron" in argv
        assert server.password not in argv
    assert server.password not in state.read_text()


def test_a_live_server_is_joined_and_left_running(folder: Path) -> None:
    holder = Holder(folder)
    with embedded.serve(folder) as server:
        assert server.simple_url == holder.url
    assert healthy(holder.url)
    holder.end()
    assert not healthy(holder.url)


def test_the_last_one_out_ends_it(folder: Path) -> None:
    holder = Holder(folder)
    with embedded.serve(folder):
        holder.end()
        assert healthy(holder.url)
    assert not healthy(holder.url)


def test_an_orphan_is_ended_and_replaced(folder: Path) -> None:
    holder = Holder(folder)
    state = (folder / "server.json").read_text()
    holder.kill()
    assert healthy(holder.url)
    with embedded.serve(folder) as server:
        assert healthy(server.simple_url)
        assert (folder / "server.json").read_text() != state
        pid = re.search(r'"pid":(\d+)', state)
        assert pid
        assert embedded._start_time(int(pid[1])) is None
    assert not healthy(server.simple_url)


def test_a_process_of_the_same_id_is_not_taken_for_the_server(folder: Path) -> None:
    with embedded.serve(folder):
        state = (folder / "server.json").read_text()
    # As after a reboot: the id now belongs to somebody else, here to this very test.
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    stale = re.sub(r'"server":null', f'"server":{{"pid":{bystander.pid},"started":"1"}}', state)
    (folder / "server.json").write_text(stale)
    with embedded.serve(folder) as server:
        assert healthy(server.simple_url)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_hung_server_is_replaced(folder: Path) -> None:
    holder = Holder(folder)
    pid = re.search(r'"pid":(\d+)', (folder / "server.json").read_text())
    assert pid
    os.kill(int(pid[1]), signal.SIGSTOP)
    while healthy(holder.url):  # a process of many threads does not stop at once
        time.sleep(0.01)
    started = time.monotonic()
    with embedded.serve(folder) as server:
        assert healthy(server.simple_url)
    assert time.monotonic() - started < 15
    holder.end()


def test_a_server_that_does_not_start_is_told_with_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "pypiron"
    broken.write_text("#!/bin/sh\necho the disk is full >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("release.adapters.process.script", lambda name: broken)
    with pytest.raises(ToolError, match="did not start") as caught, embedded.serve(folder):
        pass
    assert "the disk is full" in caught.value.why


def test_local_repository(tmp_path: Path) -> None:
    assert is_empty(locate("local"), tmp_path)
    with open_repository("local", tmp_path) as repository:
        assert repository.source.credential().password.reveal() not in repr(repository.source)
        assert healthy(repository.simple_url)
    assert (tmp_path / ".release" / ".gitignore").read_text() == "*\n"
    assert is_empty(locate("local"), tmp_path)


def test_other_repositories_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(UsageError, match="no repository 'elsewhere'")
    with refused, open_repository("elsewhere", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".release").write_text("a file")
    with pytest.raises(ProjectError, match="cannot be written"):
        state_folder(tmp_path)
