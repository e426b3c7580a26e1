"""``release.doctor``: look at everything that a release rests on, all at once, and change nothing.

What has to be asked elsewhere (the index, GitHub, the git remote, the keyring) is asked side by
side, and given up after :data:`PATIENCE`: a server that is silent is one line of the diagnosis and
does not keep the others from being told. No code of the project runs, unless its name stands in
nothing but a setup.py; a job that can get credentials is refused then.
"""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from packaging.version import InvalidVersion, Version

from release.adapters import oidc, process
from release.adapters.credentials.keyboard import REMEDY, Keyboard
from release.adapters.forge import REPOSITORY, open_named
from release.adapters.index import SimpleIndex
from release.adapters.interpreters import interpreters
from release.adapters.repository import Repository, publishing_pages
from release.config import Config
from release.errors import ProjectError, UsageError, VerificationError, WardenError
from release.flows.context import Context
from release.flows.doctor_aws import Taken, by_template, of_role, take_on
from release.flows.outlook import outlook
from release.flows.seals import seals
from release.model.diagnosis import Check, Diagnosis, Ownership, Publisher
from release.model.listing import IndexFile
from release.model.metadata import CoreMetadata
from release.scan.pythons import supported
from release.ship.claims import Claims
from release.ship.doctor import (
    FROM_CI,
    Facts,
    Forge,
    Shared,
    Tools,
    Unseen,
    examine,
    state_of,
    unseen,
    why_not_mint,
)
from release.ship.ownership import Attester, Clues, emails_of, home_of, judge
from release.ship.preflight import Preflight
from release.ship.publishers import Wanted, publishers

PATIENCE = 20.0
"""Seconds for all that is asked elsewhere."""
LARGEST = 20 << 20
"""Bytes of an archive that is fetched only to read its metadata."""
OTHERWISE = "mend that, or choose another credential in [tool.release-warden]"
NOBODY = "release-warden-doctor"
"""An audience that nobody lets in: a token for it tells who a job is, and opens nothing."""

T = TypeVar("T")


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


@dataclass(frozen=True)
class Listed:
    """What the index shows of the name."""

    files: tuple[IndexFile, ...] | None
    metadata: str
    attester: Attester | None
    index: SimpleIndex


@dataclass(frozen=True)
class Kept:
    """What git has: the ledger, the tags, and what can be seen beforehand of a release."""

    shared: Shared
    sealed: Mapping[str, str]
    tagged: frozenset[str]
    outlook: Preflight


@dataclass(frozen=True)
class Subject:
    """What is looked at, as far as the project's own files tell."""

    context: Context
    repository: Repository
    project: dict[str, Any]
    home: str
    github: str

    @property
    def name(self) -> str:
        """The project's normalized name."""
        return self.context.metadata.normalized_name

    @property
    def from_ci(self) -> bool:
        """Whether only a job of the workflow can upload."""
        local = self.context.place.is_local
        return self.context.workspace.config.credential in FROM_CI and not local


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
    seen = together(_looks(subject, asked))
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


def _looks(subject: Subject, asked: Asked) -> dict[str, Callable[[], Any]]:
    """What is looked at, by name."""
    looks: dict[str, Callable[[], Any]] = {
        "index": lambda: _index(subject),
        "git": lambda: _git(subject),
        "forge": lambda: _forge(subject),
        "credential": lambda: _credential(subject),
        "tools": lambda: _tools(subject),
        "identity": lambda: _identity(subject),
    }
    if asked.deep and subject.context.workspace.config.credential == "aws":
        looks["aws"] = lambda: _aws(subject.context.workspace.config)
    return looks


def together(
    looks: Mapping[str, Callable[[], Any]], patience: float = PATIENCE
) -> dict[str, Any | Unseen]:
    """Look at many things side by side; what fails or takes too long is unseen.

    The threads are daemons, so that one that waits for a silent server does not hold the end of
    the run; the children that they wait for are ended.

    :param looks: by name.
    :param patience: seconds for all of them together.
    """
    seen: dict[str, Any | Unseen] = {}
    threads = {
        name: threading.Thread(target=_look, args=(seen, name, look), daemon=True)
        for name, look in looks.items()
    }
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + patience
    for thread in threads.values():
        thread.join(max(0.0, end - time.monotonic()))
    if late := [name for name in looks if name not in seen]:
        process.end_children()
        silent = Unseen(f"no answer within {patience:g} seconds", next="run it again")
        return {**dict.fromkeys(late, silent), **seen}
    return dict(seen)


