"""A person at a keyboard: the program runs in a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys


def at_a_keyboard(answer: str, *words: str) -> tuple[int, str]:
    """``release-warden WORDS`` with its question answered; the exit code, and what was shown."""
    keyboard, terminal = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    argv = [sys.executable, "-P", "-m", "release", *words]
    child = subprocess.Popen(
        argv, stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal, env=env
    )
    os.close(terminal)
    os.write(keyboard, f"{answer}\n".encode())
    said = b""
    while piece := _read(keyboard):
        said += piece
    os.close(keyboard)
    return child.wait(60), said.decode()


def _read(keyboard: int) -> bytes:
    """What the terminal shows; empty when the program has closed it."""
    try:
        return os.read(keyboard, 1 << 16)
    except OSError:  # Linux says EIO when nobody is left at the other end
        return b""
