"""The door to Secrets Manager for the administrator: all about a secret but its value."""

from __future__ import annotations

import uuid

from release.adapters.aws import CURRENT, PENDING, in_our_words
from release.adapters.cloud import Cloud
from release.errors import AwsError
from release.model.cloud import Vault, Version
from release.model.secret import Secret


def find_vault(cloud: Cloud, name: str) -> Vault | None:
    """A secret without its value; ``None`` if there is none of that name."""
    client = cloud.client("secretsmanager")
    try:
        with in_our_words(f"look at the secret {name}"):
            found = client.describe_secret(SecretId=name)
            versions = client.list_secret_version_ids(SecretId=name, MaxResults=100)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise
    return Vault(
        arn=found["ARN"],
        deleted="DeletedDate" in found,
        key=found.get("KmsKeyId", ""),
        replicas=tuple(one["Region"] for one in found.get("ReplicationStatus", ())),
        versions=tuple(
            Version(
                id=one["VersionId"],
                stages=tuple(one.get("VersionStages", ())),
                stored_at=one["CreatedDate"],
            )
            for one in versions["Versions"]
        ),
    )


def vault_policy(cloud: Cloud, name: str) -> str:
    """The policy of a secret, in JSON; empty if it has none."""
    with in_our_words(f"read the policy of the secret {name}"):
        found = cloud.client("secretsmanager").get_resource_policy(SecretId=name)
    return found.get("ResourcePolicy") or ""


def put_pending(cloud: Cloud, name: str, token: Secret) -> str:
    """Store a new value beside the one in use.

    :returns: the number of its version.
    """
    with in_our_words(f"store a new version of the secret {name}"):
        stored = cloud.client("secretsmanager").put_secret_value(
            SecretId=name,
            ClientRequestToken=str(uuid.uuid4()),
            SecretString=token.reveal(),
            VersionStages=[PENDING],
        )
    return str(stored["VersionId"])


def promote(cloud: Cloud, name: str, version: str, previous: str) -> None:
    """Put a version in the place of the one in use.

    :param previous: the version in use; empty if there is none.
    """
    client = cloud.client("secretsmanager")
    moved = {"RemoveFromVersionId": previous} if previous else {}
    with in_our_words(f"put the new version of the secret {name} in use"):
        client.update_secret_version_stage(
            SecretId=name, VersionStage=CURRENT, MoveToVersionId=version, **moved
        )
        client.update_secret_version_stage(
            SecretId=name, VersionStage=PENDING, RemoveFromVersionId=version
        )
