"""Small worlds for the tests of the status site: documents as a run would leave them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from release.model.base import Noun, encode
from release.model.decision import Decision, Inputs, Reason
from release.model.finding import Finding
from release.model.heartbeat import Heartbeat, Run
from release.model.receipt import Receipt, ReceiptFile
from release.model.record import Coverage, Record, Sighting, Tracked
from release.model.snapshot import Closure, Project, Scanner, Snapshot
from status_site.documents import Documents

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHERE = {"project": "paperboy", "repository": "local"}
OSV = Scanner(state="ok", covered=("jinja2==3.1.2", "urllib3==1.26.15"), database_date=NOW)


def finding(key="urllib3/CVE-2023-43804", severity="high", **change):
    package = key.partition("/")[0]
    facts = {
        "kind": "dependency",
        "package": package,
        "version": "1.26.15",
        "ids": (key.partition("/")[2],),
        "scope": "runtime",
        "summary": f"{package} does what it should not",
        "first_seen": NOW - timedelta(days=9),
        "affects": {"published": ("1.26.15",), "candidate": ("1.26.15",)},
    }
    return Finding(key=key, severity=severity, **(facts | change))


def closure(kind, version="1.2.3", gaps=()):
    return Closure(
        kind=kind,
        version=version,
        origin="",
        requires=(),
        pythons=("3.11",),
        extras=("",),
        gaps=gaps,
    )


def receipt(version="1.2.3", at=NOW - timedelta(days=9), **change):
    name = f"paperboy-{version}-py3-none-any.whl"
    url = f"https://files.example/{name}"
    facts = WHERE | {
        "files": (ReceiptFile(name=name, sha256="ab" * 32, size=12_345, url=url),),
        "uploaded_at": at,
        "confirmed_at": at,
        "tag": f"local/v{version}",
        "seal": "5ea1",
    }
    return Receipt(version=version, **(facts | change))


def decision(action="hold", rule="nothing-to-ship", **change):
    reason = Reason(rule=rule, why="an edit would help and HEAD lacks it")
    inputs = Inputs(snapshot="a" * 64, baseline="b" * 64, policy="c" * 64, config="d" * 64)
    facts = {"trigger": "none", "bump": "patch", "reasons": (reason,), "fingerprint": "f"}
    return Decision(action=action, inputs=inputs, **(facts | change))


def world(*findings, at=NOW, scanners=None, closures=None, reach=(), missed=(), **documents):
    """A project that was scanned at ``at`` and held these findings open."""
    scanners = {"osv": OSV} if scanners is None else scanners
    closures = (closure("published"), closure("candidate")) if closures is None else closures
    project = Project(name="paperboy", version="1.2.3", commit="c" * 40)
    seen = {"osv": Sighting(state="open")}
    coverage = {"osv": Coverage(state="ok", covered=OSV.covered, unknown=missed)}
    facts = {
        "run": Run(**WHERE, task="release.auto", outcome="ok", exit_code=0, at=at),
        "record": Record(
            **WHERE,
            scanners=coverage,
            tracked=tuple(Tracked(finding=item, sightings=seen) for item in findings),
        ),
        "snapshot": Snapshot(
            project=project, taken_at=at, scanners=scanners, closures=closures, reach=reach
        ),
        "heartbeat": Heartbeat(**WHERE, commit="c" * 40, taken_at=at, scanners=scanners),
        "receipts": (receipt(),),
    }
    return Documents(**(facts | documents))


def lay_out(documents: Documents, folder: Path) -> Path:
    """Write documents as ``release`` lays them out."""
    for name in ("run", "record", "snapshot", "heartbeat", "decision"):
        _write(folder / f"{name}.json", getattr(documents, name))
    for item in documents.receipts:
        _write(folder / "releases" / f"{item.version}.json", item)
    return folder


def _write(path: Path, document: Noun | None) -> None:
    if document is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(document))
