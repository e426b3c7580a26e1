"""Whether a project's GitHub workflows are the generated ones."""

from __future__ import annotations

from release.model.base import Document


class Workflows(Document, frozen=True, kw_only=True):
    """What ``release.workflows`` found or wrote.

    ``files``: the generated files, from the top of the repository. ``lock``: the file of the locked
    tools. ``diff``: how the files differ from what is generated, empty where they do not.
    ``problems``: what is wrong with the lock. ``written``: whether they have been written since.
    """

    files: tuple[str, ...]
    lock: str
    diff: str = ""
    problems: tuple[str, ...] = ()
    written: bool = False
