"""Carry sealed bytes to their end: upload, confirm, prove, tag, receipt.

What the world shows as done is not done again. The bytes and the journal lie in the ledger, or
travel between the jobs of a CI run (:mod:`release.flows.handover`); the steps are the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self, TypeVar

from release.adapters import installer, meter, progress, upload
from release.adapters.index import SimpleIndex
from release.adapters.ledger import Ledger
from release.adapters.repository import Repository
from release.adapters.secrecy import scrub
from release.errors import (
    BlockedError,
    MachineError,
    RejectedError,
    ToolError,
    TryAgainError,
    UnreachableError,
    WardenError,
)
from release.flows.announce import FAILED, announce
from release.flows.context import Context, Stopwatch
from release.flows.pythons import fitting
from release.flows.seals import Seal, end, name_bytes, note, sealed_bytes
from release.model.base import sha256
from release.model.listing import IndexFile
from release.model.receipt import Receipt, ReceiptFile
from release.model.seal import Archive, Entry, Journal, Manifest
from release.ship import archives
from release.ship.failures import failure_of

PATIENCE = 60.0
"""Seconds to wait for the index to list what it has taken."""
GOES_ON = "run the same command again: it goes on from here and builds nothing anew"
THERE = "every file was there already, with the sealed hash"
PEELED = "^{}"
"""Ends the line in which git lists what an annotated tag stands on."""


class Load(Protocol):
    """Sealed bytes with their journal, wherever they lie."""

    @property
    def manifest(self) -> Manifest:
        """What was sealed."""
        ...

    def done(self, step: str) -> Entry | None:
        """The journal's last line on a step."""
        ...

    def archives(self) -> Mapping[str, bytes]:
        """The sealed archives, name to bytes."""
        ...

    def noted(self, entry: Entry) -> Self:
        """The same with one more line in the journal."""
        ...


@dataclass(frozen=True)
class InLedger:
    """A seal of the ledger; each line of its journal is shared at once."""

    ledger: Ledger
    seal: Seal

    @property
    def manifest(self) -> Manifest:
        """What was sealed."""
        return self.seal.manifest

    def done(self, step: str) -> Entry | None:
        """The journal's last line on a step."""
        return self.seal.done(step)

    def archives(self) -> Mapping[str, bytes]:
        """The sealed archives, name to bytes."""
        return sealed_bytes(self.ledger, self.manifest)

    def noted(self, entry: Entry) -> Self:
        """The same with one more line in the journal.

        :raises TryAgainError: another run is carrying the same seal.
        """
        return replace(self, seal=note(self.ledger, self.seal, entry))


L = TypeVar("L", bound=Load)
R = TypeVar("R")


def carry(context: Context, repository: Repository, load: L, steps: Iterable[str]) -> L:
    """Do those steps that are not done yet, in order.

    :param steps: of ``upload``, ``confirm``, ``prove`` and ``tag``.
    :raises RepositoryError: the index refused, or holds other bytes under our name.
    :raises TryAgainError: the index does not answer, or does not list our files yet.
    :raises VerificationError: our file does not install from the index.
    """
    watch = Stopwatch(context)
    meter.current().version = load.manifest.version
    left = [name for name in steps if not _is_done(load, name)]
    progress.planned(left)
    for name in steps:
        if not _is_done(load, name):
            act = partial(_patiently, partial(STEPS[name], context, repository, load))
            try:
                entry = watch.step(name, act)
            except WardenError as error:
                error.version = load.manifest.version
                scrub(error)
                _note_failure(context, load, error)
                raise
            if not (load.done(name) and entry.detail == THERE):
                load = load.noted(entry)
    return load


def _patiently(act: Callable[[], R]) -> R:
    """The bytes are fixed, so nothing hangs on an index's answer but when it goes on."""
    try:
        return act()
    except UnreachableError as error:
        raise TryAgainError(error.what, why=error.why, remedy=GOES_ON) from error


