"""The JSON Schemas of the documents and of the configuration, made from the classes.

``python -m release.schemas`` writes them anew; a test refuses any difference.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from release.config import Config
from release.decide.circumstances import Circumstances
from release.model.adoption import Adoption
from release.model.alerts import Alerts
from release.model.base import Document, schema_name
from release.model.changes import Changes
from release.model.cloud import Deployment, Protection, Rotation
from release.model.decision import Decision
from release.model.diagnosis import Diagnosis
from release.model.error import Error
from release.model.event import Event
from release.model.fix import Fix
from release.model.grades import Grades
from release.model.handover import Handover, Staged
from release.model.heartbeat import Heartbeat, Run
from release.model.history import History
from release.model.metrics import Metrics
from release.model.mirror import Mirror
from release.model.monitoring import Check, Probes
from release.model.plan import Plan
from release.model.receipt import Receipt
from release.model.reconciliation import Observations, Reconciliation
from release.model.record import Record
from release.model.runs import Runs
from release.model.seal import Archives, Journal, Manifest
from release.model.snapshot import Snapshot
from release.model.workflows import Workflows
from release.model.yank import Yank

DOCUMENTS: tuple[type[Document], ...] = (
    Adoption, Alerts, Archives, Changes, Check, Circumstances, Decision, Deployment, Diagnosis,
    Error, Event, Fix, Grades, Handover, Heartbeat, History, Journal, Manifest, Metrics, Mirror,
    Observations, Plan, Probes, Protection, Receipt, Reconciliation, Record, Rotation, Run, Runs,
    Snapshot, Staged, Workflows, Yank,
)  # fmt: skip
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, bytes]:
    """Every schema, file name to bytes."""
    made: dict[str, tuple[str, type[msgspec.Struct]]] = {
        f"{kind.__name__.lower()}.json": (schema_name(kind.__name__), kind) for kind in DOCUMENTS
    }
    made["config.json"] = ("release-warden/config/1", Config)
    return {name: _schema(id_, kind) for name, (id_, kind) in made.items()}


def _schema(id_: str, kind: type[msgspec.Struct]) -> bytes:
    schema = {"$schema": DIALECT, "$id": id_, **msgspec.json.schema(kind)}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2) + b"\n"


def write(folder: Path) -> None:
    """Write every schema into a folder."""
    for name, data in schemas().items():
        (folder / name).write_bytes(data)
