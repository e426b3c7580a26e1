"""``release.replay``: decide again, on what the ledger kept, and compare to the byte."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from release.adapters.ledger import Ledger
from release.decide.circumstances import Circumstances
from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.errors import ReplayError, UnknownError, UsageError
from release.flows.context import Context
from release.flows.decide import inputs_mark, kept_as, last_of
from release.model.base import decode, encode
from release.model.decision import Decision
from release.model.plan import Plan
from release.model.record import Record
from release.model.snapshot import Snapshot

SHORTEST = 7
"""The fewest digits of a digest that name a decision."""


def replay(context: Context, wanted: str) -> Decision:
    """Decide again on the inputs of a decision.

    :param wanted: a file that holds it, its digest or the first digits of that, or a commit or ref
        of the ledger.
    :raises UsageError: there is no such decision.
    :raises UnknownError: the ledger does not hold what it rests on.
    :raises ReplayError: its inputs give another decision.
    """
    given = _given(context, wanted)
    entry = kept_as(context, inputs_mark(given.inputs))
    if entry is None:
        raise UnknownError(
            "the ledger does not hold what this decision rests on",
            why="it was made in another repository or in a dry run, or its inputs were changed",
            remedy="release.decide and release.auto keep what they decide on",
        )
    again = _again(context.ledger, entry)
    if encode(again) != encode(given):
        raise ReplayError(
            "the same inputs give another decision",
            why=_difference(given, again),
            remedy="the document was changed, or another version of release-warden made it",
        )
    return again


def _given(context: Context, wanted: str) -> Decision:
    if Path(wanted).is_file():
        return decode(Decision, Path(wanted).read_bytes(), origin=wanted)
    ledger = context.ledger
    commit = _by_digest(ledger, wanted) or _commit(ledger, wanted)
    if found := ledger.read(Decision, commit, "decision.json"):
        return found
    if plan := ledger.read(Plan, commit, "plan.json"):
        return plan.decision
    raise UsageError(
        f"there is no decision {wanted!r}",
        why="that is no file, no digest of a kept decision, and no ref of the ledger with one",
        remedy="save one with release.decide --json, then name the file",
    )


def _by_digest(ledger: Ledger, wanted: str) -> str | None:
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},64}}", wanted):
        return None
    start = f"decision {wanted}"
    return next(
        (e.commit for e in ledger.entries("decisions") if e.subject.startswith(start)), None
    )


def _commit(ledger: Ledger, wanted: str) -> str | None:
    return None if wanted.startswith("-") else ledger.git.resolve(f"{wanted}^{{commit}}")


def _again(ledger: Ledger, entry: str) -> Decision:
    """The decision on what an entry of the ledger holds."""
    kept = ledger.read(Circumstances, entry, "circumstances.json")
    if kept is None:
        raise UnknownError(
            f"entry {entry[:12]} of the ledger's decisions is not whole",
            remedy="fetch the ledger again from where it is whole",
        )
    engine, known = ReleaseAutomationEngine(kept.policy), _known(ledger, entry, kept)
    if kept.asked:
        asked = kept.asked
        return engine.by_hand(
            bump=asked.bump, reason=asked.reason, evidence=known, config=kept.config
        )
    if known is None:
        raise UnknownError(
            f"entry {entry[:12]} of the ledger's decisions lacks the scan",
            remedy="fetch the ledger again from where it is whole",
        )
    return engine.decide(known)


def _known(ledger: Ledger, entry: str, kept: Circumstances) -> Evidence | None:
    snapshot = ledger.read(Snapshot, entry, "snapshot.json")
    record = ledger.read(Record, entry, "record.json")
    released = ledger.read(Record, entry, "released.json")
    if snapshot is None or record is None:
        return None
    return Evidence(
        snapshot=snapshot,
        record=record,
        baseline=kept.baseline,
        config=kept.config,
        releases=kept.releases,
        off=kept.off,
        last=last_of(released, record, kept.mended) if released else None,
        identical=kept.identical,
    )


def _difference(given: Decision, again: Decision) -> str:
    lines = difflib.unified_diff(
        encode(given).decode().splitlines(),
        encode(again).decode().splitlines(),
        "the decision",
        "its replay",
        lineterm="",
    )
    return "\n".join(lines)
