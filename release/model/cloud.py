"""What the ``aws`` tasks tell: a deployment, a check of what is deployed, a rotation."""

from __future__ import annotations

from typing import ClassVar, Literal

from release.model.base import Document, Instant, Noun

State = Literal["ok", "problem", "unknown"]
Done = Literal["planned", "unchanged", "created", "updated"]


class ResourceChange(Noun, frozen=True, kw_only=True):
    """What happens to one resource of the stack; ``replaced`` means that another takes its place.

    ``resource`` is its name in the template, ``kind`` such as ``AWS::IAM::Role``.
    """

    action: str
    resource: str
    kind: str
    replaced: bool = False
    properties: tuple[str, ...] = ()


class Deployment(Document, frozen=True, kw_only=True):
    """A stack, and what was or would be done to it.

    ``outputs`` hold its ``RoleArn``, ``SecretArn`` and ``AlarmsArn``, once it is there.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset({"at"})

    stack: str
    region: str
    account: str
    done: Done
    at: Instant
    parameters: dict[str, str]
    changes: tuple[ResourceChange, ...] = ()
    outputs: dict[str, str] = {}


class Check(Noun, frozen=True, kw_only=True):
    """One thing that was looked at; ``remedy`` is empty where it is as it should be."""

    name: str
    state: State
    what: str
    remedy: str = ""


class Protection(Document, frozen=True, kw_only=True):
    """What protects the token, as it is deployed.

    ``unseen`` is what no look from here can show.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset({"at"})

    stack: str
    region: str
    account: str
    at: Instant
    checks: tuple[Check, ...]
    unseen: tuple[str, ...] = ()


class Rotation(Document, frozen=True, kw_only=True):
    """A new token in the place of the old one; ``done`` is false where it was only looked at.

    ``version`` and ``previous`` are AWS's numbers of the secret's versions.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset({"at", "previous_stored_at"})

    secret: str
    done: bool
    at: Instant
    version: str = ""
    previous: str = ""
    previous_stored_at: Instant | None = None
    scope: str = ""
    next: str = ""


class Role(Noun, frozen=True, kw_only=True):
    """A role as it is now; documents are in JSON."""

    arn: str
    trust: str
    longest_session: int
    boundary: str | None
    inline: dict[str, str]
    attached: tuple[str, ...]


class Version(Noun, frozen=True, kw_only=True):
    """One version of a secret, without its value."""

    id: str
    stages: tuple[str, ...]
    stored_at: Instant


class Vault(Noun, frozen=True, kw_only=True):
    """A secret as it is now, without its value."""

    arn: str
    deleted: bool
    key: str
    replicas: tuple[str, ...]
    versions: tuple[Version, ...]

    def staged(self, stage: str) -> Version | None:
        """The version with a stage, such as ``AWSCURRENT``."""
        return next((version for version in self.versions if stage in version.stages), None)
