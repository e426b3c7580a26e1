"""release.doctor on real repositories, real indexes and a forge on loopback: all of it at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aws_server import ISSUER, REGION, ROLE, serve_aws
from forge_server import TOKEN, Forge, github
from kit import Ran, commit, git, make_project, warden
from mint_server import Mint, Publisher, serve_mint
from oidc_server import job, serve_oidc
from shops import NAME, Shop, open_shop
from warehouse import Warehouse

from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import ProjectError, UnreachableError, UsageError
from release.flows import tasks
from release.flows.context import Context
from release.flows.doctor import Asked
from release.flows.doctor_looks import together
from release.model.base import encode
from release.ship.doctor_facts import Unseen

WORKFLOW = """
on: {workflow_dispatch: , schedule: [{cron: "0 4 * * *"}]}
permissions: {}
jobs:
  auto:
    environment: pypi-auto
    permissions: {id-token: write}
  manual:
    environment: pypi-manual
    permissions: {id-token: write}
"""
MAIN_ONLY = {
    "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    "policies": [{"id": 1, "name": "main", "type": "branch"}],
}
TRUSTED = 'credential = "trusted-publishing"'


def checks(ran: Ran, name: str) -> list[tuple[str, str]]:
    """State and words of the checks of a name."""
    told = ran.document["checks"]
    return [(check["state"], check["what"]) for check in told if check["name"] == name]


def configure(project: Path, *lines: str) -> None:
    """Add tables to pyproject.toml, committed."""
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n".join(["", *lines, ""]))
    commit(project)


def diagnose(project: Path, *flags: str, **env: str) -> Ran:
    """What ``release.doctor`` says, in this process; as ``warden`` gives it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        context = Context(open_workspace(project), Clock(), lambda _: None)
        ended = tasks.doctor(context, Asked("--deep" in flags, "--mint" in flags))
    return Ran(ended.code, encode(ended.document).decode(), ended.text)


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path) as opened:
        yield opened


def test_a_project_without_any_configuration_is_well(tmp_path):
    project = make_project(tmp_path / "project")
    before = git(project, "for-each-ref")
    ran = warden(project, "release.doctor")
    assert (ran.code, ran.document["state"]) == (0, "healthy"), ran.out
    assert ran.document["schema"] == "release-warden/diagnosis/1"
    assert checks(ran, "config") == [("ok", "releases go to local, credential: keyboard")]
    assert git(project, "for-each-ref") == before, "a doctor changes nothing"


@pytest.mark.parametrize("kind", ["poetry", "setuptools_scm"])
def test_a_version_that_would_have_to_be_built_is_not(tmp_path, kind):
    project = make_project(tmp_path / "project", kind)
    broken = (project / "pyproject.toml").read_text().replace("build-backend = ", "backend-is = ")
    (project / "pyproject.toml").write_text(broken)
    commit(project)
    ran = diagnose(project)
    assert ran.code == 0, ran.out
    assert ran.document["project"] == f"{kind.replace('_', '-')}-thing"


def test_a_name_is_free_then_ours_by_the_bytes_that_were_sealed(shop):
    free = diagnose(shop.project, **shop.right)
    assert (free.code, free.document["ownership"]["verdict"]) == (0, "free"), free.out
    assert shop.publish("--reason", "The first.").code == 0
    ours = diagnose(shop.project, **shop.right)
    assert ours.code == 0, ours.out
    assert ours.document["ownership"]["verdict"] == "ours"
    assert ours.document["ownership"]["proved"] is True
    assert checks(ours, "ledger") == [
        ("ok", "1 release(s) to shop, shared by origin, default branch main")
    ]
    clone = shop.clone("another")
    assert diagnose(clone, **shop.right).document["ownership"]["proved"] is True
    for ran in (free, ours):
        assert shop.server.password not in ran.out + ran.err


def test_a_name_that_somebody_else_has_taken_cannot_be_told_for_ours(shop):
    Warehouse(shop.server, shop.folder / "index").upload_tiny("plain-thing", "7.0.0")
    ran = diagnose(shop.project, **shop.right)
    assert ran.code == 4, ran.out
    assert checks(ran, "name") == [("unknown", "whose plain-thing 7.0.0 on shop is cannot be told")]


def test_no_credential_no_ledger_and_a_stale_branch_are_told_at_once(shop):
    other = shop.clone("other")
    shop.change(other, "meanwhile")
    configure(shop.project, "[project.urls]", 'x = "https://x.example"')
    git(shop.project, "remote", "rename", "origin", "away")
    ran = diagnose(shop.project)
    assert ran.code == 3, ran.out
    assert checks(ran, "credential") == [("problem", "no credential for shop was found")]
    assert checks(ran, "ledger") == [("problem", "git knows no remote 'origin'")]
    git(shop.project, "remote", "rename", "away", "origin")
    behind = diagnose(shop.project, **shop.right)
    assert checks(behind, "up-to-date") == [
        ("problem", "origin/main holds commits that HEAD lacks")
    ]


