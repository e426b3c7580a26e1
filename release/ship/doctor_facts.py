"""What ``release.doctor`` has seen, for :mod:`release.ship.doctor` to judge. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from release.config import Config
from release.errors import BlockedError, CredentialError, UsageError, WardenError
from release.model.diagnosis import Check, CheckState, Ownership, Publisher
from release.ship.claims import Claims
from release.ship.ownership import Attester
from release.ship.preflight import Preflight

FROM_CI = frozenset({"trusted-publishing", "aws"})
"""Credentials that only a job of the workflow can have."""
PUBLIC = frozenset({"pypi", "testpypi"})
"""The indexes whose trusted publishing is known."""


@dataclass(frozen=True)
class Unseen:
    """Something that did not let itself be seen, why, and what to do.

    ``state`` is ``problem`` where the answer was a no, and not silence.
    """

    what: str
    why: str = ""
    next: str = ""
    state: CheckState = "unknown"

    @classmethod
    def of(cls, error: WardenError) -> Unseen:
        """What an error kept us from seeing."""
        refused = isinstance(error, BlockedError | CredentialError | UsageError)
        return cls(error.what, error.why, error.remedy, "problem" if refused else "unknown")


@dataclass(frozen=True)
class Environment:
    """Who may deploy to an environment.

    ``restricted`` says that there is a policy at all; it admits protected branches only, or the
    ``branches`` and ``tags`` that match a pattern. ``reviewed``: a person has to agree.
    """

    restricted: bool
    protected_only: bool = False
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reviewed: bool = False


@dataclass(frozen=True)
class Forge:
    """The repository on GitHub: its number, its name now, its default branch, and who may deploy.

    ``environments`` holds ``None`` for one that there is not.
    """

    id: int
    full_name: str
    default_branch: str
    is_protected: bool
    environments: dict[str, Environment | None]


@dataclass(frozen=True)
class Shared:
    """The git remote and the ledger on it; ``remote`` is empty where none is configured.

    ``unfinished`` is the version of a seal that is open, empty if none is.
    """

    remote: str
    default_branch: str = ""
    releases: int = 0
    unfinished: str = ""


@dataclass(frozen=True)
class Tools:
    """The programs: versions by name; Pythons that are supported, and those that are here."""

    versions: dict[str, str]
    pythons: tuple[str, ...] = ()
    here: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What was seen.

    :param repository: the name of the package index.
    :param project: the project's normalized name.
    :param github: ``owner/name`` there; empty where nothing tells.
    :param home: where the git remote is, as ``github.com/owner/name``; empty without one.
    :param source: where the credential comes from, in words.
    :param missing: what it lacks; empty if nothing. ``remedy``: what to do about that.
    :param in_job: whether this runs where a job's identity can be asked for.
    :param identity: what GitHub says of this job; ``None`` outside of one.
    :param workflow: the text of the workflow file at HEAD; ``None`` if there is none.
    :param forge: ``None`` where nothing rests on GitHub.
    :param minted_for: the environment of this job, where the index gave it a token.
    :param others: what else was found out.
    :param attester: who published the newest file on the index, if it tells.
    """

    config: Config
    repository: str
    project: str
    ownership: Ownership | Unseen
    missing: str | Unseen
    shared: Shared | Unseen
    outlook: Preflight | Unseen
    tools: Tools | Unseen
    github: str = ""
    home: str = ""
    source: str = ""
    remedy: str = ""
    in_job: bool = False
    identity: Claims | Unseen | None = None
    workflow: str | None = None
    forge: Forge | Unseen | None = None
    attester: Attester | None = None
    publishers: tuple[Publisher, ...] = ()
    minted_for: str = ""
    others: tuple[Check, ...] = field(default=())
    deep: bool = False

    @property
    def is_local(self) -> bool:
        """Whether releases go to the embedded index, which asks for nothing."""
        return self.repository == "local"

    @property
    def is_public(self) -> bool:
        """Whether it is an index whose trusted publishing is known."""
        return self.repository in PUBLIC

    @property
    def from_ci(self) -> bool:
        """Whether only a job of the workflow can upload."""
        return self.config.credential in FROM_CI and not self.is_local
