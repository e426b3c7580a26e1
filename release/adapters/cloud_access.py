"""The door to IAM: who is believed, and what roles may do, as it is now."""

from __future__ import annotations

import json

from release.adapters.aws import in_our_words
from release.adapters.cloud import Cloud
from release.model.cloud import Role


def find_provider(cloud: Cloud, host: str) -> str | None:
    """The ARN of the account's provider for an issuer, of which there can be one only."""
    with in_our_words("list the OIDC providers"):
        found = cloud.client("iam").list_open_id_connect_providers()
    arns = (one["Arn"] for one in found["OpenIDConnectProviderList"])
    return next((arn for arn in arns if arn.endswith(f":oidc-provider/{host}")), None)


def audiences(cloud: Cloud, provider: str) -> tuple[str, ...]:
    """The audiences that a provider takes."""
    with in_our_words(f"look at {provider}"):
        client = cloud.client("iam")
        found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    return tuple(found["ClientIDList"])


def find_role(cloud: Cloud, name: str) -> Role:
    """A role and all that is attached to it."""
    client = cloud.client("iam")
    with in_our_words(f"look at the role {name}"):
        found = client.get_role(RoleName=name)["Role"]
        names = client.list_role_policies(RoleName=name)["PolicyNames"]
        inline = {one: client.get_role_policy(RoleName=name, PolicyName=one) for one in names}
        attached = client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return Role(
        arn=found["Arn"],
        trust=json.dumps(found["AssumeRolePolicyDocument"]),
        longest_session=found.get("MaxSessionDuration", 3600),
        boundary=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        inline={name: json.dumps(one["PolicyDocument"]) for name, one in inline.items()},
        attached=tuple(one["PolicyArn"] for one in attached),
    )


def find_policy(cloud: Cloud, arn: str) -> str:
    """The document of a managed policy, in JSON."""
    client = cloud.client("iam")
    with in_our_words(f"look at {arn}"):
        version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return json.dumps(found["Document"])
