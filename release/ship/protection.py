"""Whether what is deployed protects the token: each part beside what the template makes of it.

Pure. A part that differs from the template is a problem, whatever it allows. The trust is moreover
asked for each token that must get in and for each that must not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from release.config import GithubTable
from release.errors import WardenError
from release.model.cloud import Check, Role, State, Vault
from release.ship.policies import Policy, Statement, read_policy
from release.ship.trust import expected_claims, judge, render, strangers

LONGEST_SESSION = 3600
"""Seconds; AWS lets no role have less as its most."""
DEPLOY = "aws.deploy brings back what the template says"
FIND_OUT = "find out who changed it (CloudTrail), then aws.deploy"


def check_trust(document: str, expected: Policy, github: GithubTable, ref: str) -> Iterator[Check]:
    """The deployed trust: it lets in the jobs of the configuration, and nobody else.

    :param document: the role's trust, in JSON.
    :param expected: what the template makes of the configuration.
    :param ref: the default branch.
    """
    name = "trust"
    deployed = read_policy(document, "the role's trust")
    known = [
        expected_claims(github, environment, ref, with_ids=with_ids)
        for environment in github.environments
        for with_ids in (False, True)
    ]
    refused = [verdict for claims in known if not (verdict := judge(deployed, claims)).allowed]
    let_in = [what for what, claims in strangers(known[0]) if judge(deployed, claims).allowed]
    if refused:
        yield _problem(name, f"it refuses jobs of ours:\n{render(refused[0])}", DEPLOY)
    for what in let_in:
        yield _problem(name, f"it lets in {what}", FIND_OUT)
    if not alike(deployed, expected):
        yield _problem(name, "it is not the template's", FIND_OUT)
    elif not refused and not let_in:
        there = len(list(strangers(known[0])))
        yield _ok(name, f"lets in {len(known)} kinds of jobs, refuses {there} kinds of strangers")


def check_permissions(
    name: str, role: Role, expected: Mapping[str, Policy], boundary: str | None
) -> Iterator[Check]:
    """What a role may do: the template's policies, and nothing beside them.

    :param name: what the check is called.
    :param expected: its inline policies, by name.
    :param boundary: the ARN of its boundary; ``None`` if it has none.
    """
    wrong = [f"it lacks the policy {one}" for one in expected.keys() - role.inline.keys()]
    wrong += [f"it has a policy {one} too" for one in role.inline.keys() - expected.keys()]
    wrong += [f"{arn} is attached to it" for arn in role.attached]
    wrong += [
        f"its policy {one} is not the template's"
        for one in expected.keys() & role.inline.keys()
        if not alike(read_policy(role.inline[one], one), expected[one])
    ]
    if role.boundary != boundary:
        wrong.append(f"its boundary is {role.boundary or 'missing'}, not {boundary or 'none'}")
    if role.longest_session > LONGEST_SESSION:
        wrong.append(f"its sessions last up to {role.longest_session} s, not {LONGEST_SESSION}")
    for what in sorted(wrong):
        yield _problem(name, what, FIND_OUT)
    if not wrong:
        yield _ok(name, f"{role.arn} may do what the template says, and nothing else")


def check_policy(name: str, document: str, expected: Policy) -> Check:
    """A policy that is not a role's own: the boundary's, or the secret's.

    :param document: in JSON; empty where there is none.
    """
    if not document:
        return _problem(name, "there is none", DEPLOY)
    if not alike(read_policy(document, name), expected):
        return _problem(name, "it is not the template's", FIND_OUT)
    return _ok(name, "as the template says")


def check_vault(vault: Vault | None, *, key: str, days: int, now: datetime) -> Iterator[Check]:
    """The secret: it is there, in use, young enough, in one place, and encrypted as it should be.

    :param key: the ARN of its own key; empty for AWS's.
    :param days: how old the token may be.
    """
    name = "secret"
    if vault is None:
        yield _problem(name, "it is not there", DEPLOY)
        return
    current = vault.staged("AWSCURRENT")
    if vault.deleted:
        yield _problem(name, "it is marked for deletion", "aws secretsmanager restore-secret")
    if vault.key != key:
        own = vault.key or "AWS's own key"
        yield _problem(name, f"it is encrypted with {own}, not {key or 'that'}", FIND_OUT)
    if vault.replicas:
        yield _problem(name, f"it has copies in {', '.join(vault.replicas)}", FIND_OUT)
    if current is None:
        yield _problem(name, "it holds no token yet", "make one at the index, then aws.rotate")
        return
    age = (now - current.stored_at).days
    if age >= days:
        told = f"its token was stored {age} days ago, and {days} are the most"
        yield _problem("age", told, "make a new one at the index, then aws.rotate")
    else:
        yield _ok("age", f"the token was stored {age} day(s) ago")
    if vault.staged("AWSPENDING") not in {None, current}:
        told = "a rotation was not finished: a version waits as AWSPENDING"
        yield _problem("rotation", told, "run aws.rotate again")


def check_provider(provider: str | None, trusted: str, audiences: tuple[str, ...]) -> Check:
    """The provider: it is the trusted one, and takes tokens for AWS.

    :param provider: the account's; ``None`` if it has none.
    :param trusted: the one in the role's trust.
    """
    name = "provider"
    if provider != trusted:
        return _problem(name, f"the account has {provider or 'none'}, not {trusted}", DEPLOY)
    if "sts.amazonaws.com" not in audiences:
        remedy = (
            "aws iam add-client-id-to-open-id-connect-provider --client-id sts.amazonaws.com "
            f"--open-id-connect-provider-arn {trusted}"
        )
        return _problem(name, "it does not take tokens for sts.amazonaws.com", remedy)
    return _ok(name, "the account believes GitHub's tokens for sts.amazonaws.com")


def check_alarms(off: tuple[str, ...], subscribed: int, trails: tuple[str, ...]) -> Iterator[Check]:
    """The alarms: the rules are on, hear something, and somebody is told.

    :param off: the rules that are not on.
    :param subscribed: how many have confirmed.
    :param trails: those that log reading events here.
    """
    name = "alarms"
    for rule in off:
        yield _problem(name, f"the rule {rule} is off", FIND_OUT)
    if not subscribed:
        remedy = "aws.deploy --email ADDRESS, then confirm the mail; or subscribe otherwise"
        yield _problem(name, "nobody is told of them", remedy)
    if not trails:
        remedy = "make a CloudTrail trail of management events, reading and writing ones"
        yield _problem(name, "they hear nothing: no trail logs who reads here", remedy)
    if not off and subscribed and trails:
        yield _ok(name, f"{subscribed} told; they live on the trail {trails[0]}")


def unknown(name: str, error: WardenError) -> Check:
    """A part that could not be looked at."""
    told = f"{error.what}: {error.why}" if error.why else error.what
    remedy = error.remedy or "look again as somebody who may see it"
    return Check(name=name, state="unknown", what=told, remedy=remedy)


def alike(one: Policy, other: Policy) -> bool:
    """Whether two documents say the same, in whichever order."""
    return _sorted(one) == _sorted(other)


def _sorted(policy: Policy) -> list[tuple[object, ...]]:
    return sorted(map(_key, policy.statements), key=repr)


def _key(statement: Statement) -> tuple[object, ...]:
    def ordered(found: dict[str, tuple[str, ...]] | None) -> object:
        return found and sorted((kind, sorted(names)) for kind, names in found.items())

    return (
        statement.allows,
        ordered(statement.principals),
        ordered(statement.but_principals),
        sorted(statement.actions),
        sorted(statement.but_actions),
        sorted(statement.resources),
        sorted(statement.but_resources),
        sorted((one.operator, one.key.lower(), sorted(one.wanted)) for one in statement.conditions),
    )


def _ok(name: str, what: str) -> Check:
    return _check(name, "ok", what)


def _problem(name: str, what: str, remedy: str) -> Check:
    return _check(name, "problem", what, remedy)


def _check(name: str, state: State, what: str, remedy: str = "") -> Check:
    return Check(name=name, state=state, what=what, remedy=remedy)
