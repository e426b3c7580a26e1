"""The reconciliation: what git, remote, index, forge and ledger each say of every version."""

from __future__ import annotations

from typing import ClassVar, Literal

from release.model.base import Document, Instant, Noun

ReleaseState = Literal[
    "clean",
    "sealed",
    "uploading",
    "unconfirmed",
    "untagged",
    "unmerged",
    "tag-only",
    "index-only",
    "bytes-differ",
    "abandoned",
    "closed",
    "unknown",
]
Part = Literal["git", "remote", "index", "forge", "ledger"]


class Difference(Noun, frozen=True, kw_only=True):
    """One thing that two of the five do not agree on; ``part`` is the one that is told of."""

    version: str
    part: Part
    what: str


class FileHashes(Noun, frozen=True, kw_only=True):
    """One file of a version by sha256, side by side; ``None`` where it is not there."""

    name: str
    ledger: str | None = None
    index: str | None = None
    forge: str | None = None
    yanked: bool = False


class VersionState(Noun, frozen=True, kw_only=True):
    """One version; ``settled`` says that nothing is left to be done about it.

    ``ledger`` is what the ledger calls it, empty where it does not know it; ``commit`` the release
    commit that it names, ``tag_here`` and ``tag_there`` what the tag stands on in this repository
    and on its remote.
    """

    version: str
    state: ReleaseState
    settled: bool
    next: str = ""
    ledger: str = ""
    commit: str | None = None
    tag_here: str | None = None
    tag_there: str | None = None
    files: tuple[FileHashes, ...] = ()


class Unseen(Noun, frozen=True, kw_only=True):
    """One of the five that did not answer, and why."""

    part: Part
    why: str


class Reconciliation(Document, frozen=True, kw_only=True):
    """The five side by side.

    ``state`` is that of the version that needs somebody most, ``next`` the one safe command for
    it; ``versions`` come lowest first.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset({"as_of"})

    project: str
    repository: str
    as_of: Instant
    state: ReleaseState
    differences: tuple[Difference, ...] = ()
    next: str = ""
    versions: tuple[VersionState, ...] = ()
    unseen: tuple[Unseen, ...] = ()


class Observed(Noun, frozen=True, kw_only=True):
    """What a person has taken note of: these files on the index, this tag, and no release of ours.

    ``files`` are sha256 by name, empty for a tag alone.
    """

    version: str
    tag: str | None
    files: dict[str, str]
    at: Instant


class Observations(Document, frozen=True, kw_only=True):
    """What is there and was not released by this ledger, as far as somebody has looked at it."""

    observed: tuple[Observed, ...] = ()
