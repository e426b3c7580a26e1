"""A token in AWS Secrets Manager, for a job that can say who it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.session
import pypitoken
import pytest
from aws_server import ISSUER, REGION, ROLE, SUBJECT, Aws, serve_aws
from kit import advise, make_wheel, warden
from oidc_server import Issuer, job, serve_oidc
from shops import open_shop

from release.adapters import aws as adapter
from release.adapters.credentials.aws import InSecretsManager
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.config import AwsTable, GithubTable
from release.errors import (
    AwsError,
    BlockedError,
    CredentialError,
    RepositoryError,
    UnreachableError,
)

NAME = "pypi/plain-thing"
NAMESAKE = SUBJECT.replace("an-owner/plain-thing", "an-owner@815/plain-thing@4711")


def token(project: str, **restrictions: str) -> str:
    """An API token as PyPI's, for one project."""
    made = pypitoken.Token.create(domain="127.0.0.1", identifier="canary-in-the-secret", key="k")
    made.restrict(project_names=[project])
    if restrictions:
        made.restrict(**restrictions)
    return made.dump()


def stored(username: str, password: str) -> str:
    return json.dumps({"username": username, "password": password})


@dataclass
class Vault:
    """An account with a secret in it, and a source that reads that."""

    aws: Aws
    issuer: Issuer
    reads: list[str]

    def source(self, **more) -> InSecretsManager:
        table = AwsTable(**{"region": REGION, "role_arn": ROLE, "secret": NAME, **more})
        url = "https://127.0.0.1/legacy/"
        return InSecretsManager("shop", url, table, GithubTable(), project="plain-thing")

    def put(self, text: str, stage: str = "AWSCURRENT") -> None:
        self.aws.put(text, stage)


@pytest.fixture(scope="module")
def account(tmp_path_factory) -> Iterator[Aws]:
    with serve_aws(tmp_path_factory.mktemp("aws")) as running:
        running.settle(token("plain-thing"))
        yield running


@pytest.fixture
def vault(account, monkeypatch) -> Iterator[Vault]:
    """This process is the job that uploads; what it asks of AWS is written down."""
    asked: list[str] = []
    make = adapter.client

    def noting(*args, **kwargs):
        client = make(*args, **kwargs)
        client.meta.events.register(
            "before-call", lambda model, params, **_: asked.append(f"{model.name} {params['body']}")
        )
        return client

    monkeypatch.setattr(adapter, "client", noting)
    with serve_oidc(iss=f"https://{ISSUER}") as issuer:
        for name, value in {**account.env, **issuer.env}.items():
            monkeypatch.setenv(name, value)
        account.clear("AWSPENDING")
        account.put(token("plain-thing"), "AWSCURRENT")
        yield Vault(account, issuer, asked)


def test_the_token_is_read_once_by_the_shortest_session_with_the_runs_name(vault, capfd):
    source = vault.source()
    assert source.problem() == ""
    assert vault.issuer.asked == [], "asking for it is for the moment of the upload"
    held = source.credential()
    assert (held.username, held.password.reveal()) == ("__token__", token("plain-thing"))
    assert source.credential() is held
    first, second = vault.reads
    assert first.startswith("AssumeRoleWithWebIdentity")
    assert "'DurationSeconds': 900" in first
    assert "'RoleSessionName': 'release-warden-99887766'" in first
    assert second.startswith("GetSecretValue")
    assert vault.issuer.asked == ["sts.amazonaws.com"]
    said = capfd.readouterr()
    assert "canary-in-the-secret" not in said.out + said.err


@pytest.mark.parametrize(
    ("text", "said"),
    [(token("another"), "it is good for another, not for plain-thing"), ("two words", "blanks")],
)
def test_what_is_no_token_for_this_release_is_refused_and_not_shown(vault, text, said):
    vault.put(text)
    with pytest.raises(CredentialError, match=f"the secret {NAME}") as caught:
        vault.source().credential()
    assert said in caught.value.why
    assert caught.value.remedy
    assert text not in str(caught.value)


def test_an_index_that_takes_tokens_only_gets_no_password(vault):
    vault.put(stored("uploader", "a-password"))
    source = vault.source()
    source._tokens_only = True
    with pytest.raises(CredentialError) as caught:
        source.credential()
    assert "takes API tokens only" in caught.value.why


def test_a_rotation_that_is_under_way_helps_a_release_whose_token_was_revoked(vault):
    source = vault.source()
    held = source.credential()
    assert source.credential(fresh=True) == held, "there is no other"
    new = token("plain-thing", user_id="the-new-one")
    vault.put(new, "AWSPENDING")
    assert source.credential() == held, "what is in use is used as long as it is taken"
    assert source.credential(fresh=True).password.reveal() == new


