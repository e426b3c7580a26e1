"""The workflow that publishes, as far as its file tells. Pure.

A trusted publisher is bound to one file and one environment, so it matters which jobs name that
environment and which may ask for an identity token. Reusable workflows are not supported by PyPI
(gh-action-pypi-publish#166).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from release.errors import DocumentError

EXPRESSION = "${{"
CHOICE = re.compile(r"\$\{\{.* && '([^']+)' \|\| '([^']+)' \}\}")
"""An expression that is one of two names, as GitHub's documentation writes a choice."""
ID_TOKEN = "id-token"  # noqa: S105 # nosec B105 # the name of a permission
Permissions = Mapping[str, str] | str | None


@dataclass(frozen=True)
class Job:
    """A job.

    ``environments`` are those that it may be in: one, two where an expression chooses, or none.
    ``asks`` says that it may ask for an identity token, ``uses`` names what it only calls.
    """

    name: str
    environments: tuple[str, ...]
    asks: bool
    uses: str


@dataclass(frozen=True)
class Workflow:
    """A workflow file: what starts it, and its jobs."""

    triggers: frozenset[str]
    jobs: tuple[Job, ...]

    @property
    def computed(self) -> tuple[str, ...]:
        """The jobs whose environment is known only when they run."""
        found = (job for job in self.jobs for name in job.environments if EXPRESSION in name)
        return tuple(job.name for job in found)


@dataclass(frozen=True)
class Fault:
    """What is wrong with it, and what to do."""

    what: str
    next: str


def read_workflow_file(text: str) -> Workflow:
    """Read a workflow file.

    :raises DocumentError: it is no YAML, or holds no jobs.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise DocumentError(
            "the workflow is no YAML",
            why=str(error),
            remedy="mend it, or: release.workflows --write",
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), dict):
        raise DocumentError(
            "the workflow holds no jobs",
            why="it has no table 'jobs'",
            remedy="mend it, or: release.workflows --write",
        )
    whole = content.get("permissions")
    jobs = ((str(name), job) for name, job in content["jobs"].items() if isinstance(job, dict))
    return Workflow(_triggers(content.get("on")), tuple(_job(n, job, whole) for n, job in jobs))


def faults(workflow: Workflow, environments: tuple[str, ...]) -> Iterator[Fault]:
    """Why the index or the cloud would not believe its jobs, or would believe too many.

    :param environments: of the jobs that upload.
    """
    if "workflow_call" in workflow.triggers:
        yield Fault(
            "it is a reusable workflow (workflow_call), and PyPI takes no upload from one",
            "take workflow_call out of its triggers, and upload from the workflow that is started",
        )
    for environment in environments:
        yield from _of_environment(workflow, environment)
    for job in workflow.jobs:
        if job.asks and not job.environments:
            yield Fault(
                f"the job {job.name} may ask for an identity token, and is in no environment",
                f"take {ID_TOKEN}: write from it, or give it an environment",
            )


def _of_environment(workflow: Workflow, environment: str) -> Iterator[Fault]:
    jobs = [job for job in workflow.jobs if environment in job.environments]
    if not jobs and not workflow.computed:
        yield Fault(
            f"no job of it is in the environment {environment}",
            f"write 'environment: {environment}' into the job that uploads, or correct "
            "environments in [tool.release-warden.github]",
        )
    for job in jobs:
        if job.uses:
            yield Fault(
                f"the job {job.name} only calls {job.uses}, and PyPI takes no upload from there",
                "let the job run its steps itself",
            )
        elif not job.asks:
            yield Fault(
                f"the job {job.name} may not ask for an identity token",
                f"write 'permissions: {{{ID_TOKEN}: write}}' into it",
            )


def _triggers(given: Any) -> frozenset[str]:
    if isinstance(given, str):
        return frozenset({given})
    return frozenset(str(one) for one in given) if isinstance(given, dict | list) else frozenset()


def _job(name: str, job: Mapping[str, Any], whole: Permissions) -> Job:
    environment = job.get("environment") or ""
    if isinstance(environment, dict):
        environment = environment.get("name") or ""
    return Job(
        name=name,
        environments=_environments(str(environment)),
        asks=_asks(job.get("permissions", whole)),
        uses=str(job.get("uses") or ""),
    )


def _environments(written: str) -> tuple[str, ...]:
    chosen = CHOICE.fullmatch(written.strip())
    return chosen.groups() if chosen else (written,) if written else ()


def _asks(permissions: Permissions) -> bool:
    """Whether these permissions let a job ask for an identity token; nobody may by default."""
    if isinstance(permissions, Mapping):
        return permissions.get(ID_TOKEN) == "write"
    return permissions == "write-all"
