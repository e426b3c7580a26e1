"""The looks of ``release.doctor``: each asks one place, changes nothing, and may fail alone.

They are asked side by side, and given up after :data:`PATIENCE`: a server that is silent is one
line of the diagnosis, and does not keep the others from being told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from release.adapters import oidc, process
from release.adapters.forge import open_named
from release.adapters.index import SimpleIndex
from release.adapters.interpreters import interpreters
from release.adapters.repository import Repository
from release.config import Config
from release.errors import VerificationError, WardenError
from release.flows.context import Context
from release.flows.doctor_aws import Taken, take_on
from release.flows.outlook import outlook
from release.flows.seals import seals
from release.model.listing import IndexFile
from release.scan.pythons import supported
from release.ship.claims import Claims
from release.ship.doctor_facts import FROM_CI, Forge, Shared, Tools, Unseen
from release.ship.ownership import Attester
from release.ship.preflight import Preflight

PATIENCE = 20.0
"""Seconds for all that is asked elsewhere."""
LARGEST = 20 << 20
"""Bytes of an archive that is fetched only to read its metadata."""
NOBODY = "release-warden-doctor"
"""An audience that nobody lets in: a token for it tells who a job is, and opens nothing."""


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


def looks(subject: Subject, *, deep: bool) -> dict[str, Callable[[], Any]]:
    """What is looked at, by name."""
    found: dict[str, Callable[[], Any]] = {
        "index": lambda: _index(subject),
        "git": lambda: _git(subject),
        "forge": lambda: _forge(subject),
        "credential": lambda: _credential(subject),
        "tools": lambda: _tools(subject),
        "identity": lambda: _identity(subject),
    }
    if deep and subject.context.workspace.config.credential == "aws":
        found["aws"] = lambda: _aws(subject.context.workspace.config)
    return found


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
    if in_job():
        return take_on(config)
    what = f"{config.aws.role_arn}: not checkable here, as only a job on GitHub can take it on"
    return Unseen(what, next="run release.doctor --deep in the job too")


def in_job() -> bool:
    """Whether this is a job that may ask GitHub who it is."""
    return bool(process.variable("GITHUB_ACTIONS")) and not oidc.missing()


def _identity(subject: Subject) -> Claims | None:
    """What GitHub says of this job, by a token that opens nothing."""
    return oidc.identify(NOBODY).claims if subject.from_ci and in_job() else None


def _credential(subject: Subject) -> str:
    """What is missing; that a job's identity is, counts only where one was promised."""
    trouble = subject.repository.source.problem()
    return "" if subject.from_ci and trouble == oidc.missing() else trouble
