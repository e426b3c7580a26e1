"""What an older layout knows is taken over: its reports become the history's first entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from release.adapters.clock import Clock
from release.adapters.ledger import Ledger
from release.adapters.repository import PYPI
from release.adapters.tree import working_tree
from release.adapters.workspace import HUMAN_FACING
from release.adopt.older import OldReports, old_reports
from release.adopt.tree import Tree
from release.flows.context import Context
from release.flows.scan import Sources, scan
from release.model.adoption import FileChange, How


def untaken(ledger: Ledger, tree: Tree) -> tuple[OldReports, ...]:
    """The older reports that history does not tell of; none once it has begun."""
    return () if ledger.tip("history") else old_reports(tree)


def take_over(context: Context, ledger: Ledger, tree: Tree) -> tuple[FileChange, ...]:
    """Scan the older reports, each at its own time, oldest first.

    What the tools saw then stays open until somebody sees it closed, or retires the tool with
    ``release.scan --forget-scanner``.

    :param tree: the files before.
    :returns: the human-facing files that changed by it.
    """
    waiting = untaken(ledger, tree)
    before = {path: tree.read(path) for path in tree.paths if _is_rendered(path)}
    for old in waiting:
        context.tell(f"the reports of {old.at:%Y-%m-%d} go into history ...")
        then = replace(context, clock=Clock(old.at.isoformat()), to=PYPI)
        folder = str(context.workspace.root / old.folder)
        scan(then, sources=Sources(reports=folder), share=False, accept_coverage=True)
    return tuple(_rendered(before, working_tree(context.workspace))) if waiting else ()


def _rendered(before: Mapping[str, str | None], tree: Tree) -> Iterator[FileChange]:
    for path in sorted({*before, *filter(_is_rendered, tree.paths)}):
        was, now = before.get(path), tree.read(path)
        if was != now:
            how: How = "create" if was is None else "merge"
            yield FileChange(path=path, how=how, why="a scan renders it", before=was, after=now)


def _is_rendered(path: str) -> bool:
    return path.startswith(f"{HUMAN_FACING}/")
