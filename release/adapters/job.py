"""The door to the CI service's job: what it tells the jobs after it."""

from __future__ import annotations

from pathlib import Path

from release.adapters import process


def set_outputs(**values: str) -> None:
    """Set outputs of the job, where its service wants them in a file (GitHub, Forgejo, Gitea).

    :param values: name and value; none holds a line end.
    """
    named = process.variable("GITHUB_OUTPUT")
    if not named:
        return
    with Path(named).open("a", encoding="utf-8") as sink:
        sink.writelines(f"{name}={value}\n" for name, value in values.items())