def test_an_index_that_is_down_is_unknown_and_does_not_hide_the_rest(shop):
    address = shop.server.simple_url
    text = (shop.project / "pyproject.toml").read_text()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f'simple-url = "http://127.0.0.1:{closed.getsockname()[1]}/simple/"'
        (shop.project / "pyproject.toml").write_text(text + dead + "\n")
        commit(shop.project)
        git(shop.project, "push", "--quiet", "origin", "main")
        ran = diagnose(shop.project, **shop.right)
    assert (ran.code, ran.document["state"]) == (4, "unknown"), ran.out
    ((state, what),) = checks(ran, "name")
    assert (state, what.endswith("did not answer")) == ("unknown", True)
    assert ran.document["ownership"] is None
    assert checks(ran, "ledger")[0][0] == "ok"
    assert address not in ran.out


def test_where_the_credential_comes_from_is_told_and_nothing_of_it(shop, tmp_path, monkeypatch):
    assert checks(diagnose(shop.project, **shop.right), "credential") == [
        ("ok", "TWINE_USERNAME and TWINE_PASSWORD")
    ]
    monkeypatch.setenv("HOME", str(tmp_path))
    head = f"[distutils]\nindex-servers = mine\n[mine]\nrepository = {shop.server.upload_url}\n"
    (tmp_path / ".pypirc").write_text(head)
    assert checks(diagnose(shop.project), "credential")[0][0] == "problem"
    (tmp_path / ".pypirc").write_text(f"{head}username = me\npassword = canary-in-pypirc\n")
    ran = diagnose(shop.project)
    assert checks(ran, "credential") == [("ok", "[mine] of ~/.pypirc")]
    assert "canary-in-pypirc" not in ran.out + ran.err


# the forge


