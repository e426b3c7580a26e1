"""The alarms' patterns against events as CloudTrail writes them, by ministack's EventBridge."""

from __future__ import annotations

import json

import pytest
from ministack.services import eventbridge
from stack_world import ADMINISTRATOR, HERE, IAM, MACHINE, ROLE, SECRET, TEMPLATE, made

NAME = "release-warden/token"


def by(arn: str, kind: str = "assumed-role") -> dict:
    """Who called: the session of a role, or a user."""
    if ":role/" not in arn:
        return {"type": "IAMUser", "arn": arn}
    session = f"arn:aws:sts::{HERE.number}:{kind}/{arn.rpartition('/')[2]}/run"
    return {
        "type": "AssumedRole",
        "arn": session,
        "sessionContext": {"sessionIssuer": {"arn": arn}},
    }


UPLOADER, ADA, EVE = by(ROLE), by(ADMINISTRATOR), by(f"{IAM}:user/eve")
OPS = by(f"{IAM}:role/operations")
SERVICE = {"type": "AWSService", "invokedBy": "rotation.amazonaws.com"}


def call(name: str, who: dict, source: str = "aws.secretsmanager", **asked) -> dict:
    detail = {"eventName": name, "userIdentity": who, "requestParameters": asked}
    return {"source": source, "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def heard(rule: str, event: dict) -> bool:
    """By TestEventPattern, which refuses a pattern that is none."""
    pattern = json.dumps(made()[rule]["EventPattern"])
    whole = {"id": "1", "account": HERE.number, "region": HERE.region, "resources": [],
             "time": "2026-11-23T12:00:00Z", **event}  # fmt: skip
    _, _, body = eventbridge._test_event_pattern(
        {"EventPattern": pattern, "Event": json.dumps(whole)}
    )
    return json.loads(body)["Result"]


@pytest.mark.parametrize("secret", [NAME, SECRET])
@pytest.mark.parametrize(
    ("rule", "action", "who", "alarm"),
    [
        ("ReadByOthers", "GetSecretValue", UPLOADER, False),
        ("ReadByOthers", "GetSecretValue", EVE, True),
        ("ReadByOthers", "GetSecretValue", OPS, True),
        ("ReadByOthers", "GetSecretValue", ADA, True),
        ("ReadByOthers", "DescribeSecret", EVE, False),
        ("ChangedByOthers", "PutSecretValue", ADA, False),
        ("ChangedByOthers", "PutSecretValue", EVE, True),
        ("ChangedByOthers", "DeleteResourcePolicy", OPS, True),
        ("ChangedByOthers", "UpdateSecretVersionStage", UPLOADER, True),
        ("ChangedByOthers", "RotateSecret", SERVICE, True),
        ("ChangedByOthers", "GetSecretValue", EVE, False),
    ],
)
def test_who_is_heard(secret, rule, action, who, alarm):
    assert heard(rule, call(action, who, secretId=secret)) is alarm


def test_another_secret_is_not_ours():
    assert not heard("ReadByOthers", call("GetSecretValue", EVE, secretId="another/token"))
    assert not heard("ReadByOthers", call("GetSecretValue", EVE, secretId=f"{NAME}-of-another"))


def test_many_secrets_at_once_are_heard():
    assert heard("ReadByOthers", call("BatchGetSecretValue", EVE, secretIdList=["x", SECRET]))


def test_a_refused_job_is_heard_and_one_that_is_let_in_is_not():
    event = call("AssumeRoleWithWebIdentity", {"type": "WebIdentityUser"}, "aws.sts", roleArn=ROLE)
    assert not heard("RefusedJob", event)
    event["detail"]["errorCode"] = "AccessDenied"
    assert heard("RefusedJob", event)


def test_a_look_at_the_age_that_fails_is_heard():
    event = {
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"stateMachineArn": MACHINE, "status": "FAILED"},
    }  # fmt: skip
    assert heard("AgeUnknown", event)
    event["detail"]["status"] = "SUCCEEDED"
    assert not heard("AgeUnknown", event)


@pytest.mark.parametrize("rule", ["ReadByOthers", "RefusedJob"])
def test_what_only_reads_reaches_the_rule(rule):
    assert made()[rule]["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_every_alarm_may_publish():
    policy = made()["AlarmsPolicy"]["PolicyDocument"]["Statement"][0]
    rules = policy["Condition"]["ArnEquals"]["aws:SourceArn"]
    alarms = [one for one in TEMPLATE.resources.values() if "EventPattern" in one["Properties"]]
    assert len(rules) == len(alarms) == 4
