"""The token that lies in a vault: in which forms it may lie there, and whether it is fit. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from release.errors import DocumentError
from release.model.names import normalised
from release.ship.macaroon import Scope

TOKEN_USER = "__token__"  # noqa: S105 # nosec B105 # a name
"""The name under which an index takes an API token."""
FORMS = (
    "the token alone, or JSON with the key token, or with username and password; "
    f"for an API token the username is {TOKEN_USER}"
)


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str = ""
    username: str = TOKEN_USER
    password: str = ""

    def __repr__(self) -> str:
        return "_Kept(***)"


def read_stored(text: str) -> tuple[str, str]:
    """The username and the password or token in what a vault holds.

    :raises DocumentError: it has none of the forms; the message holds nothing of it.
    """
    stripped = text.strip()
    kept = _as_json(stripped) if stripped.startswith("{") else _Kept(token=stripped)
    words = [word for word in (kept.token, kept.password) if word]
    if len(words) != 1 or words[0].split() != words or not kept.username:
        raise _misshapen("it holds none, or more than one, or one with blanks in it")
    return kept.username, words[0]


def _as_json(text: str) -> _Kept:
    try:
        return msgspec.json.decode(text, type=_Kept)
    except msgspec.DecodeError:  # without its words: they may quote a key that is the token
        raise _misshapen(
            "it is JSON, but with other keys, or with values that are no text"
        ) from None


def _misshapen(why: str) -> DocumentError:
    return DocumentError(
        "the stored secret has not the form of a token", why=why, remedy=f"store {FORMS}"
    )


def unfit(scope: Scope, *, host: str, project: str, now: datetime) -> str:
    """Why a token is not to be used for a release; empty if it may be.

    An account-wide token is refused: whoever got hold of it could release everything that its owner
    has. A project's first release is made by trusted publishing, or by a person at a keyboard.

    :param host: where the upload goes.
    :param project: the project's name; empty where it is not known yet.
    """
    if scope.location != host.removeprefix("upload."):
        return f"it is a token of {scope.location}, and would be shown to {host}"
    if scope.expires and scope.expires <= now:
        return f"it expired on {scope.expires:%Y-%m-%d at %H:%M} UTC"
    if scope.not_before and now < scope.not_before:
        return f"it is good from {scope.not_before:%Y-%m-%d %H:%M} UTC on only"
    if scope.is_account_wide:
        return "it is good for all projects of its owner, not for this one alone"
    names = {normalised(name) for name in scope.projects or ()}
    if scope.projects is not None and project and normalised(project) not in names:
        return f"it is good for {', '.join(sorted(names)) or 'no project'}, not for {project}"
    return ""
