"""What a release commit writes: version, changelog with its fragments, and the notes beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from packaging.version import Version

from release.adapters.repository import Repository
from release.decide import notes
from release.decide.delta import security_delta
from release.decide.markup import MARKDOWN, RST
from release.flows.context import Context
from release.flows.seals import seals
from release.model.changes import Changes
from release.model.decision import Decision
from release.model.delta import Delta
from release.model.plan import FileEdit, Remark
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.model.text import Section, listing
from release.record.changes import SecurityChangeDetector
from release.ship import changelog, fragments
from release.ship.fragments import Fragments
from release.ship.stale import Line, OwnVersion, stale
from release.ship.version import version_edits

UNPACKED = "PKG-INFO"
"""What an unpacked sdist leaves in a tree: backends believe its old version before any other."""


@dataclass(frozen=True)
class Written:
    """The words of a release, and the files of its commit that differ from HEAD."""

    notes: str
    announcement: str
    delta: Delta | None
    edits: tuple[FileEdit, ...]
    remarks: tuple[Remark, ...]


def write(
    context: Context,
    repository: Repository,
    decision: Decision,
    snapshot: Snapshot | None,
    version: Version,
    line: Collection[Version],
) -> Written:
    """Put the release into words. Nothing is changed.

    :param snapshot: the scan of HEAD, if there is one.
    :param line: the versions of HEAD's release line.
    """
    delta = security_delta(snapshot, str(version)) if snapshot else None
    occasion = notes.Occasion(
        decision=decision,
        project=context.metadata.normalized_name,
        version=str(version),
        date=context.clock.now().date().isoformat(),
        delta=delta,
        changes=since_last_release(context, repository.name),
    )
    entries = _Entries.gather(context, occasion)
    others = (*entries.edits, *_unpacked(context))
    edits, remarks = _version_edits(context, str(version), line, others)
    return Written(
        notes=notes.written(entries.all),
        announcement=notes.announcement(occasion, entries.own),
        delta=delta,
        edits=(*edits, *others),
        remarks=(*remarks, *entries.remarks),
    )


def _unpacked(context: Context) -> tuple[FileEdit, ...]:
    stray = context.workspace.read(UNPACKED) is not None
    return (FileEdit(path=UNPACKED, after=None),) if stray else ()


def since_last_release(context: Context, repository: str) -> Changes | None:
    """What changed between the record at the last confirmed release and the one now."""
    ledger = context.ledger
    now = ledger.read(Record, ledger.tip("history"), "record.json")
    sealed = [s.manifest.sealed_at for s in seals(ledger, repository) if s.receipt]
    if now is None or now.repository != repository or not sealed:
        return None
    for entry in ledger.past("history"):
        snapshot = ledger.read(Snapshot, entry, "snapshot.json")
        if snapshot and snapshot.taken_at <= max(sealed):
            before = ledger.read(Record, entry, "record.json")
            return SecurityChangeDetector().compare(before, now)
    return None


def _version_edits(
    context: Context, version: str, line: Collection[Version], others: Collection[FileEdit]
) -> tuple[tuple[FileEdit, ...], tuple[Remark, ...]]:
    """The edits that raise the version, and a remark on what still tells the one before."""
    workspace, current = context.workspace, context.metadata.version
    before = current if not Version(current).is_devrelease else str(max(line, default=current))
    own = OwnVersion(context.metadata.name, before)
    named = workspace.config.version_files
    edits = version_edits(workspace.read, current, version, own=own, named=named)
    if before == version:
        return edits, ()
    found = workspace.git.grep(
        workspace.commit, before, context.metadata.name, below=workspace.prefix
    )
    lines = (Line(path.removeprefix(workspace.prefix), n, text) for path, n, text in found)
    remark = stale(own, lines, (*edits, *others))
    return edits, (remark,) if remark else ()


@dataclass(frozen=True)
class _Entries:
    """The sections of a release: ours, and the project's ``own``, as they go into its changelog."""

    all: tuple[Section, ...]
    own: tuple[Section, ...]
    edits: tuple[FileEdit, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def gather(cls, context: Context, occasion: notes.Occasion) -> _Entries:
        """Merge what the tool has to say with what was unreleased and with the fragments."""
        workspace = context.workspace
        found = fragments.find(workspace.read, workspace.files())
        taken = found if found and not found.trouble else None
        path, text = _changelog(context, taken)
        own = changelog.merged(changelog.unreleased(text), taken.sections if taken else ())
        rst = bool(taken) and path.endswith(".rst")
        ours = notes.sections(occasion, RST if rst else MARKDOWN)
        told = changelog.merged(ours, own) or (notes.by_hand_only(),)
        after = changelog.released(
            text, occasion.version, occasion.date, told, taken.form if taken else None
        )
        if after == text:
            return cls.left(occasion, path if text else "", found)
        edits = [FileEdit(path=path, after=after)]
        edits += [FileEdit(path=file, after=None) for file in (taken.files if taken else ())]
        shown = told if not rst else notes.sections(occasion) or (notes.by_hand_only(),)
        return cls(shown, () if rst else own, tuple(edits), tuple(_remarks(found)))

    @classmethod
    def left(cls, occasion: notes.Occasion, path: str, found: Fragments | None) -> _Entries:
        """The changelog, and with it the fragments, stay as they are."""
        ours = notes.sections(occasion) or (notes.by_hand_only(),)
        remarks = list(_remarks(found, left=True))
        if path and not remarks:
            remarks.append(
                Remark(
                    about="changelog",
                    what=f"{path} is left as it is: it has no Unreleased heading, or this version",
                    next="add a heading '## [Unreleased]' to have releases written into it",
                )
            )
        return cls(ours, (), (), tuple(remarks))


def _changelog(context: Context, taken: Fragments | None) -> tuple[str, str]:
    """The changelog's path and text; a fragment tool names it, else it is looked for."""
    names = (taken.changelog,) if taken else changelog.NAMES
    texts = ((name, context.workspace.read(name)) for name in names)
    return next(((name, text) for name, text in texts if text), (names[0], ""))


def _remarks(found: Fragments | None, *, left: bool = False) -> list[Remark]:
    """What a person should know about the fragments that are not taken along."""
    if found is None:
        return []
    told = []
    if found.trouble:
        told.append((f"fragments are left alone: {found.trouble}", f"run {found.tool} by hand"))
    elif left and found.files:
        what = (
            f"{len(found.files)} fragments are left alone: {found.changelog} has no place for them"
        )
        told.append(
            (what, f"add the line that {found.tool} writes below, or run {found.tool} by hand")
        )
    if found.left:
        told.append((f"no fragments by their names: {listing(found.left, 10)}", "rename them"))
    return [Remark(about=found.tool, what=what, next=then) for what, then in told]
