"""The template's policies allow what docs/aws.md says in its table, and nothing beyond."""

from __future__ import annotations

import re

import pytest
from botocore.loaders import Loader
from stack_world import ADMINISTRATOR, ARNS, HERE, IAM, KEY, PROVIDER, ROLE, ROOT, SECRET, made

from release.ship.policies import Caller, Request, Values, decide, read_policy
from release.ship.stack import documents

ROW = re.compile(r"^\| (?P<who>[^|]+) \| (?P<may>`[^|]+`) \| (?P<on>[^|]+) \|", re.MULTILINE)
KNOWN = {arn: name for name, arn in ARNS.items()} | {
    ADMINISTRATOR: "administrator", f"{IAM}:root": "account", PROVIDER: "GitHub"
}  # fmt: skip
JOB = Caller(
    kind="AWS",
    arn=f"arn:aws:sts::{HERE.number}:assumed-role/{ROLE.rpartition('/')[2]}/release-warden-1",
    role=ROLE,
)
SERVICES = ("secretsmanager", "kms", "iam", "sts", "s3", "sns", "sqs", "events", "stepfunctions",
            "cloudformation", "lambda", "ec2", "logs", "ssm")  # fmt: skip


def table() -> set[tuple[str, str, str]]:
    text = (ROOT / "docs" / "aws.md").read_text()
    return {
        (row["who"].strip(), action, row["on"].strip())
        for row in ROW.finditer(text)
        for action in re.findall(r"`([^`]+)`", row["may"])
        if ":" in action and row["who"].strip() != "claim"
    }


def allowed() -> set[tuple[str, str, str]]:
    """All that any policy of the template allows, with every option taken."""
    found = set()
    with_key = made(CustomerKey="yes")
    for name, properties in with_key.items():
        for document, holders, on in policies(name, properties):
            for statement in read_policy(document, name).statements:
                if not statement.allows:
                    continue
                assert not statement.but_actions
                assert not statement.but_resources
                who = holders or [one for ones in statement.principals.values() for one in ones]
                where = [on] if on else statement.resources
                found |= {
                    (KNOWN.get(w, w), action, KNOWN.get(r, r))
                    for w in who for action in statement.actions for r in where
                }  # fmt: skip
    return found


def policies(name, properties):
    """Each policy document: its holders, if it is an identity's; what it is on, if not told."""
    if "AssumeRolePolicyDocument" in properties:
        yield properties["AssumeRolePolicyDocument"], [], name
    if "KeyPolicy" in properties:
        yield properties["KeyPolicy"], [], name
    if "ResourcePolicy" in properties:
        yield properties["ResourcePolicy"], [], name
    if "PolicyDocument" in properties and "Topics" in properties:
        yield properties["PolicyDocument"], [], ""
    elif "PolicyDocument" in properties and name != "Boundary":
        by_name = {arn.rpartition("/")[2]: arn for arn in ARNS.values()}
        yield properties["PolicyDocument"], [by_name[role] for role in properties["Roles"]], ""


def test_the_table_is_what_the_template_allows():
    assert table() == allowed()


def test_the_boundary_allows_no_more_than_the_role_has():
    boundary = documents(made(CustomerKey="yes")).boundary
    assert {action for s in boundary.statements for action in s.actions} == {
        "secretsmanager:GetSecretValue", "kms:Decrypt"
    }  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_of_all_that_aws_can_do_the_role_may_do_one_thing(service):
    """By AWS's own list of what each service can do."""
    found = documents(made())
    prefix = {"stepfunctions": "states"}.get(service, service)
    operations = Loader().load_service_model(service, "service-2")["operations"]
    asked = {
        f"{prefix}:{operation}"
        for operation in operations
        for resource in (SECRET, "*", f"{SECRET}-of-another", "")
        if decide(
            Request(caller=JOB, action=f"{prefix}:{operation}", resource=resource),
            found.permissions,
            boundary=found.boundary,
            resource=found.resource if resource == SECRET else None,
        ).allowed
    }
    assert asked == ({"secretsmanager:GetSecretValue"} if service == "secretsmanager" else set())


@pytest.mark.parametrize(
    ("via", "context", "allowed"),
    [
        (f"secretsmanager.{HERE.region}.amazonaws.com", SECRET, True),
        (f"secretsmanager.{HERE.region}.amazonaws.com", f"{SECRET}x", False),
        (f"s3.{HERE.region}.amazonaws.com", SECRET, False),
        ("", SECRET, False),
    ],
)
def test_the_key_opens_this_secret_only(via, context, allowed):
    resources = made(CustomerKey="yes")
    found = documents(resources)
    given = {"kms:EncryptionContext:SecretARN": context} | ({"kms:ViaService": via} if via else {})
    verdict = decide(
        Request(caller=JOB, action="kms:Decrypt", resource=KEY, values=Values(given)),
        found.permissions,
        boundary=found.boundary,
    )
    assert verdict.allowed is allowed


def test_the_owner_of_the_account_is_kept_out_too():
    root = Caller(kind="AWS", arn=f"{IAM}:root")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    verdict = decide(
        Request(caller=root, action="secretsmanager:GetSecretValue", resource=SECRET),
        (read_policy({"Statement": [everything]}, "everything"),),
        resource=documents(made()).resource,
    )
    assert verdict.why == "denied by the secret's policy: NobodyElse"


@pytest.mark.parametrize("name", ["Token", "Key", "Provider"])
def test_what_must_not_be_lost_stays_when_the_stack_goes(name):
    from stack_world import TEMPLATE

    resource = TEMPLATE.resources[name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_the_token_has_no_value_in_the_template():
    assert not {"SecretString", "GenerateSecretString"} & made()["Token"].keys()