def _look(seen: dict[str, Any], name: str, look: Callable[[], Any]) -> None:
    try:
        seen[name] = look()
    except WardenError as error:
        seen[name] = Unseen.of(error)


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
    elif _in_job():
        raise ProjectError(
            "pyproject.toml does not tell the project's name",
            why="to find it out would run code of the project, in a job that can get credentials",
            remedy="write name into [project]",
        )


def _index(subject: Subject) -> Listed:
    index = SimpleIndex(subject.repository.simple_url, fresh=True)
    files = index.listing(subject.name)
    newest = _newest(files or ())
    attester = next((told for one in newest if (told := index.attester(one))), None)
    return Listed(files, _metadata(index, newest), attester, index)


def _newest(files: tuple[IndexFile, ...]) -> list[IndexFile]:
    """The files of the highest version, those first whose metadata cost least."""
    last = max((file.version for file in files if file.version), default=None)
    found = [file for file in files if last and file.version == last]
    return sorted(found, key=lambda file: (file.metadata_url is None, file.size or LARGEST))


def _metadata(index: SimpleIndex, newest: list[IndexFile]) -> str:
    """The metadata of a release, where they cost little to get."""
    for file in newest:
        if file.metadata_url or (file.size or 0) < LARGEST:
            try:
                return index.metadata(file)
            except VerificationError:
                continue
    return ""


def _git(subject: Subject) -> Kept:
    context, name = subject.context, subject.repository.name
    remote, ledger = context.remote, context.ledger
    found = [*seals(ledger, name)]
    prefix = context.tag_prefix
    tagged = (tag.removeprefix(prefix) for tag in context.workspace.git.tags(prefix))
    shared = Shared(
        remote=remote.name if remote else "",
        default_branch=(remote.default_branch() or "").removeprefix("refs/heads/")
        if remote
        else "",
        releases=sum(one.journal.state == "confirmed" for one in found),
        unfinished=next((one.manifest.version for one in found if one.is_open), ""),
    )
    return Kept(
        shared=shared,
        sealed={file.name: file.sha256 for one in found for file in one.manifest.files},
        tagged=frozenset(version for tag in tagged if (version := _version(tag))),
        outlook=outlook(context, subject.repository, SimpleIndex(subject.repository.simple_url)),
    )


def _aws(config: Config) -> Taken | Unseen | None:
    if _in_job():
        return take_on(config)
    what = f"{config.aws.role_arn}: not checkable here, as only a job on GitHub can take it on"
    return Unseen(what, next="run release.doctor --deep in the job too")


def _in_job() -> bool:
    """Whether this is a job that may ask GitHub who it is."""
    return bool(process.variable("GITHUB_ACTIONS")) and not oidc.missing()


def _identity(subject: Subject) -> Claims | None:
    """What GitHub says of this job, by a token that opens nothing."""
    return oidc.identify(NOBODY).claims if subject.from_ci and _in_job() else None


def _credential(subject: Subject) -> str:
    """What is missing; that a job's identity is, counts only where one was promised."""
    trouble = subject.repository.source.problem()
    return "" if subject.from_ci and trouble == oidc.missing() else trouble


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


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        return ""


def _forge(subject: Subject) -> Forge | None:
    if not subject.from_ci or not subject.github:
        return None
    config = subject.context.workspace.config
    github = open_named(config, subject.github)
    setup = github.setup()
    return Forge(
        id=setup.id,
        full_name=setup.full_name,
        default_branch=setup.default_branch,
        is_protected=github.is_protected(setup.default_branch),
        environments={name: github.environment(name) for name in config.github.environments},
    )


def _tools(subject: Subject) -> Tools:
    context, root = subject.context, subject.context.workspace.root
    configured = context.workspace.config.pythons
    wanted = supported(context.metadata.requires_python, configured, context.clock.now())
    told = {
        "git": process.run(["git", "--version"], cwd=root),
        "uv": process.run([process.script("uv"), "--version"], cwd=root),
    }
    return Tools(
        versions={
            name: done.stdout.split()[-1 if name == "git" else 1] for name, done in told.items()
        },
        pythons=wanted,
        here=tuple(interpreters(wanted)),
    )


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
        in_job=_in_job(),
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
