"""Who gets at the token: the template's own documents, enforced by ministack and judged by us.

ministack enforces what it knows: signatures, ``aud`` and ``sub`` of a role's trust, policies of
roles, boundaries and the secret's policy. It differs from AWS in two points, and there the
documents are changed for it, and our evaluator alone judges them as they are:

- it knows no other claim of a token, so the conditions on those are left out of its copy; all
  tokens are judged with all conditions by our evaluator, and by ministack's own rules, called
  directly with the claims that its server leaves out;
- ``aws:PrincipalArn`` is a session's own ARN there, where AWS has the role's; its copy has both.

Its CloudFormation lacks the provider and the secret's policy: the filled-in resources go in by the
API. Whether a token has expired it does not look at.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

import boto3
import jwt
import pytest
from aws_server import ACCOUNT, REGION, Aws, serve_aws
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from stack_world import TEMPLATE, job

from release.ship.policies import Caller, Request, Values, decide, read_policy
from release.ship.stack import PROVIDER_HOST, Account, documents
from release.ship.template import Setting, fill_in
from release.ship.trust import GIVEN, judge, strangers

HERE = Account(partition="aws", number=ACCOUNT, region=REGION)
IAM = f"arn:aws:iam::{ACCOUNT}"
PROVIDER = f"{IAM}:oidc-provider/{PROVIDER_HOST}"
ADA = f"{IAM}:user/ada"
NAME = "release-warden/token"
BLIND_TO = ("repository_id", "environment", "job_workflow_ref")
"""The claims of the trust that ministack's server does not look at."""
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True)
class World:
    """The stack in a running account, and the same documents for our evaluator."""

    aws: Aws
    made: dict
    token: str
    other: str
    clients: dict

    def ask(self, who: str, service: str, action: str, **arguments: str):
        return getattr(self.clients[who](service), action)(**arguments)

    def assume(self, claims, session: str = "release-warden-1"):
        """A session by a token with these claims; ministack does not look at its signature."""
        said = {name: getattr(claims, name) for name in (*GIVEN, "iss") if getattr(claims, name)}
        token = jwt.encode(said, "any key that is long enough for it", algorithm="HS256")
        return self.aws.root("sts").assume_role_with_web_identity(
            RoleArn=f"{IAM}:role/UploadRole", RoleSessionName=session,
            WebIdentityToken=token, DurationSeconds=900,
        )["Credentials"]  # fmt: skip


def filled(token: str) -> dict:
    """The template's resources, named as this account names them."""
    roles = {f"{name}.Arn": f"{IAM}:role/{name}" for name in ("UploadRole", "AgeRole", "StartRole")}
    arns = {name: f"arn:aws:made:::{name}" for name in TEMPLATE.resources}
    setting = Setting(
        parameters={
            "Repository": "acme/paperboy", "RepositoryId": "4711",
            "AdministratorArn": ADA, "ProviderArn": PROVIDER,
        },
        pseudo=HERE.pseudo,
        names=arns | {"Token": token, "Boundary": f"{IAM}:policy/Boundary"},
        attributes={f"{name}.Arn": arn for name, arn in arns.items()} | roles,
    )  # fmt: skip
    return fill_in(TEMPLATE, setting)


def without_blind_spots(trust: dict) -> dict:
    """The trust without the conditions of which ministack knows no claim."""
    trust = copy.deepcopy(trust)
    for keys in trust["Statement"][0]["Condition"].values():
        for claim in BLIND_TO:
            keys.pop(f"{PROVIDER_HOST}:{claim}", None)
    return trust


def with_sessions(policy: dict) -> dict:
    """The secret's policy with the sessions beside the roles."""
    policy = copy.deepcopy(policy)
    arns = policy["Statement"][0]["Condition"].pop("ArnNotEquals")["aws:PrincipalArn"]
    roles = [arn for arn in arns if ":role/" in arn]
    sessions = [f"arn:aws:sts::{ACCOUNT}:assumed-role/{arn.rpartition('/')[2]}/*" for arn in roles]
    policy["Statement"][0]["Condition"]["ArnNotLike"] = {"aws:PrincipalArn": [*arns, *sessions]}
    return policy


def by_keys(aws: Aws, keys: dict):
    def client(service: str):
        return boto3.client(
            service, region_name=REGION, endpoint_url=aws.url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )  # fmt: skip

    return client


