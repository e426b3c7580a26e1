"""What an OIDC token says of the job that holds it, read without trusting it.

Nothing here verifies a signature: that is for the index and for AWS. The claims are read so that a
person can be told which of them the other side did not like. Nothing of the token itself is told.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from release.config import GithubTable
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


class Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """A trusted publisher, as a person enters it at the index: which jobs may release there."""

    owner: str
    repository: str
    workflow: str
    environment: str

    def __str__(self) -> str:
        return (
            f"owner {self.owner}, repository {self.repository}, workflow {self.workflow}, "
            f"environment {self.environment or '(none: any job of that workflow could release)'}"
        )


def publisher_of(claims: Claims) -> Publisher | None:
    """The publisher that would let this very job release; ``None`` where it is no such job.

    The index looks at the file that the job stands in, and takes no reusable workflow.
    """
    found = read_workflow(claims.job_workflow_ref or claims.workflow_ref)
    if found is None or claims.is_reused:
        return None
    owner, _, name = found.repository.partition("/")
    return Publisher(
        owner=owner, repository=name, workflow=found.file, environment=claims.environment
    )


def strange(claims: Claims, expected: GithubTable) -> str:
    """Why a job is not one of the configured repository; empty where it is, or none is configured.

    The number is what counts: a name can be given up, and taken by somebody else.
    """
    told = str(expected.repository_id or "")
    if told and claims.repository_id and claims.repository_id != told:
        return f"repository_id is {claims.repository_id}, and {told} is configured"
    named = expected.repository
    if named and claims.repository and claims.repository.lower() != named.lower():
        return f"repository is {claims.repository}, and {named} is configured"
    return ""


def differences(claims: Claims, expected: GithubTable) -> tuple[str, ...]:
    """What else differs from the configuration, where the other side has refused a job."""
    found: list[str] = []
    names = ", ".join(expected.environments)
    if claims.environment not in expected.environments:
        found.append(f"environment is {claims.environment or MISSING}, and not of {names}")
    file = read_workflow(claims.job_workflow_ref or claims.workflow_ref)
    if file and file.file != expected.workflow:
        found.append(f"the job stands in {file.file}, and not in {expected.workflow}")
    if claims.is_reused:
        found.append(
            f"it is a reusable workflow: job_workflow_ref is {claims.job_workflow_ref}, but the "
            f"workflow that was started is {claims.workflow_ref}"
        )
    subject = claims.subject
    if claims.sub and subject is None:
        found.append("sub has a form of the repository's own, which no trust expects")
    return tuple(found)


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
