"""What a policy of AWS allows: IAM's own rules, applied to documents and a request.

The rules are those of the IAM User Guide ("Policy evaluation logic", "IAM JSON policy elements:
Condition operators"), for one account without organisation policies. What is not judged here (dates
and numbers, addresses, policy variables) raises :class:`UnknownError`: it is never taken for a yes
or a no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from release.errors import DocumentError, UnknownError

Kind = Literal["AWS", "Federated", "Service"]
"""What sort of thing may stand as a principal."""
ACCOUNT = re.compile(r"[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:root")
"""A principal that stands for a whole account."""
OPERATOR = re.compile(
    r"(?P<of>ForAnyValue:|ForAllValues:)?(?P<compare>[A-Za-z]+?)(?P<if_exists>IfExists)?"
)


class Values(dict[str, tuple[str, ...]]):
    """What is given for condition keys, whose names are found whatever their case."""

    def __init__(self, given: Mapping[str, str | tuple[str, ...]] | None = None) -> None:
        pairs = (given or {}).items()
        super().__init__((k.lower(), (v,) if isinstance(v, str) else v) for k, v in pairs)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    ``arn`` names the caller: a user, a role's session, a provider of identities, a service.
    ``role`` is the role of a session, which policies name in its stead.
    """

    kind: Kind
    arn: str
    role: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What a policy may call the caller, its account aside."""
        return (self.arn, self.role) if self.role else (self.arn,)

    @property
    def account(self) -> str:
        """The caller's account; empty for a service."""
        return self.arn.split(":")[4] if self.arn.count(":") > 4 else ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call: who asks for what on which resource, and what is known beside (``values``)."""

    caller: Caller
    action: str
    resource: str = ""
    values: Values = msgspec.field(default_factory=Values)

    def given(self, key: str) -> tuple[str, ...]:
        """What the request says for a condition key; empty where it says nothing.

        ``aws:PrincipalArn`` is the role's of a session, as AWS has it.
        """
        if key.lower() == "aws:principalarn":
            return (self.caller.role or self.caller.arn,)
        return self.values.get(key.lower(), ())


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a ``Condition``: an operator, a key, and the values of which one must do."""

    operator: str
    key: str
    wanted: tuple[str, ...]

    def holds(self, given: tuple[str, ...]) -> bool:
        """Whether a request with these values for the key meets it.

        :param given: empty where the request has no such key.
        :raises UnknownError: the operator is not judged here.
        """
        found = OPERATOR.fullmatch(self.operator)
        if self.operator == "Null":
            return (not given) == (self.wanted == ("true",))
        if not found or found["compare"] not in COMPARISONS:
            raise _not_judged(f"the condition operator {self.operator}")
        compare, negated = COMPARISONS[found["compare"]]
        if not given:
            absent_holds = negated and found["of"] != "ForAnyValue:"
            return bool(found["if_exists"]) or found["of"] == "ForAllValues:" or absent_holds
        met = [any(compare(value, one) for one in self.wanted) != negated for value in given]
        # Without a set operator several values are no case of AWS's: the careful reading is taken.
        every = found["of"] == "ForAllValues:" or (negated and not found["of"])
        return all(met) if every else any(met)


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a policy.

    ``principals`` are by kind; ``None`` where the statement names none, as in an identity's
    policy. ``but_*`` are its ``NotPrincipal``, ``NotAction`` and ``NotResource``.
    """

    name: str
    allows: bool
    principals: dict[str, tuple[str, ...]] | None = None
    but_principals: dict[str, tuple[str, ...]] | None = None
    actions: tuple[str, ...] = ()
    but_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    but_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def applies(self, request: Request) -> bool:
        """Whether the statement speaks of a request.

        :raises UnknownError: that cannot be judged here.
        """
        return self.is_about(request) and all(
            condition.holds(request.given(condition.key)) for condition in self.conditions
        )

    def is_about(self, request: Request) -> bool:
        """Whether principal, action and resource are the request's, the conditions aside."""
        return (
            self._is_for(request.caller)
            and _one_of(request.action.lower(), self.actions, self.but_actions, fold=True)
            and _one_of(request.resource, self.resources, self.but_resources)
        )

    def leaves_it_to(self, caller: Caller) -> bool:
        """Whether it names the caller's account alone, which only lets the account decide."""
        named = (self.principals or {}).get(caller.kind, ())
        return bool(named) and not {"*", *caller.names} & {*named}

    def _is_for(self, caller: Caller) -> bool:
        if self.but_principals is not None:
            return not _names(self.but_principals, caller)
        return self.principals is None or _names(self.principals, caller)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy document, with the name by which messages call it."""

    name: str
    statements: tuple[Statement, ...]

    def denying(self, request: Request) -> tuple[Statement, ...]:
        """The statements that forbid a request."""
        return tuple(s for s in self.statements if not s.allows and s.applies(request))

    def allowing(self, request: Request) -> tuple[Statement, ...]:
        """The statements that allow a request.

        One that names the account and not the caller leaves it to the caller's own policies.
        """
        return tuple(
            s
            for s in self.statements
            if s.allows and s.applies(request) and not s.leaves_it_to(request.caller)
        )


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a request goes through; ``why`` names the statement or the lack of one."""

    allowed: bool
    why: str


