"""What travels between the jobs of a CI run that releases in stages."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Noun
from release.model.decision import Decision
from release.model.seal import Archive, Entry
from release.model.waiver import Waiver

Stage = Literal["check", "build", "record", "upload", "prove", "finish"]


class Handover(Document, frozen=True, kw_only=True):
    """The list of what lies in the folder: ``handover.json``, whose sha256 vouches for it all.

    ``stage`` is the last one done; ``commit`` the release commit; ``files`` everything else in
    the folder; ``entries`` the journal so far; ``waived`` the red gates.
    """

    project: str
    version: str
    repository: str
    stage: Stage
    commit: str
    files: tuple[Archive, ...]
    entries: tuple[Entry, ...] = ()
    waived: tuple[Waiver, ...] = ()


class Output(Noun, frozen=True, kw_only=True):
    """What a job's output carries on: ``digest`` is the sha256 of the ``handover.json``."""

    folder: str
    digest: str


class Staged(Document, frozen=True, kw_only=True):
    """How a stage ended: with something handed over, or with nothing to release."""

    stage: Stage
    decision: Decision | None = None
    handover: Handover | None = None
    output: Output | None = None
