"""Places that still tell the version before: found and named, never edited on their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from release.model.plan import FileEdit, Remark

SHOWN = 20
"""How many places a remark names."""

_HISTORY = re.compile(r"(changelog|changes|history|news|releases?([-_ ]?notes)?)", re.IGNORECASE)
_LOCK = re.compile(r".*(\.lock|-lock\.\w+|\.lock\.\w+)|pylock.*\.toml|requirements.*\.txt")


@dataclass(frozen=True)
class Line:
    """A line of a tracked file; ``number`` counts from 1."""

    path: str
    number: int
    text: str


class OwnVersion:
    """Tells whether a line speaks of the project's own version.

    :param name: the project's.
    :param version: the one looked for.
    """

    def __init__(self, name: str, version: str) -> None:
        self.project, self.number = name, version
        end = r"(?![\w+!-]|\.(?:\d|dev|post))"
        start = r"(?<![\d.!])"
        words = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", name)))
        self.version = re.compile(rf"{start}{re.escape(version)}{end}")
        self.name = re.compile(rf"(?<![\w.-]){words}(?![\w-]|\.\w)", re.IGNORECASE)
        self._assigned = re.compile(
            rf"(?<![\w-])(__version__|(current_)?version|release)[\"']?\s*(:[^=\n\"']*)?[:=]"
            rf"\s*[\"']?v?"
            rf"{re.escape(version)}{end}",
            re.IGNORECASE,
        )

    def assigned(self, text: str) -> bool:
        """Whether something called version is this version, as in ``version: 1.0``."""
        return self._assigned.search(text) is not None

    def told(self, text: str) -> bool:
        """Whether the version stands in a version assignment, or beside the project's name."""
        if self.assigned(text):
            return True
        return bool(self.version.search(text) and self.name.search(text))

    def in_any(self, text: str) -> bool:
        """Whether a text tells this version as the project's own."""
        whole = self.version.fullmatch(text.strip()) is not None
        return whole or any(map(self.told, text.splitlines()))

    def rewritten(self, text: str, new: str) -> str:
        """A text with every telling line telling the new version."""
        if self.version.fullmatch(text.strip()):
            return text.replace(text.strip(), new)
        lines = text.splitlines(keepends=True)
        return "".join(self.version.sub(new, x) if self.told(x) else x for x in lines)


def stale(own: OwnVersion, lines: Iterable[Line], edits: Iterable[FileEdit]) -> Remark | None:
    """What still tells the old version once a release commit is made.

    A changelog tells of the past, and is left out. In a lock file only the project's own entry
    counts: the version on the line of the name, or on the next.

    :param lines: the tracked lines that hold the version or the name.
    :param edits: the files that the release commit changes, looked at as they will be.
    """
    changed = {edit.path: edit.after for edit in edits}
    kept = [line for line in lines if line.path not in changed]
    for path, after in changed.items():
        kept += [Line(path, n, t) for n, t in enumerate((after or "").splitlines(), start=1)]
    places = [f"{line.path}:{line.number}" for line in _telling(own, kept)]
    if not places:
        return None
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return Remark(
        about="stale-version",
        what=f"the version before still stands in {', '.join(places[:SHOWN])}{more}",
        next="correct them by hand, or name the files in version-files of [tool.release-warden]",
    )


def _telling(own: OwnVersion, lines: Iterable[Line]) -> Iterator[Line]:
    previous: Line | None = None
    for line in sorted(lines, key=lambda line: (line.path, line.number)):
        path = PurePosixPath(line.path)
        if _LOCK.fullmatch(path.name):
            named = own.name.search(line.text) or (
                previous
                and (previous.path, previous.number) == (line.path, line.number - 1)
                and own.name.search(previous.text)
            )
            if named and own.version.search(line.text):
                yield line
        elif not _HISTORY.fullmatch(path.stem) and own.told(line.text):
            yield line
        previous = line
