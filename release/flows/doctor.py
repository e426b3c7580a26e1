"""``release.doctor``: look at everything that a release rests on, all at once, and change nothing.

No code of the project runs, unless its name stands in nothing but a setup.py; a job that can get
credentials is refused then.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from release.adapters import process
from release.adapters.credentials.keyboard import REMEDY, Keyboard
from release.adapters.forge import REPOSITORY
from release.adapters.repository import Repository, publishing_pages
from release.errors import ProjectError, UsageError, WardenError
from release.flows.context import Context
from release.flows.doctor_aws import by_template, of_role
from release.flows.doctor_looks import Kept, Listed, Subject, in_job, looks, together
from release.model.diagnosis import Check, Diagnosis, Ownership, Publisher
from release.model.metadata import CoreMetadata
from release.ship.claims import Claims
from release.ship.doctor import examine, state_of, unseen, why_not_mint
from release.ship.doctor_facts import Facts, Unseen
from release.ship.ownership import Clues, emails_of, home_of, judge
from release.ship.preflight import Preflight
from release.ship.publishers import Wanted, publishers

OTHERWISE = "mend that, or choose another credential in [tool.release-warden]"


@dataclass(frozen=True)
class Asked:
    """What a person asks for: servers in depth, and a real upload token, which is thrown away.

    :raises UsageError: the second without the first.
    """

    deep: bool = False
    mint: bool = False

    def __post_init__(self) -> None:
        if self.mint and not self.deep:
            raise UsageError(
                "--mint needs --deep",
                why="it asks for a real upload token",
                remedy="say release.doctor --deep --mint, in the job that uploads",
            )


def doctor(context: Context, repository: Repository, asked: Asked) -> Diagnosis:
    """Look at everything.

    :raises UsageError: a token is to be minted for a keyboard.
    """
    subject = _subject(context, repository)
    if asked.mint and not subject.from_ci:
        raise UsageError(
            "--mint is for jobs",
            why=f"the credential for {repository.name} is not one that a job gets for itself",
            remedy='leave it out, or set credential = "trusted-publishing"',
        )
    seen = together(looks(subject, deep=asked.deep))
    facts = _facts(subject, seen, asked)
    if asked.mint:
        facts = _with_mint(facts, _mint(facts, repository))
    checks = examine(facts)
    config = context.workspace.config
    return Diagnosis(
        project=subject.name,
        repository=repository.name,
        commit=context.workspace.commit,
        as_of=context.clock.now(),
        state=state_of(checks),
        credential=config.credential,
        ownership=facts.ownership if isinstance(facts.ownership, Ownership) else None,
        publishers=facts.publishers,
        checks=checks,
        deep=asked.deep,
        minted=any(one.name == "mint" and one.state == "ok" for one in checks),
    )


def _subject(context: Context, repository: Repository) -> Subject:
    workspace = context.workspace
    table = tomllib.loads(workspace.read("pyproject.toml") or "")
    project = table.get("project") or table.get("tool", {}).get("poetry") or {}
    _believe(context, project)
    url = workspace.git.ask("remote", "get-url", "--", workspace.config.remote or "origin")
    home = home_of(url or "")
    told = workspace.config.github.repository or home.partition("/")[2]
    return Subject(context, repository, project, home, told or process.variable(REPOSITORY) or "")


def _believe(context: Context, project: Mapping[str, Any]) -> None:
    """Take the name from pyproject.toml: to build the metadata would run code of the project.

    :raises ProjectError: it is not there, and this job could hand that code its identity.
    """
    if isinstance(project.get("name"), str):
        name, version = project["name"], str(project.get("version", "0"))
        python = project.get("requires-python")
        context.believe(CoreMetadata(name=name, version=version, requires_python=python))
    elif in_job():
        raise ProjectError(
            "pyproject.toml does not tell the project's name",
            why="to find it out would run code of the project, in a job that can get credentials",
            remedy="write name into [project]",
        )


def _mint(facts: Facts, repository: Repository) -> Check:
    """Get a real upload token and throw it away."""
    trusted = facts.config.credential == "trusted-publishing"
    if trusted and (reason := why_not_mint(facts.ownership)):
        remedy = "run it after the first release"
        what = f"no token was minted: {reason}"
        return Check(name="mint", state="problem", what=what, next=remedy)
    try:
        repository.source.credential()
    except WardenError as error:
        return unseen("mint", Unseen.of(error))
    what = f"a token for uploads to {repository.name} was given to this job, and thrown away"
    return Check(name="mint", state="ok", what=what)


def _with_mint(facts: Facts, minted: Check) -> Facts:
    """The facts, with what minting has shown; a token shows that this job's publisher is there."""
    job = facts.identity.environment if isinstance(facts.identity, Claims) else ""
    environment = job if minted.state == "ok" else ""
    return replace(facts, others=(*facts.others, minted), minted_for=environment)


