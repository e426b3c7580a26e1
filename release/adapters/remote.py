"""The door to the git remote that shares the ledger.

Git's messages are never parsed: what a push did is seen by reading the remote again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from release.adapters import job, process
from release.adapters.git import Git, Move
from release.errors import ConfigError, MachineError, ToolError, TryAgainError, UsageError

PATIENCE = 300.0
"""Seconds for one conversation."""
STALLED = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60")
"""A line on which nothing moves for a minute is given up."""
SECRET = re.compile(r"://[^/@\s]+@")
MIRROR = "mirror"
"""What a job tells its step (``RELEASE_WARDEN_MIRROR``): the name of the remote that an earlier
step has mirrored."""
MIRRORED = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*",
            "+refs/release-warden/*:refs/release-warden/*")  # fmt: skip
"""What a mirror has: no pull requests, which are many and not ours."""
BLIND = (
    "if this repository is private, say private = true in [tool.release-warden.github] and run "
    "release.workflows --write: this job holds nothing to read it with"
)
SAFE = "nothing of what was recorded is lost; run the same command again when it answers"


@dataclass(frozen=True)
class Branch:
    """A branch of a remote: its full name, and the commit that it stands on."""

    ref: str
    tip: str

    @property
    def name(self) -> str:
        """As people call it."""
        return self.ref.removeprefix("refs/heads/")


class Remote:
    """A remote of a repository.

    Where the job says that an earlier step has mirrored it, the mirror is read in its place.

    :param name: as git knows it, such as ``origin``.
    :raises ConfigError: git knows none of that name.
    """

    def __init__(self, git: Git, name: str) -> None:
        self.git = git
        self.name = name
        self._address = git.ask("remote", "get-url", "--", name)
        if self._address is None:
            raise ConfigError(
                f"git knows no remote {name!r}",
                why=f"known: {git.run('remote').stdout.replace(chr(10), ' ').strip() or 'none'}",
                remedy=f"add it with: git remote add {name} ADDRESS; or correct remote in "
                "[tool.release-warden]",
            )

    @cached_property
    def _source(self) -> str:
        """What is read: the remote, or what an earlier step of this job has made of it.

        :raises UsageError: the job tells of a mirror that is not there.
        """
        if job.asked(MIRROR) != self.name:
            return self.name
        place = self._place()
        if not place.is_dir():
            raise UsageError(
                f"this job tells of a mirror of {self.name}, and there is none",
                remedy="run release.mirror first, in the same checkout",
            )
        return str(place)

    def _place(self) -> Path:
        """Where its mirror is: in git's own folder, so that no tree and no build has it."""
        ask = ("rev-parse", "--path-format=absolute", "--git-common-dir")
        return Path(self.git.run(*ask).stdout.rstrip("\n"), "release-warden", f"{self.name}.git")

    def mirror(self) -> int:
        """Copy its branches, tags and ledgers as they are now, and return how many they are.

        :raises TryAgainError: it does not answer.
        """
        place = self._place()
        draft = place.with_suffix(".new")
        for left in (place, draft):
            shutil.rmtree(left, ignore_errors=True)
        copy = self._empty_copy(draft)
        there = Remote(copy, self.name)
        branch = there.default_branch()
        if not there.fetch(MIRRORED):
            raise TryAgainError(f"the remote {self.name} did not give all its refs", remedy=SAFE)
        copy.run("symbolic-ref", "HEAD", branch or "refs/heads/main")
        refs = len(copy.tips("refs/"))
        draft.rename(place)
        return refs

    def _empty_copy(self, folder: Path) -> Git:
        """A bare repository with the same remote, which has the objects that are here."""
        self.git.run("init", "--quiet", "--bare", str(folder))
        ours = self.git.run("rev-parse", "--path-format=absolute", "--git-path", "objects")
        (folder / "objects" / "info" / "alternates").write_text(ours.stdout)
        copy = Git(folder)
        copy.run("remote", "add", "--", self.name, self._address or "")
        return copy

    def tips(self, *patterns: str) -> dict[str, str]:
        """What the refs of some patterns stand on, as the remote says now.

        :raises TryAgainError: it does not answer.
        """
        done = self._talk("ls-remote", "--", self._source, *patterns)
        if done.code:
            raise self._silent(done)
        rows = (line.split("\t") for line in done.stdout.splitlines())
        return {ref: name for name, ref in rows}

    def default_branch(self) -> str | None:
        """The ref of the branch that the remote's HEAD stands for."""
        found = self.default_tip()
        return found.ref if found else None

    def default_tip(self) -> Branch | None:
        """The branch that the remote's HEAD stands for, and its tip; ``None`` where it has none.

        :raises TryAgainError: it does not answer.
        """
        done = self._talk("ls-remote", "--symref", "--", self._source, "HEAD")
        if done.code:
            raise self._silent(done)
        found = re.match(
            r"ref: (refs/heads/\S+)\tHEAD\n([0-9a-f]+)\tHEAD$", done.stdout, re.MULTILINE
        )
        return Branch(found[1], found[2]) if found else None

    def holds(self, branch: Branch, commit: str) -> bool:
        """Whether a commit is on a branch there; the branch's objects are fetched for that."""
        self.fetch([branch.ref])
        return self.git.is_ancestor(commit, branch.tip)

    def fetch(self, refs: Iterable[str]) -> bool:
        """Bring the objects of some refs here; no ref of ours moves.

        :returns: whether all came; one that moved meanwhile may not have.
        :raises MachineError: there is no room for them.
        """
        done = self._talk(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
            "--no-recurse-submodules", "--refmap=", "--stdin", "--", self._source,
            stdin="".join(f"{ref}\n" for ref in refs),
        )  # fmt: skip
        if done.code and (full := MachineError.heard(done.stderr)):
            raise full
        return not done.code

    def move(self, ref: str, new: str, *, old: str | None) -> None:
        """Move a ref there by compare-and-swap.

        :param old: what it must be now; ``None`` if it must not exist.
        :raises TryAgainError: another run moved it, or the remote does not take or answer it.
        """
        self.move_together(Move(ref, new, old))

    def move_together(self, *moves: Move) -> None:
        """Move refs there by compare-and-swap, all or none.

        :raises TryAgainError: another run moved one, or the remote does not take or answer them.
        """
        if self._source != self.name:
            raise TryAgainError(
                f"{moves[0].ref} cannot be moved: this job only has a mirror of {self.name}",
                remedy=f"another job does that, with the right to; {SAFE}",
            )
        leases = [f"--force-with-lease={one.ref}:{one.old or ''}" for one in moves]
        atomic = ["--atomic"] if len(moves) > 1 else []  # not every server knows it
        done = self._talk(
            "push", "--quiet", "--no-verify", "--no-signed", "--no-follow-tags",
            "--recurse-submodules=no", *atomic, *leases,
            "--", self.name, *(f"{one.new}:{one.ref}" for one in moves),
        )  # fmt: skip
        there = self.tips(*(one.ref for one in moves))
        if all(there.get(one.ref) == one.new for one in moves):
            return
        for one in moves:
            if there.get(one.ref) not in {one.old, one.new}:
                raise TryAgainError(
                    f"{one.ref} was moved on {self.name} by another run",
                    remedy="run again; nothing of theirs was lost",
                    failure="conflict",
                )
        raise TryAgainError(
            f"{self.name} did not take {moves[0].ref}",
            why=_without_secrets(done.stderr),
            remedy=f"see whether you may push there; {SAFE}",
        )

    def _talk(self, *words: str, stdin: str | None = None) -> process.Completed:
        # An agent's socket is no secret, and without it no ssh remote can be reached.
        agent = process.variable("SSH_AUTH_SOCK")
        env = {"SSH_AUTH_SOCK": agent} if agent else {}
        try:
            with job.credential_for(self._address or "") as right:
                return self.git.run(
                    *STALLED, *right, *words, stdin=stdin, env=env, check=False, timeout=PATIENCE
                )
        except ToolError as error:
            raise TryAgainError(f"{self.name}: {error.what}", remedy=SAFE) from error

    def _silent(self, done: process.Completed) -> TryAgainError:
        why = _without_secrets(done.stderr)
        remedy = f"{SAFE}; {BLIND}" if job.is_blind(self._address or "") else SAFE
        return TryAgainError(f"the remote {self.name} does not answer", why=why, remedy=remedy)


def _without_secrets(text: str) -> str:
    return SECRET.sub("://***@", text.strip())
