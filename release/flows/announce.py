"""Announce a finished release on the forge: a GitHub release, and a pull request for its commit.

The release is whole without it, so nothing here fails one: what went wrong is written into the
seal's journal and told, and the next run tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from packaging.version import Version

from release.adapters.forge import Announcement, File, GitHub, open_forge
from release.adapters.remote import Remote
from release.adapters.repository import LOCAL
from release.errors import ForgeError, ToolError, TryAgainError, UsageError
from release.flows.context import Context
from release.flows.seals import Seal, note, sealed_bytes, seals
from release.model.seal import Entry

ANNOUNCE, OFFER = "announce", "offer"
"""The steps, as the journal names them."""
FAILED = "-failed"
"""Ends the name of a step that is to be tried again."""


def announce(context: Context, repository: str, seal: Seal) -> Seal:
    """Make the forge's release of a seal, with the sealed archives; done once.

    Where no forge is configured there is none, and the embedded index is no place to announce.

    :param repository: the name of the repository that it was released to.
    """
    if context.workspace.config.forge is None or repository == LOCAL:
        return seal
    return _step(context, seal, ANNOUNCE, lambda: _announce(context, seal))


def offer(context: Context, repository: str, seal: Seal) -> Seal:
    """Offer a release commit that holds an edit of ours to the main branch, by a pull request.

    Done once. Where that cannot be, it is told that the commit is not merged, and how a person
    merges it.

    :param repository: the name of the repository that it was released to.
    """
    if not seal.plan.fix:
        return seal
    if not _offers(context, repository):
        context.tell(f"unmerged: main lacks the release commit; run: git merge {seal.manifest.tag}")
        return seal
    return _step(context, seal, OFFER, lambda: _offer(context, seal))


def _offers(context: Context, repository: str) -> bool:
    """Whether there is a forge where release commits are offered."""
    config = context.workspace.config
    return config.forge is not None and config.remote is not None and repository != LOCAL


def catch_up(context: Context, repository: str) -> None:
    """Do again what the forge did not take in earlier runs, and what a run died before.

    :param repository: the repository's name.
    """
    offers = _offers(context, repository)
    for seal in seals(context.ledger, repository):
        told = announce(context, repository, seal) if seal.done(ANNOUNCE + FAILED) else seal
        if offers and told.receipt:
            offer(context, repository, told)


def forge_of(context: Context) -> GitHub | None:
    """The configured forge, for the repository that the configured remote is.

    :raises ForgeError: there is no token, or no telling which repository it is.
    """
    config, git = context.workspace.config, context.workspace.git
    url = git.ask("remote", "get-url", "--", config.remote) if config.remote else None
    return open_forge(config, url)


def push_branch(remote: Remote, branch: str, commit: str) -> None:
    """Push a commit as a branch; one of that name that is there already is left as it is.

    :raises TryAgainError: the remote does not answer, or does not take it.
    """
    ref = f"refs/heads/{branch}"
    if remote.tips(ref).get(ref) is None:
        remote.move(ref, commit, old=None)


def _step(context: Context, seal: Seal, name: str, act: Callable[[], str]) -> Seal:
    """Do a step that is not done yet; its failure is a line of the journal, once."""
    if seal.done(name):
        return seal
    started = time.perf_counter()
    try:
        detail = act()
    except (ForgeError, ToolError, TryAgainError, UsageError) as error:
        context.tell(f"{name} failed, and is tried again by the next run: {error}")
        name, detail = name + FAILED, error.what
    before = seal.done(name)
    if before and before.detail == detail:
        return seal
    context.tell(f"{name}: {detail}")
    seconds = round(time.perf_counter() - started, 3)
    line = Entry(step=name, at=context.clock.now(), seconds=seconds, detail=detail)
    return note(context.ledger, seal, line, receipt=seal.receipt)


def _announce(context: Context, seal: Seal) -> str:
    manifest, forge = seal.manifest, forge_of(context)
    stored = sealed_bytes(context.ledger, manifest)
    wanted = Announcement(
        tag=manifest.tag,
        commit=manifest.commit,
        title=f"{manifest.project} {manifest.version}",
        notes=seal.plan.announcement or manifest.notes,
        prerelease=Version(manifest.version).is_prerelease,
        files=tuple(File(f.name, f.sha256, stored[f.name]) for f in manifest.files),
    )
    return forge.announce(wanted) if forge else ""


def _offer(context: Context, seal: Seal) -> str:
    remote = Remote(context.workspace.git, context.workspace.config.remote or "")
    branch = remote.default_tip()
    if branch and remote.holds(branch, seal.manifest.commit):
        return f"{branch.name} of {remote.name} has the release commit already"
    return open_request(context, remote, seal)


def branch_of(seal: Seal) -> str:
    """The branch on which a release commit is offered."""
    return f"release-warden/{seal.manifest.tag}"


def open_request(context: Context, remote: Remote, seal: Seal) -> str:
    """Push a release commit as a branch of its own, and make a pull request where a forge is.

    :returns: its address; empty where no forge is configured.
    :raises ForgeError: the forge refused.
    :raises TryAgainError: it or the remote does not answer.
    """
    manifest, branch = seal.manifest, branch_of(seal)
    push_branch(remote, branch, manifest.commit)
    forge = forge_of(context)
    title = f"Release {manifest.project} {manifest.version}"
    text = f"{title} was made from this commit; main lacks it.\n\n{manifest.notes}"
    return forge.pull_request(branch, title, text).html_url if forge else ""
