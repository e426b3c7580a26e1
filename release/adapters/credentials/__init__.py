"""Where the right to upload comes from: one interface, and one file a source.

A credential is asked for at the moment of the upload and not before. It never travels to a child
process, an argument, an environment or a document.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, quote_plus


@dataclass(frozen=True)
class Credential:
    """A user's name and password, or an API token under the name that its index wants."""

    username: str
    password: str = field(repr=False)


def hide(credential: Credential, text: str) -> str:
    """A text without the password, in whichever of the usual ways it was written down.

    A server may show what it was sent: as it is, in HTML or JSON, in an address, or as the header
    that carried it (RFC 7617).
    """
    for form in sorted(set(_forms(credential)) - {""}, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def _forms(credential: Credential) -> Iterator[str]:
    password = credential.password
    yield from (password, quote(password, safe=""), quote(password), quote_plus(password))
    yield from (html.escape(password), html.escape(password, quote=False))
    yield json.dumps(password)[1:-1]
    # twine sends Latin-1 where it can be had, as requests does, and else UTF-8.
    for sent in (password, f"{credential.username}:{password}" if password else ""):
        for encoding in ("utf-8", "latin-1"):
            data = sent.encode(encoding, "replace")
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(data).decode().rstrip("=")


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
