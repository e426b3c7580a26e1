"""The door to the time of day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from release.errors import UsageError


class Clock:
    """A clock that may be set: a run at ``--at`` sees time go on from there.

    :param at: an ISO 8601 moment with an offset or ``Z``; ``None`` or empty for the real time.
        ``is_set`` tells whether it was given.
    :raises UsageError: ``at`` is no such moment.
    """

    def __init__(self, at: str | None = None) -> None:
        self.is_set = bool(at)
        real = _real()
        self._offset = _parse(at) - real if at else timedelta()

    def now(self) -> datetime:
        """The present moment, in UTC, to the second."""
        return (_real() + self._offset).replace(microsecond=0)


def _real() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the door


def _parse(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise UsageError(
            f"{at!r} is no moment", why=str(error), remedy="write it as 2026-11-23T12:00:00Z"
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            f"{at!r} has no time zone", remedy="end it with Z (UTC) or an offset such as +01:00"
        )
    return moment.astimezone(UTC)
