"""``aws.deploy``, ``aws.check`` and ``aws.rotate`` on an account on loopback, as Ada runs them.

The account is ministack with its rights enforced, and the two types that its CloudFormation lacks
(:mod:`aws_stacks`). It forgets a role's boundary, which is put there by hand.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pypitoken
import pytest
from aws_server import ACCOUNT, REGION, Aws, serve_aws
from kit import Ran, commit, make_project, warden

from release.adapters import cloud, cloud_stack
from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import BlockedError
from release.flows.aws_check import check
from release.flows.context import Context

TABLES = """
[tool.release-warden]
repository = "pypi"
[tool.release-warden.aws]
region = "eu-central-1"
secret = "{secret}"
stack = "{stack}"
[tool.release-warden.github]
repository = "acme/paperboy"
repository-id = 4711
"""
NAME = "release-warden/token"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Desk:
    """Ada's project, and her account with the stack in it."""

    aws: Aws
    project: Path
    keys: dict
    outputs: dict

    def run(self, *words: str, given: str = "", **env: str) -> Ran:
        argv = [sys.executable, "-P", "-m", "release", *words, "--json"]
        done = subprocess.run(
            [*argv, "--project", str(self.project)], env={**os.environ, **self.env, **env},
            input=given, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    @property
    def env(self) -> dict[str, str]:
        return keys_env(self.aws, self.keys)

    def client(self, service: str):
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.aws.url,
            aws_access_key_id=self.keys["AccessKeyId"],
            aws_secret_access_key=self.keys["SecretAccessKey"],
        )  # fmt: skip

    @property
    def role(self) -> str:
        return self.outputs["RoleArn"].rpartition("/")[2]


def keys_env(aws: Aws, keys: dict) -> dict[str, str]:
    return aws.env | {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
    }


def configured(folder: Path, stack: str = "release-warden", secret: str = NAME) -> Path:
    project = make_project(folder)
    file = project / "pyproject.toml"
    file.write_text(file.read_text() + TABLES.format(stack=stack, secret=secret))
    commit(project)
    return project


def keys_of(aws: Aws, name: str) -> dict:
    iam = aws.root("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    return iam.create_access_key(UserName=name)["AccessKey"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    with serve_aws(folder, str(Path(__file__).parents[1] / "aws_stacks.py")) as aws:
        bare = Desk(aws, configured(folder / "p"), keys_of(aws, "ada"), {})
        planned = bare.run("aws.deploy", "--dry-run")
        assert planned.code == 0, planned.err
        assert planned.document["done"] == "planned"
        there = bare.client("cloudformation").list_stacks()["StackSummaries"]
        assert not [one for one in there if one["StackStatus"] != "DELETE_COMPLETE"]
        made = bare.run("aws.deploy", "--yes")
        assert made.code == 0, made.err
        assert made.document["done"] == "created"
        assert "add UploadRole, AWS::IAM::Role" in made.err
        assert "UploadRole: create complete" in made.err
        outputs = made.document["outputs"]
        desk = Desk(aws, bare.project, bare.keys, outputs)
        complete(desk)
        yield desk


def complete(desk: Desk) -> None:
    """What ministack left out, and what an account has beside the stack."""
    stack = desk.client("cloudformation").describe_stack_resources(StackName="release-warden")
    found = {one["LogicalResourceId"]: one for one in stack["StackResources"]}
    desk.client("iam").put_role_permissions_boundary(
        RoleName=desk.role, PermissionsBoundary=found["Boundary"]["PhysicalResourceId"]
    )
    queue = desk.client("sqs").create_queue(QueueName="alarms")["QueueUrl"]
    desk.client("sns").subscribe(
        TopicArn=desk.outputs["AlarmsArn"], Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}",
    )  # fmt: skip
    trails = desk.client("cloudtrail")
    trails.create_trail(Name="all", S3BucketName="trail")
    trails.put_event_selectors(
        TrailName="all",
        EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}],
    )
    trails.start_logging(Name="all")


@pytest.fixture
def looked(desk, monkeypatch):
    """What ``aws.check`` finds, name of the check and what it says, but for what is fine."""
    for name, value in desk.env.items():
        monkeypatch.setenv(name, value)

    def look(*, drift: bool = False) -> dict[str, str]:
        context = Context(open_workspace(str(desk.project)), Clock(""), lambda _: None)
        checks = check(context, drift=drift).document.checks
        assert all(one.remedy for one in checks if one.state != "ok")
        return {one.name: one.what for one in checks if one.state != "ok"}

    return look


