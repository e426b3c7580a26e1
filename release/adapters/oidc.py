"""The door to the CI service that says who a job is: its ambient OIDC token, by the ``id`` library.

The token is a secret from the moment it is here, and so is what asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from release.adapters import process
from release.adapters.secrecy import guard, hide
from release.adapters.web import is_here
from release.errors import BlockedError, UnreachableError
from release.model.secret import Secret
from release.ship.claims import Claims, read_claims

REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
PERMISSION = (
    "write into the workflow, at the job that uploads and at no other: "
    "permissions: {id-token: write}"
)
CI_SERVICES = ("CI", "BUILDKITE", "GOOGLE_SERVICE_ACCOUNT_NAME")
"""One of these is set wherever the library finds a token."""
NOBODY = "there is no OIDC token here: this is no job of a CI service that gives one"
BY_HAND = 'release from the CI, or set credential = "keyboard" to release by hand'
FORK = "a workflow that a pull request of a fork starts never gets one; release from a branch"


@dataclass(frozen=True)
class Identity:
    """A token that says who a job is, for one audience, and what it says."""

    token: Secret = field(repr=False)
    claims: Claims


def missing() -> str:
    """Why this process would get no token, without asking; empty if it would.

    Other CI services than GitHub's tell it only when they are asked.
    """
    if not process.variable("GITHUB_ACTIONS"):
        return "" if any(map(process.variable, CI_SERVICES)) else NOBODY
    for name in (REQUEST_TOKEN, REQUEST_URL):
        if not process.variable(name):
            return f"this job may not ask for an OIDC token: {name} is not set"
    url = process.variable(REQUEST_URL) or ""
    if not (url.startswith("https://") or is_here(url)):
        return f"{REQUEST_URL} is not https: what asks for the token would go unencrypted"
    return ""


def remedy() -> str:
    """What to do where a token is missing."""
    if missing() == NOBODY:
        return BY_HAND
    return FORK if process.variable("GITHUB_EVENT_NAME") == "pull_request" else PERMISSION


def identify(audience: str) -> Identity:
    """Ask the CI service who this job is.

    :param audience: whom the token is for.
    :raises BlockedError: this is no job that has a token, or it may not ask for one.
    :raises UnreachableError: the service did not give one, or gave one for somebody else.
    """
    from id import AmbientCredentialError, detect_credential
    from urllib3.exceptions import HTTPError

    if trouble := missing():
        raise BlockedError(trouble, remedy=remedy(), failure="auth")
    guard(process.variable(REQUEST_TOKEN) or "")
    try:
        token = detect_credential(audience)
    except (AmbientCredentialError, HTTPError, ValueError) as error:
        # Without the cause: it may quote the answer, and hold the request with its headers.
        raise UnreachableError(
            "the CI service gave no OIDC token",
            why=hide(str(error)),
            remedy="run the job again; if it stays so, see the service's status page",
            failure="auth",
        ) from None
    if not token:
        raise BlockedError(NOBODY, remedy=BY_HAND, failure="auth")
    guard(token.rpartition(".")[2])
    return Identity(guard(token), read_claims(token))