def _note_failure(context: Context, load: Load, error: WardenError) -> None:
    """What a step died of, as a line of the journal, once; where that fails, the event has it.

    What another run causes is not noted, or two runs would stop each other for ever.
    """
    kind, step = failure_of(error), f"{error.step}{FAILED}"
    before, detail = load.done(step), f"{kind}: {error.what}"
    told = isinstance(error, RejectedError)  # by how the seal ends
    if told or kind in {"lock", "stopped"} or (before and before.detail == detail):
        return
    with contextlib.suppress(TryAgainError, ToolError, MachineError):
        load.noted(Entry(step=step, at=context.clock.now(), seconds=0.0, detail=detail))


def _is_done(load: Load, name: str) -> bool:
    """An upload counts once it is confirmed: an index may say yes to it, and keep nothing."""
    return bool(load.done(name) and (name != "upload" or load.done("confirm")))


def converge(context: Context, repository: Repository, seal: Seal) -> Seal:
    """Carry a seal of the ledger to its end; when the index will never take it, that is its end.

    :raises RejectedError: the index will never take it; the seal is abandoned or closed.
    :raises WardenError: as of :func:`carry`; the seal stays open.
    """
    name_bytes(context.ledger, seal.manifest)
    try:
        load = carry(context, repository, InLedger(context.ledger, seal), STEPS)
    except RejectedError as error:
        partly = bool(error.arrived or arrived(repository, seal.manifest))
        ended = end(context.ledger, seal, partly=partly, why=error.what, at=context.clock.now())
        error.remedy = f"{error.remedy}; {what_now(ended.journal, seal)}"
        raise
    return _confirmed(context, repository, announce(context, repository.name, load.seal))


def arrived(repository: Repository, manifest: Manifest) -> tuple[IndexFile, ...]:
    """The sealed files that the index lists with our hash.

    :raises TryAgainError: it did not answer.
    """
    ours = {file.name: file for file in manifest.files}
    index = SimpleIndex(repository.simple_url, fresh=True)
    listed = _patiently(partial(index.files, manifest.project))
    return tuple(
        file
        for file in listed
        if file.name in ours
        and (file.sha256 or sha256(index.download(file))) == ours[file.name].sha256
    )


def abandon(context: Context, repository: Repository, seal: Seal, reason: str) -> Seal:
    """Give a seal up by a person's word: ``abandoned``, or ``closed`` where part of it is up.

    :raises BlockedError: all of it is up: it has only to be carried to its end.
    """
    there = arrived(repository, seal.manifest)
    if len(there) == len(seal.manifest.files):
        raise BlockedError(
            f"{seal.manifest.version} is not given up: all its files are on {repository.name}",
            remedy="run release.publish without --abandon: it carries the release to its end",
        )
    return end(
        context.ledger, seal, partly=bool(there), why=f"a person: {reason}", at=context.clock.now()
    )


def what_now(journal: Journal, seal: Seal) -> str:
    """What to do after a seal that ended without being confirmed."""
    version = seal.manifest.version
    burnt = f"the number {version} is used up; publish again for the next one"
    if journal.state == "closed":
        return f"yank {version} on {seal.manifest.repository}, which has part of it; {burnt}"
    return burnt


def _upload(context: Context, repository: Repository, load: Load) -> str:
    manifest = load.manifest
    index = SimpleIndex(repository.simple_url, fresh=True)
    missing = upload.missing(index, manifest.project, manifest.files)
    if not missing:
        return THERE
    stored = load.archives()
    with context.workspace.scratch() as folder:
        for archive in missing:
            (folder / archive.name).write_bytes(stored[archive.name])
        total = sum(len(stored[archive.name]) for archive in missing)
        context.tell(f"upload: {len(missing)} file(s), {total:,} B ...")
        upload.upload(repository, [folder / archive.name for archive in missing])
    return ", ".join(archive.name for archive in missing)