def test_all_is_well(desk):
    ran = desk.run("aws.check")
    assert {one["state"] for one in ran.document["checks"]} == {"ok"}, ran.document
    assert ran.code == 0
    assert {one["name"] for one in ran.document["checks"]} >= {"trust", "boundary", "drift"}


def test_deploying_again_changes_nothing(desk):
    again = desk.run("aws.deploy", "--yes")
    assert (again.code, again.document["done"], again.document["changes"]) == (0, "unchanged", [])


def test_only_the_administrator_deploys(desk):
    mallory = keys_of(desk.aws, "mallory")
    ran = desk.run("aws.deploy", "--yes", **keys_env(desk.aws, mallory))
    assert ran.code == 3
    assert "you are" in ran.err
    assert "user/ada" in ran.err


@contextlib.contextmanager
def changed_trust(desk, change):
    iam = desk.client("iam")
    before = iam.get_role(RoleName=desk.role)["Role"]["AssumeRolePolicyDocument"]
    after = json.loads(json.dumps(before))
    change(after["Statement"][0])
    iam.update_assume_role_policy(RoleName=desk.role, PolicyDocument=json.dumps(after))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=desk.role, PolicyDocument=json.dumps(before))


@pytest.mark.parametrize(
    ("claim", "stranger"),
    [
        ("repository_id", "the name taken anew"),
        ("environment", "another environment"),
        ("job_workflow_ref", "the workflow of another branch"),
        ("aud", "a token for another audience"),
    ],
)
def test_a_trust_that_was_widened(desk, looked, claim, stranger):
    def widen(statement):
        del statement["Condition"]["StringEquals"][f"token.actions.githubusercontent.com:{claim}"]

    with changed_trust(desk, widen):
        ran = desk.run("aws.check", "--no-drift")
        said = [one["what"] for one in ran.document["checks"] if one["name"] == "trust"]
    assert ran.code == 1
    assert f"it lets in {stranger}" in said
    assert "it is not the template's" in said


def test_a_trust_that_was_narrowed(desk, looked):
    def narrow(statement):
        for key in statement["Condition"]["StringLike"]:
            statement["Condition"]["StringLike"][key] = ["repo:acme/paperboy:environment:*"]

    with changed_trust(desk, narrow):
        said = desk.run("aws.check", "--no-drift").document["checks"]
    assert any("refuses jobs of ours" in one["what"] for one in said)
    assert any("sub has ids" in one["what"] for one in said)


def test_a_role_that_was_given_more(desk, looked):
    iam = desk.client("iam")
    everything = json.dumps(EVERYTHING)
    iam.put_role_policy(RoleName=desk.role, PolicyName="more", PolicyDocument=everything)
    iam.update_role(RoleName=desk.role, MaxSessionDuration=43200)
    try:
        ran = desk.run("aws.check", "--no-drift")
    finally:
        iam.delete_role_policy(RoleName=desk.role, PolicyName="more")
        iam.update_role(RoleName=desk.role, MaxSessionDuration=3600)
    said = {one["what"] for one in ran.document["checks"]}
    assert {"it has a policy more too", "its sessions last up to 43200 s, not 3600"} <= said


def test_a_secret_without_its_policy(desk, looked):
    secrets = desk.client("secretsmanager")
    before = secrets.get_resource_policy(SecretId=NAME)["ResourcePolicy"]
    secrets.delete_resource_policy(SecretId=NAME)
    try:
        assert looked() == {"secret's policy": "there is none"}
    finally:
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=before)


def test_a_policy_that_lets_another_in(desk, looked):
    secrets = desk.client("secretsmanager")
    before = secrets.get_resource_policy(SecretId=NAME)["ResourcePolicy"]
    wider = before.replace(":user/ada", ":user/mallory")
    desk.aws.root("secretsmanager").put_resource_policy(SecretId=NAME, ResourcePolicy=wider)
    try:
        assert "secret's policy" in looked()
    finally:
        desk.aws.root("secretsmanager").put_resource_policy(SecretId=NAME, ResourcePolicy=before)


def test_a_rule_that_is_off(desk, looked):
    events = desk.client("events")
    rule = next(r["Name"] for r in events.list_rules()["Rules"] if "ReadByOthers" in r["Name"])
    events.disable_rule(Name=rule)
    try:
        assert looked() == {"alarms": "the rule ReadByOthers is off"}
    finally:
        events.enable_rule(Name=rule)


