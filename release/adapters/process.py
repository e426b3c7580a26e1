"""The door to child processes and to the environment.

Children get a scrubbed environment: what finds programs, homes, certificates and proxies, and
nothing that could be a credential or steer a tool (law 5; FIELD, "uv can be steered").
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess  # noqa: TID251 # nosec B404 # this is the door
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.errors import MachineError, ToolError

PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "XDG_CACHE_HOME", "NO_COLOR", "CI",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip
"""The variables that every child may see."""
LEAST_ROOM = 1 << 20
"""Bytes: with fewer no program gets anything done."""
END_PATIENCE = 2.0
"""Seconds that a child has to come to rest before it is killed; git removes its locks then."""
_running: set[int] = set()
"""The groups of the children that a thread of ours waits for."""


@dataclass(frozen=True)
class Completed:
    """A child that ended."""

    argv: tuple[str, ...]
    code: int
    raw: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """What it said, as text."""
        return self.raw.decode("utf-8", "replace")


def environment(**extra: str) -> dict[str, str]:
    """The environment for a child: the passed-on variables and ``extra``."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}  # noqa: TID251
    return passed | extra


def variable(name: str) -> str | None:
    """One variable of our own environment."""
    return os.environ.get(name)  # noqa: TID251 - this is the door


def variables() -> tuple[tuple[str, str], ...]:
    """All of our own environment, name and value."""
    return tuple(os.environ.items())  # noqa: TID251 - this is the door


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes | None = None,
    timeout: float = 600,
    check: bool = True,
) -> Completed:
    """Run a child to its end, in a process group of its own.

    :param argv: the command; never holds a secret.
    :param cwd: where it runs.
    :param env: its whole environment; by default :func:`environment`.
    :param stdin: what it reads.
    :param timeout: seconds until its whole group is killed.
    :param check: raise when it exits with another code than 0.
    :raises ToolError: it is missing, ran out of time, or (with ``check``) failed.
    """
    command = tuple(str(word) for word in argv)
    data = stdin.encode() if isinstance(stdin, str) else stdin
    with _awaited(_start(command, cwd, environment() if env is None else env)) as child:
        try:
            out, err = child.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"{tool_name(command)} did not end within {timeout:g} seconds",
                remedy="run again; if it hangs again, run it by hand: " + " ".join(command),
            ) from error
    done = Completed(command, child.returncode, out or b"", (err or b"").decode("utf-8", "replace"))
    if check and done.code:
        raise failure(done, cwd)
    return done


def stream(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], out: Path | None = None
) -> int:
    """Run a child whose talk goes to our stderr as it comes.

    :param out: a file for its stdout; by default that is talk too.
    :returns: its exit code.
    :raises ToolError: it is missing.
    """
    command = tuple(str(word) for word in argv)
    with (
        out.open("wb") if out else contextlib.nullcontext(sys.stderr) as sink,
        _awaited(_start(command, cwd, env, sink.fileno(), sys.stderr.fileno())) as child,
    ):
        return child.wait()


def listen(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], hear: Callable[[str], None]
) -> int:
    """Run a child and hear each line that it says, on stdout or stderr, as it comes.

    :returns: its exit code.
    :raises ToolError: it is missing.
    """
    command = tuple(str(word) for word in argv)
    with _awaited(_start(command, cwd, env, stderr=subprocess.STDOUT)) as child:
        if child.stdin and child.stdout:
            child.stdin.close()
            for line in child.stdout:
                hear(line.decode("utf-8", "replace").rstrip("\r\n"))
        return child.wait()


def spawn(argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], log: Path) -> int:
    """Start a server that outlives this call; its talk goes to ``log``.

    :returns: its process id, which is also its group's.
    :raises ToolError: it is missing.
    """
    with log.open("wb") as sink:
        return _start(tuple(str(word) for word in argv), cwd, env, sink.fileno(), sink.fileno()).pid


def end_children() -> None:
    """Ask every child that we wait for to end."""
    for group in tuple(_running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)


def _start(
    command: tuple[str, ...],
    cwd: Path,
    env: Mapping[str, str],
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # nosec B603 # no shell
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE if stdout == subprocess.PIPE else subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(
            f"{tool_name(command)} could not be started in {cwd}",
            why=str(error),
            remedy=f"see that the folder exists and that {tool_name(command)} can be run there",
        ) from error


@contextlib.contextmanager
def _awaited(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    _running.add(child.pid)
    try:
        yield child
    finally:
        _end_group(child)
        _running.discard(child.pid)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child, and what it left running in its group: a gate's server, a hung grandchild."""
    if child.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(END_PATIENCE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe:
            pipe.close()
    child.wait()


def failure(done: Completed, cwd: Path, remedy: str = "") -> ToolError | MachineError:
    """The error of a child that failed, with the end of what it said.

    :param cwd: where it ran: git does not always say that it died of a full disk.
    """
    if full := MachineError.heard(done.stderr) or _full(cwd):
        return full
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return ToolError(
        f"{tool_name(done.argv)} exited with {done.code}",
        why="\n".join(said[-20:]),
        remedy=remedy or "read its message above; the command was: " + " ".join(done.argv),
    )


def _full(folder: Path) -> MachineError | None:
    """The error for a folder on a disk without room, where it can be asked."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    why = f"{free} bytes are free below {folder}"
    return None if free >= LEAST_ROOM else MachineError.of(OSError(errno.ENOSPC, why))


def tool_name(argv: Sequence[str]) -> str:
    """The name that a person knows the command by: ``python -m build`` is ``build``."""
    if "-m" in argv[1:3]:
        return argv[argv.index("-m") + 1]
    return Path(argv[0]).name


def script(name: str) -> Path:
    """A program that a dependency of ours installs, such as uv or pypiron.

    :raises ToolError: it is neither beside our Python nor on PATH.
    """
    beside = Path(sysconfig.get_path("scripts")) / name
    found = beside if beside.exists() else shutil.which(name)
    if not found:
        raise ToolError(
            f"the program {name} is missing",
            why=f"it should lie in {beside.parent}, where release-warden's dependencies install it",
            remedy="install release-warden again, with its dependencies",
        )
    return Path(found)


def python() -> str:
    """The interpreter that runs us."""
    return sys.executable
