"""Credentials beside the one that the configuration names: nobody could tell which was meant. Pure.

A release that goes by another right than its configuration says is no release that was agreed on,
and whoever can set a variable of the job must not be able to choose it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

PASSWORDS = ("TWINE_USERNAME", "TWINE_PASSWORD")
OTHER_IDENTITIES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)  # fmt: skip
"""Where AWS's own libraries look for somebody else's right (their "credential provider chain")."""
ROLE = "AWS_ROLE_ARN"
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SECRETS_MANAGER")
HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def beside_publishing(variables: Mapping[str, str]) -> str:
    """What stands in the way of trusted publishing; empty if nothing does.

    :param variables: the environment.
    """
    found = _set(variables, PASSWORDS)
    return f"{found} is set beside it: a password that nobody needs there" if found else ""


def beside_aws(variables: Mapping[str, str], role_arn: str) -> str:
    """What stands in the way of the role that the configuration names; empty if nothing does.

    :param variables: the environment.
    :param role_arn: of that role.
    """
    if found := _set(variables, PASSWORDS):
        return f"{found} is set beside it: a password that nobody needs there"
    if found := _set(variables, OTHER_IDENTITIES):
        return f"{found} is set: another identity of AWS than the role that is configured"
    if variables.get(ROLE, role_arn) not in {role_arn, ""}:
        return f"{ROLE} is {variables[ROLE]}, and {role_arn} is configured"
    for name in ENDPOINTS:
        if not _is_safe(variables.get(name, "")):
            return f"{name} would take the job's token to {variables[name]}, unencrypted"
    return ""


def _set(variables: Mapping[str, str], names: tuple[str, ...]) -> str:
    return " and ".join(name for name in names if variables.get(name))


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return not url or parts.scheme == "https" or parts.hostname in HERE
