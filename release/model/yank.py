"""A yank: what a person is asked to do on an index, and whether it is true yet."""

from __future__ import annotations

from typing import Literal

from release.model.base import Document, Instant, Noun


class YankedFile(Noun, frozen=True, kw_only=True):
    """One file of the version as the index listed it when it was last looked at."""

    name: str
    sha256: str | None
    yanked: bool


class Yank(Document, frozen=True, kw_only=True):
    """A request to take a version out of what installers choose by themselves (PEP 592).

    ``manage_url`` is the index's own page for it, empty where that is not known; ``steps`` what a
    person does there. ``advisory`` is a draft in the fields of GitHub's form, as Markdown; ``osv``
    the same as an OSV record without an id. ``instead`` is the version that users get then.
    """

    project: str
    version: str
    repository: str
    reason: str
    state: Literal["requested", "done"]
    requested_at: Instant
    done_at: Instant | None = None
    manage_url: str = ""
    steps: tuple[str, ...] = ()
    files: tuple[YankedFile, ...] = ()
    instead: str | None = None
    advisory: str = ""
    osv: str = ""