def _confirm(context: Context, repository: Repository, load: Load) -> str:
    manifest = load.manifest
    index = SimpleIndex(repository.simple_url, fresh=True)
    files = upload.confirm(index, manifest.project, manifest.files, patience=PATIENCE)
    context.tell("".join(f"  {file.name} sha256 {file.sha256}\n" for file in files).rstrip())
    return f"{len(files)} files served with the sealed hash"


def _prove(context: Context, repository: Repository, load: Load) -> str:
    manifest, workspace = load.manifest, context.workspace
    wheel = next(file for file in manifest.files if file.name.endswith(".whl"))
    (listed,) = _listed(repository, manifest, [wheel])
    held = load.archives()[wheel.name]
    with workspace.scratch() as folder:
        return installer.prove(
            listed.url,
            wheel.sha256,
            manifest.project,
            manifest.version,
            archives.import_names(held),
            workdir=folder,
            cache=workspace.state / "cache",
            index_url=workspace.config.index_url,
            python=fitting(context, archives.wheel_metadata(held).requires_python),
        )


def _listed(
    repository: Repository, manifest: Manifest, files: Sequence[Archive]
) -> tuple[IndexFile, ...]:
    """Sealed files as the index lists them; its caches need not agree, so it is waited for."""
    index = SimpleIndex(repository.simple_url, fresh=True)
    return upload.await_listing(index, manifest.project, files, PATIENCE)


def _tag(context: Context, _: Repository, load: Load) -> str:
    git, manifest, remote = context.workspace.git, load.manifest, context.remote
    ref = f"refs/tags/{manifest.tag}"
    here = git.resolve(f"{ref}^{{commit}}")
    _require_ours(manifest, here, "here", f"git tag -d {manifest.tag}")
    where = ""
    if remote:
        listed = remote.tips(ref, ref + PEELED)
        there = listed.get(ref + PEELED, listed.get(ref))
        mend = f"git push {remote.name} --delete {manifest.tag}"
        _require_ours(manifest, there, f"on {remote.name}", mend)
        if there is None:
            remote.move(ref, manifest.commit, old=None)
        where = f", here and on {remote.name}"
    if here is None:
        git.move(ref, manifest.commit, old=None)
    return f"{manifest.tag} on {manifest.commit[:12]}{where}"


def _require_ours(manifest: Manifest, standing: str | None, where: str, mend: str) -> None:
    """A tag is absent, or stands on the release commit."""
    if standing not in {None, manifest.commit}:
        raise BlockedError(
            f"the tag {manifest.tag} stands {where} on {str(standing)[:12]}, "
            f"not on {manifest.commit[:12]}",
            why=f"{manifest.project} {manifest.version} is published from {manifest.commit}",
            remedy=f"find out who set it; then: {mend}, and publish again",
        )


STEPS: Mapping[str, Callable[[Context, Repository, Load], str]] = {
    "upload": _upload,
    "confirm": _confirm,
    "prove": _prove,
    "tag": _tag,
}
"""In this order."""


def _confirmed(context: Context, repository: Repository, seal: Seal) -> Seal:
    """Write the receipt, which ends the seal."""
    manifest = seal.manifest
    listed = _listed(repository, manifest, manifest.files)
    uploaded, confirmed = seal.done("upload"), seal.done("confirm")
    now = context.clock.now()
    receipt = Receipt(
        project=manifest.project,
        version=manifest.version,
        repository=manifest.repository,
        files=tuple(
            ReceiptFile(name=f.name, sha256=f.sha256, size=f.size, url=there.url)
            for f, there in zip(manifest.files, listed, strict=True)
        ),
        uploaded_at=uploaded.at if uploaded else now,
        confirmed_at=confirmed.at if confirmed else now,
        tag=manifest.tag,
        seal=manifest.seal,
        trigger=manifest.trigger,
        timings={e.step: e.seconds for e in seal.journal.entries if not e.step.endswith(FAILED)},
        delta=seal.plan.delta,
    )
    return note(context.ledger, seal, Entry(step="receipt", at=now, seconds=0.0), receipt=receipt)
