"""The stack of ``cloudformation/release-token.yaml``: its parameters, and what they make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from release.config import Config, GithubTable
from release.errors import ConfigError
from release.ship.claims import GITHUB_ISSUER
from release.ship.policies import Policy, read_policy
from release.ship.template import Setting, Template, fill_in

PROVIDER_HOST = GITHUB_ISSUER.removeprefix("https://")
NOT_YET = "arn:aws:iam::123456789012:oidc-provider/" + PROVIDER_HOST
"""Stands for the provider where only the rest of the trust counts."""
REMEDY = "write it into pyproject.toml; docs/aws.md has the steps"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stack is."""

    partition: str
    number: str
    region: str

    @property
    def pseudo(self) -> dict[str, str]:
        """The pseudo parameters of CloudFormation."""
        return {
            "AWS::Partition": self.partition,
            "AWS::AccountId": self.number,
            "AWS::Region": self.region,
        }


class Documents(msgspec.Struct, frozen=True, kw_only=True):
    """The policies that protect the token, as the template makes them."""

    trust: Policy
    boundary: Policy
    permissions: tuple[Policy, ...]
    resource: Policy


def complete(config: Config) -> None:
    """See that the configuration says all that the stack needs.

    :raises ConfigError: it does not; everything that is wrong is named.
    """
    needed = {
        "github.repository": config.github.repository,
        "github.repository-id": config.github.repository_id,
        "github.environments": config.github.environments,
        "aws.region": config.aws.region,
    }
    wrong = [f"{key} is missing" for key, value in needed.items() if not value]
    wrong += [
        f"the environment {name!r} has a comma in its name, and CloudFormation parts them there"
        for name in config.github.environments
        if "," in name
    ]
    if wrong:
        raise ConfigError(
            "the configuration does not say enough for AWS", why="\n".join(wrong), remedy=REMEDY
        )


def parameters(config: Config, ref: str) -> dict[str, str]:
    """What the configuration says for the template's parameters.

    :param ref: the default branch, as ``refs/heads/main``.
    """
    github = config.github
    given = {
        "Repository": github.repository or "",
        "RepositoryId": str(github.repository_id),
        "Environments": ",".join(github.environments),
        "Workflow": github.workflow,
        "DefaultBranch": ref.removeprefix("refs/heads/"),
    }
    name = secret_name(config.aws.secret or "")
    return given | ({"SecretName": name} if name else {})


def secret_name(secret: str) -> str:
    """The name of a secret; of an ARN, its last part without the six characters of AWS's."""
    if not secret.startswith("arn:"):
        return secret
    return secret.rpartition(":")[2].rpartition("-")[0]


def documents(made: Mapping[str, Any]) -> Documents:
    """The policies among the filled-in resources of the template."""

    def policy(resource: str, key: str, name: str) -> Policy:
        return read_policy(made[resource][key], name)

    attached = {"ReadToken": "the role's policy read-token", "DecryptToken": "decrypt-token"}
    return Documents(
        trust=policy("UploadRole", "AssumeRolePolicyDocument", "the role's trust"),
        boundary=policy("Boundary", "PolicyDocument", "the permissions boundary"),
        permissions=tuple(
            policy(resource, "PolicyDocument", name)
            for resource, name in attached.items()
            if resource in made
        ),
        resource=policy("TokenPolicy", "ResourcePolicy", "the secret's policy"),
    )


def expected_trust(template: Template, github: GithubTable, ref: str) -> Policy:
    """The trust that the configuration asks for, before anything is deployed.

    :param template: the one of this version.
    :param github: with repository and number.
    :param ref: the default branch, as ``refs/heads/main``.
    """
    given = parameters(Config(github=github), ref)
    one = Template(
        parameters=template.parameters,
        conditions=template.conditions,
        resources={"UploadRole": template.resources["UploadRole"]},
    )
    setting = Setting(
        parameters=given | {"ProviderArn": NOT_YET},
        pseudo={},
        names={"Boundary": ""},
        attributes={},
    )
    made = fill_in(one, setting)
    return read_policy(made["UploadRole"]["AssumeRolePolicyDocument"], "the trust as configured")
