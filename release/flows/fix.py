"""``release.fix``: the edit of our requirements that frees users, checked, on a branch of its own.

The working tree and the current branch are never touched, and nothing is merged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec.structs import replace

from release.adapters.clock import Clock
from release.adapters.ledger import documents
from release.adapters.remote import Remote
from release.adapters.repository import Repository
from release.decide.difference import difference as head_against_published
from release.decide.engine import Evidence
from release.errors import BlockedError, UnknownError
from release.flows.announce import forge_of, push_branch
from release.flows.context import Context
from release.flows.decide import decide_on, evidence_of, wants_edit
from release.flows.planning import plan
from release.flows.scan import Scanned, Sources, scan
from release.model.decision import Decision
from release.model.finding import ClosureKind, Finding
from release.model.fix import Fix
from release.model.metadata import spelled
from release.model.plan import FileEdit, Plan
from release.model.snapshot import Snapshot
from release.scan.requirements import apply
from release.scan.wanted import Wanted, wanted
from release.ship.fix import difference, edit_digest, requirement_edits
from release.ship.proposal import commit_message, request_body, subject

BRANCHES = "release-warden/fix"
"""The folder of the branches; below it the digest of the edit."""
WORSE = "adds-worse"


@dataclass(frozen=True)
class Edited:
    """HEAD with the edit, as a candidate: ``context`` stands on it, ``scanned`` has seen it."""

    context: Context
    scanned: Scanned
    known: Evidence
    decision: Decision
    wanted: Wanted
    fix: Fix


def prepare(
    context: Context, scanned: Scanned, *, advisories: str | None, floors: bool = False
) -> Edited | None:
    """Make the edit that a scan of HEAD calls for, as a commit on no branch, and check it.

    :param scanned: the scan of HEAD.
    :param advisories: where that scan asked.
    :param floors: also raise lower bounds above known weaknesses.
    :returns: ``None`` where no edit of ours would help.
    :raises BlockedError: the edit cannot be written, or does not free users.
    :raises UnknownError: nobody can tell whether it does.
    """
    asked = wanted(scanned.snapshot, floors=floors)
    if not asked.edits:
        return None
    fix = _written(context, asked)
    edited = _at(context, _commit(context, asked, fix.files), scanned.snapshot)
    _require_metadata(edited, scanned.snapshot, asked)
    context.tell("looking at HEAD with the edit ...")
    second = scan(edited, sources=Sources(advisories), keep=False)
    _require_seen(scanned.snapshot, second)
    _require_free(second.snapshot, asked)
    known = evidence_of(edited, second)
    decision = decide_on(edited, known)
    _require_no_worse(decision)
    return Edited(edited, second, known, decision, asked, fix)


def _written(context: Context, asked: Wanted) -> Fix:
    workspace, project = context.workspace, context.metadata.normalized_name
    files = requirement_edits(workspace.read, asked.edits)
    diffs = (
        difference(workspace.prefix + file.path, workspace.read(file.path) or "", file.after or "")
        for file in files
    )
    return Fix(
        project=project,
        base=workspace.commit,
        edits=asked.edits,
        keys=tuple(finding.key for finding in asked.findings),
        files=files,
        diff="".join(diffs),
        branch=f"{BRANCHES}/{edit_digest(project, asked.edits)}",
    )


def _commit(context: Context, asked: Wanted, files: Iterable[FileEdit]) -> str:
    workspace = context.workspace
    texts: dict[str, bytes | None] = {
        workspace.prefix + file.path: (file.after or "").encode() for file in files
    }
    with workspace.scratch() as scratch:
        tree = workspace.git.amend_tree(workspace.commit, texts, scratch)
    return workspace.git.commit(
        tree,
        parents=(workspace.commit,),
        message=commit_message(asked.findings, asked.edits),
        at=context.clock.now(),
    )


def _at(context: Context, commit: str, snapshot: Snapshot) -> Context:
    """The same run on another commit, at the moment of the scan: only the edit differs.

    :param commit: HEAD with the edit.
    :param snapshot: the scan of HEAD.
    """
    return dataclasses.replace(
        context,
        workspace=dataclasses.replace(context.workspace, commit=commit),
        clock=Clock(snapshot.taken_at.isoformat()),
    )


def _require_metadata(edited: Context, before: Snapshot, asked: Wanted) -> None:
    """What is built from the edited tree requires what the edit says, and nothing else."""
    candidate = before.closure("candidate")
    meant = apply(candidate.requires if candidate else (), asked.edits)
    got = edited.metadata.requires_dist
    if sorted(map(spelled, meant)) != sorted(map(spelled, got)):
        raise BlockedError(
            "the edited files do not give the metadata that was meant",
            why=f"meant: {'; '.join(meant)}\ngot: {'; '.join(got)}",
            remedy=_by_hand(asked),
        )


def _require_seen(before: Snapshot, second: Scanned) -> None:
    """The look at the edited candidate was whole, or missed no more than the one at HEAD."""
    blind = list(second.unknown)
    known, now = before.closure("candidate"), second.snapshot.closure("candidate")
    missed = {gap.name for gap in known.gaps} if known else set()
    blind += (
        [f"{gap.name}: {gap.reason}" for gap in now.gaps if gap.name not in missed] if now else []
    )
    if blind or now is None:
        raise UnknownError(
            "nobody can tell whether the edit frees users",
            why="; ".join(blind) or "HEAD with the edit could not be resolved",
            remedy="mend what is named above, then run again; nothing was changed",
        )


def _require_free(second: Snapshot, asked: Wanted) -> None:
    """Users get none of the findings any more.

    Where a fix runs on some Pythons only, freeing their users is all that an edit can do.
    """
    eased = {part.key for part, _ in head_against_published(second).eased}
    kept = [finding for finding in second.findings if finding.key not in eased]
    left = [finding for finding in asked.findings if _is_among(finding, kept)]
    if left:
        raise BlockedError(
            "the edit does not free users of every finding",
            why="; ".join(f"{f.package}: {', '.join(f.ids)}" for f in left),
            remedy=f"look at release.decide --explain; {_by_hand(asked)}",
        )


def _is_among(finding: Finding, kept: Iterable[Finding]) -> bool:
    """Whether the candidate still has it, as what users get or, of a floor, as what they may."""
    where: ClosureKind = "floor" if finding.scope == "floor" else "candidate"
    return any(
        other.package == finding.package
        and not {*other.ids}.isdisjoint(finding.ids)
        and other.reaches(where)
        and (other.scope == "floor") == (finding.scope == "floor")
        for other in kept
    )


def _require_no_worse(decision: Decision) -> None:
    if decision.rule == WORSE:
        raise BlockedError(
            "the edit would free users of findings, but bring some as bad or worse",
            why=decision.reasons[0].evidence,
            remedy="merge the last release if main lacks it; else choose other requirements by "
            "hand, commit, then run release.scan",
        )


def _by_hand(asked: Wanted) -> str:
    told = "; ".join(f"replace {e.requirement} by {e.becomes}" for e in asked.edits)
    return f"by hand: {told}; commit, then run release.scan"


def nothing(context: Context) -> Fix:
    """The fix of a project that no edit would help."""
    return Fix(project=context.metadata.normalized_name, base=context.workspace.commit)


def keep(context: Context, edited: Edited) -> Fix:
    """Set the branch on the edit; one of that name that is there already is left as it is.

    :raises TryAgainError: another run is setting it.
    """
    git, ref = context.workspace.git, f"refs/heads/{edited.fix.branch}"
    standing = git.resolve(ref)
    if standing is None:
        standing = edited.context.workspace.commit
        git.move(ref, standing, old=None)
    return replace(edited.fix, commit=standing)


def propose(
    context: Context,
    scanned: Scanned,
    *,
    advisories: str | None,
    share: bool,
    dry_run: bool,
    asks: bool = True,
) -> Fix | None:
    """Make the branch, push it where a remote is configured, and open a pull request where a
    forge is; once for one edit, even if a person has thrown the branch away since.

    :param share: whether it may leave this machine; a rehearsal does not.
    :param asks: whether the forge is asked for the pull request; else a later run does.
    :raises BlockedError: as of :func:`prepare`.
    :raises ForgeError: the forge refused.
    :raises TryAgainError: remote or forge do not answer; what is done stays done.
    """
    edits = wanted(scanned.snapshot).edits
    mark = edit_digest(context.metadata.normalized_name, edits)
    known = context.ledger.read(Fix, context.ledger.tip("fixes", mark), "fix.json")
    if known and _is_complete(context, known, share=share, asks=asks):
        return known
    edited = prepare(context, scanned, advisories=advisories)
    if edited is None or dry_run:
        return edited.fix if edited else None
    fix = keep(context, edited)
    if share:
        fix = _pushed(context, fix)
    if share and asks:
        fix = _requested(context, fix, edited.wanted)
    context.ledger.write(
        context.ledger.ref("fixes", mark),
        documents(fix=fix),
        old=context.ledger.tip("fixes", mark),
        message=f"fix {mark}",
        at=context.clock.now(),
    )
    return fix


def _is_complete(context: Context, known: Fix, *, share: bool, asks: bool) -> bool:
    config = context.workspace.config
    pushed = known.remote == config.remote or not config.remote
    asked = bool(known.pull_request) or not (config.forge and asks)
    return not share or (pushed and asked)


def _pushed(context: Context, fix: Fix) -> Fix:
    config = context.workspace.config
    if config.remote is None:
        return fix
    remote = Remote(context.workspace.git, config.remote)
    push_branch(remote, fix.branch, fix.commit or fix.base)
    return replace(fix, remote=config.remote)


def _requested(context: Context, fix: Fix, asked: Wanted) -> Fix:
    forge = forge_of(context) if context.workspace.config.remote else None
    if forge is None:
        return fix
    body = request_body(asked.findings, asked.edits)
    made = forge.pull_request(fix.branch, subject(asked.findings), body)
    return replace(fix, pull_request=made.html_url)


def is_released(context: Context, decision: Decision) -> bool:
    """Whether an automatic run releases HEAD with the edit, if that is owed and gates are green."""
    return wants_edit(context, decision) and context.workspace.config.fix == "release"


def plan_with(
    context: Context, repository: Repository, edited: Edited, *, uploads: bool = True
) -> Plan:
    """The plan of a release whose commit is HEAD with the edit.

    :param uploads: whether this very process will upload, and so has to have the right to.
    """
    seen = edited.scanned.snapshot
    agreed = plan(edited.context, repository, edited.decision, seen, uploads=uploads)
    files = {file.path: file for file in (*edited.fix.files, *agreed.edits)}
    return replace(
        agreed,
        commit=context.workspace.commit,
        edits=tuple(files.values()),
        fix=edited.fix.edits,
    )


@contextmanager
def told_as_fix() -> Iterator[None]:
    """Where a release of the edit is blocked, say that the edit alone can be had on a branch."""
    try:
        yield
    except BlockedError as error:
        raise BlockedError(
            f"the edit that would free users is not released: {error.what}",
            why=error.why,
            remedy=f"{error.remedy}; to have the edit on a branch: release-warden release.fix",
        ) from error


def unedited(context: Context, agreed: Plan) -> Context:
    """The same run on HEAD as it is, while the project is known by a wheel with the edit."""
    was = {spelled(edit.becomes): edit.requirement for edit in agreed.fix}
    edited = context.metadata
    requires = tuple(was.get(spelled(line), line) for line in edited.requires_dist)
    here = dataclasses.replace(context)
    here.believe(replace(edited, requires_dist=requires))
    return here


def look_again(
    context: Context, commit: str, before: Scanned, *, advisories: str | None
) -> tuple[Scanned, Evidence, Decision]:
    """Look at HEAD with the edit, as another job has built it, and decide.

    :param context: knows the project by that wheel.
    :param commit: the release commit.
    :param before: the scan of HEAD.
    """
    edited = _at(context, commit, before.snapshot)
    edited.believe(context.metadata)
    second = scan(edited, sources=Sources(advisories), keep=False)
    known = evidence_of(edited, second)
    return second, known, decide_on(edited, known)
