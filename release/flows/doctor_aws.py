"""What ``release.doctor --deep`` asks of AWS: whether the role lets this very job in.

The token itself is not read. The template gives the role one right, to read it; so a description of
the secret has to be refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from release.adapters import aws, oidc
from release.config import Config
from release.errors import AwsError

SESSION = "release-warden-doctor"
"""The session's name, for whoever reads AWS's trail."""
DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True)
class Taken:
    """A role that was taken on; ``described`` says that it could describe the secret, too."""

    described: bool


def take_on(config: Config) -> Taken | None:
    """Take on the role, and ask for the secret's description; ``None`` where it is not configured.

    :raises AwsError: the role does not let this job in.
    :raises UnreachableError: AWS or the CI service did not answer.
    """
    table = config.aws
    if not (table.region and table.role_arn and table.secret):
        return None
    identity = oidc.identify(aws.AUDIENCE)
    keys = aws.assume(identity, region=table.region, role_arn=table.role_arn, session=SESSION)
    secrets = aws.client("secretsmanager", table.region, keys)
    try:
        with aws.in_our_words(f"describe {table.secret}"):
            secrets.describe_secret(SecretId=table.secret)
    except AwsError as error:
        if error.code in DENIED:
            return Taken(described=False)
        raise
    return Taken(described=True)
