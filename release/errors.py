"""Every error that Release Warden raises on purpose.

Each says what happened, why, and what to do next, and carries the exit code of the run:

    WardenError                  1   something failed
    ├── UsageError               2   the call, the project or the configuration is wrong
    │   ├── ConfigError              a key or value of [tool.release-warden]
    │   └── ProjectError             no repository, no commit, no pyproject.toml, no metadata
    ├── BlockedError             3   a policy, a preflight check or a gate stands in the way
    │   └── IdenticalError           what was built has the content of the last release
    ├── UnknownError             4   something needed for an answer could not be seen
    │   └── UnreachableError         a server did not answer, or answered rubbish
    ├── TryAgainError           75   it may go through later (sysexits.h EX_TEMPFAIL)
    ├── StoppedError       130, 143   Ctrl-C, or another signal: 128 and its number
    └── FailedError              1   a step was tried and failed
        ├── ReplayError              a decision is not what its inputs give
        ├── MachineError             the operating system: no room, no permission
        ├── ToolError                a child process
        ├── DocumentError            a document that cannot be read
        ├── BuildError               the project did not build
        ├── VerificationError        an archive is not what the plan says
        ├── ForgeError               the forge refused, or holds something else under our name
        └── RepositoryError          the index refused, or holds other bytes under our name
            └── RejectedError        the index will never take a file of this version
"""

from __future__ import annotations

import errno
import os
import signal
from typing import Literal

Failure = Literal[
    "network",
    "auth",
    "rejected",
    "conflict",
    "quota",
    "build",
    "verification",
    "gate",
    "lock",
    "disk",
    "machine",
    "tool",
    "document",
    "forge",
    "unknown",
    "policy",
    "usage",
    "stopped",
    "status-failed",
    "status-stale",
    "scan-late",
]
"""What kind of thing went wrong, for whoever is told of it (:mod:`release.ship.failures`)."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FULL = (*(os.strerror(code) for code in sorted(NO_ROOM)), "Out of diskspace")
"""What programs say when there is no room; the last is git's own."""
NO_ROOM_LEFT = "there is no room to write"
MAKE_ROOM = "make room, then run the same command again: it goes on from here, nothing is lost"
NO_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class WardenError(Exception):
    """The root of the tree.

    :param what: what happened, in one sentence.
    :param why: the cause as far as it is known; may hold several lines.
    :param remedy: what to do next.
    :param failure: its kind, where the class does not tell.

    ``step`` and ``version`` are filled in on the way up: what was being done, for which release.
    """

    exit_code = 1
    step = ""
    version = ""

    def __init__(
        self, what: str, *, why: str = "", remedy: str = "", failure: Failure | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.failure = failure

    @property
    def kind(self) -> str:
        """The error's name in documents, such as ``config`` for :class:`ConfigError`."""
        return type(self).__name__.removesuffix("Error").lower()

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"why:  {self.why}")
        if self.remedy:
            lines.append(f"next: {self.remedy}")
        return "\n".join(lines)


class UsageError(WardenError):
    """The call, the project or the configuration is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A key or a value of ``[tool.release-warden]`` is wrong."""


class ProjectError(UsageError):
    """The folder is not a project that can be worked on."""


class BlockedError(WardenError):
    """A policy, a preflight check or a gate stands in the way."""

    exit_code = 3


class IdenticalError(BlockedError):
    """What was built has the very content of the last release: users would get nothing new.

    :param version: that release's.
    """

    def __init__(self, version: str) -> None:
        super().__init__(
            f"what was built has the very content of {version}, the last release",
            why="apart from version, dates and RECORD; nothing was sealed or uploaded",
            remedy='a person may release it all the same: release.publish --reason "why"',
        )
        self.version = version


class UnknownError(WardenError):
    """Something needed for an answer could not be seen."""

    exit_code = 4


class UnreachableError(UnknownError):
    """A server did not answer, or answered something that is no answer."""


class TryAgainError(WardenError):
    """It may go through later."""

    exit_code = 75


class StoppedError(WardenError):
    """The run was told to stop.

    :param number: the signal's; the exit code is that of a shell, 128 and the number.
    """

    def __init__(self, number: int) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(
            f"stopped by {name}",
            remedy="run the same command again: it goes on from here, with what is sealed",
        )
        self.exit_code = 128 + number


class FailedError(WardenError):
    """A step was tried and failed."""


class ReplayError(FailedError):
    """A decision is not what its inputs give."""


class MachineError(FailedError):
    """The operating system refused: no room, no permission, a broken disk."""

    @classmethod
    def of(cls, error: OSError) -> MachineError:
        """The operating system's refusal in our words."""
        where = f": {error.filename}" if error.filename else ""
        why = f"{error.strerror or error}{where}"
        if error.errno in NO_ROOM:
            return cls(NO_ROOM_LEFT, why=why, remedy=MAKE_ROOM, failure="disk")
        if error.errno in NO_PERMISSION:
            remedy = "give yourself the permission, or run as somebody who has it"
            return cls("a file or folder may not be used", why=why, remedy=remedy)
        return cls("the operating system refused", why=why, remedy="mend it, then run again")

    @classmethod
    def heard(cls, said: str) -> MachineError | None:
        """The error for a program that died of a full disk, by its last words; else ``None``.

        C, Python and Rust all tell it in the words of ``strerror``.
        """
        lines = [line.strip() for line in said.splitlines() if any(w in line for w in FULL)]
        if not lines:
            return None
        return cls(NO_ROOM_LEFT, why=lines[-1], remedy=MAKE_ROOM, failure="disk")


class ToolError(FailedError):
    """A child process failed, was missing or ran out of time."""


class DocumentError(FailedError):
    """A document cannot be read."""


class BuildError(FailedError):
    """The project did not build."""


class VerificationError(FailedError):
    """An archive is not what the plan says."""


class RepositoryError(FailedError):
    """The index refused an upload, or holds other bytes under our name."""


class RejectedError(RepositoryError):
    """The index will never take a file as it is: this version cannot be completed.

    ``arrived`` are the files of the version that it took in the same run, before it refused.
    """

    arrived: tuple[str, ...] = ()


class ForgeError(FailedError):
    """The forge refused a pull request or a release, or holds something else under our name."""
