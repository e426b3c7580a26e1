"""The plan of ``release.init --undo``: what was written goes, what was merged is taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from release.adopt import files, marked, older
from release.adopt.tree import Tree
from release.model.adoption import Adoption, FileChange, How
from release.model.plan import Remark
from release.record.findings_page import MARK

TAKEN_OUT: dict[str, Callable[[str], str]] = {
    "noxfile.py": marked.without_part,
    "pyproject.toml": files.unconfigured,
    "README.md": files.without_badges_place,
}
"""How our part leaves a file that somebody has changed since."""


def undoing(done: Adoption, tree: Tree, refs: tuple[str, ...]) -> Adoption:
    """The plan that takes an adoption back.

    :param done: the adoption, as the ledger kept it.
    :param tree: the files as they are now.
    :param refs: the refs of the project's ledger.
    """
    back = tuple(_back(one, tree.read(one.path)) for one in done.changed)
    return Adoption(
        project=done.project,
        files=back,
        refs=refs,
        remarks=tuple(_remarks(back)),
        next=("see what is left with: git status",),
    )


def _back(one: FileChange, now: str | None) -> FileChange:
    """What becomes of one file."""
    path = one.path
    if now == one.before:
        return FileChange(path=path, how="keep", why="it is as it was before")
    if now == one.after:
        how: How = "remove" if one.before is None else "restore"
        why = "init wrote it" if one.before is None else "it becomes what it was before"
        return FileChange(path=path, how=how, why=why, before=now, after=one.before)
    if path == older.PAGE and now and MARK in now:  # a scan has written it anew
        return FileChange(path=path, how="restore", why=RENDERED, before=now, after=one.before)
    take_out = TAKEN_OUT.get(path) if one.how == "merge" or path in PARTED else None
    after = take_out(now) if take_out and now else None
    if after is None or after == now:
        return FileChange(path=path, how="keep", why=CHANGED)
    if one.before is None and not after.strip():
        return FileChange(path=path, how="remove", why=OURS, before=now)
    why = "it was changed since: only our part is taken out"
    return FileChange(path=path, how="restore", why=why, before=now, after=after)


PARTED = frozenset({"pyproject.toml"})
"""Files that have our part and others', also where init has made them."""
OURS = "init wrote it, and nothing else stands in it"
RENDERED = "a scan wrote it; it becomes what it was before"
CHANGED = "it was changed since init wrote it: it is yours now"


def _remarks(changes: Iterable[FileChange]) -> Iterator[Remark]:
    for change in changes:
        if change.why == CHANGED:
            yield Remark(about=change.path, what=CHANGED, next=f"remove it by hand: {change.path}")
