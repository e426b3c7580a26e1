"""The role's trust against tokens: who gets in, who does not, for which reason, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import structs
from stack_world import GITHUB, MAIN, TEMPLATE, job, made, made_documents

from release.config import GithubTable
from release.errors import UnknownError
from release.ship.policies import read_policy
from release.ship.stack import expected_trust
from release.ship.trust import judge, render, strangers

TRUST = made_documents().trust
REASONS = {
    "a token for another audience": {"aud"},
    "a token of another issuer": {"iss"},
    "the name taken anew": {"repository_id"},
    "the name taken anew, with ids in sub": {"repository_id", "sub"},
    "another number in sub alone": {"sub"},
    "a fork": {"repository_id", "sub", "job_workflow_ref"},
    "a name that begins alike": {"sub"},
    "the repository renamed": {"sub"},
    "another environment": {"environment"},
    "another environment, but in sub": {"environment"},
    "a branch, without environment": {"environment", "sub"},
    "a tag": {"environment", "sub"},
    "a pull request": {"environment", "sub"},
    "the workflow of another branch": {"job_workflow_ref"},
    "the workflow of a pull request": {"job_workflow_ref"},
    "the workflow of a tag": {"job_workflow_ref"},
    "another workflow file": {"job_workflow_ref"},
    "a file whose name ends alike": {"job_workflow_ref"},
    "a reusable workflow of another repository": {"job_workflow_ref"},
    "no workflow": {"job_workflow_ref"},
}
"""Each stranger, and the claims that give it away."""


@pytest.mark.parametrize("environment", ["pypi-auto", "pypi-manual"])
@pytest.mark.parametrize("with_ids", [False, True])
def test_a_job_of_the_repository_gets_in(environment, with_ids):
    verdict = judge(TRUST, job(environment, with_ids=with_ids))
    assert verdict.allowed
    assert {match.claim for match in verdict.matches} == {
        "aud", "sub", "repository_id", "environment", "job_workflow_ref"
    }  # fmt: skip


@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("what", REASONS)
def test_a_stranger_does_not_for_the_right_reason(what, with_ids):
    claims = dict(strangers(job(with_ids=with_ids)))[what]
    verdict = judge(TRUST, claims)
    assert not verdict.allowed
    assert {match.claim for match in verdict.unmet} == REASONS[what]
    assert all(match.remedy for match in verdict.unmet)


def test_every_stranger_has_its_reason():
    assert [what for what, _ in strangers(job())] == list(REASONS)


def test_a_token_that_has_expired():
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    late = structs.replace(job(), exp=now.timestamp() - 1)
    assert [match.claim for match in judge(TRUST, late, at=now).unmet] == ["exp"]
    assert judge(TRUST, structs.replace(job(), exp=now.timestamp() + 1), at=now).allowed


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("a token for another audience", "audience sts.amazonaws.com"),
        ("the name taken anew", "a name can be given away, a number cannot"),
        ("another environment", "the job's environment is staging"),
        ("a branch, without environment", "give it `environment: pypi-auto or pypi-manual`"),
        ("the workflow of another branch", "ran at refs/heads/feature: run it from main"),
        ("another workflow file", "the job stands in tests.yml"),
        ("a reusable workflow of another repository", "a workflow of stranger/paperboy"),
        ("the repository renamed", "if that is this repository renamed"),
        ("a token of another issuer", "the role trusts another issuer"),
    ],
)
def test_what_to_do_is_told(what, words):
    assert words in render(judge(TRUST, dict(strangers(job()))[what]))


def test_a_trust_from_before_the_ids_names_the_newer_form():
    document = made()["UploadRole"]["AssumeRolePolicyDocument"]
    like = document["Statement"][0]["Condition"]["StringLike"]
    (key,) = like
    like[key] = ["repo:acme/paperboy:environment:*"]
    verdict = judge(read_policy(document, "the trust"), job(with_ids=True))
    assert [match.claim for match in verdict.unmet] == ["sub"]
    assert "sub has ids" in verdict.unmet[0].remedy


def test_a_denial_wins():
    document = made()["UploadRole"]["AssumeRolePolicyDocument"]
    everybody = {"Sid": "Closed", "Effect": "Deny", "Principal": "*", "Action": "sts:*"}
    document["Statement"].append(everybody)
    verdict = judge(read_policy(document, "the trust"), job())
    assert not verdict.allowed
    assert "Closed" in render(verdict)


def test_a_claim_that_aws_knows_and_we_do_not_read_is_unknown():
    document = made()["UploadRole"]["AssumeRolePolicyDocument"]
    equals = document["Statement"][0]["Condition"]["StringEquals"]
    equals["token.actions.githubusercontent.com:actor"] = "ada"
    with pytest.raises(UnknownError, match="actor"):
        judge(read_policy(document, "the trust"), job())


def test_what_the_configuration_asks_for_is_what_the_stack_has():
    expected = expected_trust(TEMPLATE, GITHUB, MAIN)
    assert expected.statements[0].conditions == TRUST.statements[0].conditions


def test_other_environments_come_from_the_configuration():
    github = GithubTable(repository="acme/paperboy", repository_id=4711, environments=("live",))
    assert not judge(expected_trust(TEMPLATE, github, MAIN), job()).allowed
