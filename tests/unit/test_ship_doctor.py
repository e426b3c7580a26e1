"""The judgement of release.doctor: every way to be ill, and no unknown that passes for health."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from release.config import AwsTable, Config, GithubTable
from release.errors import (
    BlockedError,
    ConfigError,
    CredentialError,
    DocumentError,
    TryAgainError,
    UnreachableError,
)
from release.model.diagnosis import Evidence, Ownership
from release.ship.claims import Claims
from release.ship.doctor import examine, state_of, why_not_mint
from release.ship.doctor_facts import Environment, Facts, Forge, Shared, Tools, Unseen
from release.ship.ownership import Attester
from release.ship.preflight import Preflight
from release.ship.publishers import Wanted, publishers
from release.ship.workflow_file import faults, read_workflow_file

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORKFLOW = """
on: {workflow_dispatch: {}, schedule: [{cron: "0 4 * * *"}]}
permissions: {}
jobs:
  check: {runs-on: x, steps: []}
  upload-auto:
    environment: pypi-auto
    permissions: {id-token: write}
  upload-manual:
    environment: {name: pypi-manual, url: "https://x.example"}
    permissions: {id-token: write, contents: read}
"""
ONLY_MAIN = Environment(restricted=True, branches=("main",), reviewed=True)
FORGE = Forge(4711, "acme/thing", "main", True, {"pypi-auto": ONLY_MAIN, "pypi-manual": ONLY_MAIN})
TRUSTED = Config(
    repository="pypi",
    credential="trusted-publishing",
    remote="origin",
    github=GithubTable(repository="acme/thing"),
)
AWS = AwsTable(region="eu-central-1", role_arn="arn:aws:iam::123456789012:role/x", secret="s")
HEALTHY = Facts(
    config=TRUSTED,
    repository="pypi",
    project="thing",
    ownership=Ownership(verdict="ours", proved=True, newest="1.0"),
    missing="",
    shared=Shared("origin", "main", 1),
    outlook=Preflight(committed=NOW, now=NOW, told=NOW),
    tools=Tools({"git": "2.39", "uv": "0.9"}, ("3.12",), ("3.12",)),
    github="acme/thing",
    home="github.com/acme/thing",
    in_job=True,
    workflow=WORKFLOW,
    forge=FORGE,
)


def found(facts: Facts, name: str) -> list[tuple[str, str]]:
    """State and words of the checks of a name."""
    return [(check.state, check.what) for check in examine(facts) if check.name == name]


def test_what_is_well_is_well():
    checks = examine(HEALTHY)
    assert {check.state for check in checks} == {"ok"}, checks
    assert state_of(checks) == "healthy"
    names = [check.name for check in checks]
    assert names == [
        "config", "credential", "name", "environment", "environment", "workflow",
        "branch-protection", "ledger", "clock", "tools",
    ]  # fmt: skip


def test_the_local_index_asks_for_nothing():
    local = replace(HEALTHY, repository="local", shared=Shared(""), workflow=None, forge=None)
    assert [check.name for check in examine(local)] == ["config", "ledger", "clock", "tools"]
    assert state_of(examine(local)) == "healthy"


@pytest.mark.parametrize("name", ["ownership", "missing", "shared", "outlook"])
def test_what_has_to_be_seen_and_is_not_is_unknown(name):
    blind = replace(HEALTHY, **{name: Unseen("no answer", "why", "next")})
    checks = examine(blind)
    assert state_of(checks) == "unknown"
    assert [(c.what, c.why, c.next) for c in checks if c.state == "unknown"] == [
        ("no answer", "why", "next")
    ]


def test_a_problem_goes_before_what_is_unknown():
    both = replace(HEALTHY, ownership=Unseen("no answer"), workflow=None)
    assert state_of(examine(both)) == "problems"


def test_what_cannot_be_seen_from_here_is_named_and_in_depth_it_counts():
    here = replace(HEALTHY, forge=Unseen("there is no token for GitHub"), in_job=False)
    named = [check.name for check in examine(here) if check.state == "unchecked"]
    assert named == ["credential", "environment"]
    assert state_of(examine(here)) == "healthy"
    deep = examine(replace(here, deep=True))
    assert [check.name for check in deep if check.state == "unknown"] == named
    assert state_of(deep) == "unknown"


@pytest.mark.parametrize(
    ("verdict", "proved", "state", "words"),
    [
        ("ours", True, "ok", "thing 1.0 on pypi is ours"),
        ("ours", False, "ok", "thing 1.0 on pypi is ours, by what its uploader says"),
        ("free", False, "ok", "thing is free on pypi, as far as a stranger can see"),
        ("anothers", True, "problem", "thing 1.0 on pypi is another's"),
        ("anothers", False, "problem", "thing 1.0 on pypi is another's, by what its uploader says"),
        ("unknown", False, "unknown", "whose thing 1.0 on pypi is cannot be told"),
    ],
)
def test_whose_the_name_is(verdict, proved, state, words):
    said = Evidence(kind="tags", weight="hint", speaks="for", what="a tag")
    seen = Ownership(verdict=verdict, proved=proved, newest="1.0", evidence=(said,))
    (check,) = [c for c in examine(replace(HEALTHY, ownership=seen)) if c.name == "name"]
    assert (check.state, check.what, check.why) == (state, words, "a tag")


# configuration


def test_all_that_the_configuration_lacks_is_told_at_once():
    bare = Config(repository="pypi", credential="aws", github=GithubTable(environments=()))
    lacking = found(replace(HEALTHY, config=bare, github="", home=""), "config")
    assert [what for state, what in lacking if state == "problem"] == [
        "nothing tells which repository on GitHub it is",
        "no environment is named: a publisher without one believes any job of the workflow",
        "region is not set in [tool.release-warden.aws]",
        "role-arn is not set in [tool.release-warden.aws]",
        "secret is not set in [tool.release-warden.aws]",
        "repository-id is not set in [tool.release-warden.github]: a name can be taken over, "
        "a number not",
    ]


def test_a_whole_aws_configuration_lacks_nothing():
    github = GithubTable(repository="acme/thing", repository_id=4711)
    whole = Config(repository="pypi", credential="aws", remote="origin", github=github, aws=AWS)
    assert state_of(examine(replace(HEALTHY, config=whole))) == "healthy"


def test_a_remote_that_is_another_repository_than_the_configured_one():
    ((state, what),) = found(replace(HEALTHY, home="github.com/someone/fork"), "config")
    assert (state, what) == (
        "problem",
        "repository is acme/thing in [tool.release-warden.github], and the git remote is "
        "github.com/someone/fork",
    )


def test_an_index_whose_trusted_publishing_is_not_known():
    elsewhere = replace(HEALTHY, repository="company")
    assert found(elsewhere, "config")[0] == (
        "advice",
        "whether company has trusted publishing is not known",
    )


# credential


def test_a_credential_that_is_missing():
    config = Config(repository="pypi", remote="origin")
    lacking = replace(HEALTHY, config=config, missing="no credential for pypi was found")
    assert found(lacking, "credential") == [("problem", "no credential for pypi was found")]
    assert found(replace(lacking, missing=""), "credential") == [("ok", "keyboard")]
    assert found(replace(lacking, missing="", source="~/.pypirc"), "credential") == [
        ("ok", "~/.pypirc")
    ]


# in a job


JOB = Claims(
    repository="acme/thing",
    repository_id="4711",
    environment="pypi-auto",
    workflow_ref="acme/thing/.github/workflows/release.yml@refs/heads/main",
    job_workflow_ref="acme/thing/.github/workflows/release.yml@refs/heads/main",
    ref="refs/heads/main",
)


def test_a_job_that_may_upload():
    assert found(replace(HEALTHY, identity=JOB), "identity") == [
        (
            "ok",
            "this job may upload: owner acme, repository thing, workflow release.yml, "
            "environment pypi-auto; at refs/heads/main",
        )
    ]


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"repository": "thief/thing"}, "repository is thief/thing, and acme/thing is configured"),
        ({"environment": ""}, "environment is MISSING, and not of pypi-auto, pypi-manual"),
        (
            {"workflow_ref": "acme/thing/.github/workflows/call.yml@refs/heads/main"},
            "it is a reusable workflow: ",
        ),
    ],
)
def test_a_job_that_may_not_upload(claims, words):
    other = msgspec.structs.replace(JOB, **claims)
    ((state, what),) = found(replace(HEALTHY, identity=other), "identity")
    assert (state, words in what) == ("problem", True), what


def test_a_job_that_cannot_say_who_it_is():
    silent = replace(HEALTHY, identity=Unseen("the CI service gave no OIDC token"))
    assert found(silent, "identity") == [("unknown", "the CI service gave no OIDC token")]


@pytest.mark.parametrize(
    ("ownership", "words"),
    [
        (Unseen("no answer"), "whether the name is free could not be seen"),
        (Ownership(verdict="free"), "the name is free"),
        (Ownership(verdict="ours"), ""),
        (Ownership(verdict="unknown"), ""),
    ],
)
def test_when_minting_could_make_the_project(ownership, words):
    assert why_not_mint(ownership).startswith(words)
    assert bool(why_not_mint(ownership)) is bool(words)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnreachableError("silent"), "unknown"),
        (TryAgainError("later"), "unknown"),
        (CredentialError("no"), "problem"),
        (BlockedError("no"), "problem"),
        (ConfigError("wrong"), "problem"),
    ],
)
def test_a_no_is_a_problem_and_silence_is_unknown(error, state):
    assert Unseen.of(error).state == state


# publishers


WANTED = Wanted("thing", "acme/thing", "release.yml", ("pypi-auto", "pypi-manual"), "ACC", "PRO")


def test_a_free_name_gets_one_pending_publisher_and_the_others_after_the_first_release():
    first, later = publishers(WANTED, "free")
    assert (first.kind, first.environment, first.page) == ("pending", "pypi-manual", "ACC")
    assert (later.kind, later.environment, later.page) == ("existing", "pypi-auto", "PRO")
    assert (first.after, later.after) == ("", "the first release")
    assert first.steps == (
        "open ACC",
        "under 'Add a new pending publisher' choose GitHub",
        "PyPI project name: thing",
        "Owner: acme",
        "Repository name: thing",
        "Workflow name: release.yml",
        "Environment name: pypi-manual",
        "click Add",
    )


@pytest.mark.parametrize("verdict", ["ours", "unknown"])
def test_a_project_that_is_there_gets_a_publisher_for_each_environment(verdict):
    made = [*publishers(WANTED, verdict)]
    assert [(one.kind, one.environment) for one in made] == [
        ("existing", "pypi-auto"),
        ("existing", "pypi-manual"),
    ]
    assert made[0].steps[:3] == (
        "open PRO",
        "under 'Add a new publisher' choose GitHub",
        "Owner: acme",
    )


def test_anothers_project_gets_none():
    assert [*publishers(WANTED, "anothers")] == []


def test_an_index_whose_pages_are_not_known_is_described():
    (one,) = publishers(replace(WANTED, project_page="", environments=("x",)), "ours")
    assert one.steps[0] == "open the project's: Publishing"


def test_publishers_that_nobody_can_see_are_named():
    facts = replace(HEALTHY, publishers=tuple(publishers(WANTED, "free")))
    assert found(facts, "publisher") == [
        ("unchecked", "a pending publisher for the environment pypi-manual: not checkable here"),
        (
            "unchecked",
            "a publisher for the environment pypi-auto, after the first release: "
            "not checkable here",
        ),
    ]


@pytest.mark.parametrize(
    ("attester", "words"),
    [
        (Attester("acme/thing", "release.yml"), "came from a publisher without environment"),
        (Attester("acme/thing", "release.yml", "prod"), "came from the environment prod"),
        (Attester("acme/thing", "old.yml", "pypi-auto"), "came from the workflow old.yml"),
    ],
)
def test_a_publisher_that_should_not_be_is_seen_by_what_it_published(attester, words):
    ((state, what), *_) = found(replace(HEALTHY, attester=attester), "publisher")
    assert (state, what) == ("problem", f"the newest release {words}")


def test_a_publisher_that_has_published_needs_no_clicks():
    seen = Attester("acme/thing", "release.yml", "pypi-auto")
    facts = replace(HEALTHY, attester=seen, publishers=tuple(publishers(WANTED, "ours")))
    assert [state for state, _ in found(facts, "publisher")] == ["ok", "unchecked"]


# environments


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (None, "there is no environment pypi-auto"),
        (Environment(restricted=False), "pypi-auto takes jobs of any branch"),
        (
            Environment(restricted=True, branches=("main", "*")),
            "pypi-auto takes jobs of any branch, by its rule *",
        ),
        (
            Environment(restricted=True, branches=("*/*",)),
            "pypi-auto takes jobs of any branch, by its rule */*",
        ),
        (
            Environment(restricted=True, branches=("main",), tags=("v*",)),
            "pypi-auto takes jobs of tags: v*",
        ),
        (Environment(restricted=True, branches=("release/*",)), "pypi-auto takes no job of main"),
        (Environment(restricted=True), "pypi-auto takes no job of main"),
    ],
)
def test_an_environment_that_does_not_protect(environment, words):
    forge = replace(FORGE, environments={"pypi-auto": environment, "pypi-manual": ONLY_MAIN})
    states = found(replace(HEALTHY, forge=forge), "environment")
    assert states == [("problem", words), ("ok", states[1][1])]


def test_environments_that_protect():
    protected = Environment(restricted=True, protected_only=True)
    forge = replace(FORGE, environments={"pypi-auto": protected, "pypi-manual": ONLY_MAIN})
    assert found(replace(HEALTHY, forge=forge), "environment") == [
        ("ok", "pypi-auto takes jobs of protected branches"),
        ("ok", "pypi-manual takes jobs of main, after a person has agreed"),
    ]


def test_a_repository_that_is_called_otherwise_or_is_another():
    forge = replace(FORGE, full_name="acme/renamed", is_protected=False)
    config = Config(
        repository="pypi",
        credential="trusted-publishing",
        remote="origin",
        github=GithubTable(repository="acme/thing", repository_id=12),
    )
    facts = replace(HEALTHY, forge=forge, config=config)
    assert found(facts, "repository") == [
        ("problem", "the repository is called acme/renamed now, not acme/thing"),
        ("problem", "the repository's id is 4711, not 12"),
    ]
    assert found(facts, "branch-protection") == [
        ("advice", "main is not protected: who may push there may release")
    ]


# the workflow


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "on: {",
            "on: {workflow_call: {}, ",
            "it is a reusable workflow (workflow_call), and PyPI takes no upload from one",
        ),
        (
            "    environment: pypi-auto\n    permissions: {id-token: write}",
            "    environment: pypi-auto",
            "the job upload-auto may not ask for an identity token",
        ),
        (
            "    environment: pypi-auto\n    permissions: {id-token: write}",
            "    environment: pypi-auto\n    permissions: read-all",
            "the job upload-auto may not ask for an identity token",
        ),
        (
            "environment: pypi-auto",
            "environment: pypi-auto\n    uses: ./.github/workflows/up.yml",
            "the job upload-auto only calls ./.github/workflows/up.yml, and PyPI takes no upload "
            "from there",
        ),
        (
            "name: pypi-manual",
            "name: production",
            "no job of it is in the environment pypi-manual",
        ),
        (
            "permissions: {}",
            "permissions: write-all",
            "the job check may ask for an identity token, and is in no environment",
        ),
        (
            "check: {",
            "check: {permissions: {id-token: write}, ",
            "the job check may ask for an identity token, and is in no environment",
        ),
    ],
)
def test_a_workflow_that_the_index_would_not_believe_or_too_much(old, new, words):
    text = WORKFLOW.replace(old, new, 1)
    assert text != WORKFLOW
    assert [
        fault.what for fault in faults(read_workflow_file(text), ("pypi-auto", "pypi-manual"))
    ] == [words]
    path = ".github/workflows/release.yml"
    assert found(replace(HEALTHY, workflow=text), "workflow") == [("problem", f"{path}: {words}")]


@pytest.mark.parametrize("text", ["on: push", "jobs: [a]", "a: [", "- x", "a: !!python/name:x y"])
def test_a_workflow_that_cannot_be_read(text):
    with pytest.raises(DocumentError):
        read_workflow_file(text)
    ((state, what),) = found(replace(HEALTHY, workflow=text), "workflow")
    assert state == "problem"
    assert what.startswith(".github/workflows/release.yml: the workflow ")


def test_a_workflow_that_is_not_there():
    assert found(replace(HEALTHY, workflow=None), "workflow") == [
        ("problem", "HEAD holds no .github/workflows/release.yml")
    ]


def test_an_environment_that_is_worked_out_when_it_runs_is_not_taken_for_well():
    text = WORKFLOW.replace("environment: pypi-auto", "environment: ${{ inputs.where }}")
    assert found(replace(HEALTHY, workflow=text), "workflow") == [
        (
            "unchecked",
            ".github/workflows/release.yml: the environment of upload-auto is known only when it "
            "runs",
        )
    ]


def test_an_environment_that_is_one_of_two_is_read_off():
    text = """
