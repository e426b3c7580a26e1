"""The ledger: documents as commits on refs of the project's own repository.

Below ``refs/release-warden/<project>/``:

    history                                 record, snapshot and changes; one commit a change
    decisions                               each decision with what it rests on, once
    heartbeat                               one parentless commit, replaced at each scan
    runs                                    how each of the last runs went; parentless, replaced
    fixes/<digest>                          an edit of our requirements that was proposed
    <repository>/releases/<version>         manifest, plan, journal and receipt of one version
    <repository>/bytes/<version>            the sealed archives
    <repository>/last                       the seal that was taken last; every seal moves it

Refs move by compare-and-swap only; the working tree and the branches are never touched. Where a
remote shares the ledger, it is the truth: it moves first, and our refs follow it.

What our refs stand on is asked of git once, and again after each move, won or lost: what rests on
an older look than that is not written, as the compare-and-swap refuses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from release.adapters.git import Git, Move
from release.adapters.remote import Remote
from release.errors import TryAgainError
from release.model.base import Document, decode, encode

ROOT = "refs/release-warden"

TRIES = 4
"""How often the remote is read again when its refs move meanwhile."""

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Entry:
    """A commit of a ref: ``at`` in seconds since the epoch, and the first line of its message."""

    commit: str
    at: int
    subject: str


class Ledger:
    """One project's ledger.

    :param git: the repository.
    :param project: the project's normalized name.
    :param remote: the remote that shares it; ``None`` where this repository keeps it alone.
    """

    def __init__(self, git: Git, project: str, remote: Remote | None = None) -> None:
        self.git = git
        self.root = f"{ROOT}/{project}"
        self.remote = remote
        self._there: dict[str, str] = {}
        self._here: dict[str, str] | None = None
        self._held: dict[str, dict[str, bytes]] = {}
        self._read: dict[tuple[type[Document], str, str], Document | None] = {}

    def fetch(self) -> None:
        """Let our refs follow the remote's; a scan of ours that goes on from them is kept.

        :raises TryAgainError: the remote does not answer, or never rests.
        """
        self.look_again()
        if self.remote is None:
            return
        for _ in range(TRIES):
            self._there = self.remote.tips(f"{self.root}/*")
            ours = self.git.tips(self.root)
            news = {ref: new for ref, new in self._there.items() if ours.get(ref) != new}
            if not news or (self.remote.fetch(news) and all(map(self._is_here, news.values()))):
                break
        else:
            raise TryAgainError(
                f"the ledger could not be fetched from {self.remote.name}",
                why="it does not answer, or its refs move all the time",
                remedy="run again in a minute; nothing was changed",
            )
        for ref, new in news.items():
            if not (ref in ours and self.git.is_ancestor(new, ours[ref])):
                self._follow(ref, new)

    def look_again(self) -> None:
        """Forget what our refs stand on: another run may have moved them since."""
        self._here = None

    def _is_here(self, commit: str) -> bool:
        return self.git.resolve(f"{commit}^{{commit}}") is not None

    def _follow(self, ref: str, new: str) -> None:
        """Set our ref to what the remote has; where git will not now, the next fetch does."""
        with contextlib.suppress(TryAgainError):
            self.git.move(ref, new, old=self.git.resolve(ref))

    def ref(self, *parts: str) -> str:
        """The full name of a ref."""
        return "/".join((self.root, *parts))

    def tip(self, *parts: str) -> str | None:
        """The commit that a ref stands on, as of the last look."""
        return self._tips().get(self.ref(*parts))

    def _tips(self) -> dict[str, str]:
        """Our refs, and the commits that they stand on."""
        if self._here is None:
            self._here = self.git.tips(self.root)
        return self._here

    def below(self, *parts: str) -> dict[str, str]:
        """What lies below a ref, named from there, and the commits."""
        prefix = self.ref(*parts) + "/"
        return {
            ref.removeprefix(prefix): tip
            for ref, tip in self._tips().items()
            if ref.startswith(prefix)
        }

    def read(self, kind: type[D], commit: str | None, name: str) -> D | None:
        """A document of a commit; ``None`` where it is not there.

        It is read once a run: neither a commit nor a document ever changes, and both are asked
        for many times.

        :raises DocumentError: it is there and cannot be read.
        """
        if commit is None:
            return None
        if (kind, commit, name) not in self._read:
            text = self.git.show(commit, name)
            found = None if text is None else decode(kind, text, origin=f"{name} of the ledger")
            self._read[kind, commit, name] = found
        return cast("D | None", self._read[kind, commit, name])

    def write(
        self,
        ref: str,
        files: Mapping[str, bytes],
        *,
        old: str | None,
        message: str,
        at: datetime,
        parents: tuple[str, ...] | None = None,
        share: bool = True,
    ) -> str:
        """Put files on a ref.

        :param files: the whole content, name to bytes.
        :param old: the commit that the ref must stand on; ``None`` if it must not exist.
        :param parents: the commit's ancestry; by default ``old``.
        :param share: at the remote first, where there is one.
        :raises TryAgainError: another run moved the ref, or the remote does not take it.
        :returns: the new commit.
        """
        ancestry = parents if parents is not None else ((old,) if old else ())
        commit = self.store(files, message=message, at=at, parents=ancestry)
        self.move(ref, commit, old=old, share=share)
        return commit

    def move(self, ref: str, new: str, *, old: str | None, share: bool = True) -> None:
        """As :meth:`move_together`, of one ref."""
        self.move_together(Move(ref, new, old), share=share)

    def move_together(self, *moves: Move, share: bool = True) -> None:
        """Move refs by compare-and-swap, all or none: at the remote first, where there is one.

        :raises TryAgainError: another run moved one, or the remote does not take them.
        """
        try:
            self._move(moves, share=share)
        finally:
            self.look_again()

    def _move(self, moves: Sequence[Move], *, share: bool) -> None:
        if self.remote is None or not share:
            self.git.move_together(*moves)
            return
        self.remote.move_together(*(self._from_there(self.remote, one) for one in moves))
        for one in moves:
            self._there[one.ref] = one.new
            self._follow(one.ref, one.new)

    def _from_there(self, remote: Remote, move: Move) -> Move:
        """A move as the remote has to make it: ours may start from later than it was told of.

        :raises TryAgainError: the remote has what the move does not start from.
        """
        there = self._there.get(move.ref)
        if there and not (move.old and self.git.is_ancestor(there, move.old)):
            raise TryAgainError(
                f"{move.ref} was moved on {remote.name} by another run",
                remedy="run again; nothing of theirs was lost",
                failure="conflict",
            )
        return Move(move.ref, move.new, there)

    def store(
        self, files: Mapping[str, bytes], *, message: str, at: datetime, parents: tuple[str, ...]
    ) -> str:
        """Make a commit of files that no ref names yet, and return it."""
        tree = self.git.write_tree(files)
        return self.git.commit(tree, parents=parents, message=message, at=at)

    def files(self, commit: str) -> dict[str, bytes]:
        """All files of a commit of the ledger, name to bytes."""
        names = self.git.files(commit)
        held = self.git.blobs([f"{commit}:{name}" for name in names])
        return {name: data for name, data in zip(names, held, strict=True) if data is not None}

    def documents(
        self, commits: Iterable[str], names: Sequence[str]
    ) -> dict[str, dict[str, bytes]]:
        """Files of some commits, by commit and name; what a commit lacks is left out.

        All are read at once, and once a run: a commit never changes, and is asked for many times.
        """
        wanted = tuple(commits)
        new = [commit for commit in dict.fromkeys(wanted) if commit not in self._held]
        found = iter(
            self.git.blobs([f"{one}:{name}" for one in new for name in names]) if new else ()
        )
        for commit in new:
            held = {name: next(found) for name in names}
            self._held[commit] = {name: data for name, data in held.items() if data is not None}
        return {commit: self._held[commit] for commit in wanted}

    def past(self, *parts: str) -> Iterator[str]:
        """The commits of a ref, newest first."""
        if tip := self.tip(*parts):
            yield from self.git.run("rev-list", "--first-parent", tip).stdout.split()

    def entries(self, *parts: str) -> Iterator[Entry]:
        """The commits of a ref with their times and subjects, newest first, by one process."""
        if tip := self.tip(*parts):
            log = ("log", "--first-parent", "--format=%H %ct %s", tip, "--")
            for line in self.git.run(*log).stdout.splitlines():
                commit, at, subject = line.split(" ", 2)
                yield Entry(commit, int(at), subject)

    def versions(self, repository: str) -> tuple[str, ...]:
        """The versions ever sealed for a repository, as the refs name them."""
        return tuple(self.releases(repository))

    def releases(self, repository: str) -> dict[str, str]:
        """The versions ever sealed for a repository, and the commit that each stands on."""
        return self.below(repository, "releases")


def documents(**named: Document | None) -> dict[str, bytes]:
    """Files of documents: ``record=...`` becomes ``record.json``; absent ones are left out."""
    return {f"{name}.json": encode(item) for name, item in named.items() if item is not None}
