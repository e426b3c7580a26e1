"""``release.yank``: nothing is unpublished by us; a person does it, and the index is watched.

The request lies in the ledger below ``<repository>/yanks/<version>``, and with the documents, so
that the status site can show it; it is done when the index says so (PEP 592).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tenacity
from packaging.version import InvalidVersion, Version

from release.adapters.index import SimpleIndex
from release.adapters.ledger import Ledger, documents
from release.adapters.repository import PYPI, TESTPYPI, Repository, manage_url
from release.errors import TryAgainError, UnreachableError, UsageError
from release.flows.context import Context
from release.model.base import digest
from release.model.listing import IndexFile
from release.model.yank import Yank
from release.ship.yank import Request, observe, prepare

YANKS = "yanks"
PATIENCE = 600.0
"""Seconds for which ``--watch`` looks, by default."""
EVERY = 10.0
"""Seconds between two looks, at most."""


@dataclass(frozen=True)
class Asked:
    """What a person asks for; ``patience`` are the seconds for which the index is watched."""

    version: str
    reason: str = ""
    patience: float = 0.0


def yank(context: Context, repository: Repository, asked: Asked) -> Yank:
    """Prepare a yank, or look whether one that was prepared is true by now.

    :raises UsageError: there is no such version, or nobody said why.
    :raises TryAgainError: the index was watched, and it is not yanked yet.
    """
    version = _version(asked.version)
    index = SimpleIndex(repository.simple_url, fresh=True)
    ledger, project = context.ledger, context.metadata.normalized_name
    known = asked_for(ledger, repository.name, version)
    if known is None or (asked.reason and asked.reason != known.reason):
        _require_listed(index.files(project), project, repository, version)
        known = _prepared(context, repository, asked, version)
    done = look(context, index, known)
    if asked.patience and done.state != "done":
        done = _watch(context, index, done, asked.patience)
    return done


def asked_for(ledger: Ledger, repository: str, version: str) -> Yank | None:
    """The request for a version, if there is one."""
    return ledger.read(Yank, ledger.tip(repository, YANKS, version), "yank.json")


def requests(ledger: Ledger, repository: str) -> Iterator[Yank]:
    """All requests for a repository."""
    for tip in ledger.below(repository, YANKS).values():
        if found := ledger.read(Yank, tip, "yank.json"):
            yield found


def look(context: Context, index: SimpleIndex, known: Yank, *, share: bool = True) -> Yank:
    """Ask the index how a request stands, and keep what changed.

    :param share: write to the remote's ledger, where there is one; else to ours only.
    """
    now = observe(known, index.files(known.project), context.clock.now())
    before = asked_for(context.ledger, known.repository, known.version)
    if before is None or digest(before) != digest(now):
        _keep(context.ledger, now, share=share)
    return now


def look_again(context: Context, *, share: bool) -> None:
    """Look at every request of this run's repository that is not done yet, as a scan does.

    An index that does not answer settles nothing, and fails no scan.
    """
    name = context.place.name
    waiting = [one for one in requests(context.ledger, name) if one.state != "done"]
    if not waiting:
        return
    with context.open_repository() as repository:
        index = SimpleIndex(repository.simple_url, fresh=True)
        for one in waiting:
            try:
                context.tell(told(look(context, index, one, share=share)))
            except (TryAgainError, UnreachableError) as error:
                context.tell(f"whether {one.version} is yanked is unknown: {error.what}")


def told(yank: Yank) -> str:
    """One line on how a request stands."""
    instead = f"users get {yank.instead}" if yank.instead else "users get nothing"
    if yank.state == "done":
        return f"{yank.version} is yanked on {yank.repository}: {instead}"
    return f"{yank.version} is to be yanked on {yank.repository}, and is not yet"


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise UsageError(
            f"{text!r} is no version", why=str(error), remedy="name it as 1.2.3"
        ) from error


def _require_listed(
    files: tuple[IndexFile, ...], project: str, repository: Repository, version: str
) -> None:
    known = sorted({file.version for file in files if file.version})
    if Version(version) not in known:
        raise UsageError(
            f"{repository.name} lists no {project} {version}",
            why=f"it lists: {', '.join(map(str, known)) or 'nothing'}",
            remedy="name a version that is there",
        )


def _prepared(context: Context, repository: Repository, asked: Asked, version: str) -> Yank:
    if not asked.reason:
        raise UsageError(
            f"nobody said why {version} is to be yanked",
            remedy='say it, as users will read it: release.yank VERSION --reason "why"',
        )
    project = context.metadata.normalized_name
    request = Request(
        project=project,
        version=version,
        repository=repository.name,
        reason=asked.reason,
        manage_url=_page(repository.name, project, version),
        at=context.clock.now(),
    )
    return prepare(request, SimpleIndex(repository.simple_url, fresh=True).files(project))


def _page(repository: str, project: str, version: str) -> str:
    """The index's own page, of those whose pages are known."""
    return manage_url(repository, project, version) if repository in {PYPI, TESTPYPI} else ""


def _keep(ledger: Ledger, yank: Yank, *, share: bool) -> None:
    files = documents(yank=yank)
    files["advisory.md"] = yank.advisory.encode()
    files["advisory.osv.json"] = yank.osv.encode()
    ledger.write(
        ledger.ref(yank.repository, YANKS, yank.version),
        files,
        old=ledger.tip(yank.repository, YANKS, yank.version),
        message=f"yank of {yank.version}: {yank.state}",
        at=yank.done_at or yank.requested_at,
        share=share,
    )


def _watch(context: Context, index: SimpleIndex, known: Yank, patience: float) -> Yank:
    """Look again and again, for a while."""
    context.tell(f"watching {known.repository} for {patience:g} s: {known.version} not yanked yet")
    tries = tenacity.Retrying(
        stop=tenacity.stop_after_delay(patience),
        retry=tenacity.retry_if_result(lambda seen: seen.state != "done"),
        wait=tenacity.wait_exponential(multiplier=0.1, max=EVERY),
        retry_error_callback=lambda last: last.outcome.result() if last.outcome else known,
    )
    seen: Yank = tries(look, context, index, known)
    if seen.state != "done":
        left = ", ".join(file.name for file in seen.files if not file.yanked)
        raise TryAgainError(
            f"{known.project} {known.version} is not yanked on {known.repository} yet",
            why=f"it still offers {left}",
            remedy="; ".join((*known.steps, f"then run release.yank {known.version} again")),
        )
    return seen
