"""What is carried from one stage to the next: in memory, or in a folder between CI jobs.

The folder is ``.release/handover/<version>/``. Any job of a run can overwrite another's artifact,
so a stage takes nothing whose digest it was not given, and the digest travels as a job's output.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import msgspec

from release.adapters.git import Git
from release.adapters.workspace import write_file
from release.errors import DocumentError, UsageError
from release.flows.context import Context
from release.flows.seals import Seal
from release.model.base import decode, encode, sha256
from release.model.handover import Handover, Output, Stage
from release.model.metadata import CoreMetadata
from release.model.plan import Plan
from release.model.seal import Entry, Manifest
from release.model.waiver import Waiver
from release.ship.archives import describe
from release.ship.stages import BEFORE

LIST, PLAN, MANIFEST, COMMIT = "handover.json", "plan.json", "manifest.json", "commit.pack"
METADATA = "metadata.json"
"""Beside the folders of the versions: what the project is, whether or not a release is owed."""


@dataclass(frozen=True, kw_only=True)
class Cargo:
    """A release on its way to the seal.

    ``entries`` is the journal so far; ``waived`` are the gates that were red.
    """

    plan: Plan
    commit: str
    entries: tuple[Entry, ...] = ()
    waived: tuple[Waiver, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Freight(Cargo):
    """A release that is sealed, on its way to the index and without the ledger."""

    manifest: Manifest

    @classmethod
    def of(cls, seal: Seal, files: Mapping[str, bytes]) -> Self:
        """A seal of the ledger, with its archives."""
        return cls(
            plan=seal.plan,
            commit=seal.manifest.commit,
            entries=seal.journal.entries,
            files=files,
            manifest=seal.manifest,
        )

    def done(self, step: str) -> Entry | None:
        """The journal's last line on a step."""
        return next((e for e in reversed(self.entries) if e.step == step), None)

    def archives(self) -> Mapping[str, bytes]:
        """The sealed archives, name to bytes."""
        return self.files

    def noted(self, entry: Entry) -> Self:
        """The same with one more line in the journal."""
        return replace(self, entries=(*self.entries, entry))


def hand_over(context: Context, cargo: Cargo, stage: Stage) -> tuple[Handover, Output]:
    """Write the folder for the next job, whole or not at all.

    :param stage: the one that has just been done.
    """
    files = {PLAN: encode(cargo.plan), **cargo.files}
    if isinstance(cargo, Freight):
        files[MANIFEST] = encode(cargo.manifest)
    elif cargo.commit != cargo.plan.commit:  # once sealed, the ledger has it
        files[COMMIT] = context.workspace.git.pack(cargo.commit, without=cargo.plan.commit)
    listed = Handover(
        project=cargo.plan.project,
        version=cargo.plan.version,
        repository=cargo.plan.repository,
        stage=stage,
        commit=cargo.commit,
        files=tuple(describe(name, data) for name, data in sorted(files.items())),
        entries=cargo.entries,
        waived=cargo.waived,
    )
    files[LIST] = encode(listed)
    folder = _home(context) / cargo.plan.version
    with context.workspace.scratch() as draft:
        for name, data in files.items():
            (draft / name).write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(draft, folder)
    where = folder.relative_to(context.workspace.root).as_posix()
    return listed, Output(folder=where, digest=sha256(files[LIST]))


def take_over(context: Context, digest: str, stage: Stage) -> Cargo:
    """Read what an earlier job handed over; every byte of it is what the digest vouches for.

    :param digest: the ``digest`` of that job's output.
    :param stage: the one that begins.
    :raises UsageError: nothing with that digest lies here, or it is of another stage.
    :raises DocumentError: a file differs from the list.
    """
    folder, listed = _find(_home(context), digest)
    after = BEFORE[stage]
    if listed.stage != after:
        raise UsageError(
            f"what was handed over is of stage {listed.stage}, not of {after}",
            remedy=f"give the digest that --stage {after} told, and the folder that it wrote",
        )
    strange = [file.name for file in listed.files if Path(file.name).name != file.name]
    if strange:
        raise DocumentError(
            f"what was handed over names files elsewhere: {', '.join(strange)}",
            remedy="run the stage before again; if nobody made that file by hand, look who did",
        )
    files = {archive.name: (folder / archive.name).read_bytes() for archive in listed.files}
    differing = [f.name for f in listed.files if describe(f.name, files[f.name]) != f]
    if differing:
        raise DocumentError(
            "what was handed over was changed on the way",
            why=f"{', '.join(differing)} of {folder} have another sha256 than the list says",
            remedy="find out which job wrote there; then run the release anew",
        )
    return _cargo(context.workspace.git, listed, files)


def tell_metadata(context: Context) -> str:
    """Write the project's metadata for a job that may not run code to learn it.

    :returns: its digest.
    """
    data = encode(context.metadata)
    path = _home(context) / METADATA
    write_file(path, data.decode())
    return sha256(data)


def take_metadata(context: Context, digest: str) -> None:
    """Believe the metadata that stage ``check`` has written.

    :param digest: what it told as ``metadata``.
    :raises UsageError: nothing with that digest lies here.
    """
    path = _home(context) / METADATA
    data = path.read_bytes() if path.is_file() else b""
    if sha256(data) != digest:
        raise UsageError(
            f"the project's metadata with the digest {digest!r} was not handed over",
            why=f"looked at {path}",
            remedy="download what stage check handed over to there, and give the digest it told",
        )
    context.believe(msgspec.json.decode(data, type=CoreMetadata))  # the digest vouches for it


def _cargo(git: Git, listed: Handover, files: dict[str, bytes]) -> Cargo:
    plan = decode(Plan, files.pop(PLAN), origin=PLAN)
    pack, manifest = files.pop(COMMIT, None), files.pop(MANIFEST, None)
    if pack:
        git.unpack(pack)
    cargo = Cargo(
        plan=plan,
        commit=listed.commit,
        entries=listed.entries,
        waived=listed.waived,
        files=files,
    )
    if manifest is None:
        return cargo
    return Freight(**vars(cargo), manifest=decode(Manifest, manifest, origin=MANIFEST))


def _home(context: Context) -> Path:
    return context.workspace.state / "handover"


def _find(home: Path, digest: str) -> tuple[Path, Handover]:
    for path in sorted(home.glob(f"*/{LIST}")):
        data = path.read_bytes()
        if sha256(data) == digest:
            return path.parent, decode(Handover, data, origin=str(path))
    raise UsageError(
        f"nothing with the digest {digest!r} was handed over",
        why=f"looked into {home}/*/{LIST}",
        remedy="download the earlier job's folder to there, and give --digest what it told",
    )
