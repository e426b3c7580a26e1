"""What twine finds at a keyboard: TWINE_USERNAME and TWINE_PASSWORD, .pypirc, the keyring, or you.

Twine's own trusted publishing is left out: a credential that nobody named must not be used.
"""

from __future__ import annotations

import configparser
import contextlib
import sys
from typing import TYPE_CHECKING

from release.adapters import process, progress
from release.adapters.credentials import Credential
from release.adapters.secrecy import guard
from release.errors import BlockedError

if TYPE_CHECKING:
    from twine.auth import Resolver

REMEDY = (
    "set TWINE_USERNAME and TWINE_PASSWORD, or write the index into ~/.pypirc, or put the "
    "password into the keyring; for an API token the name is __token__"
)


class Keyboard:
    """A source that looks where twine looks.

    :param name: the repository's, for messages.
    :param upload_url: its upload address; a credential of another one is never taken.
    :param interactive: whether somebody is there to be asked.
    """

    attests = False

    def __init__(self, name: str, upload_url: str, *, interactive: bool) -> None:
        self._name = name
        self._url = upload_url
        self._interactive = interactive
        self._found: Credential | None = None

    def where(self) -> str:
        """Where the credential is, for a person; nothing is asked for."""
        from twine.exceptions import TwineException
        from twine.utils import DEFAULT_CONFIG_FILE, get_config

        if process.variable("TWINE_PASSWORD"):
            return "TWINE_USERNAME and TWINE_PASSWORD"
        try:
            section = self._section()
            if section and get_config(DEFAULT_CONFIG_FILE)[section].get("password"):
                return f"[{section}] of {DEFAULT_CONFIG_FILE}"
        except (TwineException, configparser.Error):
            return DEFAULT_CONFIG_FILE
        return "the keyring, else you" if self._interactive else "the keyring"

    def problem(self) -> str:
        """What is missing; where somebody can be asked, nothing is."""
        if self._interactive:
            return ""
        try:
            self.credential()
        except BlockedError as error:
            return error.what
        return ""

    def credential(self, *, fresh: bool = False) -> Credential:  # noqa: ARG002 - there is only one
        """The credential that twine finds, asked for once.

        :raises BlockedError: there is none.
        """
        if self._found is None:
            # What twine says at the prompt must not stand in the one document on stdout.
            with progress.watcher().paused(), contextlib.redirect_stdout(sys.stderr):
                self._found = self._look()
        return self._found

    def _look(self) -> Credential:
        from twine.exceptions import NonInteractive, TwineException

        try:
            resolver = self._resolver()
            username = resolver.username or ""
            return Credential(username, guard(resolver.password or "", username=username))
        except NonInteractive:
            raise BlockedError(
                f"no credential for {self._name} was found",
                why=f"nothing is known for {self._url}, and nobody is there to be asked",
                remedy=REMEDY,
            ) from None
        except (TwineException, configparser.Error):
            # Without the cause: a parser's message may quote the line with the password.
            raise BlockedError(
                "~/.pypirc cannot be read",
                why="twine cannot make sense of it",
                remedy="mend it; see packaging.python.org on the .pypirc file",
            ) from None

    def _resolver(self) -> Resolver:
        from twine.auth import CredentialInput, Private, Resolver
        from twine.settings import Settings

        section = self._section()
        # A name where .pypirc has one, so that twine reads its user and password with it.
        settings = Settings(
            repository_name=section or "",
            repository_url=None if section else self._url,
            non_interactive=True,
        )
        given = CredentialInput(
            process.variable("TWINE_USERNAME"), process.variable("TWINE_PASSWORD")
        )

        class WithoutMinting(Resolver if self._interactive else Private):  # type: ignore[misc]
            def make_trusted_publishing_token(self) -> None:
                return None

        resolver: Resolver = WithoutMinting(settings.repository_config, given)
        return resolver

    def _section(self) -> str | None:
        """The name under which .pypirc knows our address."""
        from twine.utils import DEFAULT_CONFIG_FILE, get_config, normalize_repository_url

        for name, known in get_config(DEFAULT_CONFIG_FILE).items():
            address = known.get("repository")
            if address and normalize_repository_url(address) == self._url:
                return name
        return None
