"""The folder of documents that a run leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from release.errors import DocumentError
from release.model.base import D, decode
from release.model.decision import Decision
from release.model.finding import USERS_GET
from release.model.grades import Grades
from release.model.heartbeat import Heartbeat, Run
from release.model.history import History, Story
from release.model.metrics import Metrics
from release.model.monitoring import Probes
from release.model.receipt import Receipt
from release.model.record import Record, Tracked
from release.model.snapshot import Snapshot
from release.model.yank import Yank
from release.record.history import stories


@dataclass(frozen=True, kw_only=True)
class Documents:
    """All that the site knows; what is not there yet is ``None``.

    ``run`` is the run that laid the documents out, ``work`` the last one that scanned or released.
    """

    run: Run | None = None
    work: Run | None = None
    record: Record | None = None
    snapshot: Snapshot | None = None
    heartbeat: Heartbeat | None = None
    decision: Decision | None = None
    receipts: tuple[Receipt, ...] = ()
    history: History | None = None
    yanks: tuple[Yank, ...] = ()
    probes: Probes | None = None
    grades: Grades | None = None
    metrics: Metrics | None = None

    @property
    def project(self) -> str | None:
        """The project's name, by whichever document tells it."""
        if self.snapshot:
            return self.snapshot.project.name
        named = (self.run, self.heartbeat, self.record, *self.receipts)
        return next((document.project for document in named if document), None)

    @property
    def repository(self) -> str | None:
        """The repository that the documents are about."""
        named = (self.snapshot, self.heartbeat, self.record, self.run, *self.receipts)
        return next((document.repository for document in named if document), None)

    @property
    def scanned_at(self) -> datetime | None:
        """When the last scan was."""
        return self.heartbeat.taken_at if self.heartbeat else None

    @property
    def releases(self) -> tuple[Receipt, ...]:
        """The releases in the repository at hand, newest first."""
        ours = [receipt for receipt in self.receipts if receipt.repository == self.repository]
        return tuple(sorted(ours, key=lambda it: (it.confirmed_at, it.version), reverse=True))

    @cached_property
    def shipped(self) -> dict[str, Tracked]:
        """The findings in dependencies that users get or got, by key, in the record's order."""
        return {
            item.finding.key: item
            for item in (self.record.tracked if self.record else ())
            if item.finding.kind == "dependency" and item.finding.scope in USERS_GET
        }

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        """What became of each finding; without a history, as far as the record tells it."""
        if self.history:
            return self.history.stories
        return stories(self.record, (), self.scanned_at) if self.scanned_at else ()


def read(folder: Path) -> Documents:
    """Read the documents of a folder.

    :raises DocumentError: one of them cannot be read; the folder is taken whole or not at all.
    """
    releases = sorted((folder / "releases").glob("*.json"))
    yanks = sorted((folder / "yanks").glob("*.json"))
    return Documents(
        run=_read(folder / "run.json", Run),
        work=_read(folder / "work.json", Run),
        record=_read(folder / "record.json", Record),
        snapshot=_read(folder / "snapshot.json", Snapshot),
        heartbeat=_read(folder / "heartbeat.json", Heartbeat),
        decision=_read(folder / "decision.json", Decision),
        history=_read(folder / "history.json", History),
        probes=_read(folder / "probes.json", Probes),
        grades=_read(folder / "grades.json", Grades),
        metrics=_read(folder / "metrics.json", Metrics),
        receipts=tuple(receipt for path in releases if (receipt := _read(path, Receipt))),
        yanks=tuple(yank for path in yanks if (yank := _read(path, Yank))),
    )


def _read(path: Path, kind: type[D]) -> D | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DocumentError(
            f"{path.name} cannot be read",
            why=str(error),
            remedy="the site was left as it was; make the file readable, then run again",
        ) from error
    return decode(kind, data, origin=str(path))
