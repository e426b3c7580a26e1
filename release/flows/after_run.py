"""After every run: lay out the documents and call the plug-ins that read them.

Plug-ins run in a process of their own with a scrubbed environment: they are other people's code,
and a failing one never changes the outcome of a run.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from release.adapters import process
from release.adapters.ledger import Ledger, documents
from release.adapters.workspace import Workspace, write_file
from release.errors import ToolError
from release.flows import plugins
from release.flows.context import Context
from release.flows.history import history
from release.flows.metrics import for_the_site
from release.flows.runs import last_work
from release.flows.seals import seals
from release.flows.yank import requests
from release.model.base import digest
from release.model.decision import Decision
from release.model.grades import Grades
from release.model.heartbeat import Heartbeat, Run
from release.model.monitoring import Probes
from release.model.openvex import encoded
from release.model.record import Record
from release.model.snapshot import Snapshot
from release.ship.openvex import of_delta

LOOKED_AT = 5
"""Decisions, newest first, among which the one about the last scan is looked for."""


def lay_out(context: Context, repository: str, *, run: Run, decision: Decision | None) -> Path:
    """Write what the ledger knows, and how the run ended, as a folder of documents."""
    refresh(context, repository, decided=decision is not None)
    for name, data in documents(run=run, decision=decision).items():
        write_file(context.workspace.documents / name, data.decode())
    return context.workspace.documents


def refresh(context: Context, repository: str, *, decided: bool = False) -> None:
    """Write what the ledger knows into the folder of documents; what is not known is left out.

    :param decided: the run itself has a decision, so that the ledger need not be asked for one.
    """
    ledger, folder = context.ledger, context.workspace.documents
    ledger.look_again()
    tip, beat = ledger.tip("history"), ledger.tip("heartbeat")
    told = history(context)
    snapshot = ledger.read(Snapshot, tip, "snapshot.json")
    files = documents(
        record=ledger.read(Record, tip, "record.json"),
        snapshot=snapshot,
        decision=_decision(ledger, snapshot) if snapshot and not decided else None,
        heartbeat=ledger.read(Heartbeat, beat, "heartbeat.json"),
        probes=ledger.read(Probes, beat, "probes.json"),
        grades=ledger.read(Grades, beat, "grades.json"),
        history=told,
        metrics=for_the_site(context, told),
        work=last_work(context, repository),
    )
    for seal in seals(ledger, repository):
        if seal.receipt:
            receipt = documents(receipt=seal.receipt)["receipt.json"]
            files[f"releases/{seal.manifest.version}.json"] = receipt
            delta, at = seal.receipt.delta, seal.receipt.confirmed_at
            if delta and (vex := of_delta(delta, at)):
                files[f"vex/{seal.manifest.version}.json"] = encoded(vex)
    for yank in requests(ledger, repository):
        files[f"yanks/{yank.version}.json"] = documents(yank=yank)["yank.json"]
    for name, data in files.items():
        write_file(folder / name, data.decode())


def _decision(ledger: Ledger, snapshot: Snapshot) -> Decision | None:
    """The newest decision that rests on a snapshot, among the last few that were kept.

    Where nothing was decided since that scan, what a run laid out before stays.
    """
    about = digest(snapshot)
    for entry in islice(ledger.entries("decisions"), LOOKED_AT):
        decision = ledger.read(Decision, entry.commit, "decision.json")
        if decision and decision.inputs.snapshot == about:
            return decision
    return None


def call_plugins(workspace: Workspace, folder: Path) -> str | None:
    """Call every plug-in on a folder of documents.

    :returns: what went wrong, if anything did.
    """
    argv = [process.python(), "-P", "-m", plugins.__name__, str(folder)]
    try:
        process.run(argv, cwd=workspace.root, timeout=120)
    except ToolError as error:
        return f"{error.what}: {error.why}"
    return None
