"""The door to a git remote.

Git's messages are never parsed: what a push did is seen by reading the remote again.
"""

from __future__ import annotations

import re

from release.adapters import process
from release.adapters.git import Git
from release.errors import ConfigError, TryAgainError

SECRET = re.compile(r"://[^/@\s]+@")


class Remote:
    """A remote of a repository.

    :param name: as git knows it, such as ``origin``.
    :raises ConfigError: git knows none of that name.
    """

    def __init__(self, git: Git, name: str) -> None:
        self.git = git
        self.name = name
        if git.ask("remote", "get-url", "--", name) is None:
            raise ConfigError(
                f"git knows no remote {name!r}",
                why=f"known: {git.run('remote').stdout.replace(chr(10), ' ').strip() or 'none'}",
                remedy=f"add it with: git remote add {name} ADDRESS; or correct remote in "
                "[tool.release-warden]",
            )

    def tips(self, *patterns: str) -> dict[str, str]:
        """What the refs of some patterns stand on, as the remote says now.

        :raises TryAgainError: it does not answer.
        """
        done = self._talk("ls-remote", "--", self.name, *patterns)
        if done.code:
            raise self._refusal(f"the remote {self.name} does not answer", done)
        rows = (line.split("\t") for line in done.stdout.splitlines())
        return {ref: name for name, ref in rows}

    def move(self, ref: str, new: str, *, old: str | None) -> None:
        """Move a ref there by compare-and-swap.

        :param old: what it must be now; ``None`` if it must not exist.
        :raises TryAgainError: another run moved it, or the remote does not take or answer it.
        """
        lease = f"--force-with-lease={ref}:{old or ''}"
        done = self._talk("push", "--quiet", "--no-verify", lease, "--", self.name, f"{new}:{ref}")
        if self.tips(ref).get(ref) != new:
            raise self._refusal(f"{self.name} did not take {ref}", done)

    def _talk(self, *words: str) -> process.Completed:
        # An agent's socket is no secret, and without it no ssh remote can be reached.
        agent = process.variable("SSH_AUTH_SOCK")
        return self.git.run(*words, env={"SSH_AUTH_SOCK": agent} if agent else {}, check=False)

    def _refusal(self, what: str, done: process.Completed) -> TryAgainError:
        why = SECRET.sub("://***@", done.stderr.strip())
        return TryAgainError(what, why=why, remedy="see whether you may push there; then run again")
