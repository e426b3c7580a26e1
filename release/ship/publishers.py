"""The trusted publishers that an index has to know, and what a person clicks for each. Pure.

The rules are the index's own (Warehouse, 2026-08): a publisher matches repository, workflow file
and environment; a pending one makes the project at its first use, and all other pending publishers
of that name are then thrown away. So before the first release there is to be one pending publisher,
and the others are added to the project afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from release.model.diagnosis import Publisher, Verdict

FIRST = "the first release"


@dataclass(frozen=True)
class Wanted:
    """What the publishers are to be.

    :param project: the project's normalized name.
    :param repository: ``owner/name`` on GitHub.
    :param workflow: the file's name below ``.github/workflows``.
    :param environments: of the jobs that upload; the last is the one that a person releases by.
    :param account_page: the index's page for pending publishers; empty where it is not known.
    :param project_page: the same for publishers of the project.
    """

    project: str
    repository: str
    workflow: str
    environments: tuple[str, ...]
    account_page: str = ""
    project_page: str = ""


def publishers(wanted: Wanted, verdict: Verdict) -> Iterator[Publisher]:
    """What the index has to know; nothing where the name is another's."""
    if verdict == "anothers":
        return
    if verdict != "free":
        for environment in wanted.environments:
            yield _publisher(wanted, environment)
        return
    *others, first = wanted.environments or ("",)
    yield _publisher(wanted, first, pending=True)
    for environment in others:
        yield _publisher(wanted, environment, after=FIRST)


def _publisher(
    wanted: Wanted, environment: str, *, pending: bool = False, after: str = ""
) -> Publisher:
    owner, _, name = wanted.repository.partition("/")
    page = wanted.account_page if pending else wanted.project_page
    place = "your account's settings: Publishing" if pending else "the project's: Publishing"
    project = (f"PyPI project name: {wanted.project}",) if pending else ()
    return Publisher(
        kind="pending" if pending else "existing",
        environment=environment,
        owner=owner,
        repository=name,
        workflow=wanted.workflow,
        page=page,
        after=after,
        steps=(
            f"open {page or place}",
            f"under 'Add a new {'pending ' if pending else ''}publisher' choose GitHub",
            *project,
            f"Owner: {owner}",
            f"Repository name: {name}",
            f"Workflow name: {wanted.workflow}",
            f"Environment name: {environment}",
            "click Add",
        ),
    )