def user(aws: Aws, name: str):
    """A user who may do everything in the account, as far as its own policies go."""
    iam = aws.root("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    return by_keys(aws, iam.create_access_key(UserName=name)["AccessKey"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with serve_aws(tmp_path_factory.mktemp("aws")) as aws:
        secrets, iam = aws.root("secretsmanager"), aws.root("iam")
        token = secrets.create_secret(Name=NAME, SecretString="one")["ARN"]
        other = secrets.create_secret(Name=f"{NAME}-of-another", SecretString="two")["ARN"]
        made = filled(token)
        iam.create_open_id_connect_provider(
            Url=f"https://{PROVIDER_HOST}", ClientIDList=["sts.amazonaws.com"]
        )
        iam.create_policy(
            PolicyName="Boundary", PolicyDocument=json.dumps(made["Boundary"]["PolicyDocument"])
        )
        role = made["UploadRole"]
        trust = without_blind_spots(role["AssumeRolePolicyDocument"])
        iam.create_role(
            RoleName="UploadRole", AssumeRolePolicyDocument=json.dumps(trust),
            PermissionsBoundary=role["PermissionsBoundary"],
            MaxSessionDuration=role["MaxSessionDuration"],
        )  # fmt: skip
        read = made["ReadToken"]
        iam.put_role_policy(
            RoleName="UploadRole", PolicyName=read["PolicyName"],
            PolicyDocument=json.dumps(read["PolicyDocument"]),
        )  # fmt: skip
        secrets.put_resource_policy(
            SecretId=token,
            ResourcePolicy=json.dumps(with_sessions(made["TokenPolicy"]["ResourcePolicy"])),
        )
        clients = {"ada": user(aws, "ada"), "mallory": user(aws, "mallory")}
        world = World(aws, made, token, other, clients)
        clients["job"] = by_keys(aws, world.assume(job()))
        yield world


LET_IN = [("the older sub", job()), ("with ids in sub", job(with_ids=True)),
          ("the other environment", job("pypi-manual"))]  # fmt: skip
STRANGERS = [*strangers(job()), *((f"{w}, ids", c) for w, c in strangers(job(with_ids=True)))]
SEEN = {"aud", "sub", "iss"}
"""What ministack's server looks at."""


@pytest.mark.parametrize(("what", "claims"), LET_IN)
def test_a_job_is_let_in(world, what, claims):
    assert world.assume(claims)["SessionToken"]
    assert ours(world, claims).allowed
    assert theirs(world, claims)


@pytest.mark.parametrize(("what", "claims"), STRANGERS)
def test_a_stranger_is_refused(world, what, claims):
    """By our evaluator and by ministack's; by its server too, where aud, sub or iss are wrong."""
    verdict = ours(world, claims)
    assert not verdict.allowed
    assert not theirs(world, claims)
    if SEEN & {match.claim for match in verdict.unmet}:
        with pytest.raises(ClientError, match="AccessDenied"):
            world.assume(claims)


def test_the_server_itself_refuses_most_strangers():
    """So that the test before cannot come to judge by evaluators alone."""
    trust = read_policy(filled("arn:x")["UploadRole"]["AssumeRolePolicyDocument"], "trust")
    live = [w for w, c in STRANGERS if SEEN & {m.claim for m in judge(trust, c).unmet}]
    assert len(live) >= 20


def ours(world, claims):
    document = world.made["UploadRole"]["AssumeRolePolicyDocument"]
    return judge(read_policy(document, "the trust"), claims)


def theirs(world, claims) -> bool:
    """Ministack's rules for the whole trust, with all the claims of a token."""
    host = claims.iss.removeprefix("https://")
    provider = f"{IAM}:oidc-provider/{host}"
    given = {f"{host}:{n}".lower(): getattr(claims, n) for n in GIVEN if getattr(claims, n)}
    context = iam_evaluator.EvalContext(
        principal_arn=provider, principal_type="WebIdentityUser", principal_account=ACCOUNT,
        action="sts:AssumeRoleWithWebIdentity", resource_arn="", region=REGION,
        service_context=given,
    )  # fmt: skip
    document = world.made["UploadRole"]["AssumeRolePolicyDocument"]
    return iam_evaluator.evaluate_trust_policy(document, provider, context)


JOB = Caller(
    kind="AWS",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/UploadRole/release-warden-1",
    role=f"{IAM}:role/UploadRole",
)
CALLERS = {
    "job": JOB,
    "ada": Caller(kind="AWS", arn=ADA),
    "mallory": Caller(kind="AWS", arn=f"{IAM}:user/mallory"),
}
IMPLICIT = "no statement allows it"
ONLY_READS = "denied by the secret's policy: TheUploadRoleOnlyReads"
NOBODY = "denied by the secret's policy: NobodyElse"
HIS = "allowed by everything: All"
READS = "allowed by the role's policy read-token: ReadOneSecret"
CALLS = [
    ("job", "get_secret_value", "token", {}, READS),
    ("job", "get_secret_value", "other", {}, IMPLICIT),
    ("job", "describe_secret", "token", {}, ONLY_READS),
    ("job", "put_secret_value", "token", {"SecretString": "x"}, ONLY_READS),
    ("job", "update_secret", "token", {"Description": "x"}, ONLY_READS),
    ("job", "delete_secret", "token", {}, ONLY_READS),
    ("job", "get_resource_policy", "token", {}, ONLY_READS),
    ("job", "delete_resource_policy", "token", {}, ONLY_READS),
    ("job", "put_secret_value", "other", {"SecretString": "x"}, IMPLICIT),
    ("mallory", "get_secret_value", "token", {}, NOBODY),
    ("mallory", "describe_secret", "token", {}, NOBODY),
    ("mallory", "put_secret_value", "token", {"SecretString": "x"}, NOBODY),
    ("mallory", "delete_secret", "token", {}, NOBODY),
    ("mallory", "delete_resource_policy", "token", {}, NOBODY),
    ("mallory", "get_secret_value", "other", {}, HIS),
    ("ada", "describe_secret", "token", {}, HIS),
    ("ada", "put_secret_value", "token", {"SecretString": "new"}, HIS),
    ("ada", "get_resource_policy", "token", {}, HIS),
]  # fmt: skip


@pytest.mark.parametrize(("who", "action", "which", "arguments", "why"), CALLS)
def test_a_call_to_the_vault(world, who, action, which, arguments, why):
    secret = world.token if which == "token" else world.other
    verdict = judged(world, who, action, secret)
    assert verdict.why == why
    try:
        world.ask(who, "secretsmanager", action, SecretId=secret, **arguments)
    except ClientError as error:
        assert not verdict.allowed
        explicit = "explicit deny in a resource-based policy" in str(error)
        assert explicit is why.startswith("denied by the secret's policy")
    else:
        assert verdict.allowed


@pytest.mark.parametrize(
    ("service", "action", "arguments"),
    [
        ("secretsmanager", "list_secrets", {}),
        ("iam", "create_user", {"UserName": "eve"}),
        ("iam", "list_roles", {}),
        ("s3", "list_buckets", {}),
        ("kms", "list_keys", {}),
        ("cloudformation", "list_stacks", {}),
    ],
)
def test_the_job_can_do_nothing_else(world, service, action, arguments):
    with pytest.raises(ClientError, match="AccessDenied"):
        world.ask("job", service, action, **arguments)


def test_the_boundary_holds_whatever_is_attached(world):
    iam = world.aws.root("iam")
    everything = json.dumps(EVERYTHING)
    iam.put_role_policy(RoleName="UploadRole", PolicyName="all", PolicyDocument=everything)
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            world.ask("job", "secretsmanager", "get_secret_value", SecretId=world.other)
        with pytest.raises(ClientError, match="AccessDenied"):
            world.ask("job", "iam", "list_users")
    finally:
        iam.delete_role_policy(RoleName="UploadRole", PolicyName="all")
    made = documents(world.made)
    beyond = decide(
        Request(caller=JOB, action="secretsmanager:GetSecretValue", resource=world.other),
        (read_policy(EVERYTHING, "everything"),),
        boundary=made.boundary,
    )
    assert beyond.why == "beyond the permissions boundary, which does not allow it"


def test_the_role_cannot_be_taken_on_without_a_token(world):
    for who in ("job", "mallory"):
        with pytest.raises(ClientError, match="AccessDenied"):
            world.ask(
                who, "sts", "assume_role", RoleArn=f"{IAM}:role/UploadRole", RoleSessionName="x1"
            )


def judged(world, who: str, action: str, secret: str):
    """Our verdict on a call, by the documents as the template has them."""
    made = documents(world.made)
    operation = "".join(word.capitalize() for word in action.split("_"))
    is_job = who == "job"
    return decide(
        Request(
            caller=CALLERS[who],
            action=f"secretsmanager:{operation}",
            resource=secret,
            values=Values(),
        ),
        made.permissions if is_job else (read_policy(EVERYTHING, "everything"),),
        boundary=made.boundary if is_job else None,
        resource=made.resource if secret == world.token else None,
    )
