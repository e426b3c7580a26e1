"""``aws.deploy``, ``aws.check`` and ``aws.rotate`` on an account on loopback, as Ada runs them.

The account is ministack with its rights enforced, and the two types that its CloudFormation lacks
(:mod:`aws_stacks`). It forgets a role's boundary, which is put there by hand.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import pypitoken
import pytest
from aws_server import ACCOUNT, REGION, Aws, serve_aws
from kit import Ran, commit, make_project

from release.adapters import cloud, cloud_stack
from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import BlockedError, FailedError, UsageError
from release.flows.aws_check import check
from release.flows.aws_deploy import Wish, deploy
from release.flows.aws_rotate import rotate
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
def ada(desk, monkeypatch):
    """Runs a task's body in this process, with Ada's rights, or somebody else's keys."""

    def run(body, *, project: Path | None = None, keys: dict | None = None):
        for name, value in keys_env(desk.aws, keys or desk.keys).items():
            monkeypatch.setenv(name, value)
        place = open_workspace(str(project or desk.project))
        return body(Context(place, Clock(""), lambda _: None))

    return run


@pytest.fixture
def looked(ada):
    """What ``aws.check`` finds that is not fine: the name of the check, and what it says."""

    def look(**who) -> set[tuple[str, str]]:
        outcome = ada(lambda context: check(context, drift=False), **who)
        wrong = [one for one in outcome.document.checks if one.state != "ok"]
        assert all(one.remedy for one in wrong)
        assert outcome.code == (1 if any(o.state == "problem" for o in wrong) else 4)
        return {(one.name, one.what) for one in wrong}

    return look


def deployed(context):
    return deploy(context, Wish(), yes=True, dry_run=False)


def test_all_is_well(desk):
    ran = desk.run("aws.check")
    assert {one["state"] for one in ran.document["checks"]} == {"ok"}, ran.document
    assert ran.code == 0
    assert {one["name"] for one in ran.document["checks"]} >= {"trust", "boundary", "drift"}


def test_deploying_again_changes_nothing(ada):
    again = ada(deployed).document
    assert (again.done, again.changes) == ("unchanged", ())


def test_only_the_administrator_deploys(desk, ada):
    with pytest.raises(BlockedError) as caught:
        ada(deployed, keys=keys_of(desk.aws, "mallory"))
    assert "user/mallory, and the administrator is" in caught.value.why


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
        said = looked()
    assert {("trust", f"it lets in {stranger}"), ("trust", "it is not the template's")} <= said


def test_a_trust_that_was_narrowed(desk, looked):
    def narrow(statement):
        for key in statement["Condition"]["StringLike"]:
            statement["Condition"]["StringLike"][key] = ["repo:acme/paperboy:environment:*"]

    with changed_trust(desk, narrow):
        said = " ".join(what for _, what in looked())
    assert "refuses jobs of ours" in said
    assert "sub has ids" in said


def test_a_role_that_was_given_more(desk, looked):
    iam = desk.client("iam")
    everything = json.dumps(EVERYTHING)
    iam.put_role_policy(RoleName=desk.role, PolicyName="more", PolicyDocument=everything)
    iam.update_role(RoleName=desk.role, MaxSessionDuration=43200)
    try:
        said = {what for _, what in looked()}
    finally:
        iam.delete_role_policy(RoleName=desk.role, PolicyName="more")
        iam.update_role(RoleName=desk.role, MaxSessionDuration=3600)
    assert {"it has a policy more too", "its sessions last up to 43200 s, not 3600"} <= said


def test_a_secret_without_its_policy(desk, looked):
    secrets = desk.client("secretsmanager")
    before = secrets.get_resource_policy(SecretId=NAME)["ResourcePolicy"]
    secrets.delete_resource_policy(SecretId=NAME)
    try:
        assert looked() == {("secret's policy", "there is none")}
    finally:
        secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=before)


def test_a_policy_that_lets_another_in(desk, looked):
    secrets = desk.client("secretsmanager")
    before = secrets.get_resource_policy(SecretId=NAME)["ResourcePolicy"]
    wider = before.replace(":user/ada", ":user/mallory")
    desk.aws.root("secretsmanager").put_resource_policy(SecretId=NAME, ResourcePolicy=wider)
    try:
        # Ada is kept out herself now, and what she cannot see is not taken for fine.
        assert {name for name, _ in looked()} == {"secret", "secret's policy"}
    finally:
        desk.aws.root("secretsmanager").put_resource_policy(SecretId=NAME, ResourcePolicy=before)


