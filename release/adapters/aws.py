"""The door to AWS: clients that are steered by nothing but what they are given, and its errors.

boto3 comes with the extra ``aws``, and is imported late. A job's clients read no profile, no
configuration file and no metadata service: their right comes from the role alone.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from release.adapters.oidc import Identity
from release.adapters.secrecy import guard, hide
from release.errors import AwsError, BlockedError, UnreachableError
from release.model.secret import Secret

AUDIENCE = "sts.amazonaws.com"
"""Whom a token for AWS is for, by the documentation of both sides."""
SHORTEST_SESSION = 900
"""Seconds; STS gives no shorter one."""
CONNECT, READ = 10, 20
"""Seconds."""
TRIES = 3
CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
"""The stages of a secret's versions: what is in use, and what a rotation has put beside it."""
INSTALL = "install it: pip install 'release-warden[aws]'"
TEMPORARY = frozenset(
    {"InternalServiceError", "InternalFailure", "ServiceUnavailable", "Throttling",
     "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"}
)  # fmt: skip


@dataclass(frozen=True)
class Keys:
    """What a role gives for a session."""

    key_id: Secret = field(repr=False)
    key: Secret = field(repr=False)
    token: Secret = field(repr=False)
    expires: datetime


@dataclass(frozen=True)
class Version:
    """One version of a secret."""

    id: str
    text: Secret = field(repr=False)


def is_installed() -> bool:
    """Whether boto3 is there."""
    return importlib.util.find_spec("boto3") is not None


def client(service: str, region: str, keys: Keys | None = None) -> Any:
    """A client of a job; without keys it signs nothing.

    :param service: as boto3 calls it, such as ``sts``.
    :raises BlockedError: boto3 is not installed.
    """
    if not is_installed():
        raise BlockedError("boto3 is not installed", remedy=INSTALL)
    import boto3
    import botocore.session
    from botocore import UNSIGNED

    core = botocore.session.Session()
    for name in ("config_file", "credentials_file"):
        core.set_config_variable(name, os.devnull)
    core.set_config_variable("profile", None)
    return boto3.Session(botocore_session=core).client(
        service,
        region_name=region,
        config=settings(signature_version=None if keys else UNSIGNED),
        **_arguments(keys),
    )


def settings(**more: Any) -> Any:
    """What every client has: limits of time, and tries again where that may help."""
    from botocore.config import Config

    tries = {"total_max_attempts": TRIES, "mode": "standard"}
    return Config(connect_timeout=CONNECT, read_timeout=READ, retries=tries, **more)


def _arguments(keys: Keys | None) -> dict[str, str]:
    if keys is None:
        return {}
    return {
        "aws_access_key_id": keys.key_id.reveal(),
        "aws_secret_access_key": keys.key.reveal(),
        "aws_session_token": keys.token.reveal(),
    }


def assume(identity: Identity, *, region: str, role_arn: str, session: str) -> Keys:
    """Take on a role by who this job is (AssumeRoleWithWebIdentity), for as short as can be.

    :param session: a name for the trail that AWS keeps; from 2 to 64 characters.
    :raises AwsError: the role's trust does not let this job in.
    :raises UnreachableError: STS did not answer.
    """
    with in_our_words(f"take on {role_arn}"):
        given = client("sts", region).assume_role_with_web_identity(
            RoleArn=role_arn,
            RoleSessionName=session,
            WebIdentityToken=identity.token.reveal(),
            DurationSeconds=SHORTEST_SESSION,
        )["Credentials"]
    return Keys(
        guard(given["AccessKeyId"]),
        guard(given["SecretAccessKey"]),
        guard(given["SessionToken"]),
        given["Expiration"],
    )


def read_secret(secrets: Any, name: str, stage: str = CURRENT) -> Version:
    """Read a secret.

    :param secrets: a client of Secrets Manager.
    :param name: the secret's name or ARN.
    :param stage: which version.
    :raises AwsError: it is not there, or not for this role; or it is no text.
    :raises UnreachableError: Secrets Manager did not answer.
    """
    with in_our_words(f"read the secret {name} ({stage})"):
        got = secrets.get_secret_value(SecretId=name, VersionStage=stage)
    if "SecretString" not in got:
        raise AwsError(f"the secret {name} is no text", remedy="store it as a text")
    return Version(got["VersionId"], guard(got["SecretString"]))


@contextmanager
def in_our_words(act: str) -> Iterator[None]:
    """What AWS says inside the block, as errors of ours; without secrets, and without their cause.

    The cause is left out, as it holds the answer and the request with its headers.

    :param act: what is being done, as in "AWS does not let us ...".
    :raises AwsError: it said no.
    :raises UnreachableError: it did not answer, or is too busy.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code, words = told.get("Code", "unknown"), hide(str(told.get("Message", "")))
        if code in TEMPORARY:
            raise UnreachableError(
                f"AWS could not {act} now", why=f"{code}: {words}", remedy="run again in a while"
            ) from None
        raise AwsError(
            f"AWS does not let us {act}",
            code=code,
            why=f"{code}: {words}",
            remedy="see whether the role is right, and allows it: aws.check",
            failure="auth",
        ) from None
    except BotoCoreError as error:
        raise UnreachableError(
            f"AWS did not answer when asked to {act}",
            why=hide(str(error)),
            remedy="see whether region, network and the service are right and up, then run again",
        ) from None
