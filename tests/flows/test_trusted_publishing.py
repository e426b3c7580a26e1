"""Trusted publishing: the CI service says who the job is, and the index mints a token."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kit import make_wheel
from mint_server import Mint, Publisher, serve_mint
from oidc_server import Issuer, job, serve_oidc
from shops import Jobs, Shop, open_shop

from release.adapters import embedded
from release.adapters.credentials.trusted import TrustedPublishing
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.config import GithubTable
from release.errors import BlockedError, CredentialError, RepositoryError, UnreachableError

TRUSTED = 'credential = "trusted-publishing"'
DENIED = (403, b"Invalid or non-existent authentication information.", {})


@dataclass(frozen=True)
class Line:
    """An index that mints, and a source that asks it."""

    mint: Mint
    issuer: Issuer
    simple_url: str

    def source(self, **github) -> TrustedPublishing:
        return TrustedPublishing("shop", self.mint.upload_url, GithubTable(**github))

    def repository(self, source: TrustedPublishing) -> Repository:
        return Repository("shop", self.simple_url, self.mint.upload_url, source)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("mint")
    with (
        embedded.serve(folder / "index") as server,
        serve_oidc() as issuer,
        serve_mint(folder, server, issuer, project="tiny") as mint,
    ):
        yield Line(mint, issuer, server.simple_url)


@pytest.fixture
def line(running, monkeypatch) -> Line:
    """As at the start, and this process is the job that uploads."""
    mint, issuer = running.mint, running.issuer
    mint.publishers, mint.echo, mint.life = [Publisher()], None, 900
    issuer.claims = job()
    for seen in (mint.troubles, mint.minted, mint.used, mint.uploads):
        seen.clear()
    for given in (issuer.troubles, issuer.asked, issuer.given):
        given.clear()
    for name, value in {**mint.env, **issuer.env}.items():
        monkeypatch.setenv(name, value)
    return running


def tokens(mint: Mint, issuer: Issuer) -> list[str]:
    return [*mint.minted, *issuer.given, issuer.request_token]


def require_silence(line: Line, text: str) -> None:
    """No token in what was said, but where GitHub's runner is told to hide it."""
    told = "\n".join(one for one in text.splitlines() if not one.startswith("::add-mask::"))
    assert not [token for token in tokens(line.mint, line.issuer) if token in told]


def test_one_token_serves_all_files(line, tmp_path, capfd):
    wheels = [make_wheel(tmp_path / n, version=f"1.{n}") for n in "12"]
    upload(line.repository(line.source()), wheels)
    assert line.mint.uploads == [200, 200]
    assert line.issuer.asked == ["an-index"]
    said = capfd.readouterr()
    assert "::add-mask::" not in said.err, "that goes into a file, which no runner reads"
    require_silence(line, said.out + said.err)


def test_a_token_that_expires_midway_is_renewed(line, tmp_path):
    wheels = [make_wheel(tmp_path / n, version=f"2.{n}") for n in "12"]
    line.mint.troubles["/legacy/"] = [None, DENIED]
    upload(line.repository(line.source()), wheels)
    assert line.mint.uploads == [200, 200]
    assert len(line.mint.minted) == 2, "the first was refused in between"
    assert len(line.mint.used) == 2, "a token of the CI service counts once"


def test_a_token_is_renewed_before_it_is_too_old(line, monkeypatch):
    source = line.source()
    assert source.credential() == source.credential()
    assert len(line.mint.minted) == 1
    monkeypatch.setattr("release.adapters.credentials.trusted.LIFE", -1.0)
    assert source.credential(fresh=True) != source.credential()
    assert len(line.mint.minted) == 3


def test_a_token_that_has_died_opens_nothing(line, tmp_path):
    line.mint.life = -1
    with pytest.raises(RepositoryError, match="refused"):
        upload(line.repository(line.source()), [make_wheel(tmp_path, version="3.1")])
    assert line.mint.uploads == [403, 403]


def test_an_index_that_lets_nobody_in_says_what_to_enter(line):
    line.mint.publishers = [Publisher(workflow="ship.yml", environment="pypi")]
    line.issuer.claims = job(sub="repo:an-owner@815/plain-thing@4711:environment:pypi-auto")
    with pytest.raises(CredentialError, match="minted no token") as caught:
        line.source().credential()
    why, remedy = caught.value.why, caught.value.remedy
    assert "invalid-publisher: valid token" in why
    assert "repo:an-owner@815/plain-thing@4711:environment:pypi-auto" in why
    wanted = "owner an-owner, repository plain-thing, workflow release.yml, environment pypi-auto"
    assert wanted in remedy
    line.mint.publishers.append(Publisher())
    assert line.source().credential().username == "__token__"


def test_claims_that_differ_from_the_configuration_are_told(line):
    file = "an-owner/plain-thing/.github/workflows/ship.yml@refs/heads/main"
    line.mint.publishers = []
    line.issuer.claims = job(environment="", job_workflow_ref=file)
    with pytest.raises(CredentialError) as caught:
        line.source().credential()
    why = caught.value.why
    assert "environment is MISSING, and not of pypi-auto, pypi-manual" in why
    assert "the job stands in ship.yml, and not in release.yml" in why
    assert "it is a reusable workflow" in why
    assert "an index takes no reusable one" in caught.value.remedy


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"repository_id": "4712"}, "repository_id is 4712, and 4711 is configured"),
        ({"repository": "a-thief/plain-thing"}, "repository is a-thief/plain-thing"),
    ],
)
def test_a_job_of_another_repository_is_refused_before_anything_is_minted(line, claims, said):
    line.issuer.claims = job(**claims)
    with pytest.raises(CredentialError, match="no job of the configured") as caught:
        line.source(repository_id=4711, repository="an-owner/plain-thing").credential()
    assert said in caught.value.why
    assert not line.mint.used


