"""IAM's rules, one by one, and beside ministack's evaluator on policies made at random."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.core import iam_evaluator

from release.errors import DocumentError, UnknownError
from release.ship.policies import Caller, Condition, Request, Values, decide, read_policy

ACCOUNT = "123456789012"
USER = Caller(kind="AWS", arn=f"arn:aws:iam::{ACCOUNT}:user/ada")
SESSION = Caller(
    kind="AWS",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/run-1",
    role=f"arn:aws:iam::{ACCOUNT}:role/reader",
)


def policy(*statements, name="a policy"):
    return read_policy({"Version": "2012-10-17", "Statement": list(statements)}, name)


def allow(action="s:Get", resource="r", **more):
    return {"Sid": "Yes", "Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action="s:Get", resource="r", **more):
    return allow(action, resource, Sid="No", Effect="Deny") | more


def ask(caller=USER, action="s:Get", resource="r", **values):
    return Request(caller=caller, action=action, resource=resource, values=Values(values))


def test_nothing_allows_by_default():
    assert decide(ask(), ()).why == "no statement allows it"


def test_a_denial_anywhere_wins():
    for where in ({"identity": deny()}, {"boundary": deny()}, {"resource": deny(Principal="*")}):
        identity = [allow(), *([where["identity"]] if "identity" in where else [])]
        verdict = decide(
            ask(),
            (policy(*identity),),
            boundary=policy(allow("*", "*"), where.get("boundary", allow())),
            resource=policy(where.get("resource", allow(Principal="*"))),
        )
        assert not verdict.allowed
        assert verdict.why == "denied by a policy: No"


def test_a_boundary_limits_and_gives_nothing():
    boundary = policy(allow("s:Get"), name="the boundary")
    assert decide(ask(), (policy(allow("s:*")),), boundary=boundary).allowed
    beyond = decide(ask(action="s:Put"), (policy(allow("s:*")),), boundary=boundary)
    assert beyond.why == "beyond the boundary, which does not allow it"
    assert not decide(ask(), (), boundary=boundary).allowed


def test_a_resource_may_allow_within_its_account():
    named = policy(allow(Principal={"AWS": SESSION.role}))
    assert decide(ask(SESSION), (), resource=named).allowed
    assert not decide(ask(USER), (), resource=named).allowed


def test_a_resource_that_names_the_account_leaves_it_to_the_account():
    account = policy(allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    assert not decide(ask(), (), resource=account).allowed
    assert decide(ask(), (policy(allow()),), resource=account).allowed


def test_a_boundary_does_not_limit_what_names_the_very_session():
    boundary = policy(allow("t:*"))
    directly = policy(allow(Principal={"AWS": SESSION.arn}))
    by_role = policy(allow(Principal={"AWS": SESSION.role}))
    assert decide(ask(SESSION), (), boundary=boundary, resource=directly).allowed
    assert not decide(ask(SESSION), (), boundary=boundary, resource=by_role).allowed


def test_a_session_is_known_by_its_role():
    others = deny("s:*", "*", Principal="*", Condition={
        "ArnNotEquals": {"aws:PrincipalArn": SESSION.role}
    })  # fmt: skip
    identity = (policy(allow("*", "*")),)
    assert decide(ask(SESSION), identity, resource=policy(others)).allowed
    assert not decide(ask(USER), identity, resource=policy(others)).allowed


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "holds"),
    [
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", ["a*"], ["ab"], False),
        ("StringEquals", ["a"], [], False),
        ("StringEqualsIfExists", ["a"], [], True),
        ("StringEqualsIgnoreCase", ["A"], ["a"], True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", ["a"], [], True),
        ("StringLike", ["repo:a/?:*"], ["repo:a/b:c:d"], True),
        ("StringLike", ["[ab]"], ["a"], False),
        ("StringLike", ["a.c"], ["abc"], False),
        ("StringNotLike", ["a*"], ["ab"], False),
        ("ArnLike", ["arn:*:role/x"], ["arn:aws:iam::1:role/x"], True),
        ("ArnNotEquals", ["arn:x", "arn:y"], ["arn:z"], True),
        ("ForAnyValue:StringEquals", ["a"], ["a", "b"], True),
        ("ForAnyValue:StringNotEquals", ["a"], [], False),
        ("ForAllValues:StringEquals", ["a"], ["a", "b"], False),
        ("ForAllValues:StringEquals", ["a"], [], True),
        ("Bool", ["false"], ["False"], True),
        ("Null", ["true"], [], True),
        ("Null", ["false"], [], False),
    ],
)
def test_a_condition(operator, wanted, given, holds):
    condition = Condition(operator=operator, key="k", wanted=tuple(wanted))
    assert condition.holds(tuple(given)) is holds


@pytest.mark.parametrize("operator", ["DateLessThan", "NumericEquals", "IpAddress", "Nonsense"])
def test_what_is_not_judged_is_unknown_and_not_no(operator):
    with pytest.raises(UnknownError, match=operator):
        Condition(operator=operator, key="k", wanted=("1",)).holds(("1",))


def test_a_policy_variable_is_unknown():
    with pytest.raises(UnknownError, match="variable"):
        policy(allow(resource="arn:aws:s3:::b/${aws:username}"))


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"Statement": [{"Effect": "Perhaps"}]}', '{"Statement": "x"}']
)
def test_what_is_no_policy(document):
    with pytest.raises(DocumentError, match="the trust is no policy"):
        read_policy(document, "the trust")


def test_actions_are_alike_whatever_their_case_and_resources_are_not():
    assert decide(ask(action="S:gET"), (policy(allow()),)).allowed
    assert not decide(ask(resource="R"), (policy(allow()),)).allowed


WORDS = st.sampled_from(["a", "ab", "b", "a*", "?b", "*"])
VALUES = st.lists(WORDS, min_size=1, max_size=2)
OPERATORS = st.sampled_from(
    ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists",
     "ForAnyValue:StringLike", "ForAllValues:StringEquals", "ArnLike", "ArnNotEquals"]
)  # fmt: skip
CONDITIONS = st.dictionaries(
    OPERATORS, st.dictionaries(st.sampled_from(["k:a", "k:b"]), VALUES, min_size=1), max_size=2
)
STATEMENTS = st.builds(
    lambda effect, action, resource, condition: {
        "Effect": effect, "Action": action, "Resource": resource, "Condition": condition
    },
    st.sampled_from(["Allow", "Allow", "Deny"]), VALUES, VALUES, CONDITIONS,
)  # fmt: skip
DOCUMENTS = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda found: {"Statement": found})


@given(DOCUMENTS, DOCUMENTS, WORDS, WORDS, st.dictionaries(st.sampled_from(["k:a", "k:b"]), WORDS))
def test_an_evaluator_of_others_says_the_same(identity, boundary, action, resource, values):
    ours = decide(
        Request(caller=USER, action=action, resource=resource, values=Values(values)),
        (read_policy(identity, "identity"),),
        boundary=read_policy(boundary, "boundary"),
    )
    context = iam_evaluator.EvalContext(
        principal_arn=USER.arn, principal_type="User", principal_account=ACCOUNT,
        action=action, resource_arn=resource, region="", service_context=values,
    )  # fmt: skip
    theirs = iam_evaluator.evaluate(
        context,
        [iam_evaluator.parse_policy_document(identity)],
        [iam_evaluator.parse_policy_document(boundary)],
    )
    assert ours.allowed is (theirs.decision == "Allow")
