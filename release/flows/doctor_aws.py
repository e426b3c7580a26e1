"""Whether a role in AWS lets this very job in: by the template's trust, and with ``--deep`` by AWS.

The token itself is not read. The template gives the role one right, to read it; so a description of
the secret has to be refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from release.adapters import aws, oidc
from release.adapters.cloud_stack import template_text
from release.config import Config
from release.errors import AwsError
from release.model.diagnosis import Check
from release.ship.claims import Claims
from release.ship.stack import expected_trust
from release.ship.template import read_template
from release.ship.trust import AUDIENCE, judge, render

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


def by_template(config: Config, claims: Claims, branch: str) -> Check:
    """Whether the role would let this job in, if it is as the template makes it; asks nobody.

    :param claims: what GitHub says of this job, for whichever audience.
    :param branch: the default branch.
    """
    trust = expected_trust(read_template(template_text()), config.github, f"refs/heads/{branch}")
    verdict = judge(trust, structs.replace(claims, aud=AUDIENCE))
    if verdict.allowed:
        what = "the role's trust, as the template has it, lets this job in"
        return Check(name="trust", state="ok", what=what)
    return Check(
        name="trust",
        state="problem",
        what="the role's trust, as the template has it, does not let this job in",
        why=render(verdict),
        next=verdict.unmet[0].remedy,
    )


def of_role(config: Config, seen: Taken) -> Check:
    """What taking on the role has shown."""
    role = config.aws.role_arn
    if seen.described:
        return Check(
            name="aws",
            state="advice",
            what=f"{role} lets this job in, and may do more than read the token",
            next="run aws.check, which compares it with the template",
        )
    what = f"{role} lets this job in; it may not even describe the secret"
    return Check(name="aws", state="ok", what=what)