on: workflow_dispatch
jobs:
  upload:
    environment:
      name: ${{ needs.record.outputs.trigger == 'security-auto' && 'pypi-auto' || 'pypi-manual' }}
    permissions: {id-token: write}
"""
    assert found(replace(HEALTHY, workflow=text), "workflow")[0][0] == "ok"
    other = found(replace(HEALTHY, workflow=text.replace("'pypi-auto'", "'staging'")), "workflow")
    assert other == [
        (
            "problem",
            ".github/workflows/release.yml: no job of it is in the environment pypi-auto",
        )
    ]


@pytest.mark.parametrize("on", ["push", "[push, workflow_call]", "{push: , workflow_call: }"])
def test_triggers_in_all_three_forms(on):
    read = read_workflow_file(f"on: {on}\njobs: {{}}")
    assert "push" in read.triggers
    assert ("workflow_call" in read.triggers) is ("workflow_call" in on)


# ledger, clock, tools


def test_a_ledger_that_a_job_would_forget():
    facts = replace(HEALTHY, shared=Shared("", releases=2))
    assert found(facts, "ledger") == [
        ("problem", "no git remote shares the ledger: a job would forget it when it ends")
    ]
    keyboard = replace(facts, config=Config(repository="pypi"))
    assert found(keyboard, "ledger") == [
        ("advice", "2 release(s) to pypi, kept in this clone alone")
    ]


def test_a_release_that_is_not_finished():
    facts = replace(HEALTHY, shared=Shared("origin", "main", 1, "1.1"))
    assert found(facts, "ledger")[0] == ("advice", "1.1 is sealed and not finished yet")


def test_what_a_plan_would_refuse_is_told_before_there_is_one():
    outlook = Preflight(
        committed=NOW,
        now=NOW,
        told=NOW + timedelta(hours=1),
        branches=("topic",),
        allowed=("main",),
        behind="origin/main",
        refused=("no summary",),
    )
    checks = examine(replace(HEALTHY, outlook=outlook))
    assert [c.name for c in checks if c.state == "problem"] == [
        "branch",
        "up-to-date",
        "clock",
        "metadata-accepted",
    ]


def test_pythons_that_are_not_here_and_programs_that_are_missing():
    tools = Tools({"git": "2.39", "uv": "0.9"}, ("3.12", "3.14"), ("3.12",))
    assert [state for state, _ in found(replace(HEALTHY, tools=tools), "tools")] == ["ok", "advice"]
    gone = replace(HEALTHY, tools=Unseen("the program uv is missing"))
    assert found(gone, "tools") == [("problem", "the program uv is missing")]
