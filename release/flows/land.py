"""Bring a release commit to the branch that people work on: later than all else, and repeatable.

A release is whole without it: the tag holds the commit. So nothing here fails a release; what
could not be done is told, and is tried again by the next run.
"""

from __future__ import annotations

from release.adapters.remote import Remote
from release.errors import ForgeError, TryAgainError, UsageError
from release.flows.announce import branch_of, open_request
from release.flows.context import Context
from release.flows.seals import Seal, seals

MERGED = "merged"


def land(context: Context, repository: str) -> None:
    """Land the last confirmed release, where the configuration wants it, and tell what came of it.

    :param repository: the repository's name in the ledger.
    """
    remote, wanted = context.remote, context.workspace.config.commit
    if remote is None or wanted == "none":
        return
    done = [s for s in seals(context.ledger, repository) if s.journal.state == "confirmed"]
    if not done:
        return
    try:
        told = _land(context, remote, done[-1], by_request=wanted == "pull-request")
    except (ForgeError, TryAgainError, UsageError) as error:
        told = f"unmerged: {error.what}; the next run tries again"
    if told != MERGED:
        context.tell(f"{done[-1].manifest.tag}: {told}")


def _land(context: Context, remote: Remote, seal: Seal, *, by_request: bool) -> str:
    git, commit = context.workspace.git, seal.manifest.commit
    branch = remote.default_branch()
    tip = remote.tips(branch).get(branch) if branch else None
    if branch is None or tip is None:
        return f"unmerged: {remote.name} names no default branch"
    remote.fetch([branch])
    if git.is_ancestor(commit, tip):
        return MERGED
    if git.is_ancestor(tip, commit):
        remote.move(branch, commit, old=tip)
        return f"{branch.removeprefix('refs/heads/')} of {remote.name} now stands on it"
    if not by_request:
        return f"unmerged: run git merge {seal.manifest.tag}"
    address = open_request(context, remote, seal)
    return f"unmerged: {address or f'open a pull request from the branch {branch_of(seal)}'}"
