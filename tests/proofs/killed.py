"""The program itself, killed at one point: ``python killed.py POINT WORDS...``.

Nothing in the program knows of this. The points are set from outside, before it starts:

    before:NAME, after:NAME   around a step of the journal, or another act of :data:`ACTS`
    effect:N                  before the N-th effect, as Python's audit hooks tell them: a child
                              that starts, a connection, a file that is renamed or removed
    chunk:N, answer:N         after the N-th piece of all uploads was sent; and when the N-th
                              upload was sent and stored, before its answer is read
    list:FILE                 kills nothing, and writes what effects there are
    nowhere                   kills nothing

``group`` kills the process group, as when a runner is cancelled; ``machine`` every descendant too.
"""

from __future__ import annotations

import functools
import http.client
import importlib
import os
import signal
import sys
import time
from pathlib import Path

ACTS = {
    "scan": "release.flows.auto:scan",
    "judge": "release.flows.auto:judge",
    "plan": "release.flows.planning:plan",
    "seal": "release.flows.publish:take_seal",
    "keep": "release.flows.auto:keep",
    "bytes": "release.flows.seals:name_bytes",
    "note": "release.flows.carry:note",
    "announce": "release.flows.carry:announce",
    "receipt": "release.flows.carry:_confirmed",
    "offer": "release.flows.auto:offer",
    "land": "release.flows.auto:land",
    "findings": "release.flows.land:land_findings",
    "documents": "release.flows.console:_after",
}
"""By name, where an act is looked up when it is called."""
EFFECTS = {"subprocess.Popen", "socket.connect", "os.rename", "os.remove", "os.rmdir"}
STORED = 0.5
"""Seconds in which an index on this machine has stored what was sent."""


def descendants() -> set[int]:
    """The processes that descend from this one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def die(*, machine: bool) -> None:
    """SIGKILL, to the group or to all that we started."""
    for pid in descendants() if machine else ():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    os.killpg(os.getpgrp(), signal.SIGKILL)


class Fuse:
    """Dies at the N-th time."""

    def __init__(self, number: int, machine: bool) -> None:
        self.left, self.machine = number, machine

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            die(machine=self.machine)


def around(where: str, fuse: Fuse, *, before: bool) -> None:
    """Replace a function by itself with a fuse at one of its ends."""
    module, name = where.split(":")
    home = importlib.import_module(module)
    inner = getattr(home, name)

    @functools.wraps(inner)
    def wrapped(*args, **kwargs):
        if before:
            fuse.burn()
        done = inner(*args, **kwargs)
        if not before:
            fuse.burn()
        return done

    setattr(home, name, wrapped)


def at_step(step: str, fuse: Fuse, *, before: bool) -> None:
    """A fuse in the clock of steps; after a step is before its line in the journal."""
    from release.flows.context import Stopwatch

    inner = Stopwatch.step

    def wrapped(self, name, act):
        if before and name == step:
            fuse.burn()
        entry = inner(self, name, act)
        if not before and name == step:
            fuse.burn()
        return entry

    Stopwatch.step = wrapped


def at_effect(fuse: Fuse) -> None:
    sys.addaudithook(lambda event, _: fuse.burn() if event in EFFECTS else None)


def write_effects(path: str) -> None:
    """List the effects as they come."""
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def hear(event, args):
        if event in EFFECTS:
            told = list(args[1]) if event == "subprocess.Popen" else args[:2]
            os.write(out, f"{event} {told}\n".encode()[:300].rstrip() + b"\n")

    sys.addaudithook(hear)


def at_chunk(fuse: Fuse) -> None:
    """After a piece of an upload has left."""
    inner = http.client.HTTPConnection.send

    def send(self, data):
        inner(self, data)
        if getattr(self, "uploads", False):
            fuse.burn()

    http.client.HTTPConnection.send = send
    mark_uploads()


def at_answer(fuse: Fuse) -> None:
    """When an upload was sent, and the index has had time to store it."""
    inner = http.client.HTTPConnection.getresponse

    def getresponse(self):
        if getattr(self, "uploads", False):
            if fuse.left == 1:
                time.sleep(STORED)
            fuse.burn()
        return inner(self)

    http.client.HTTPConnection.getresponse = getresponse
    mark_uploads()


def mark_uploads() -> None:
    inner = http.client.HTTPConnection.putrequest

    def putrequest(self, method, url, *args, **kwargs):
        self.uploads = method == "POST" and "/legacy/" in url
        inner(self, method, url, *args, **kwargs)

    http.client.HTTPConnection.putrequest = putrequest


def arm(point: str, victim: str) -> None:
    """Set the point."""
    kind, _, rest = point.partition(":")
    if kind in {"before", "after"}:
        name, _, count = rest.partition("#")
        fuse = Fuse(int(count or 1), victim == "machine")
        if name in ACTS:
            around(ACTS[name], fuse, before=kind == "before")
        else:
            at_step(name, fuse, before=kind == "before")
    elif kind == "list":
        write_effects(rest)
    elif kind != "nowhere":
        fuse = Fuse(int(rest), victim == "machine")
        {"effect": at_effect, "chunk": at_chunk, "answer": at_answer}[kind](fuse)


if __name__ == "__main__":
    arm(sys.argv[1], sys.argv[2])
    from release.__main__ import main

    main(sys.argv[3:])