def _facts(subject: Subject, seen: Mapping[str, Any], asked: Asked) -> Facts:
    context = subject.context
    config, workspace = context.workspace.config, context.workspace
    listed, kept = seen["index"], seen["git"]
    index = listed.index if isinstance(listed, Listed) else None
    outlooked = kept.outlook if isinstance(kept, Kept) else kept
    if index and isinstance(outlooked, Preflight):
        outlooked = replace(outlooked, told=index.told)
    ownership = _ownership(subject, listed, kept)
    path = f".github/workflows/{config.github.workflow}"
    return Facts(
        config=config,
        repository=subject.repository.name,
        project=subject.name,
        ownership=ownership,
        missing=seen["credential"],
        shared=kept.shared if isinstance(kept, Kept) else kept,
        outlook=outlooked,
        tools=seen["tools"],
        github=subject.github,
        home=subject.home,
        source=_told_source(subject),
        remedy=REMEDY if isinstance(subject.repository.source, Keyboard) else OTHERWISE,
        in_job=in_job(),
        identity=seen["identity"],
        workflow=workspace.git.show(workspace.commit, path),
        forge=seen["forge"],
        attester=listed.attester if isinstance(listed, Listed) else None,
        publishers=tuple(_publishers(subject, ownership)),
        others=tuple(_of_aws(subject, seen)),
        deep=asked.deep,
    )


def _told_source(subject: Subject) -> str:
    """Where the right to upload comes from, for a person."""
    source, config = subject.repository.source, subject.context.workspace.config
    if isinstance(source, Keyboard):
        return source.where()
    if config.credential == "aws":
        return f"the secret {config.aws.secret} in AWS, by {config.aws.role_arn}"
    return "trusted publishing"


def _of_aws(subject: Subject, seen: Mapping[str, Any]) -> Iterator[Check]:
    """Whether the role lets this job in, by its template and by AWS itself."""
    config = subject.context.workspace.config
    claims, kept, taken = seen["identity"], seen["git"], seen.get("aws")
    if config.credential != "aws":
        return
    if isinstance(claims, Claims) and isinstance(kept, Kept) and kept.shared.default_branch:
        yield by_template(config, claims, kept.shared.default_branch)
    if isinstance(taken, Unseen):
        yield unseen("aws", taken)
    elif taken:
        yield of_role(config, taken)


def _ownership(
    subject: Subject, listed: Listed | Unseen, kept: Kept | Unseen
) -> Ownership | Unseen:
    """Whose the name is; what git could not tell is missing evidence, and no more."""
    if isinstance(listed, Unseen):
        return listed
    known = kept if isinstance(kept, Kept) else None
    return judge(
        Clues(
            listed=listed.files,
            metadata=listed.metadata,
            attester=listed.attester,
            sealed=known.sealed if known else {},
            tagged=known.tagged if known else frozenset(),
            home=subject.home or (f"github.com/{subject.github}".lower() if subject.github else ""),
            emails=_emails(subject.project),
        )
    )


def _emails(project: Mapping[str, Any]) -> frozenset[str]:
    """The addresses of the project's people: tables in ``[project]``, texts in poetry's own."""
    people = [*project.get("authors", ()), *project.get("maintainers", ())]
    told = [one.get("email", "") if isinstance(one, dict) else str(one) for one in people]
    return emails_of(", ".join(told))


def _publishers(subject: Subject, ownership: Ownership | Unseen) -> tuple[Publisher, ...]:
    config = subject.context.workspace.config
    if config.credential != "trusted-publishing" or isinstance(ownership, Unseen):
        return ()
    if not subject.github or subject.context.place.is_local:
        return ()
    account, project = publishing_pages(subject.repository.name, subject.name)
    wanted = Wanted(
        project=subject.name,
        repository=subject.github,
        workflow=config.github.workflow,
        environments=config.github.environments,
        account_page=account,
        project_page=project,
    )
    return tuple(publishers(wanted, ownership.verdict))
