"""Where the right to upload comes from: one interface, and one file a source.

A credential is asked for at the moment of the upload and not before. It never travels to a child
process, an argument, an environment or a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from release.adapters import secrecy
from release.model.secret import Secret


@dataclass(frozen=True, init=False)
class Credential:
    """A user's name and password, or an API token under the name that its index wants."""

    username: str
    password: Secret

    def __init__(self, username: str, password: Secret | str) -> None:
        secret = password if isinstance(password, Secret) else Secret(password)
        object.__setattr__(self, "username", username)
        object.__setattr__(self, "password", secret)


def hide(credential: Credential, text: str) -> str:
    """A text without the password, in whichever of the usual ways it was written down."""
    found = {*secrecy.forms(credential.password, credential.username)} - {""}
    return secrecy.hide(text, sorted(found, key=len, reverse=True))


class Source(Protocol):
    """One way to come by a credential.

    ``attests``: whether attestations may go along with it, which takes trusted publishing.
    """

    @property
    def attests(self) -> bool:
        """Whether attestations may go along."""
        ...

    def problem(self) -> str:
        """What is missing, as far as can be seen without asking anybody; empty if nothing."""
        ...

    def credential(self, *, fresh: bool = False) -> Credential:
        """The credential.

        :param fresh: the last one was refused, as a token that expired is: get another one. A
            source that has only the one returns it again.
        :raises BlockedError: there is none.
        """
        ...


@dataclass(frozen=True)
class Given:
    """A credential that is there from the start, such as that of the embedded index."""

    given: Credential
    attests: bool = False

    def problem(self) -> str:
        """Nothing can be missing."""
        return ""

    def credential(self, *, fresh: bool = False) -> Credential:  # noqa: ARG002 - the interface's
        """The same one, always."""
        return self.given
