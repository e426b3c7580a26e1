"""Other tools' reports, read or made, as part of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from release.adapters.scanners import runners
from release.adapters.tree import CommitTree
from release.errors import UsageError
from release.flows.context import Context
from release.model.finding import Finding
from release.model.record import Record
from release.model.snapshot import Reach, Snapshot
from release.record.identity import lasting
from release.scan.join import join
from release.scan.readers.code import Source
from release.scan.readers.reading import Reading, absent, failed, merge
from release.scan.readers.table import PATTERNS, format_of, read
from release.scan.runner import Runner, Target
from release.scan.silence import vanished_code, word_of_file

ADVISOR = "osv"
"""The scanner that is no report: it is asked with the closures."""


def read_folder(context: Context, folder: Path, known: Record | None) -> tuple[Reading, ...]:
    """Read the reports that lie in a folder.

    What the last record has seen and is not there is ``absent``.

    :raises UsageError: the folder is not there, or holds no report.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", remedy="name one that holds reports")
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    reports = {path: form for path in files if (form := format_of(path.name))}
    if not reports:
        raise UsageError(
            f"{folder} holds no report",
            why=f"a report is named as one of {', '.join(PATTERNS)}",
            remedy="name the files so, or another folder",
        )
    for path in files:
        if path not in reports:
            context.tell(f"passed over {path.name}: no report is named so")
    source = Source(project=context.metadata.normalized_name, tree=CommitTree(context.workspace))
    readings = [one for path, form in reports.items() for one in _read(context, path, form, source)]
    return merge([*readings, *_absent(readings, known, folder)])


def _read(context: Context, path: Path, form: str, source: Source) -> tuple[Reading, ...]:
    here = Source(source.project, source.tree, path.stem)
    try:
        data = path.read_bytes()
    except OSError as error:
        readings: tuple[Reading, ...] = (failed(form, f"it cannot be opened: {error.strerror}"),)
    else:
        readings = read(form, data, here)
    for one in readings:
        if one.scanner.state != "ok":
            context.tell(f"{path.name}: {one.name} is {one.scanner.state}: {_why(one)}")
    return readings


def _why(reading: Reading) -> str:
    gaps = [f"{gap.name}: {gap.reason}" for gap in reading.scanner.skipped]
    return "; ".join([*gaps, *filter(None, [reading.scanner.detail])])


def _absent(readings: Iterable[Reading], known: Record | None, folder: Path) -> Iterator[Reading]:
    there = {one.name for one in readings} | {ADVISOR}
    for name in known.scanners if known else ():
        if name not in there:
            yield absent(name, f"no report of it lies in {folder.name}")


def configured(context: Context) -> tuple[Runner, ...]:
    """The configured scanners that run beside the advisories.

    :raises ConfigError: nobody knows one of them.
    """
    return runners(name for name in context.workspace.config.scanners if name != ADVISOR)


def run_scanners(
    context: Context, snapshot: Snapshot, chosen: Sequence[Runner]
) -> tuple[Reading, ...]:
    """Run scanners on the project at its commit, and over what the snapshot resolved."""
    if not chosen:
        return ()
    workspace = context.workspace
    tree = CommitTree(workspace)
    with workspace.checkout(workspace.commit) as folder, workspace.scratch() as scratch:
        target = Target(
            folder=folder,
            files=tuple(sorted(path for path in tree.paths if (folder / path).is_file())),
            pins=tuple(pin for closure in snapshot.closures for pin in closure.pins),
            source=Source(project=snapshot.project.name, tree=tree),
            osv_url=workspace.config.osv_url,
            scratch=scratch,
        )
        readings: list[Reading] = []
        for runner in chosen:
            context.tell(f"running {runner.name} ...")
            readings.extend(runner.run(target))
    return merge(readings)


def with_reports(
    context: Context, snapshot: Snapshot, readings: tuple[Reading, ...], known: Record | None
) -> Snapshot:
    """A snapshot together with what reports tell.

    Findings of one weakness are joined under one key. A finding whose reach nobody resolved has
    the verdict ``unknown``; one in the project's own code needs no resolver to be ours.
    """
    spoke = {one.name for one in readings if one.scanner.state != "absent"}
    told = merge(r for r in readings if r.scanner.state != "absent" or r.name not in spoke)
    scanners = {one.name: one.scanner for one in told}
    if not snapshot.scanners and known and ADVISOR in known.scanners:
        scanners[ADVISOR] = absent(ADVISOR, "reports were read in place of asking it").scanner
    findings = join([*snapshot.findings, *(f for one in told for f in one.findings)])
    tree = CommitTree(context.workspace)
    gone = vanished_code(known, findings)
    words = (word for finding in gone if (word := word_of_file(finding, tree)))
    judged = {reach.key for reach in snapshot.reach}
    reach = (_unjudged(finding) for finding in findings if finding.key not in judged)
    joined = replace(
        snapshot,
        scanners={**snapshot.scanners, **scanners},
        findings=findings,
        reach=(*snapshot.reach, *reach),
        words=(*snapshot.words, *words),
    )
    return lasting(known, joined)


def _unjudged(finding: Finding) -> Reach:
    is_own = finding.kind != "dependency"
    return Reach(
        key=finding.key,
        package=finding.package,
        ids=finding.ids,
        verdict="own-code" if is_own else "unknown",
        witness="" if is_own else "nothing was resolved",
    )


def required_of(snapshot: Snapshot, record: Record, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The scanners without whose word the answer is unknown.

    Where only reports were read, those that were ever seen (DESIGN: the faces), and what is
    configured beside the default.
    """
    if snapshot.closures:
        return configured
    named = (name for name in configured if name != ADVISOR)
    return tuple(sorted({*record.scanners, *named}))


def require_retirable(context: Context, known: Record | None, name: str) -> None:
    """A scanner that the record has seen, and that nothing asks for any more.

    :raises UsageError: it is not one.
    """
    config = context.workspace.config
    if name in {ADVISOR, *config.scanners, *config.policy.required}:
        raise UsageError(
            f"the scanner {name} cannot be retired: it is still asked for",
            why=f"{ADVISOR} always is; others by the keys scanners and policy.required",
            remedy="take it out of [tool.release-warden], commit, then run again",
        )
    if known is None or name not in known.scanners:
        raise UsageError(
            f"no scan has seen a scanner {name!r}",
            why=f"seen: {', '.join(known.scanners) if known else 'none'}",
            remedy="name it as release.scan does",
        )