def test_what_cannot_be_seen_is_unknown_and_hides_nothing(desk):
    blind = keys_of(desk.aws, "blind")
    deny = {"Effect": "Deny", "Action": ["iam:GetPolicy", "cloudtrail:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    desk.aws.root("iam").put_user_policy(UserName="blind", PolicyName="deny", PolicyDocument=policy)
    ran = desk.run("aws.check", "--no-drift", **keys_env(desk.aws, blind))
    states = {one["name"]: one["state"] for one in ran.document["checks"]}
    assert states["boundary"] == states["alarms"] == "unknown"
    assert states["secret"] == "unknown"  # the secret's own policy keeps her out
    assert states["trust"] == "ok"
    assert ran.code == 4


def a_token(*projects: str, domain: str = "pypi.org") -> str:
    made = pypitoken.Token.create(domain=domain, identifier="canary-in-the-token", key="k")
    if projects:
        made.restrict(project_names=list(projects))
    return made.dump()


def current(desk) -> str:
    found = desk.aws.root("secretsmanager").get_secret_value(SecretId=NAME)
    return found["SecretString"]


def test_a_rotation(desk):
    token = a_token("plain-thing")
    ran = desk.run("aws.rotate", given=token + "\n")
    assert ran.code == 0, ran.err
    assert current(desk) == token
    assert ran.document["done"]
    assert "delete the token that was stored on" in ran.document["next"]
    assert token not in ran.out + ran.err
    versions = desk.client("secretsmanager").list_secret_version_ids(SecretId=NAME)["Versions"]
    stages = sorted(stage for one in versions for stage in one.get("VersionStages", ()))
    assert stages == ["AWSCURRENT", "AWSPREVIOUS"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("", 2, "no token"),
        ("two words", 2, "no token"),
        ("hunter2-hunter2", 3, "takes API tokens"),
        (a_token(), 3, "all projects of its owner"),
        (a_token("another-thing"), 3, "not for plain-thing"),
        (a_token("plain-thing", domain="test.pypi.org"), 3, "a token of test.pypi.org"),
    ],
)
def test_a_token_that_is_not_taken(desk, given, code, said):
    before = current(desk)
    ran = desk.run("aws.rotate", given=given)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert not given or given not in ran.out + ran.err
    assert current(desk) == before


def test_a_dry_rotation_reads_no_token(desk):
    before = current(desk)
    ran = desk.run("aws.rotate", "--dry-run", given=a_token("plain-thing"))
    assert (ran.code, ran.document["done"], current(desk)) == (0, False, before)


def test_a_stack_that_fails_is_explained(desk, tmp_path):
    project = configured(tmp_path / "p", stack="second", secret="refused/token")
    ran = warden(project, "aws.deploy", "--yes", **desk.env)
    assert ran.code == 1
    assert "TokenPolicy: User: ada is not authorized to perform" in ran.document["why"]
    assert "somebody who may do what is named above" in ran.document["next"]
    stuck = warden(project, "aws.deploy", "--yes", **desk.env)
    assert stuck.code == 3
    assert "delete-stack --stack-name second" in stuck.document["why"]


def test_a_secret_that_was_kept_stands_in_the_way(desk, tmp_path):
    project = configured(tmp_path / "p", stack="third")
    ran = warden(project, "aws.deploy", "--yes", **desk.env)
    assert ran.code == 3
    assert f"there is a secret {NAME} already" in ran.document["why"]


def test_without_a_configuration_all_that_is_missing_is_named(tmp_path):
    ran = warden(make_project(tmp_path / "p"), "aws.check")
    assert ran.code == 2
    for key in ("github.repository", "github.repository-id", "aws.region"):
        assert f"{key} is missing" in ran.document["why"]


def test_without_credentials(desk, tmp_path):
    nothing = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "")
    nothing |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    ran = desk.run("aws.check", **nothing)
    assert ran.code == 3
    assert "aws sso login" in ran.document["next"]


def test_without_boto3(monkeypatch):
    monkeypatch.setattr(cloud, "is_installed", lambda: False)
    with pytest.raises(BlockedError, match="boto3 is not installed") as caught:
        cloud.Cloud(REGION)
    assert "pip install 'release-warden[aws]'" in caught.value.remedy


def test_listing_the_tasks_imports_no_boto3():
    script = (
        "import sys; import release.__main__ as m; m.namespace(); print('boto3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_template_has_no_aliases_which_cloudformation_does_not_take():
    import yaml

    tokens = yaml.scan(cloud_stack.template_text())
    assert not [t for t in tokens if isinstance(t, yaml.AliasToken | yaml.AnchorToken)]


def test_a_stack_that_is_not_there(desk, tmp_path):
    project = configured(tmp_path / "p", stack="nobody")
    ran = warden(project, "aws.check", **desk.env)
    assert ran.code == 3
    assert "aws.deploy makes it" in ran.document["next"]
