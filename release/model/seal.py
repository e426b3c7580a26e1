"""The seal: the bytes of a version, fixed for ever, and the journal of what became of them."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant, Noun
from release.model.waiver import Waiver

SealState = Literal["open", "confirmed", "abandoned", "closed"]


class Archive(Noun, frozen=True, kw_only=True):
    """One file of the release; ``size`` in bytes."""

    name: str
    sha256: str
    size: int


class Manifest(Document, frozen=True, kw_only=True):
    """What was sealed.

    ``seal`` is the random id of the run that won the version; ``commit`` the release commit C,
    ``base`` the commit it was made from, ``stored`` the ledger's commit that holds the archives;
    ``content`` the digest of the wheel's content apart from version, dates and RECORD;
    ``waivers`` are the gates that were red.
    """

    project: str
    version: str
    repository: str
    seal: str
    commit: str
    base: str
    stored: str
    tag: str
    files: tuple[Archive, ...]
    fingerprint: str
    content: str
    trigger: str
    notes: str
    sealed_at: Instant
    waivers: tuple[Waiver, ...] = ()


class Entry(Noun, frozen=True, kw_only=True):
    """One line of the journal; ``seconds`` is how long the step took."""

    step: str
    at: Instant
    seconds: float
    detail: str = ""


class Journal(Document, frozen=True, kw_only=True):
    """What has been done with a seal so far."""

    state: SealState = "open"
    entries: tuple[Entry, ...] = ()


class Archives(Document, frozen=True, kw_only=True):
    """Archives built from a commit and not sealed; ``checks`` is what was verified of them."""

    project: str
    version: str
    commit: str
    files: tuple[Archive, ...]
    checks: tuple[str, ...] = ()
