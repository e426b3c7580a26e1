"""Seals in the ledger: taken once, read by every later run, carried to their end by any of them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace
from packaging.version import Version

from release.adapters.git import Move
from release.adapters.ledger import Ledger, documents
from release.decide.rules import MINOR
from release.errors import TryAgainError
from release.model.base import decode
from release.model.plan import Plan
from release.model.receipt import Receipt
from release.model.release import Release
from release.model.seal import Entry, Journal, Manifest, SealState
from release.model.waiver import Waiver
from release.ship.archives import describe

KEPT = MANIFEST, PLAN, JOURNAL, RECEIPT = (
    "manifest.json", "plan.json", "journal.json", "receipt.json",
)  # fmt: skip
"""The documents of a release."""
LAST = "last"
"""The ref below a repository's that stands on the seal taken last, whatever became of it."""


@dataclass(frozen=True)
class Seal:
    """One sealed version as the ledger holds it."""

    tip: str
    manifest: Manifest
    plan: Plan
    journal: Journal
    receipt: Receipt | None

    @property
    def is_open(self) -> bool:
        """Whether it still has to be carried to its end."""
        return self.journal.state == "open"

    def done(self, step: str) -> Entry | None:
        """The journal's last line on a step."""
        return next((e for e in reversed(self.journal.entries) if e.step == step), None)


def read_seal(ledger: Ledger, repository: str, version: str) -> Seal | None:
    """The seal of a version, if there is one.

    :raises DocumentError: the ledger's documents cannot be read.
    """
    tip = ledger.tip(repository, "releases", version)
    return None if tip is None else _seal(tip, ledger.documents([tip], KEPT)[tip])


def _seal(tip: str, files: Mapping[str, bytes]) -> Seal:
    receipt = files.get(RECEIPT)
    return Seal(
        tip=tip,
        manifest=decode(Manifest, files.get(MANIFEST, b""), origin="manifest"),
        plan=decode(Plan, files.get(PLAN, b""), origin="plan"),
        journal=decode(Journal, files.get(JOURNAL, b""), origin="journal"),
        receipt=decode(Receipt, receipt, origin="receipt") if receipt else None,
    )


def seals(ledger: Ledger, repository: str) -> Iterator[Seal]:
    """All seals of a repository, lowest version first."""
    tips = ledger.releases(repository)
    held = ledger.documents(tips.values(), KEPT)
    for version in sorted(tips, key=Version):
        yield _seal(tips[version], held[tips[version]])


def open_seal(ledger: Ledger, repository: str) -> Seal | None:
    """The seal that is still to be carried to its end, if there is one."""
    return next((seal for seal in seals(ledger, repository) if seal.is_open), None)


def last_taken(ledger: Ledger, repository: str) -> str:
    """The ledger's commit of the seal that was taken last; empty where there is none."""
    return ledger.tip(repository, LAST) or ""


def past_releases(ledger: Ledger, repository: str) -> tuple[Release, ...]:
    """The sealed versions as the governor needs to know them."""
    return tuple(
        Release(
            version=seal.manifest.version,
            trigger=seal.plan.decision.trigger,
            fingerprint=seal.manifest.fingerprint,
            state=seal.journal.state,
            sealed_at=seal.manifest.sealed_at,
            weight="minor" if seal.plan.decision.rule in MINOR else "major",
            waived=tuple(waiver.gate for waiver in seal.manifest.waivers),
        )
        for seal in seals(ledger, repository)
    )


def take_seal(
    ledger: Ledger,
    plan: Plan,
    commit: str,
    archives: dict[str, bytes],
    *,
    content: str,
    entries: tuple[Entry, ...],
    at: datetime,
    waived: tuple[Waiver, ...] = (),
) -> Seal:
    """Fix the bytes of a version for ever.

    The version is won by creating its release ref, which only one run can. That ref descends from
    the release commit and from the stored bytes, so that git keeps both; the ref of the bytes is
    set by the winner alone, afterwards.

    The ref :data:`LAST` moves in the same act, from where the plan saw it. So of two runs that saw
    nothing open, one seals, whatever versions they want.

    :param waived: the gates that were red.
    :raises TryAgainError: another run has won this version, or sealed another since the plan.
    """
    repository, version = plan.repository, plan.version
    stored = ledger.store(archives, message=f"bytes of {version}", at=at, parents=())
    manifest = _manifest(plan, commit, stored, archives, content, at)
    manifest = replace(manifest, waivers=waived)
    journal = Journal(entries=entries)
    tip = ledger.store(
        documents(manifest=manifest, plan=plan, journal=journal),
        message=f"seal {version} ({manifest.seal})",
        at=at,
        parents=(commit, stored),
    )
    ledger.move_together(
        Move(ledger.ref(repository, "releases", version), tip, None),
        Move(ledger.ref(repository, LAST), tip, plan.after or None),
    )
    name_bytes(ledger, manifest)
    return Seal(tip, manifest, plan, journal, None)


def name_bytes(ledger: Ledger, manifest: Manifest) -> None:
    """Set the ref of the sealed bytes, where a run that died did not.

    Where git will not now, the manifest names them all the same, and the release ref keeps them.
    """
    ref = ledger.ref(manifest.repository, "bytes", manifest.version)
    standing = ledger.git.resolve(ref)
    if standing != manifest.stored:
        with contextlib.suppress(TryAgainError):
            ledger.move(ref, manifest.stored, old=standing)


def _manifest(
    plan: Plan, commit: str, stored: str, archives: dict[str, bytes], content: str, at: datetime
) -> Manifest:
    return Manifest(
        project=plan.project,
        version=plan.version,
        repository=plan.repository,
        seal=secrets.token_hex(16),
        commit=commit,
        base=plan.commit,
        stored=stored,
        tag=plan.tag,
        files=tuple(describe(name, data) for name, data in sorted(archives.items())),
        fingerprint=plan.decision.fingerprint,
        content=content,
        trigger=plan.decision.trigger,
        notes=plan.notes,
        sealed_at=at,
    )


def sealed_bytes(ledger: Ledger, manifest: Manifest) -> dict[str, bytes]:
    """The sealed archives, name to bytes, out of the ledger.

    :raises ToolError: git has lost them.
    """
    return ledger.files(manifest.stored)


def note(
    ledger: Ledger,
    seal: Seal,
    entry: Entry,
    *,
    receipt: Receipt | None = None,
    state: SealState | None = None,
) -> Seal:
    """Write a line into a seal's journal; a receipt confirms the seal.

    :param state: how the seal ends, where it ends otherwise.

    :raises TryAgainError: another run is carrying the same seal.
    """
    journal = Journal(
        state="confirmed" if receipt else state or seal.journal.state,
        entries=(*seal.journal.entries, entry),
    )
    files = documents(manifest=seal.manifest, plan=seal.plan, journal=journal, receipt=receipt)
    manifest = seal.manifest
    tip = ledger.write(
        ledger.ref(manifest.repository, "releases", manifest.version),
        files,
        old=seal.tip,
        message=f"{entry.step} {manifest.version}",
        at=entry.at,
    )
    return Seal(tip, manifest, seal.plan, journal, receipt)


def end(ledger: Ledger, seal: Seal, *, partly: bool, why: str, at: datetime) -> Seal:
    """End a seal that will never be confirmed; its number is never used again.

    :param partly: whether part of it is on the index: then a person has to yank that.
    :raises TryAgainError: another run is carrying the same seal.
    """
    state: SealState = "closed" if partly else "abandoned"
    return note(ledger, seal, Entry(step=state, at=at, seconds=0.0, detail=why), state=state)
