"""Tell a service outside that a scan or a check went well, so that it notices when they stop.

As healthchecks.io and its like take it: one GET of an address that only we know. A ping that fails
never fails a run; it becomes an event.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from release.adapters import process
from release.errors import UnreachableError
from release.flows.context import Context
from release.flows.events import event_of, keep_event

VARIABLE = "RELEASE_WARDEN_HEARTBEAT_URL"
TASKS = frozenset({"release.scan", "release.auto", "status.check"})
"""The tasks that run on a schedule."""
TRIES = 3


def ping(context: Context, task: str) -> None:
    """Ask for the heartbeat's address, where there is one and the task is one of a schedule.

    :param task: the task that went well.
    """
    url = process.variable(VARIABLE) or context.workspace.config.heartbeat_url
    if not url or task not in TASKS:
        return
    context.tell("telling the heartbeat's service ...")
    trouble = _asked(url)
    if trouble is None:
        return
    error = UnreachableError(
        f"the heartbeat at {urlsplit(url).hostname} was not taken",
        why=trouble,
        remedy="see whether its address is right and the service is up",
    )
    error.step = "ping"
    event = event_of(context, task, error)
    if event:
        keep_event(context.workspace, event)
    context.tell(f"{error.what}: {error.why}; the run itself went well")


def _asked(url: str) -> str | None:
    """What went wrong in the end; nothing of the address, which is as good as a password."""
    from release.adapters import web

    with web.session_for(url) as session:
        for _ in range(TRIES):
            got = web.look(session, url)
            if isinstance(got, web.Answer) and 200 <= got.status < 300:
                return None
    return f"HTTP {got.status}" if isinstance(got, web.Answer) else _without(url, got.why)


def _without(url: str, why: str) -> str:
    parts = urlsplit(url)
    for secret in (url, parts.path.rpartition("/")[2], parts.query):
        why = why.replace(secret, "...") if secret else why
    return why
