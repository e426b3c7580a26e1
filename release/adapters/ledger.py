"""The ledger: documents as commits on refs of the project's own repository.

Below ``refs/release-warden/<project>/``:

    history                                 record, snapshot and changes; one commit a change
    heartbeat                               one parentless commit, replaced at each scan
    fixes/<digest>                          an edit of our requirements that was proposed
    <repository>/releases/<version>         manifest, plan, journal and receipt of one version
    <repository>/bytes/<version>            the sealed archives

Refs move by compare-and-swap only; the working tree and the branches are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from release.adapters.git import Git
from release.model.base import Document, decode, encode

ROOT = "refs/release-warden"

D = TypeVar("D", bound=Document)


class Ledger:
    """One project's ledger.

    :param git: the repository.
    :param project: the project's normalized name.
    """

    def __init__(self, git: Git, project: str) -> None:
        self.git = git
        self.root = f"{ROOT}/{project}"

    def ref(self, *parts: str) -> str:
        """The full name of a ref."""
        return "/".join((self.root, *parts))

    def tip(self, *parts: str) -> str | None:
        """The commit that a ref stands on."""
        return self.git.resolve(self.ref(*parts))

    def read(self, kind: type[D], commit: str | None, name: str) -> D | None:
        """A document of a commit; ``None`` where it is not there.

        :raises DocumentError: it is there and cannot be read.
        """
        text = self.git.show(commit, name) if commit else None
        return None if text is None else decode(kind, text, origin=f"{name} of the ledger")

    def write(
        self,
        ref: str,
        files: Mapping[str, bytes],
        *,
        old: str | None,
        message: str,
        at: datetime,
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Put files on a ref.

        :param files: the whole content, name to bytes.
        :param old: the commit that the ref must stand on; ``None`` if it must not exist.
        :param parents: the commit's ancestry; by default ``old``.
        :raises TryAgainError: another run moved the ref.
        :returns: the new commit.
        """
        ancestry = parents if parents is not None else ((old,) if old else ())
        commit = self.store(files, message=message, at=at, parents=ancestry)
        self.git.move(ref, commit, old=old)
        return commit

    def store(
        self, files: Mapping[str, bytes], *, message: str, at: datetime, parents: tuple[str, ...]
    ) -> str:
        """Make a commit of files that no ref names yet, and return it."""
        tree = self.git.write_tree(files)
        return self.git.commit(tree, parents=parents, message=message, at=at)

    def files(self, commit: str) -> dict[str, bytes]:
        """All files of a commit of the ledger, name to bytes."""
        return {name: self.git.blob(commit, name) for name in self.git.files(commit)}

    def past(self, *parts: str) -> Iterator[str]:
        """The commits of a ref, newest first."""
        if self.tip(*parts):
            yield from self.git.run("rev-list", "--first-parent", self.ref(*parts)).stdout.split()

    def versions(self, repository: str) -> tuple[str, ...]:
        """The versions ever sealed for a repository, as the refs name them."""
        prefix = self.ref(repository, "releases") + "/"
        return tuple(ref.removeprefix(prefix) for ref in self.git.refs(prefix))


def documents(**named: Document | None) -> dict[str, bytes]:
    """Files of documents: ``record=...`` becomes ``record.json``; absent ones are left out."""
    return {f"{name}.json": encode(item) for name, item in named.items() if item is not None}