def decide(
    request: Request,
    identity: tuple[Policy, ...],
    *,
    boundary: Policy | None = None,
    resource: Policy | None = None,
) -> Verdict:
    """Whether a request within one account goes through.

    A denial anywhere wins; then one policy of the identity (within its boundary) or of the
    resource must allow it. The boundary does not limit what a resource's policy allows to the very
    user or session that it names.

    :param identity: the policies that are attached to the caller.
    :param boundary: its permissions boundary.
    :param resource: the policy of the resource.
    :raises UnknownError: a statement cannot be judged here.
    """
    limits = (boundary,) if boundary else ()
    owned = (resource,) if resource else ()
    for policy in (*owned, *limits, *identity):
        for statement in policy.denying(request):
            return Verdict(allowed=False, why=f"denied by {policy.name}: {statement.name}")
    bounded = boundary is None or bool(boundary.allowing(request))
    why = "no statement allows it"
    for policy in (*identity, *owned):
        for statement in policy.allowing(request):
            if bounded or _names_directly(statement, request.caller):
                return Verdict(allowed=True, why=f"allowed by {policy.name}: {statement.name}")
            why = f"beyond {boundary.name if boundary else ''}, which does not allow it"
    return Verdict(allowed=False, why=why)


def read_policy(document: str | Mapping[str, Any], name: str) -> Policy:
    """A policy document in our words.

    :param document: JSON, or what JSON gave.
    :param name: what messages call it, such as ``the boundary``.
    :raises DocumentError: it is none.
    :raises UnknownError: it uses policy variables, which are not judged here.
    """
    try:
        found = json.loads(document) if isinstance(document, str) else document
        statements = _listed(found["Statement"])
        read = tuple(_statement(one, number) for number, one in enumerate(statements, start=1))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DocumentError(
            f"{name} is no policy of AWS",
            why=f"{type(error).__name__}: {error}",
            remedy="compare it with the template: aws.check, then aws.deploy",
        ) from error
    return Policy(name=name, statements=read)


def _statement(found: Mapping[str, Any], number: int) -> Statement:
    if found["Effect"] not in {"Allow", "Deny"}:
        raise ValueError(f"Effect {found['Effect']!r}")
    return Statement(
        name=found.get("Sid") or f"statement {number}",
        allows=found["Effect"] == "Allow",
        principals=_principals(found.get("Principal")),
        but_principals=_principals(found.get("NotPrincipal")),
        actions=_texts(found.get("Action")),
        but_actions=_texts(found.get("NotAction")),
        resources=_texts(found.get("Resource")),
        but_resources=_texts(found.get("NotResource")),
        conditions=tuple(_conditions(found.get("Condition", {}))),
    )


def _conditions(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Condition]:
    for operator, keys in found.items():
        for key, wanted in keys.items():
            yield Condition(operator=operator, key=key, wanted=_texts(wanted))


def _principals(found: Any) -> dict[str, tuple[str, ...]] | None:
    if found is None:
        return None
    if found == "*":
        return {"AWS": ("*",), "Federated": ("*",), "Service": ("*",)}
    return {kind: _texts(names) for kind, names in found.items()}


def _texts(found: Any) -> tuple[str, ...]:
    """One value or a list of them, as text; IAM takes true and "true" for the same."""
    texts = tuple(
        json.dumps(one) if isinstance(one, bool) else str(one)
        for one in _listed([] if found is None else found)
    )
    if any("${" in text for text in texts):
        raise _not_judged("a policy variable")
    return texts


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _one_of(
    given: str, wanted: tuple[str, ...], but: tuple[str, ...], *, fold: bool = False
) -> bool:
    """Whether an element and its ``Not`` form take a value; one that is not there takes any."""
    if wanted:
        return any(_like(given, one.lower() if fold else one) for one in wanted)
    return not any(_like(given, one.lower() if fold else one) for one in but)


def _names(principals: dict[str, tuple[str, ...]], caller: Caller) -> bool:
    """Whether an element names a caller: itself, its role, its account, or everybody."""
    for one in principals.get(caller.kind, ()):
        if one == "*" or one in caller.names:
            return True
        if ACCOUNT.fullmatch(one) and caller.account and caller.account in one:
            return True
    return False


def _names_directly(statement: Statement, caller: Caller) -> bool:
    """Whether a resource's statement names the very user or session."""
    return caller.arn in (statement.principals or {}).get("AWS", ())


def _not_judged(what: str) -> UnknownError:
    return UnknownError(
        f"{what} is not judged here",
        why="only what the template of this project uses is",
        remedy="ask AWS itself: IAM's policy simulator, or IAM Access Analyzer",
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    """IAM's wildcards: ``*`` for any text, ``?`` for one character, nothing else."""
    return _pattern(pattern).fullmatch(value) is not None


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_but_for_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


COMPARISONS = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_but_for_case, False),
    "StringNotEqualsIgnoreCase": (_equal_but_for_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_like, False),  # the same as ArnLike, by the IAM User Guide
    "ArnNotEquals": (_like, True),
    "ArnLike": (_like, False),
    "ArnNotLike": (_like, True),
    "Bool": (_equal_but_for_case, False),
}
"""How operators compare one value with one wanted, and whether they want none of them."""
