"""The plan: everything that a release will do, before any of it is done."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Noun
from release.model.decision import Decision
from release.model.delta import Delta
from release.model.snapshot import Edit
from release.model.waiver import Waiver

StepKind = Literal["reversible", "irreversible", "verify-only"]
StepName = Literal[
    "commit",
    "gates",
    "build",
    "verify",
    "seal",
    "upload",
    "confirm",
    "prove",
    "tag",
    "announce",
    "status",
]


class Step(Noun, frozen=True, kw_only=True):
    """One step; ``done`` when the world already shows its postcondition."""

    name: StepName
    kind: StepKind
    done: bool = False
    postcondition: str = ""


class Problem(Noun, frozen=True, kw_only=True):
    """One thing that would make the release fail, found before it began."""

    check: str
    what: str
    next: str


class Remark(Noun, frozen=True, kw_only=True):
    """Something that stops nothing, and that a person should know before saying yes."""

    about: str
    what: str
    next: str = ""


class FileEdit(Noun, frozen=True, kw_only=True):
    """A file of the release commit that differs from HEAD.

    ``after`` is its whole new text; ``None`` if the release commit does not have it.
    """

    path: str
    after: str | None


class Plan(Document, frozen=True, kw_only=True):
    """What will be done. ``commit`` is HEAD; the release commit is HEAD with ``edits``.

    ``notes`` is the changelog's section, ``announcement`` the text for a release page (GitHub's);
    ``delta`` is ``None`` where no scan saw this commit, or nothing was released before.
    ``waivers`` are the gates that may be red; ``less_provenance`` is the reason given for going
    without the attestations of the release before.
    ``fix`` is the edit of our requirements among them that HEAD lacks, if there is one.
    ``after`` is the ledger's commit of the seal that was the last one when this was planned; empty
    where there was none.
    """

    decision: Decision
    project: str
    repository: str
    version: str
    tag: str
    commit: str
    notes: str
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...] = ()
    edits: tuple[FileEdit, ...] = ()
    gates: tuple[str, ...] = ()
    gates_note: str = ""
    announcement: str = ""
    delta: Delta | None = None
    remarks: tuple[Remark, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    less_provenance: str = ""
    fix: tuple[Edit, ...] = ()
    after: str = ""
