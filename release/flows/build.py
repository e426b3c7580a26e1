"""Build a commit, twice at once: the first is what is shipped, the second tells how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from release.adapters import builder, progress
from release.errors import BuildError
from release.flows.context import Context
from release.ship import comparison


@dataclass(frozen=True)
class Built:
    """The archives of a commit, name to bytes, and how a second build compared."""

    files: Mapping[str, bytes]
    sameness: str


def build_twice(context: Context, commit: str, out: Path, *, tag: str | None = None) -> Built:
    """Build from two fresh clones, side by side.

    A difference stops nothing: many backends cannot build the same bytes twice (setuptools' sdists
    never are), and the sealed bytes are those of the first build for ever. It is told.

    :param out: an empty folder for the archives of the first build.
    :param tag: a tag to set in the clones, for versions that come from one.
    :raises BuildError: the first build failed.
    """
    epoch = context.workspace.git.commit_time(commit)
    with (
        context.workspace.scratch() as again,
        ThreadPoolExecutor(1) as pool,
    ):
        second = pool.submit(_build, context, commit, again, epoch, tag, "once more, to compare")
        first = _build(context, commit, out, epoch, tag, "what is shipped")
        try:
            sameness = comparison.sameness(first, second.result())
        except BuildError as error:
            sameness = f"a second build failed, so nobody can build it again: {error.what}"
    return Built(first, sameness)


def _build(
    context: Context, commit: str, out: Path, epoch: int, tag: str | None, told: str
) -> dict[str, bytes]:
    workspace = context.workspace
    with progress.part(told), workspace.checkout(commit, tag=tag) as clone:
        built = builder.build(clone, out, epoch=epoch, index_url=workspace.config.index_url)
    return {path.name: path.read_bytes() for path in built}
