"""What the troubles of a site amount to: a state, an exit code, and what people are alerted to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from release.errors import FailedError, Failure, UnknownError, WardenError
from release.model.monitoring import Check, CheckState, Trouble, TroubleKind

CODES: Mapping[CheckState, int] = {"ok": 0, "settling": 75, "failed": 1, "unknown": 4}
"""The exit code of a check (DESIGN: the faces)."""

UNSEEN: frozenset[TroubleKind] = frozenset({"unreachable", "clock"})
"""With these alone it cannot be told whether the fault is the site's or ours."""
PASSING: frozenset[TroubleKind] = frozenset({"settling", "throttled"})
"""These go away by themselves."""

ALARMS: Mapping[TroubleKind, Failure] = {
    "stale": "status-stale",
    "behind": "status-stale",
    "update-failed": "status-stale",
    "late": "scan-late",
}
"""What a trouble is an alarm of; all others are ``status-failed``."""

WORDS: Mapping[Failure, str] = {
    "status-failed": "the status site does not serve what it should",
    "status-stale": "the status site is out of date",
    "scan-late": "scans have stopped",
}


def state_of(troubles: Iterable[Trouble], *, answered: bool) -> CheckState:
    """What the troubles of one round make of the site.

    :param answered: whether the server gave any answer at all.
    """
    kinds = {trouble.kind for trouble in troubles}
    if not kinds:
        return "ok"
    if kinds <= PASSING:
        return "settling"
    if not answered and "certificate" not in kinds:
        return "unknown"
    return "unknown" if kinds <= {"clock"} else "failed"


def grace(every: timedelta) -> timedelta:
    """How much later than expected a scan may be: half of the interval, at least an hour.

    Schedules of CI services start late when they are busy.
    """
    return max(every / 2, timedelta(hours=1))


def is_late(scanned: datetime, every: timedelta, now: datetime) -> bool:
    """Whether scans have stopped: the last one is older than expected, even with some grace."""
    return now - scanned > every + grace(every)


def alarms(check: Check) -> tuple[WardenError, ...]:
    """What people are alerted to: one alarm of each kind, with all of its troubles."""
    if CODES[check.state] in {0, 75}:
        return ()
    kinds: dict[Failure, list[Trouble]] = {}
    for trouble in check.troubles:
        kinds.setdefault(ALARMS.get(trouble.kind, "status-failed"), []).append(trouble)
    return tuple(_alarm(check, kind, held) for kind, held in kinds.items())


def _alarm(check: Check, kind: Failure, troubles: Sequence[Trouble]) -> WardenError:
    seen = UnknownError if check.state == "unknown" else FailedError
    return seen(
        f"{WORDS[kind]}: {check.url}",
        why="\n".join(trouble.what for trouble in troubles),
        remedy="; ".join(dict.fromkeys(trouble.remedy for trouble in troubles)),
        failure=kind,
    )
