"""What ``release.init`` finds in a project, and what it writes there."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Noun
from release.model.plan import Problem, Remark

How = Literal["create", "merge", "remove", "restore", "keep"]


class Fact(Noun, frozen=True, kw_only=True):
    """One thing that was found out about the project.

    ``evidence`` is what tells it, such as ``[tool.ruff] in pyproject.toml``.
    """

    about: str
    value: str
    evidence: str


class GateChoice(Noun, frozen=True, kw_only=True):
    """A gate that fits the project.

    ``commands`` are none where there is nothing to run, and ``why`` says so; ``needs`` is what is
    installed for them. ``own`` gates are sessions that the project's noxfile has already.
    ``workflows`` if it compares the workflows with the generated ones, too.
    """

    name: str
    why: str
    commands: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    own: bool = False
    workflows: bool = False


class FileChange(Noun, frozen=True, kw_only=True):
    """A file that is written, or that stays though it might have been.

    ``before`` is its text as it was found and ``after`` as it shall be, ``None`` where it is not
    there; of a file that is kept neither is told.
    """

    path: str
    how: How
    why: str
    before: str | None = None
    after: str | None = None


class Adoption(Document, frozen=True, kw_only=True):
    """The plan of ``release.init``, and in the ledger what ``--undo`` goes by.

    ``refs`` are those that an undo takes away.
    """

    project: str
    facts: tuple[Fact, ...] = ()
    gates: tuple[GateChoice, ...] = ()
    files: tuple[FileChange, ...] = ()
    refs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    next: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[FileChange, ...]:
        """The files that differ afterwards."""
        return tuple(one for one in self.files if one.how != "keep")