def test_a_token_that_was_promoted_in_between_is_found(vault):
    source = vault.source()
    held = source.credential()
    new = token("plain-thing", user_id="the-promoted-one")
    vault.put(new)
    fresh = source.credential(fresh=True)
    assert fresh != held
    assert fresh.password.reveal() == new


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"sub": "repo:an-owner/plain-thing:pull_request", "environment": ""}, "is MISSING, and"),
        ({"sub": NAMESAKE}, NAMESAKE),
        ({"sub": "repo:a-thief/plain-thing:environment:pypi-auto"}, "a-thief"),
        ({"sub": "repository_id:4711:x"}, "sub has a form of the repository's own"),
    ],
)
def test_a_job_that_the_role_does_not_trust_is_told_what_it_said_of_itself(vault, claims, said):
    vault.issuer.claims = job(**claims)
    with pytest.raises(AwsError, match=f"take on {ROLE}") as caught:
        vault.source().credential()
    assert caught.value.code == "AccessDenied"
    assert said in caught.value.why
    assert "sts.amazonaws.com" in caught.value.why
    assert "aws.check" in caught.value.remedy


def test_a_secret_that_is_not_there_or_not_for_the_role(vault, account):
    with pytest.raises(AwsError, match="read the secret pypi/other") as caught:
        vault.source(secret="pypi/other").credential()
    assert caught.value.code in {"AccessDeniedException", "ResourceNotFoundException"}
    assert caught.value.remedy
    made = account.root("secretsmanager").create_secret(Name="pypi/closed", SecretString="x")
    with pytest.raises(AwsError, match="read the secret pypi/closed") as caught:
        vault.source(secret=made["Name"]).credential()
    assert caught.value.code == "AccessDeniedException"
    assert "the secret's own policy" in caught.value.remedy


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "canary-55"}, "another identity"),
        ({"AWS_PROFILE": "work"}, "AWS_PROFILE is set"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/f"}, "AWS_WEB_IDENTITY_TOKEN_FILE is set"),
        ({"AWS_ROLE_ARN": ROLE + "x"}, f"{ROLE} is configured"),
        ({"AWS_ENDPOINT_URL_STS": "http://aws.example"}, "unencrypted"),
        ({"TWINE_USERNAME": "me", "TWINE_PASSWORD": "canary-55"}, "TWINE_USERNAME and TWINE_"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, "may not ask for an OIDC token"),
    ],
)
def test_what_stands_beside_it_is_seen_without_asking(vault, monkeypatch, env, said):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert said in vault.source().problem()
    with pytest.raises(BlockedError) as caught:
        vault.source().credential()
    assert said in caught.value.why
    assert "canary-55" not in str(caught.value)
    assert not vault.issuer.asked


def test_what_the_configuration_lacks_is_named(vault):
    lacking = vault.source(region=None, secret=None)
    assert lacking.problem() == "[tool.release-warden.aws] lacks region, secret"


def test_without_boto3_it_says_what_to_install(vault, monkeypatch):
    monkeypatch.setattr(adapter, "is_installed", lambda: False)
    assert "release-warden[aws]" in vault.source().problem()


def test_no_file_of_the_user_steers_a_job(vault, monkeypatch, tmp_path):
    """Neither a profile nor an endpoint of ~/.aws/config."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text(
        "[default]\nendpoint_url = http://127.0.0.1:9\nregion = xx\ncredential_process = false\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    assert botocore.session.Session().get_scoped_config()["region"] == "xx"
    assert vault.source().credential().username == "__token__"


def test_aws_that_does_not_answer_is_no_refusal(vault, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="AWS did not answer") as caught:
        vault.source().credential()
    assert vault.issuer.given[0] not in str(caught.value)


def test_a_token_that_the_index_refuses_is_looked_for_again(vault, hostile_index, tmp_path):
    vault.put(stored("uploader", "the-old-one"))
    vault.put(stored("uploader", hostile_index.password), "AWSPENDING")
    source = vault.source()
    where = Repository("shop", hostile_index.simple_url, hostile_index.upload_url, source)
    upload(where, [make_wheel(tmp_path / "dist")])
    assert len(hostile_index.stored) == 1
    hostile_index.password = "neither"
    with pytest.raises(RepositoryError, match="refused"):
        upload(where, [make_wheel(tmp_path / "more", version="2.0")])


def test_a_whole_release_that_is_refused_first(account, tmp_path):
    """Refused, it keeps its seal; the next run, an automatic one, carries it to its end."""
    with open_shop(tmp_path) as shop, serve_oidc(iss=f"https://{ISSUER}") as issuer:
        server = shop.server
        account.put(stored(server.username, server.password), "AWSCURRENT")
        table = f'aws = {{region = "{REGION}", role-arn = "{ROLE}", secret = "{NAME}"}}'
        shop.point(server.upload_url, 'credential = "aws"', table)
        right = {**account.env, **issuer.env}
        issuer.claims = job(sub="repo:a-thief/plain-thing:environment:pypi-auto")
        refused = warden(shop.project, "release.publish", **right)
        assert (refused.code, refused.document["error"]) == (1, "aws")
        assert "a-thief" in refused.document["why"]
        assert shop.served() == {}
        issuer.claims = job()
        advisories = str(advise(tmp_path / "advisories", "unheard-of"))
        done = warden(shop.project, "release.auto", "--advisories", advisories, **right)
        assert done.code == 0, done.err
        assert len(shop.served()) == 2
        for ran in (refused, done):
            lines = (ran.out + ran.err).splitlines()
            told = "\n".join(line for line in lines if not line.startswith("::add-mask::"))
            for secret in (*issuer.given, server.password, issuer.request_token):
                assert secret not in told