@pytest.mark.parametrize(
    ("env", "why", "remedy"),
    [
        ({"TWINE_PASSWORD": "canary-55"}, "TWINE_PASSWORD is set beside", "keyboard"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}, "may not ask for an OIDC", "id-token: write"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://ci.example"}, "is not https", "id-token: write"),
        (
            {"ACTIONS_ID_TOKEN_REQUEST_URL": "", "GITHUB_EVENT_NAME": "pull_request"},
            "may not ask for an OIDC token",
            "fork",
        ),
    ],
)
def test_what_stands_in_the_way_is_seen_without_asking(line, monkeypatch, env, why, remedy):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert why in line.source().problem()
    with pytest.raises(BlockedError, match="not possible") as caught:
        line.source().credential()
    assert why in caught.value.why
    assert remedy in caught.value.remedy
    assert "canary-55" not in str(caught.value)
    assert not line.issuer.asked


def test_beyond_a_ci_service_there_is_no_token(line, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert line.source().problem() == ""
    with pytest.raises(BlockedError, match="there is no OIDC token here"):
        line.source().credential()
    monkeypatch.delenv("CI")
    assert "no job of a CI service" in line.source().problem(), "which is seen beforehand"
    with pytest.raises(BlockedError, match="not possible") as caught:
        line.source().credential()
    assert "keyboard" in caught.value.remedy


def test_without_tls_nothing_is_minted(line):
    plain = TrustedPublishing("shop", "http://127.0.0.1:9/legacy/", GithubTable())
    assert "has no TLS" in plain.problem()
    with pytest.raises(BlockedError):
        plain.credential()


def test_an_index_whose_certificate_nobody_knows_is_not_asked(line, monkeypatch):
    for name in line.mint.env:
        monkeypatch.delenv(name)
    with pytest.raises(UnreachableError, match="did not answer") as caught:
        line.source().credential()
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.why


@pytest.mark.parametrize(
    ("path", "trouble", "error", "said"),
    [
        ("audience", (404, b"no", {}), BlockedError, "does not know trusted publishing"),
        ("audience", (403, b"no", {}), BlockedError, "has trusted publishing switched off"),
        ("audience", (200, b"<html>", {}), UnreachableError, "no answer of trusted publishing"),
        ("mint-token", (307, b"", {"Location": "/steal"}), UnreachableError, "did not answer"),
        ("mint-token", (200, b'{"success": true}', {}), CredentialError, "minted no token"),
        ("mint-token", (422, b'{"errors": [3]}', {}), UnreachableError, "no answer of trusted"),
    ],
)
def test_an_index_that_answers_otherwise(line, path, trouble, error, said):
    line.mint.troubles[f"/_/oidc/{path}"] = [trouble] * 3
    with pytest.raises(error, match=said) as caught:
        line.source().credential()
    assert not line.mint.minted
    require_silence(line, repr(caught.value) + str(caught.value))


def test_a_mint_that_is_busy_is_asked_again_with_a_new_token(line):
    line.mint.troubles["/_/oidc/mint-token"] = [(503, b"", {})]
    line.source().credential()
    assert len(line.issuer.given) == 2


def test_an_index_that_shows_what_it_was_sent_is_not_quoted(line):
    def echo(token):
        reasons = [{"code": "invalid-token", "description": f"what is {token}?"}]
        return 422, json.dumps({"errors": reasons}).encode(), {}

    line.mint.echo = echo
    with pytest.raises(CredentialError) as caught:
        line.source().credential()
    assert "what is ***?" in caught.value.why
    require_silence(line, str(caught.value))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b'{"message": "the-request-token-of-this-job"}'), "code=500"),
        ((200, b'{"value": "no.token"}'), "Malformed token"),
        ((200, b'{"value": 3}'), "malformed or incomplete JSON"),
    ],
)
def test_a_ci_service_that_gives_no_token(line, answer, said):
    line.issuer.troubles += [answer] * 3
    with pytest.raises(UnreachableError, match="the CI service gave no OIDC token") as caught:
        line.source().credential()
    assert said in caught.value.why
    require_silence(line, str(caught.value))


@pytest.fixture
def shop(running, line, tmp_path) -> Iterator[Shop]:
    """A project that releases to that index; the jobs have no right but what is given to them."""
    with open_shop(tmp_path) as opened:
        running.mint.behind, before = opened.server, running.mint.behind
        opened.point(running.mint.upload_url, TRUSTED)
        yield opened
        running.mint.behind = before


def test_a_whole_release_in_stages_that_is_refused_first(line, shop, monkeypatch):
    """Only the job that uploads may ask for a token; refused, it may be run again."""
    jobs, right = Jobs(shop), line.issuer.env
    for name in right:
        monkeypatch.delenv(name)
    for stage in ("check", "build", "record"):
        assert jobs.run(stage).code == 0
    line.mint.publishers = []
    refused = jobs.run("upload", **right)
    assert (refused.code, refused.document["error"]) == (1, "credential")
    assert "invalid-publisher" in refused.document["why"]
    assert shop.served() == {}
    line.mint.publishers = [Publisher()]
    shutil.rmtree(shop.folder / "upload")
    uploaded = jobs.run("upload", **right)
    assert uploaded.code == 0, uploaded.err
    (minted,) = line.mint.minted
    assert f"::add-mask::{minted}\n" in uploaded.err
    assert "::add-mask::" not in uploaded.out
    for stage in ("prove", "finish"):
        assert jobs.run(stage).code == 0
    assert len(shop.served()) == 2
    for ran in (refused, uploaded):
        require_silence(line, ran.out + ran.err)
