"""Bring what is made here to the branch that people work on: later than all else, and repeatable.

That are the commits of releases, and the files about findings that people read. A release is whole
without either: the tag holds the commit. So nothing here fails a run; what could not be done is
told, and is tried again by the next one. The working tree is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from release.adapters.git import Git
from release.adapters.remote import Remote
from release.adapters.workspace import HUMAN_FACING
from release.errors import ForgeError, TryAgainError, UsageError
from release.flows.announce import branch_of, forge_of, open_request
from release.flows.context import Context
from release.flows.seals import Seal, seals

MERGED = "merged"
FINDINGS = "release-warden/findings"
"""The branch from which the files about findings are offered."""
FILES = ("SECURITY_FINDINGS.md", "remediation-plans.yml")
TITLE = "Security findings and remediation plans as of the last scan"


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
    branch = remote.default_tip()
    if branch is None:
        return f"unmerged: {remote.name} names no default branch"
    if remote.holds(branch, commit):
        return MERGED
    if git.is_ancestor(branch.tip, commit):
        remote.move(branch.ref, commit, old=branch.tip)
        return f"{branch.name} of {remote.name} now stands on it"
    if not by_request:
        return f"unmerged: run git merge {seal.manifest.tag}"
    address = open_request(context, remote, seal)
    return f"unmerged: {address or f'open a pull request from the branch {branch_of(seal)}'}"


def land_findings(context: Context) -> None:
    """Commit the files about findings where the configuration wants it, and tell what came of it.

    Only what a scan has just changed is committed, and only over what it was made from: an edit
    that somebody brought to the branch meanwhile is for the next scan to read first.
    """
    remote, wanted = context.remote, context.workspace.config.commit
    if remote is None or wanted == "none":
        return
    try:
        told = _land_findings(context, remote, by_request=wanted == "pull-request")
    except (ForgeError, TryAgainError, UsageError) as error:
        told = f"not committed: {error.what}; the next run tries again"
    if told:
        context.tell(f"{HUMAN_FACING}: {told}")


def _land_findings(context: Context, remote: Remote, *, by_request: bool) -> str:
    git, branch = context.workspace.git, remote.default_tip()
    if branch is None:
        return f"not committed: {remote.name} names no default branch"
    tip, offers = branch.tip, f"refs/heads/{FINDINGS}"
    offered = remote.tips(offers).get(offers)
    remote.fetch([branch.ref, offers] if offered else [branch.ref])
    files = _changed(context, tip)
    if not files:
        return ""
    if _held(git, tip, files) != _held(git, context.workspace.commit, files):
        return f"not committed: {branch.name} has other ones than HEAD; the next run on it does"
    if not by_request:
        commit = _commit(context, tip, files)
        remote.move(branch.ref, commit, old=tip)
        return f"committed to {branch.name} of {remote.name}"
    if offered is None or _held(git, offered, files) != list(files.values()):
        new = _commit(context, tip, files)
        remote.move(offers, new, old=offered)
        offered = new
    return _offer_findings(context, offered)


def _changed(context: Context, tip: str) -> dict[str, bytes]:
    """The files as the last scan left them, where a commit has them otherwise; from the top."""
    workspace, found = context.workspace, {}
    for name in FILES:
        path = workspace.root / HUMAN_FACING / name
        if path.is_file():
            found[f"{workspace.prefix}{HUMAN_FACING}/{name}"] = path.read_bytes()
    there = _held(workspace.git, tip, found)
    return {
        path: data for (path, data), old in zip(found.items(), there, strict=True) if data != old
    }


def _held(git: Git, commit: str, paths: Iterable[str]) -> list[bytes | None]:
    """Files of a commit; ``None`` for one that it lacks."""
    return git.blobs([f"{commit}:{path}" for path in paths])


def _commit(context: Context, tip: str, files: Mapping[str, bytes]) -> str:
    workspace = context.workspace
    with workspace.scratch() as scratch:
        tree = workspace.git.amend_tree(tip, files, scratch)
    return workspace.git.commit(tree, parents=(tip,), message=TITLE, at=context.clock.now())


def _offer_findings(context: Context, commit: str) -> str:
    """Make the pull request, or find the one that is there."""
    forge = forge_of(context)
    if forge is None:
        return f"open a pull request from the branch {FINDINGS}"
    text = "What users get was scanned, and what is known of it has changed."
    made = forge.pull_request(FINDINGS, TITLE, text, commit=commit)
    return f"pull request: {made.html_url}"
