"""PyPI's trusted publishing: the index mints a token for a job that can say who it is.

After PyPI's documentation ("Internals and technical details"): the index tells which audience it
wants, the CI service signs a token for it, and the index gives one for uploads that lives for
minutes. A token of the CI service counts once, so every try needs a new one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from release.adapters import oidc, process
from release.adapters.credentials import Credential
from release.adapters.oidc import Identity
from release.adapters.secrecy import guard, hide
from release.adapters.web import NOT_FOUND, OK, Answer, ask, session_for
from release.config import GithubTable
from release.errors import BlockedError, CredentialError, UnreachableError
from release.ship.claims import Claims, differences, publisher_of, render, strange
from release.ship.mixed import beside_publishing
from release.ship.stored import TOKEN_USER

ATTEMPTS = 3
LIFE = 600.0
"""Seconds for which a token is used; it lives for 900, and a large file takes its time."""
FORBIDDEN = 403
OTHERWISE = 'set credential = "keyboard" to release with a password or a token'


class _Audience(msgspec.Struct, frozen=True):
    audience: str


class _Reason(msgspec.Struct, frozen=True):
    code: str = "unknown"
    description: str = ""


class _Minted(msgspec.Struct, frozen=True):
    token: str = ""
    message: str = ""
    errors: tuple[_Reason, ...] = ()

    def __repr__(self) -> str:
        return "_Minted(***)"


@dataclass
class _Held:
    credential: Credential
    until: float


class TrustedPublishing:
    """A source that has a token minted, and another one when that grows old.

    :param name: the repository's, for messages.
    :param upload_url: its upload address, over TLS.
    :param github: which jobs may publish.
    """

    # Signing takes Sigstore, which no test here can reach: so nothing claims to sign.
    attests = False

    def __init__(self, name: str, upload_url: str, github: GithubTable) -> None:
        self._name = name
        self._url = upload_url
        self._github = github
        self._held: _Held | None = None

    def problem(self) -> str:
        """What is missing, or stands beside it."""
        if urlsplit(self._url).scheme != "https":
            return f"{self._name} has no TLS, and without it no token is minted"
        return beside_publishing(dict(process.variables())) or oidc.missing()

    def credential(self, *, fresh: bool = False) -> Credential:
        """A minted token; the same one as long as it has time left.

        :raises BlockedError: this job has no right to one, or the index mints none.
        :raises CredentialError: the index refused.
        :raises UnreachableError: the index or the CI service did not answer.
        """
        if trouble := self.problem():
            remedy = oidc.remedy() if trouble == oidc.missing() else OTHERWISE
            what = f"trusted publishing to {self._name} is not possible"
            raise BlockedError(what, why=trouble, remedy=remedy, failure="auth")
        if fresh or self._held is None or time.monotonic() > self._held.until:
            self._held = _Held(self._mint(), time.monotonic() + LIFE)
        return self._held.credential

    def _mint(self) -> Credential:
        import tenacity

        audience = self._audience()
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            retry=tenacity.retry_if_exception_type(UnreachableError),
            wait=tenacity.wait_exponential(multiplier=0.3, max=5),
            reraise=True,
        )
        return tries(self._exchange, audience)

    def _audience(self) -> str:
        """Whom the index wants the token to be for."""
        answer = self._ask("audience")
        if answer.status in {FORBIDDEN, NOT_FOUND}:
            known = (
                "has trusted publishing switched off"
                if answer.status == FORBIDDEN
                else ("does not know trusted publishing")
            )
            raise BlockedError(f"{self._name} {known}", remedy=OTHERWISE, failure="auth")
        return _read(answer, _Audience, self._name).audience

    def _exchange(self, audience: str) -> Credential:
        """A token of the CI service for one of the index."""
        identity = oidc.identify(audience)
        if trouble := strange(identity.claims, self._github):
            raise CredentialError(
                "this is no job of the configured repository",
                why=f"{trouble}; the job says of itself:\n{render(identity.claims)}",
                remedy="release from there, or correct [tool.release-warden.github]",
            )
        body = msgspec.json.encode({"token": identity.token.reveal()})
        answer = self._ask("mint-token", body)
        minted = _read(answer, _Minted, self._name)
        if answer.status != OK or not minted.token:
            raise self._refused(identity, minted)
        return Credential(TOKEN_USER, guard(minted.token, username=TOKEN_USER))

    def _refused(self, identity: Identity, minted: _Minted) -> CredentialError:
        reasons = [f"{one.code}: {one.description}" for one in minted.errors] or [minted.message]
        lines = [
            *(hide(reason) for reason in reasons),
            *differences(identity.claims, self._github),
            "the job says of itself:",
            render(identity.claims),
        ]
        return CredentialError(
            f"{self._name} minted no token for this job",
            why="\n".join(line for line in lines if line),
            remedy=_what_to_enter(identity.claims, self._name),
        )

    def _ask(self, what: str, body: bytes | None = None) -> Answer:
        """Ask the index; it is not followed elsewhere, as the token is for nobody else."""
        url = f"https://{urlsplit(self._url).netloc}/_/oidc/{what}"
        headers = {"Content-Type": "application/json"} if body else {}
        with session_for(url) as session:
            session.max_redirects = 0
            method, attempts = ("POST", 1) if body else ("GET", ATTEMPTS)
            return ask(session, url, method=method, body=body, headers=headers, attempts=attempts)


T = TypeVar("T", _Audience, _Minted)


def _read(answer: Answer, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Without the cause: it holds the answer, and so maybe a token.
        raise UnreachableError(
            f"{name} answered something that is no answer of trusted publishing",
            why=f"HTTP {answer.status}, {answer.kind or 'of no kind'}, from {answer.url}",
            remedy="wait some minutes, then run the same command again",
        ) from None


def _what_to_enter(claims: Claims, name: str) -> str:
    """What a person has to click for this job to be let in."""
    publisher = publisher_of(claims)
    if publisher is None:
        return (
            "let the job that uploads stand in the workflow that is started: "
            "an index takes no reusable one"
        )
    return (
        f"let an owner of the project see its publishers on {name} (Manage, Publishing): "
        f"if this is the job that shall release, there has to be one with {publisher}"
    )
