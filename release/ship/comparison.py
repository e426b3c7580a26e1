"""Archives against the commit they were built from, and against another build of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from release.ship import tokens
from release.ship.archives import WHEEL, contents, is_generated

TESTS = frozenset({"test", "tests", "testing", "testdata", "fixtures", "examples"})
"""Folders whose keys and tokens are made up."""


def altered(name: str, data: bytes, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The Python files of an archive that bear a commit's path and hold other bytes.

    Backends copy sources; what differs was changed on the way, unless it is a file that backends
    write themselves or git converts (line ends, filters): the caller looks at those again.

    :param name: the archive's file name.
    :param blobs: the commit's paths and their object ids.
    :returns: the commit's path to the bytes in the archive.
    """
    found = {}
    for path, content in contents(name, data, r".*\.pyi?"):
        candidates = _candidates(path, blobs, wheel=name.endswith(WHEEL))
        if candidates and blob_id(content) not in {blobs[one] for one in candidates}:
            found[candidates[0]] = content
    return {path: content for path, content in found.items() if not is_generated(path, blobs)}


def _candidates(path: str, blobs: Mapping[str, str], *, wheel: bool) -> list[str]:
    """The commit's paths that a member may come from: a wheel's lacks the leading folders."""
    if not wheel:
        inside = path.partition("/")[2]
        return [inside] if inside in blobs else []
    return sorted((one for one in blobs if f"/{one}".endswith(f"/{path}")), key=len)


def blob_id(content: bytes) -> str:
    """The name that git gives a file with this content, in a SHA-1 repository."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def secrets(name: str, data: bytes) -> list[str]:
    """The members of an archive that hold a secret, each with its kind."""
    return [
        f"{name}: {path} holds {kind}"
        for path, content in contents(name, data)
        if not TESTS & set(PurePosixPath(path).parts)
        for kind in tokens.found(content)
    ]


def differences(name: str, one: bytes, other: bytes) -> tuple[str, ...]:
    """The members in which two builds of an archive differ; none if only their wrapping does.

    :param name: the archive's file name.
    """
    first, second = dict(contents(name, one)), dict(contents(name, other))
    return tuple(
        sorted(path for path in first.keys() | second if first.get(path) != second.get(path))
    )


def sameness(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> str:
    """How two builds of one commit compare, in words for the journal."""
    if first == second:
        return "built twice, byte for byte the same"
    if first.keys() != second.keys():
        return f"built twice, under other names: {', '.join(sorted(second))}"
    told = (
        f"{name} {_told(differences(name, first[name], second[name]))}"
        for name in sorted(first)
        if first[name] != second[name]
    )
    return f"built twice: {'; '.join(told)}"


def _told(paths: tuple[str, ...], limit: int = 3) -> str:
    if not paths:
        return "differs in its wrapping only (times, order, owners)"
    more = f" and {len(paths) - limit} more" if len(paths) > limit else ""
    return f"differs in {', '.join(re.sub('[^ -~]', '?', one) for one in paths[:limit])}{more}"
