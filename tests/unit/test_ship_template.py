"""The template, filled in: what its parameters make, and what is refused."""

from __future__ import annotations

import pytest
from stack_world import CONFIG, PROVIDER, made

from release.config import AwsTable, Config, GithubTable
from release.errors import ConfigError, DocumentError
from release.ship.stack import complete, secret_name
from release.ship.template import Setting, fill_in, read_template

EMPTY = Setting(parameters={}, pseudo={}, names={}, attributes={})


def filled(text):
    return fill_in(read_template(text), EMPTY)


def test_the_provider_is_made_or_reused():
    assert "Provider" in made()
    reused = made(ProviderArn=PROVIDER)
    assert "Provider" not in reused
    (statement,) = reused["UploadRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": PROVIDER}


def test_a_key_of_its_own_is_a_choice():
    assert "KmsKeyId" not in made()["Token"]
    with_key = made(CustomerKey="yes")
    assert (
        with_key["Token"]["KmsKeyId"]
        == with_key["DecryptToken"]["PolicyDocument"]["Statement"][0]["Resource"]
    )


def test_only_what_is_asked_for_is_subscribed():
    assert "Subscription" not in made()
    assert made(AlarmEmail="ada@example.org")["Subscription"]["Endpoint"] == "ada@example.org"


def test_a_function_that_is_not_known_is_an_error():
    with pytest.raises(DocumentError, match="Fn::Cidr"):
        filled("Resources: {A: {Properties: {B: !Cidr [x, 1, 2]}}}")


def test_a_name_that_nobody_gave_is_an_error():
    with pytest.raises(DocumentError, match="needs Nobody"):
        filled("Resources: {A: {Properties: {B: !Sub 'x${Nobody}'}}}")


@pytest.mark.parametrize("text", ["", "[]", "Resources: {A: !Sub", "Parameters: {}"])
def test_what_is_no_template(text):
    with pytest.raises(DocumentError, match="cannot be read"):
        read_template(text)


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        complete(Config(github=GithubTable(environments=("a,b",))))
    for word in ("github.repository ", "repository-id", "aws.region", "'a,b' has a comma"):
        assert word in caught.value.why


def test_a_whole_configuration_is_accepted():
    complete(CONFIG)


def test_the_name_of_a_secret_by_its_arn():
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:team/token-AbCdEf"
    assert secret_name(arn) == "team/token" == secret_name("team/token")
    assert made()["Token"]["Name"] == "release-warden/token"
    assert AwsTable().secret is None
