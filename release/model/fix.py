"""The fix: an edit of our requirements that frees users, and where it lies."""

from __future__ import annotations

from release.model.base import Document
from release.model.plan import FileEdit
from release.model.snapshot import Edit


class Fix(Document, frozen=True, kw_only=True):
    """The edit for all findings that one of ours frees, checked by resolving HEAD with it.

    ``base`` is the commit that it was made for, ``keys`` are the findings that it frees, ``diff``
    is what changes. ``commit`` is what the branch stands on; ``None`` as long as there is no
    branch. ``remote`` names the remote that has the branch, ``pull_request`` is the address.
    Without ``edits``, there is nothing that an edit of ours would help.
    """

    project: str
    base: str
    edits: tuple[Edit, ...] = ()
    keys: tuple[str, ...] = ()
    files: tuple[FileEdit, ...] = ()
    diff: str = ""
    branch: str = ""
    commit: str | None = None
    remote: str | None = None
    pull_request: str | None = None
