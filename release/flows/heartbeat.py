"""The heartbeat's ref: one parentless commit, which scans and checks of the site replace.

Each changes its own file of it and carries the others over. Refs move by compare-and-swap: who
comes second reads again what the first has left, and loses nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from release.errors import TryAgainError
from release.flows.context import Context

ATTEMPTS = 8
"""How often it is tried when other runs replace it meanwhile."""

Change = Callable[[bytes | None, bool], bytes]
"""A file's new content, from what it is now, and whether another run has just made that."""


def replace_heartbeat(context: Context, files: Mapping[str, Change], *, share: bool) -> None:
    """Replace some files of the heartbeat, and leave the others as they are.

    :param files: by name, what becomes of it.
    :param share: at the remote first, where there is one.
    :raises TryAgainError: other runs replaced it again and again, or the remote does not take it.
    """
    ledger = context.ledger
    began = held = _held(context)
    for attempt in range(1, ATTEMPTS + 1):
        old = ledger.tip("heartbeat")
        made = {
            name: change(held.get(name), held.get(name) != began.get(name))
            for name, change in files.items()
        }
        try:
            ledger.write(
                ledger.ref("heartbeat"),
                {**held, **made},
                old=old,
                message="heartbeat",
                at=context.clock.now(),
                parents=(),
                share=share,
            )
        except TryAgainError:
            if attempt == ATTEMPTS:
                raise
            ledger.fetch()
            held = _held(context)
        else:
            return


def _held(context: Context) -> dict[str, bytes]:
    tip = context.ledger.tip("heartbeat")
    return context.ledger.files(tip) if tip else {}
