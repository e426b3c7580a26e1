"""The door to the CI service's job: what it tells the jobs after it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from release.adapters import process
from release.errors import UsageError


def set_outputs(**values: str) -> None:
    """Set outputs of the job, where its service wants them in a file (GitHub, Forgejo, Gitea).

    :param values: name and value; none holds a line end.
    """
    named = process.variable("GITHUB_OUTPUT")
    if not named:
        return
    with Path(named).open("a", encoding="utf-8") as sink:
        sink.writelines(f"{name}={value}\n" for name, value in values.items())


JOBS = "RELEASE_WARDEN_JOBS"


def failed() -> tuple[str, ...]:
    """The jobs before this one that failed, where the workflow tells of them.

    ``RELEASE_WARDEN_JOBS`` holds GitHub's ``toJSON(needs)``: by job its result and its outputs.

    :raises UsageError: it is no such thing.
    """
    told = process.variable(JOBS)
    if not told:
        return ()
    try:
        jobs = msgspec.json.decode(told, type=dict[str, _Job])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{JOBS} does not tell of jobs", why=str(error), remedy="set it to toJSON(needs)"
        ) from error
    return tuple(sorted(name for name, one in jobs.items() if one.result == "failure"))


class _Job(msgspec.Struct, frozen=True):
    result: str = ""
