"""Make a release's entry in the ledger again, from what the index serves and the tag names.

Nothing is invented: what neither tells stays empty, and says ``rebuilt``. The archives are not
stored again; a confirmed release needs them no more.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from release.adapters.git import AUTHOR, Git
from release.adapters.index import SimpleIndex
from release.adapters.ledger import documents
from release.adapters.repository import Repository
from release.flows.context import Context
from release.flows.seals import Seal
from release.model.base import sha256
from release.model.decision import Decision, Inputs, Reason
from release.model.listing import IndexFile
from release.model.plan import Plan
from release.model.receipt import Receipt, ReceiptFile
from release.model.seal import Archive, Entry, Journal, Manifest
from release.ship.archives import WHEEL, content_digest

REBUILT = "rebuilt"
"""Stands for trigger, rule and step of what nobody can tell any more."""
NOT_KNOWN = "unknown"


def restore(
    context: Context,
    repository: Repository,
    version: str,
    tag: str,
    commit: str,
    listed: tuple[IndexFile, ...],
) -> Seal:
    """Write manifest, plan, journal and receipt of a release that the ledger has lost.

    :param commit: what its tag stands on.
    :param listed: its files on the index, each with its sha256.
    :raises RepositoryError: the index serves other bytes than it lists.
    :raises TryAgainError: another run has just written them.
    """
    ledger, now = context.ledger, context.clock.now()
    content, archives = _archives(repository, listed)
    stored = ledger.store({}, message=f"no bytes of {version}: {REBUILT}", at=now, parents=())
    manifest = Manifest(
        project=context.metadata.normalized_name,
        version=version,
        repository=repository.name,
        seal=f"{REBUILT}-{secrets.token_hex(16)}",
        commit=commit,
        base=_base(context.workspace.git, commit),
        stored=stored,
        tag=tag,
        files=archives,
        fingerprint="",
        content=content,
        trigger=REBUILT,
        notes="",
        sealed_at=_moment(context, commit, listed),
    )
    told = "from the files that the index serves and the commit that the tag names"
    journal = Journal(
        state="confirmed", entries=(Entry(step=REBUILT, at=now, seconds=0.0, detail=told),)
    )
    plan, receipt = _plan(manifest), _receipt(manifest, listed)
    tip = ledger.write(
        ledger.ref(manifest.repository, "releases", version),
        documents(manifest=manifest, plan=plan, journal=journal, receipt=receipt),
        old=None,
        message=f"{REBUILT} {version} ({manifest.seal})",
        at=now,
        parents=(commit, stored),
    )
    return Seal(tip, manifest, plan, journal, receipt)


def _archives(
    repository: Repository, listed: tuple[IndexFile, ...]
) -> tuple[str, tuple[Archive, ...]]:
    """The wheel's content digest, and every file as it is served, downloaded and compared."""
    index = SimpleIndex(repository.simple_url, fresh=True)
    bodies = {file.name: index.download(file) for file in listed}
    wheels = [data for name, data in sorted(bodies.items()) if name.endswith(WHEEL)]
    files = tuple(
        Archive(name=name, sha256=sha256(data), size=len(data))
        for name, data in sorted(bodies.items())
    )
    return content_digest(wheels[0]) if wheels else "", files


def _base(git: Git, commit: str) -> str:
    """The commit that the release commit was made from: its parent, where the tool made it."""
    ours = git.ask("show", "-s", "--format=%ae", commit) == AUTHOR[1]
    return (git.resolve(f"{commit}^") if ours else None) or commit


def _moment(context: Context, commit: str, listed: tuple[IndexFile, ...]) -> datetime:
    """When it was uploaded, by an index that tells (PEP 700); else when it was committed."""
    told = [file.upload_time for file in listed if file.upload_time]
    if told:
        return min(told)
    return datetime.fromtimestamp(context.workspace.git.commit_time(commit), UTC)


def _plan(manifest: Manifest) -> Plan:
    """The plan of which nobody knows more than what came of it."""
    why = "The ledger lost why it was released; index and tag tell that it was."
    inputs = Inputs(snapshot=NOT_KNOWN, baseline=NOT_KNOWN, policy=NOT_KNOWN, config=NOT_KNOWN)
    decision = Decision(
        action="none",
        trigger="none",
        bump="",
        reasons=(Reason(rule=REBUILT, why=why),),
        fingerprint="",
        inputs=inputs,
    )
    return Plan(
        decision=decision,
        project=manifest.project,
        repository=manifest.repository,
        version=manifest.version,
        tag=manifest.tag,
        commit=manifest.base,
        notes="",
        steps=(),
    )


def _receipt(manifest: Manifest, listed: tuple[IndexFile, ...]) -> Receipt:
    urls = {file.name: file.url for file in listed}
    times = [file.upload_time for file in listed if file.upload_time]
    return Receipt(
        project=manifest.project,
        version=manifest.version,
        repository=manifest.repository,
        files=tuple(
            ReceiptFile(name=f.name, sha256=f.sha256, size=f.size, url=urls[f.name])
            for f in manifest.files
        ),
        uploaded_at=manifest.sealed_at,
        confirmed_at=max(times, default=manifest.sealed_at),
        tag=manifest.tag,
        seal=manifest.seal,
        trigger=REBUILT,
    )
