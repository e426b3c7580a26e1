"""News fragments of towncrier and scriv: found, read in their documented forms, taken along.

The tools are the project's, and may not be installed here; nothing of them is run. What is in a
form that is not understood is left where it is, with the reason: never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

from release.ship.fragments import scriv, towncrier
from release.ship.fragments.form import Fragments, Read, UnknownFormError

__all__ = ["Fragments", "find"]

TOOLS = {"towncrier": towncrier.collect, "scriv": scriv.collect}


def find(read: Read, paths: Iterable[str]) -> Fragments | None:
    """The fragments of the project, if it uses one of the tools.

    :param read: the project's files.
    :param paths: all of them, from the project's folder.
    """
    listed = tuple(sorted(paths))
    for tool, collect in TOOLS.items():
        try:
            found = collect(read, listed)
        except UnknownFormError as error:
            return Fragments(tool, trouble=str(error))
        if found:
            return found
    return None