def test_a_rule_that_is_off(desk, looked):
    events = desk.client("events")
    rule = next(r["Name"] for r in events.list_rules()["Rules"] if "ReadByOthers" in r["Name"])
    events.disable_rule(Name=rule)
    try:
        assert looked() == {("alarms", "the rule ReadByOthers is off")}
    finally:
        events.enable_rule(Name=rule)


def test_what_cannot_be_seen_is_unknown_and_hides_nothing(desk, looked):
    blind = keys_of(desk.aws, "blind")
    deny = {"Effect": "Deny", "Action": ["iam:GetPolicy", "cloudtrail:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    desk.aws.root("iam").put_user_policy(UserName="blind", PolicyName="deny", PolicyDocument=policy)
    names = {name for name, _ in looked(keys=blind)}
    assert names == {
        "boundary",
        "alarms",
        "secret",
        "secret's policy",
    }  # the last by its own policy


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
    ("given", "error", "said"),
    [
        ("", UsageError, "no token"),
        ("two words", UsageError, "no token"),
        ('{"username": "ada", "password": "hunter2"}', UsageError, "not a user and a password"),
        ("hunter2-hunter2", BlockedError, "takes API tokens"),
        (a_token(), BlockedError, "all projects of its owner"),
        (a_token("another-thing"), BlockedError, "not for plain-thing"),
        (a_token("plain-thing", domain="test.pypi.org"), BlockedError, "of test.pypi.org"),
    ],
)
def test_a_token_that_is_not_taken(desk, ada, monkeypatch, given, error, said):
    before = current(desk)
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(error) as caught:
        ada(lambda context: rotate(context, dry_run=False))
    assert said in str(caught.value)
    assert not given or given not in str(caught.value)
    assert current(desk) == before


def test_a_dry_rotation_reads_no_token(desk, ada, monkeypatch):
    before = current(desk)
    monkeypatch.setattr(sys, "stdin", None)
    document = ada(lambda context: rotate(context, dry_run=True)).document
    assert not document.done
    assert current(desk) == before


def test_a_rotation_that_was_cut_off_is_told(desk, looked):
    version = desk.client("secretsmanager").put_secret_value(
        SecretId=NAME, SecretString="x", VersionStages=["AWSPENDING"]
    )["VersionId"]
    try:
        assert {name for name, _ in looked()} == {"rotation"}
    finally:
        desk.client("secretsmanager").update_secret_version_stage(
            SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=version
        )


def test_the_age_is_looked_at_and_told(desk):
    """The state machine, run by ministack: a young token, then one that counts as old."""
    machines = desk.client("stepfunctions")
    (machine,) = machines.list_state_machines()["stateMachines"]
    arn = machine["stateMachineArn"]
    definition = machines.describe_state_machine(stateMachineArn=arn)["definition"]
    assert ended(machines, arn) == ["Look", "Compare", "Fine"]
    old = definition.replace(">= 90 *", ">= 0 *")
    assert old != definition
    machines.update_state_machine(stateMachineArn=arn, definition=old)
    try:
        assert ended(machines, arn) == ["Look", "Compare", "Tell"]
    finally:
        machines.update_state_machine(stateMachineArn=arn, definition=definition)


def ended(machines, arn: str) -> list[str]:
    """The states that a run went through, once it has succeeded."""
    run = machines.start_execution(stateMachineArn=arn)["executionArn"]
    for _ in range(600):
        status = machines.describe_execution(executionArn=run)["status"]
        if status != "RUNNING":
            break
        time.sleep(0.05)
    assert status == "SUCCEEDED"
    events = machines.get_execution_history(executionArn=run)["events"]
    entered = (event.get("stateEnteredEventDetails") for event in events)
    return [one["name"] for one in entered if one]


def test_a_stack_that_fails_is_explained(ada, tmp_path):
    project = configured(tmp_path / "p", stack="second", secret="refused/token")
    with pytest.raises(FailedError) as caught:
        ada(deployed, project=project)
    assert "TokenPolicy: User: ada is not authorized to perform" in caught.value.why
    assert "somebody who may do what is named above" in caught.value.remedy
    with pytest.raises(BlockedError, match="cannot be deployed") as caught:
        ada(deployed, project=project)
    assert "delete-stack --stack-name second" in caught.value.why


def test_a_secret_that_was_kept_stands_in_the_way(ada, tmp_path):
    with pytest.raises(BlockedError) as caught:
        ada(deployed, project=configured(tmp_path / "p", stack="third"))
    assert f"there is a secret {NAME} already" in caught.value.why


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


def test_a_stack_that_is_not_there(ada, tmp_path):
    project = configured(tmp_path / "p", stack="nobody")
    with pytest.raises(BlockedError) as caught:
        ada(lambda context: check(context, drift=False), project=project)
    assert "aws.deploy makes it" in caught.value.remedy