@contextmanager
def on_github(shop: Any, **settings: Any) -> Iterator[tuple[Forge, dict[str, str]]]:
    """The shop's remote on a forge, and a workflow that uploads from two environments."""
    path = shop.project / ".github" / "workflows" / "release.yml"
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW)
    configure(shop.project, "[tool.release-warden.github]", 'repository = "acme/thing"')
    git(shop.project, "push", "--quiet", "origin", "main")
    with github(shop.remote, **settings) as forge:
        yield forge, {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": TOKEN}


@pytest.fixture
def trusted(tmp_path):
    with open_shop(tmp_path, TRUSTED) as opened:
        yield opened


def test_environments_that_only_the_default_branch_may_use_are_well(trusted):
    environments = {"pypi-auto": MAIN_ONLY, "pypi-manual": MAIN_ONLY}
    with on_github(trusted, environments=environments, ruled=frozenset({"main"})) as (forge, env):
        ran = diagnose(trusted.project, **env)
    assert checks(ran, "environment") == [
        ("ok", "pypi-auto takes jobs of main"),
        ("ok", "pypi-manual takes jobs of main"),
    ]
    assert checks(ran, "branch-protection") == [("ok", "main is protected on GitHub")]
    assert checks(ran, "workflow")[0][0] == "ok"
    assert {method for method, _ in forge.seen} == {"GET"}
    assert TOKEN not in ran.out + ran.err


def test_an_environment_that_is_not_there_and_one_that_takes_any_branch_are_failures(trusted):
    environments = {"pypi-auto": {"protection_rules": []}}
    with on_github(trusted, environments=environments) as (_, env):
        ran = diagnose(trusted.project, **env)
    assert ran.code == 3, ran.out
    assert checks(ran, "environment") == [
        ("problem", "pypi-auto takes jobs of any branch"),
        ("problem", "there is no environment pypi-manual"),
    ]
    assert checks(ran, "branch-protection")[0][0] == "advice"


def test_without_a_token_environments_are_named_as_not_checkable_here(trusted):
    with on_github(trusted) as (forge, _):
        ran = diagnose(trusted.project, GITHUB_API_URL=forge.url)
        deep = diagnose(trusted.project, "--deep", GITHUB_API_URL=forge.url)
    what = "pypi-auto, pypi-manual: not checkable here, there is no token for GitHub"
    assert checks(ran, "environment") == [("unchecked", what)]
    assert checks(deep, "environment") == [("unknown", what)]
    assert forge.seen == []


def test_a_token_that_github_refuses_is_no_health(trusted):
    with on_github(trusted) as (_, env):
        ran = diagnose(trusted.project, **env | {"GITHUB_TOKEN": "ghs_wrong"})
    ((state, what),) = checks(ran, "environment")
    assert state == "unchecked"
    assert "GitHub refused something of acme/thing" in what
    assert "ghs_wrong" not in ran.out + ran.err


def test_what_a_person_clicks_before_and_after_the_first_release(trusted):
    with on_github(trusted) as (_, env):
        ran = diagnose(trusted.project, **env)
    pending, later = ran.document["publishers"]
    assert (pending["kind"], pending["environment"]) == ("pending", "pypi-manual")
    assert (later["kind"], later["environment"], later["after"]) == (
        "existing",
        "pypi-auto",
        "the first release",
    )
    assert pending["steps"][2:7] == [
        "PyPI project name: plain-thing",
        "Owner: acme",
        "Repository name: thing",
        "Workflow name: release.yml",
        "Environment name: pypi-manual",
    ]


# in a job


@pytest.fixture
def job_shop(tmp_path) -> Iterator[tuple[Shop, Mint, dict[str, str]]]:
    """A project whose index mints tokens, and what a job in the environment sees."""
    with (
        open_shop(tmp_path) as opened,
        serve_oidc() as issuer,
        serve_mint(tmp_path, opened.server, issuer) as mint,
    ):
        github = ["[tool.release-warden.github]", 'repository = "an-owner/plain-thing"']
        opened.point(mint.upload_url, TRUSTED)
        configure(opened.project, *github)
        git(opened.project, "push", "--quiet", "origin", "main")
        yield opened, mint, {**mint.env, **issuer.env}


def test_in_a_job_its_identity_is_compared_by_a_token_that_opens_nothing(job_shop):
    shop, mint, env = job_shop
    ran = diagnose(shop.project, **env)
    ((state, what),) = checks(ran, "identity")
    assert state == "ok"
    assert "workflow release.yml, environment pypi-auto; at refs/heads/main" in what
    assert checks(ran, "credential") == [("ok", "trusted publishing")]
    assert mint.issuer.asked == ["release-warden-doctor"]
    mint.issuer.claims = job(environment="staging")
    other = diagnose(shop.project, **env)
    assert checks(other, "identity") == [
        (
            "problem",
            "this is not a job that may upload: environment is staging, and not of pypi-auto, "
            "pypi-manual",
        )
    ]
    assert mint.minted == {}
    for token in mint.issuer.given:
        assert token not in ran.out + ran.err + other.out + other.err


def test_nothing_is_minted_where_that_would_make_the_project(job_shop):
    shop, mint, env = job_shop
    ran = diagnose(shop.project, "--deep", "--mint", **env)
    assert (ran.code, ran.document["minted"]) == (3, False)
    assert checks(ran, "mint") == [
        (
            "problem",
            "no token was minted: the name is free, and minting for a pending publisher would "
            "make the project",
        )
    ]
    assert (mint.minted, mint.issuer.asked) == ({}, ["release-warden-doctor"])


def test_a_real_token_is_minted_and_thrown_away(job_shop):
    shop, mint, env = job_shop
    Warehouse(shop.server, shop.folder / "index").upload_tiny("plain-thing", "0.9.0")
    ran = diagnose(shop.project, "--deep", "--mint", **env)
    assert ran.document["minted"] is True
    assert checks(ran, "mint") == [
        ("ok", "a token for uploads to shop was given to this job, and thrown away")
    ]
    assert checks(ran, "publisher") == [
        ("ok", "the index let this job in, by the one for pypi-auto"),
        ("unchecked", "a publisher for the environment pypi-manual: not checkable here"),
    ]
    (minted,) = mint.minted
    assert minted not in ran.out + ran.err
    assert mint.uploads == []
    mint.publishers = [Publisher(environment="production")]
    refused = diagnose(shop.project, "--deep", "--mint", **env)
    assert (refused.code, refused.document["minted"]) == (3, False)
    assert checks(refused, "mint") == [("problem", "shop minted no token for this job")]


def test_a_password_beside_trusted_publishing_is_a_problem(job_shop):
    shop, _, env = job_shop
    ran = diagnose(shop.project, **env, TWINE_PASSWORD="canary-9")
    ((state, what),) = checks(ran, "credential")
    assert (state, "TWINE_PASSWORD" in what) == ("problem", True)
    assert "canary-9" not in ran.out + ran.err


def test_a_job_that_could_get_credentials_runs_no_code_to_learn_a_name(job_shop):
    shop, _, env = job_shop
    path = shop.project / "pyproject.toml"
    path.write_text(path.read_text().replace('name = "plain-thing"', "", 1))
    commit(shop.project)
    with pytest.raises(ProjectError, match="does not tell the project's name"):
        diagnose(shop.project, **env)


def test_a_keyboard_mints_nothing(shop):
    with pytest.raises(UsageError, match="--mint is for jobs"):
        diagnose(shop.project, "--deep", "--mint", **shop.right)


def test_a_role_in_aws_lets_this_job_in_and_may_only_read(tmp_path):
    lines = ['credential = "aws"', "[tool.release-warden.aws]", f'region = "{REGION}"']
    lines += [f'role-arn = "{ROLE}"', 'secret = "pypi/plain-thing"']
    lines += ["[tool.release-warden.github]", 'repository = "an-owner/plain-thing"']
    with (
        open_shop(tmp_path, *lines, "repository-id = 4711") as shop,
        serve_oidc(iss=f"https://{ISSUER}") as issuer,
        serve_aws(tmp_path) as account,
    ):
        account.settle("canary-in-the-secret")
        env = {**account.env, **issuer.env}
        ran = diagnose(shop.project, "--deep", **env)
        assert checks(ran, "aws") == [
            ("ok", f"{ROLE} lets this job in; it may not even describe the secret")
        ]
        assert checks(ran, "identity")[0][0] == "ok"
        assert checks(ran, "trust") == [
            ("ok", "the role's trust, as the template has it, lets this job in")
        ]
        issuer.claims = job(sub="repo:a-thief/plain-thing:environment:pypi-auto")
        denied = diagnose(shop.project, "--deep", **env)
        ((state, what),) = checks(denied, "aws")
        assert (state, what) == ("problem", f"AWS does not let us take on {ROLE}")
        (trust,) = [one for one in denied.document["checks"] if one["name"] == "trust"]
        assert trust["state"] == "problem"
        assert "NO  sub: repo:a-thief/plain-thing:environment:pypi-auto" in trust["why"]
        assert "canary-in-the-secret" not in ran.out + denied.out
    at_home = diagnose(shop.project, "--deep")
    assert checks(at_home, "aws") == [
        ("unknown", f"{ROLE}: not checkable here, as only a job on GitHub can take it on")
    ]


# how it is told


def test_a_person_reads_what_is_wrong_first(shop):
    argv = [sys.executable, "-P", "-m", "release", "release.doctor"]
    done = subprocess.run(argv, cwd=shop.project, capture_output=True, text=True, timeout=60)
    said, _, ending = done.stdout.partition("\n\nwhat it means: ")
    lines = [line.split()[:2] for line in said.splitlines() if line and not line.startswith(" ")]
    assert ending.startswith("a release to ")
    assert "\nnext: " in ending
    assert lines[0] == ["plain-thing", "->"]
    assert lines[1] == ["problem", "credential"]
    assert [line[0] for line in lines[1:]] == sorted(
        (line[0] for line in lines[1:]), key=["problem", "advice", "ok"].index
    )


# what does not answer


def test_a_look_that_takes_too_long_is_unseen_and_the_others_are_not_kept_waiting():
    held = threading.Event()
    started = time.monotonic()
    seen = together({"slow": held.wait, "quick": lambda: "seen"}, patience=0.2)
    held.set()
    assert seen["quick"] == "seen"
    assert seen["slow"] == Unseen("no answer within 0.2 seconds", next="run it again")
    assert time.monotonic() - started < 5


def test_a_look_that_fails_is_unseen_with_its_reason():
    def refuse() -> None:
        raise UnreachableError("x did not answer", why="cut", remedy="again")

    assert together({"x": refuse}) == {"x": Unseen("x did not answer", "cut", "again")}


# the real index


@pytest.mark.online
@pytest.mark.parametrize(
    ("remote", "verdict", "code"),
    [
        ("https://github.com/acme/mypylogger", "anothers", 3),
        ("https://github.com/stephenabbot/mypylogger", "ours", 0),
    ],
)
def test_mypylogger_on_the_real_index(tmp_path, remote, verdict, code):
    project = make_project(tmp_path / "project")
    text = (project / "pyproject.toml").read_text().replace('"plain-thing"', '"mypylogger"')
    (project / "pyproject.toml").write_text(text + '[tool.release-warden]\nrepository = "pypi"\n')
    commit(project)
    git(project, "remote", "add", "origin", remote)
    right = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": "none"}
    ran = diagnose(project, **right)
    told = ran.document["ownership"]
    assert (told["verdict"], told["proved"], ran.code) == (verdict, False, code), ran.out
    assert [one["kind"] for one in told["evidence"]] == ["address"]
    assert f"mypylogger {told['newest']} on pypi" in checks(ran, "name")[0][1]
    assert NAME not in ran.out
