"""``aws.rotate``: a new token in the place of the old one.

The index has no way to make or to delete a token but by a person on its site: the new one is read
here, hidden, and which old one to delete is told. It goes beside the old one first (AWSPENDING),
is seen to be there, and only then takes its place (AWSCURRENT). Killed in between, the old one is
still in use, and another run starts anew.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from release.adapters import terminal
from release.adapters.aws import CURRENT, PENDING
from release.adapters.cloud import Cloud
from release.adapters.cloud_vault import find_vault, promote, put_pending
from release.adapters.secrecy import guard
from release.errors import BlockedError, DocumentError, FailedError, UsageError
from release.flows.console import Outcome
from release.flows.context import Context
from release.model.cloud import Rotation, Vault, Version
from release.model.secret import Secret
from release.ship.macaroon import Scope, looks_like_one, read_scope
from release.ship.stack import complete
from release.ship.stored import TOKEN_USER, read_stored, unfit

PROMPT = "the new token (nothing is shown while you type): "
NOTHING = "nothing was changed"
TOKENS_ONLY = ("pypi", "testpypi")
"""Where nothing but an API token of PyPI's form is taken."""


def rotate(context: Context, *, dry_run: bool) -> Outcome:
    """Read a new token, and put it in use.

    :raises UsageError: what was given is no token.
    :raises BlockedError: it is not fit for releases of this project, or the secret is not there.
    :raises FailedError: it was not stored as it should be; the old one is still in use.
    """
    config = context.workspace.config
    complete(config)
    if context.place.is_local:
        raise UsageError(
            "the embedded index needs no token",
            remedy="say whose token it is: repository in [tool.release-warden], or --to",
        )
    project = context.metadata.normalized_name  # learnt before there is a secret to lose
    cloud = Cloud(config.aws.region or "")
    vault = _vault(context, cloud)
    if dry_run:
        return _ended(context, vault, "", None)
    token = _read()
    scope = _fit(context, token, project)
    context.tell(f"storing it as {PENDING} ...")
    version = put_pending(cloud, vault.arn, token)
    stored = _vault(context, cloud)
    pending = stored.staged(PENDING)
    if pending is None or pending.id != version:
        raise FailedError(
            "the new token is not where it was put",
            why=f"{PENDING} is on {pending.id if pending else 'no version'}, not on {version}: "
            "another rotation may be under way",
            remedy="the old token is still in use; run aws.rotate again",
        )
    context.tell(f"putting it in use as {CURRENT} ...")
    previous = stored.staged(CURRENT)
    promote(cloud, vault.arn, version, previous.id if previous else "")
    return _ended(context, vault, version, scope, previous)


def _vault(context: Context, cloud: Cloud) -> Vault:
    name = context.workspace.config.aws.secret
    if not name:
        raise BlockedError(
            "the configuration names no secret",
            remedy="write secret into [tool.release-warden.aws]; aws.deploy tells what",
        )
    vault = find_vault(cloud, name)
    if vault is None or vault.deleted:
        raise BlockedError(
            f"there is no secret {name} in {cloud.region}",
            why="it is marked for deletion" if vault else "",
            remedy="aws.deploy makes it; restore-secret brings back one that is marked",
        )
    return vault


def _read() -> Secret:
    """The new token, from the keyboard or from stdin; never from a word of the command.

    :raises UsageError: there is none.
    """
    try:
        name, text = read_stored(terminal.hidden(PROMPT))
    except DocumentError as error:
        raise UsageError(
            "what was given is no token", why=error.why, remedy=f"{NOTHING}; {error.remedy}"
        ) from None
    if name != TOKEN_USER:
        raise UsageError("a token is wanted, not a user and a password", remedy=NOTHING)
    return guard(text, username=name)


def _fit(context: Context, token: Secret, project: str) -> Scope | None:
    """What the token may do; ``None`` where its index makes tokens of another form.

    :raises BlockedError: it is not one for releases of this project.
    """
    place = context.place
    host = urlsplit(place.upload_url).hostname or ""
    if not looks_like_one(token):
        if place.name in TOKENS_ONLY:
            raise BlockedError(
                f"{place.name} takes API tokens, and this is none",
                remedy=f"{NOTHING}; paste the whole token, with the prefix pypi-",
            )
        return None
    scope = read_scope(token)
    trouble = unfit(scope, host=host, project=project, now=context.clock.now())
    if trouble:
        raise BlockedError(
            "the token is not fit for releases of this project",
            why=trouble,
            remedy=f"{NOTHING}; make one that is good for this project alone",
        )
    return scope


def _ended(
    context: Context,
    vault: Vault,
    version: str,
    scope: Scope | None,
    previous: Version | None = None,
) -> Outcome:
    now = vault.staged(CURRENT)
    old = previous or now
    document = Rotation(
        secret=vault.arn,
        done=bool(version),
        at=context.clock.now(),
        version=version,
        previous=old.id if old else "",
        previous_stored_at=old.stored_at if old else None,
        scope=_scope(scope),
        next=_next(context, old) if version else "run it without --dry-run, with the new token",
    )
    told = f"the secret {vault.arn}"
    done = f"holds the new token, version {version}" if version else "is there, and may be changed"
    return Outcome(document, f"{told} {done}\nnext: {document.next}")


def _scope(scope: Scope | None) -> str:
    if scope is None:
        return ""
    return ", ".join(sorted(scope.projects or ())) or "one project by its number"


def _next(context: Context, old: Version | None) -> str:
    if old is None:
        return "aws.check looks at all of it"
    return (
        f"on the site of {context.place.name}, under API tokens, delete the token that was stored "
        f"on {old.stored_at:%Y-%m-%d}: no API can, and it is good until somebody does"
    )
