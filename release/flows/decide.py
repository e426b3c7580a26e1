"""``release.decide``: whether a release is owed, from what the ledger knows."""

from __future__ import annotations

from msgspec.structs import replace

from release.adapters import process
from release.adapters.ledger import documents
from release.config import Policy
from release.decide.circumstances import NOTHING, Asked, Circumstances
from release.decide.difference import difference
from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.decide.facts import in_order
from release.decide.posture import LastRelease
from release.errors import TryAgainError, UnknownError
from release.flows.context import Context
from release.flows.past import Known, at_release, first_known, last_release
from release.flows.reports import required_of
from release.flows.scan import Scanned
from release.flows.seals import past_releases
from release.model.base import digest, encode, sha256
from release.model.decision import Decision, Inputs
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.record.changes import SecurityChangeDetector

SWITCH = "RELEASE_WARDEN_AUTOMATIC"
"""The kill switch of the environment."""
ON = frozenset({"", "on", "1", "true", "yes"})
"""What leaves it on; any other word, misspelt ones too, switches automatic releases off."""
LACKS_EDIT = "nothing-to-ship"
"""The rule of a decision that an edit would settle."""
ATTEMPTS = 5
"""How often a decision is put into the ledger before it gives way to other runs."""


def evidence(context: Context) -> Evidence:
    """Gather what the decision rests on.

    :raises UnknownError: there is no scan of this commit.
    """
    ledger = context.ledger
    tip = ledger.tip("history")
    snapshot = ledger.read(Snapshot, tip, "snapshot.json")
    record = ledger.read(Record, tip, "record.json")
    if snapshot is None or record is None:
        raise UnknownError(
            "nothing is known of this project yet", remedy="run release.scan, then release.decide"
        )
    if snapshot.project.commit != context.workspace.commit:
        raise UnknownError(
            "the last scan saw another commit",
            why=f"it saw {snapshot.project.commit[:12]}, HEAD is {context.workspace.commit[:12]}",
            remedy="run release.scan, then release.decide",
        )
    before = ledger.read(Record, ledger.git.resolve(f"{tip}^"), "record.json")
    return _evidence(context, snapshot, record, before)


def evidence_of(context: Context, scanned: Scanned) -> Evidence:
    """What a decision right after a scan rests on, whether or not the scan was kept.

    A scan that repeats the newest entry of history has that entry's baseline: nothing has changed.
    """
    ledger, before = context.ledger, scanned.before
    tip = ledger.tip("history")
    newest = ledger.read(Snapshot, tip, "snapshot.json")
    if newest and digest(newest) == digest(scanned.snapshot):
        before = ledger.read(Record, ledger.git.resolve(f"{tip}^"), "record.json")
    return _evidence(context, scanned.snapshot, scanned.record, before)


def _evidence(
    context: Context, snapshot: Snapshot, record: Record, before: Record | None
) -> Evidence:
    config = context.workspace.config
    tells = config.policy.preset == "posture"
    return Evidence(
        snapshot=snapshot,
        record=record,
        baseline=NOTHING if before is None else digest(before),
        config=config.digest,
        releases=past_releases(context.ledger, snapshot.repository),
        off=switched_off(),
        last=_last(context, snapshot.repository, record) if tells else None,
    )


def switched_off() -> str:
    """What in the environment switches automatic releases off; empty if nothing does."""
    said = (process.variable(SWITCH) or "").strip()
    return "" if said.lower() in ON else f"{SWITCH}={said[:20]}"


def _last(context: Context, repository: str, record: Record) -> LastRelease | None:
    """What was known at the last release, or else first of all; nothing before a release."""
    ledger = context.ledger
    seal = last_release(ledger, repository)
    if seal is None:
        return None
    then = at_release(ledger, seal) or first_known(ledger)
    return last_of(then.record if then else record, record, _mended(then))


def last_of(then: Record, now: Record, mended: tuple[str, ...]) -> LastRelease:
    """The last release, with what changed since."""
    return LastRelease(then, mended, SecurityChangeDetector().compare(then, now))


def _mended(then: Known | None) -> tuple[str, ...]:
    removed = difference(then.snapshot).removed if then else ()
    return tuple(sorted(finding.key for finding in removed))


def decide_on(context: Context, known: Evidence) -> Decision:
    """Decide by the policy in force."""
    return ReleaseAutomationEngine(policy_for(context, known)).decide(known)


def wants_edit(context: Context, decision: Decision) -> bool:
    """Whether an automatic run has to do something about an edit that HEAD lacks."""
    return context.workspace.config.fix != "off" and decision.rule == LACKS_EDIT


def policy_for(context: Context, known: Evidence | None) -> Policy:
    """The configured policy; without closures, those must speak that the record has seen."""
    policy = context.workspace.config.policy
    if known is None:
        return policy
    return replace(policy, required=required_of(known.snapshot, known.record, policy.required))


def keep(
    context: Context,
    decision: Decision,
    known: Evidence | None,
    asked: Asked | None = None,
    *,
    share: bool = True,
) -> None:
    """Put a decision with all that it rests on into the ledger; one that is there stays.

    :param known: what it rests on; ``None`` where a person decided without a scan.
    :param share: write to the remote's ledger, where there is one; else to ours only.
    """
    ledger, mark = context.ledger, inputs_mark(decision.inputs)
    for attempt in range(1, ATTEMPTS + 1):
        tip = ledger.tip("decisions")
        if kept_as(context, mark):
            break
        try:
            ledger.write(
                ledger.ref("decisions"),
                _files(context, decision, known, asked),
                old=tip,
                message=f"decision {digest(decision)} on {mark}",
                at=context.clock.now(),
                share=share,
            )
            break
        except TryAgainError:
            if attempt == ATTEMPTS:
                raise
            ledger.fetch()


def kept_as(context: Context, mark: str) -> str | None:
    """The ledger's commit of the decision on some inputs, if it was kept."""
    entries = context.ledger.entries("decisions")
    return next((e.commit for e in entries if e.subject.endswith(f" on {mark}")), None)


def inputs_mark(inputs: Inputs) -> str:
    """What a decision is kept under: one digest over those of its inputs."""
    return sha256(encode(inputs))


def _files(
    context: Context, decision: Decision, known: Evidence | None, asked: Asked | None
) -> dict[str, bytes]:
    config, last = context.workspace.config, known.last if known else None
    circumstances = Circumstances(
        policy=policy_for(context, known),
        config=config.digest,
        baseline=known.baseline if known else NOTHING,
        releases=known.releases if known else (),
        off=known.off if known else "",
        mended=last.mended if last else (),
        identical=known.identical if known else "",
        asked=asked,
    )
    return documents(
        decision=decision,
        circumstances=circumstances,
        snapshot=in_order(known.snapshot) if known else None,
        record=known.record if known else None,
        released=last.record if last else None,
    )
