"""What an OIDC token says of the job that holds it, read without trusting it.

Nothing here verifies a signature: that is for the index and for AWS. The claims are read so that a
person can be told which of them the other side did not like. Nothing of the token itself is told.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from release.errors import DocumentError

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
"""The ``iss`` of every token of github.com's own runners."""
MISSING = "MISSING"
TOLD = (
    "iss", "aud", "sub", "repository", "repository_id", "repository_owner", "repository_owner_id",
    "environment", "workflow_ref", "job_workflow_ref", "ref", "event_name",
)  # fmt: skip
"""The claims that decide who may publish, in the order in which they are shown."""
SUBJECT = re.compile(
    r"repo:(?P<owner>[^/@:]+)(@(?P<owner_id>\d+))?/(?P<name>[^/@:]+)(@(?P<name_id>\d+))?"
    r":(?P<context>.+)"
)
WORKFLOW = re.compile(
    r"(?P<repository>[^/]+/[^/]+)/\.github/workflows/(?P<file>[^/@]+)@(?P<ref>.+)"
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The ``sub`` of GitHub's tokens, in either of its two forms.

    Of repositories that were made or renamed since July 2026 owner and name come with their ids,
    as ``repo:owner@1/name@2:...``; of older ones without, as ``repo:owner/name:...``.

    ``context`` is the rest: ``environment:NAME`` for a job with an environment (no branch is told
    then), else ``pull_request`` or ``ref:refs/heads/BRANCH``.
    """

    owner: str
    name: str
    context: str
    owner_id: str = ""
    name_id: str = ""

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"

    @property
    def environment(self) -> str:
        """The job's environment; empty without one. GitHub writes its colons as ``%3A``."""
        kind, _, name = self.context.partition(":")
        return name.replace("%3A", ":") if kind == "environment" else ""

    def __str__(self) -> str:
        owner = f"{self.owner}@{self.owner_id}" if self.owner_id else self.owner
        name = f"{self.name}@{self.name_id}" if self.name_id else self.name
        return f"repo:{owner}/{name}:{self.context}"


class WorkflowRef(msgspec.Struct, frozen=True, kw_only=True):
    """A ``workflow_ref`` or ``job_workflow_ref``: ``owner/name/.github/workflows/FILE@REF``."""

    repository: str
    file: str
    ref: str


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that count here; those that a token lacks are empty.

    Their names and meaning are GitHub's ("OpenID Connect reference"). ``workflow_ref`` is the
    workflow that was started, ``job_workflow_ref`` the file that the job stands in: they differ in
    a reusable workflow. ``iat`` and ``exp`` are seconds since 1970.
    """

    iss: str = ""
    aud: str | tuple[str, ...] = ()
    sub: str = ""
    repository: str = ""
    repository_id: str = ""
    repository_owner: str = ""
    repository_owner_id: str = ""
    repository_visibility: str = ""
    environment: str = ""
    workflow_ref: str = ""
    job_workflow_ref: str = ""
    ref: str = ""
    event_name: str = ""
    run_id: str = ""
    iat: float | None = None
    exp: float | None = None

    @property
    def audiences(self) -> tuple[str, ...]:
        """Whom the token is meant for."""
        given = (self.aud,) if isinstance(self.aud, str) else self.aud
        return tuple(one for one in given if one)

    @property
    def subject(self) -> Subject | None:
        """``sub`` in its parts; ``None`` where it has a form of the repository's own."""
        return read_subject(self.sub)

    @property
    def is_reused(self) -> bool:
        """Whether the job stands in another file than the workflow that was started."""
        return bool(self.job_workflow_ref) and self.job_workflow_ref != self.workflow_ref


def read_claims(token: str) -> Claims:
    """The claims of a token, unverified (RFC 7519, 7.2, without the signature).

    :param token: a JWT in its compact form.
    :raises DocumentError: it is none; the message holds nothing of it.
    """
    try:
        _, payload, _ = token.split(".")
        data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(data, type=Claims)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise DocumentError(
            "the OIDC token cannot be read",
            why="it is no JSON web token with claims in JSON",
            remedy="run the job again; if it stays so, report it to whoever issues the tokens",
        ) from None


def read_subject(sub: str) -> Subject | None:
    """A ``sub`` in its parts; ``None`` where a repository has given it another form."""
    found = SUBJECT.fullmatch(sub)
    parts = found.groupdict(default="") if found else None
    return Subject(**parts) if parts else None


def read_workflow(ref: str) -> WorkflowRef | None:
    """A ``workflow_ref`` or ``job_workflow_ref`` in its parts; ``None`` if it is none."""
    found = WORKFLOW.fullmatch(ref)
    return WorkflowRef(**found.groupdict()) if found else None


def render(claims: Claims) -> str:
    """The claims for a person, a line each; what a token lacks is told as ``MISSING``."""
    told = {name: getattr(claims, name) for name in TOLD} | {"aud": ", ".join(claims.audiences)}
    width = max(map(len, TOLD))
    return "\n".join(f"{name:<{width}}  {value or MISSING}" for name, value in told.items())
