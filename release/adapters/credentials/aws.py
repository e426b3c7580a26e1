"""A token in AWS Secrets Manager, for a job that can say who it is; no key is stored anywhere.

The CI service signs who the job is, STS gives it the role for a quarter of an hour, and the role
may read one secret. All of it happens when a file is about to be uploaded, and not before. Of the
secret the version in use is read, once. Where the index refuses it, it is looked at again: it may
have been replaced in between, or a rotation is under way; then what that has put beside is taken.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from release.adapters import aws, oidc, process
from release.adapters.aws import CURRENT, PENDING, Version
from release.adapters.clock import Clock
from release.adapters.credentials import Credential
from release.adapters.oidc import Identity
from release.adapters.secrecy import guard
from release.config import AwsTable, GithubTable
from release.errors import AwsError, BlockedError, CredentialError, DocumentError
from release.model.secret import Secret
from release.ship.claims import differences, render, strange
from release.ship.macaroon import looks_like_one, read_scope
from release.ship.mixed import beside_aws
from release.ship.stored import read_stored, unfit

LONGEST_NAME = 64
"""Characters of the name of a session."""
ABSENT = "ResourceNotFoundException"
REMEDIES = {
    "InvalidIdentityToken": "let AWS know this issuer: the account needs an OIDC provider for iss, "
    "with the audience in aud (aws.deploy makes it)",
    "IDPRejectedClaim": "compare aud and sub with the provider and the trust of the role",
    "ExpiredTokenException": "run the job again: the token had expired on the way",
    "AccessDenied": "compare aud, sub, repository_id, environment and job_workflow_ref with the "
    "trust of the role: aws.check does it",
    "AccessDeniedException": "let the role read this secret, and the secret's own policy let the "
    "role in: aws.check tells which is missing",
    ABSENT: "see whether region and secret are right in [tool.release-warden.aws]",
    "InvalidRequestException": "restore the secret: it is marked for deletion, or holds nothing",
    "DecryptionFailure": "let the role use the key that the secret is encrypted with",
    "ValidationError": "see whether role-arn is right in [tool.release-warden.aws]",
}
"""What to do, by AWS's word for what is wrong."""


class InSecretsManager:
    """A source that reads a token out of AWS Secrets Manager.

    :param name: the repository's, for messages.
    :param upload_url: its upload address.
    :param table: where the token is.
    :param github: which jobs may publish.
    :param project: the project's name; empty where it is not known without running its code.
    :param tokens_only: whether the repository takes nothing but API tokens, as PyPI does.
    """

    attests = False

    def __init__(
        self,
        name: str,
        upload_url: str,
        table: AwsTable,
        github: GithubTable,
        *,
        project: str = "",
        tokens_only: bool = False,
    ) -> None:
        self._name = name
        self._host = urlsplit(upload_url).hostname or ""
        self._table = table
        self._github = github
        self._project = project
        self._tokens_only = tokens_only
        self._held: tuple[Version, Credential] | None = None

    def problem(self) -> str:
        """What is missing, or stands beside it."""
        table = self._table
        absent = [
            key
            for key, value in (
                ("region", table.region), ("role-arn", table.role_arn), ("secret", table.secret),
            )
            if not value
        ]  # fmt: skip
        if absent:
            return f"[tool.release-warden.aws] lacks {', '.join(absent)}"
        if not aws.is_installed():
            return f"boto3 is not installed; {aws.INSTALL}"
        return beside_aws(dict(process.variables()), table.role_arn or "") or oidc.missing()

    def credential(self, *, fresh: bool = False) -> Credential:
        """The stored token, read once; when it was refused, what has come in its place.

        :raises BlockedError: this job has no right to it.
        :raises CredentialError: AWS refused, or what is stored is not fit for this release.
        :raises UnreachableError: AWS or the CI service did not answer.
        """
        if trouble := self.problem():
            remedy = oidc.remedy() if trouble == oidc.missing() else "mend that, then run again"
            what = f"the token for {self._name} cannot be read from AWS"
            raise BlockedError(what, why=trouble, remedy=remedy, failure="auth")
        if self._held is None:
            self._held = self._read(CURRENT)
        elif fresh:
            self._held = self._newer(self._held)
        return self._held[1]

    def _newer(self, held: tuple[Version, Credential]) -> tuple[Version, Credential]:
        """What has been promoted since, or else what a rotation has put beside; or the same."""
        current = self._read(CURRENT)
        if current[0].id != held[0].id:
            return current
        try:
            return self._read(PENDING)
        except AwsError as error:
            if error.code == ABSENT:  # no rotation is under way
                return held
            raise

    def _read(self, stage: str) -> tuple[Version, Credential]:
        """One version, by a session of its own: it must not matter how long an upload takes."""
        table = self._table
        identity = oidc.identify(aws.AUDIENCE)
        if trouble := strange(identity.claims, self._github):
            raise self._explained(
                CredentialError("this is no job of the configured repository", why=trouble),
                identity,
                "release from there, or correct [tool.release-warden.github]",
            )
        try:
            keys = aws.assume(
                identity,
                region=table.region or "",
                role_arn=table.role_arn or "",
                session=_session(identity),
            )
            secrets = aws.client("secretsmanager", table.region or "", keys)
            version = aws.read_secret(secrets, table.secret or "", stage)
        except AwsError as error:
            usual = "compare the configuration with what AWS has: aws.check"
            raise self._explained(error, identity, REMEDIES.get(error.code, usual)) from None
        return version, self._fit(version)

    def _explained(
        self, error: CredentialError, identity: Identity, remedy: str
    ) -> CredentialError:
        """The error with what the job says of itself, and what to do."""
        said = [error.why, *differences(identity.claims, self._github)]
        told = ["the job says of itself:", render(identity.claims)]
        error.why = "\n".join([*(line for line in said if line), *told])
        error.remedy = remedy
        return error

    def _fit(self, version: Version) -> Credential:
        """The credential in a version, if it is one for this release."""
        where = f"the secret {self._table.secret}"
        try:
            username, text = read_stored(version.text.reveal())
            password = guard(text, username=username)
            trouble = self._trouble(password)
        except DocumentError as error:
            raise CredentialError(
                f"{where}: {error.what}", why=error.why, remedy=error.remedy
            ) from None
        if trouble:
            raise CredentialError(
                f"{where} holds a token that is not for this release",
                why=trouble,
                remedy="make a token for this project alone, and store it: aws.rotate",
            )
        return Credential(username, password)

    def _trouble(self, password: Secret) -> str:
        if looks_like_one(password):
            scope, now = read_scope(password), Clock().now()
            return unfit(scope, host=self._host, project=self._project, now=now)
        if self._tokens_only:
            return f"{self._name} takes API tokens only, and this is none"
        return ""


def _session(identity: Identity) -> str:
    """The name of the session: whoever reads AWS's trail finds the run by it."""
    run = identity.claims.run_id or process.variable("GITHUB_RUN_ID") or "unknown"
    return f"release-warden-{run}"[:LONGEST_NAME]
