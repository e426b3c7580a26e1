"""A failure is kept as an event: in a ring of the last ones, and with the documents of the run.

What a seal's step died of stands in that seal's journal too (:mod:`release.flows.carry`).
"""

from __future__ import annotations

import secrets

from release.adapters import meter, process
from release.adapters.workspace import Workspace, write_file
from release.errors import UsageError, WardenError
from release.flows.context import Context
from release.model.base import encode
from release.model.event import Event
from release.model.text import plain
from release.ship.failures import failure_of
from release.ship.stages import CREDENTIAL

KEPT = 50
"""How many events the ring holds."""
SHORTEST = 6
"""Characters of a variable that is taken for a secret: a shorter one would blot out words."""


def event_of(context: Context, task: str, error: WardenError) -> Event | None:
    """The event of a failed run; ``None`` for a wrong call, of which only the caller needs to know.

    :param task: the task's name.
    """
    if isinstance(error, UsageError):
        return None
    metadata = vars(context).get("metadata")
    return Event(
        failure=failure_of(error),
        what=_redacted(error.what, 500),
        why=_redacted(error.why, 2000),
        next_step=_redacted(error.remedy, 1000),
        exit_code=error.exit_code,
        at=context.clock.now(),
        run=meter.current().run,
        project=metadata.normalized_name if metadata else context.workspace.root.name,
        task=task,
        step=error.step,
        version=error.version,
    )


def keep_event(workspace: Workspace, event: Event) -> None:
    """Put an event into the ring; the oldest make room."""
    folder = workspace.state / "run" / "events"
    name = f"{event.at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
    write_file(folder / name, encode(event).decode())
    for path in sorted(folder.glob("*.json"))[:-KEPT]:
        path.unlink(missing_ok=True)


def _redacted(text: str, limit: int) -> str:
    """The text without the value of any variable that holds a credential.

    Errors are made without secrets; this is for what a program of somebody else has said.
    """
    for name, value in process.variables():
        if len(value) >= SHORTEST and CREDENTIAL.search(name.upper()):
            text = text.replace(value, "***")
    return plain(text, limit)
