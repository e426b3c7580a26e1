"""What act cannot show, read off the files: permissions, environments, forks, concurrency, pins.

And every linter of the field over our own workflows and every variant that can be generated.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from release.ship.stages import RUNS_CODE
from release.ship.workflows import Facts, workflows

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BASE = Facts(project="a-thing", pythons=("3.11", "3.13"), monitor=True)
RUN = re.compile(
    r"nox (--no-venv )?-s [a-z]+( -- (--stage [a-z]+|--output [\w./-]+|--no-record))?"
    r"|python -m pip install --require-hashes --only-binary :all: --requirement [\w./-]+"
)
PINNED = re.compile(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
KNOWN = re.compile(
    r"(needs|steps)\.[a-z]+\.(outputs\.[a-z_]+|result)|toJSON\(needs\)|matrix\.python|runner\.os"
    r"|github\.(token|ref|run_id|event_name)|inputs\.(what|bump|reason)|hashFiles\('[\w./-]+'\)"
    r"|(always|!cancelled)\(\)|secrets\.RELEASE_WARDEN_APPRISE|'[\w-]*'|&&|\|\||==|!=|[()]| "
)
"""What an expression may be made of: nothing that a title, a branch's name or a message is in."""
MIRROR = "nox --no-venv -s mirror"
ORDER = ("check", "build", "record", "upload", "prove", "finish")
RIGHTS = {
    "check": {"contents": "read"},
    "build": {"contents": "read"},
    "record": {"contents": "write"},
    "upload": {"contents": "read", "id-token": "write"},
    "prove": {"contents": "read"},
    "finish": {"contents": "write"},
    "findings": {"contents": "read", "security-events": "write"},
    "alert": {"contents": "write", "issues": "write"},
    "render": {"contents": "read"},
    "deploy": {"pages": "write", "id-token": "write"},
}


def variants() -> dict[str, Facts]:
    """Every combination of what changes the shape of a file, and some of what does not."""
    shapes = itertools.product(
        ("keyboard", "trusted-publishing", "aws"), (True, False), ("", "libs/a-thing/")
    )
    found = {
        f"{credential}{'-pages' if pages else ''}{'-subfolder' if folder else ''}":
        dataclasses.replace(
            BASE,
            credential=credential,
            pages=pages,
            folder=folder,
            workflow="a-thing-release.yml" if folder else "release.yml",
        )
        for credential, pages, folder in shapes
    }  # fmt: skip
    both = dataclasses.replace(BASE, alerts=("github", "apprise"), credential="trusted-publishing")
    found["alerts"] = dataclasses.replace(both, pages=True)
    found["alerts-dynamic"] = dataclasses.replace(both, static=False)
    found["alerts-keyboard"] = dataclasses.replace(
        BASE, alerts=("github",), folder="libs/a-thing/", workflow="a-thing-release.yml"
    )
    found["private"] = dataclasses.replace(both, pages=True, private=True)
    found["private-keyboard"] = dataclasses.replace(BASE, private=True, folder="libs/a-thing/")
    found["quiet"] = dataclasses.replace(BASE, monitor=False, code_scanning=False, static=False)
    found["other-branch"] = dataclasses.replace(
        BASE, branch="release/1.x", static=False, pull_requests=True, credential="aws",
        gates=("lint", "types", "sast", "tests"), environments=("a", "b"),
    )  # fmt: skip
    return found


VARIANTS = variants()


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def release(facts: Facts) -> Any:
    """The release workflow, parsed."""
    return parsed(workflows(facts)[f".github/workflows/{facts.workflow}"])


def commands(job: Any) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory) -> list[Path]:
    """Every variant as files, and ours."""
    top = tmp_path_factory.mktemp("variants")
    files = []
    for name, facts in VARIANTS.items():
        for path, text in workflows(facts).items():
            file = top / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            files.append(file)
    assert len(OURS) == 4
    return [*files, *OURS]


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--offline", "--persona", "pedantic", "--no-progress"),
        ("zizmor", "--offline", "--persona", "auditor", "--no-progress"),
        ("actionlint", "-shellcheck=", "-pyflakes="),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ],
    ids=lambda words: f"{words[0]} {words[3] if words[0] == 'zizmor' else ''}".strip(),
)
def test_no_linter_finds_anything(laid_out, command, monkeypatch):
    monkeypatch.delenv("GH_TOKEN", raising=False)  # zizmor would go online
    program = Path(sysconfig.get_path("scripts"), command[0])
    done = subprocess.run(
        [program, *command[1:], *laid_out], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_do_find_things(tmp_path):
    """A gate that cannot be red shows nothing."""
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - uses: actions/checkout@v6\n      - run: echo ${{ github.event.issue.title }}\n"
    )
    for words in (["zizmor", "--offline"], ["actionlint"]):
        program = Path(sysconfig.get_path("scripts"), words[0])
        assert subprocess.run(
            [program, *words[1:], bad], capture_output=True, check=False
        ).returncode


@pytest.mark.parametrize("name", VARIANTS)
def test_every_command_is_one_session_or_one_install(name):
    for text in workflows(VARIANTS[name]).values():
        for job in parsed(text)["jobs"].values():
            assert [run for run in commands(job) if not RUN.fullmatch(run)] == []
            assert "${{" not in "".join(commands(job))


@pytest.mark.parametrize("name", VARIANTS)
def test_each_job_holds_its_right_and_no_other(name):
    facts = VARIANTS[name]
    for path, text in workflows(facts).items():
        tree = parsed(text)
        assert tree["permissions"] == {}
        for key, job in tree["jobs"].items():
            assert job["timeout-minutes"] <= 60
            held = dict(job["permissions"])
            held.pop("pull-requests", None)
            if path.endswith("release.yml") or key == "alert":
                assert held == RIGHTS[key], key
            elif path.endswith("gates.yml"):
                assert held == {"contents": "read"}
            for step in job["steps"]:
                with_token = "GITHUB_TOKEN" in step.get("env", {})
                may_push = job["permissions"].get("contents") == "write"
                assert not with_token or may_push or step["run"] == MIRROR
    assert not [job for job in RUNS_CODE if "write" in RIGHTS[job].values()]


@pytest.mark.parametrize("name", VARIANTS)
def test_only_where_it_is_private_one_step_reads_for_those_that_hold_nothing(name):
    """The step comes before any code of the project runs, and gives on a name and no token."""
    facts = VARIANTS[name]
    for text in workflows(facts).values():
        for key, job in parsed(text)["jobs"].items():
            runs = [step for step in job["steps"] if "nox" in step.get("run", "")]
            reads = facts.private and key in {"check", "render"}
            assert [step["run"] == MIRROR for step in runs[:1]] == ([reads] if runs else [])
            assert [step["run"] for step in runs[1:]].count(MIRROR) == 0
            told = {"RELEASE_WARDEN_MIRROR": "${{ steps.mirror.outputs.mirror }}"} if reads else {}
            for step in runs[1:] if reads else runs:
                env = step.get("env", {})
                assert {k: v for k, v in env.items() if k.endswith("MIRROR")} == told
                assert not (reads and "GITHUB_TOKEN" in env)


@pytest.mark.parametrize("name", VARIANTS)
def test_actions_are_pinned_and_keep_no_credential(name):
    for text in workflows(VARIANTS[name]).values():
        uses = re.findall(r"uses: (.+)", text)
        assert uses
        assert [
            u for u in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", u)
        ] == []
        steps = [s for job in parsed(text)["jobs"].values() for s in job["steps"]]
        checkouts = [s for s in steps if "checkout" in s.get("uses", "")]
        assert all(s["with"]["persist-credentials"] is False for s in checkouts)


@pytest.mark.parametrize("name", VARIANTS)
def test_one_job_uploads_in_an_environment_that_the_decision_chooses(name):
    facts = VARIANTS[name]
    jobs = release(facts)["jobs"]
    uploading = [k for k, job in jobs.items() if any("--stage upload" in c for c in commands(job))]
    if facts.credential == "keyboard":
        assert uploading == []
        return
    assert uploading == ["upload"]
    auto, manual = facts.environments
    chosen = f"needs.record.outputs.trigger == 'security-auto' && '{auto}' || '{manual}'"
    assert jobs["upload"]["environment"] == {"name": f"${{{{ {chosen} }}}}"}
    asking = {k for k, job in jobs.items() if job["permissions"].get("id-token") == "write"}
    assert asking <= {"upload", "deploy"}


@pytest.mark.parametrize("name", VARIANTS)
def test_no_fork_reaches_a_right_and_no_run_is_dropped(name):
    facts = VARIANTS[name]
    for path, text in workflows(facts).items():
        tree = YAML(typ="safe").load(text.replace("\non:", "\n'on':"))
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(tree["on"])
        if "pull_request" in tree["on"]:
            assert path.endswith("gates.yml")
            assert "secrets" not in text
            assert "GITHUB_TOKEN" not in text
            own = "github.event_name == 'pull_request' && github.ref || github.run_id"
            assert tree["concurrency"]["group"] == f"{facts.prefix}gates-${{{{ {own} }}}}"
    tree = release(facts)
    assert tree["concurrency"] == {
        "group": facts.prefix + "release",
        "queue": "max",
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_privileged_jobs_have_no_cache(name):
    text = workflows(VARIANTS[name])[f".github/workflows/{VARIANTS[name].workflow}"]
    assert "cache" not in text


def test_the_digest_goes_from_output_to_output():
    """Each stage is told the digest of the one before it, and by nobody else."""
    jobs = release(dataclasses.replace(BASE, credential="aws"))["jobs"]
    for before, stage in itertools.pairwise(
        ["check", "build", "record", "upload", "prove", "finish"]
    ):
        told = [
            step["env"]["RELEASE_WARDEN_DIGEST"]
            for step in jobs[stage]["steps"]
            if "RELEASE_WARDEN_DIGEST" in step.get("env", {})
        ]
        assert told
        assert all(f"needs.{before}.outputs.digest" in one for one in told)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_went_wrong_in_any_job_is_told_and_only_there_do_secrets_stand(name):
    """The last job hears of all others, whatever became of them."""
    facts = VARIANTS[name]
    for path, text in workflows(facts).items():
        jobs = parsed(text)["jobs"]
        telling = bool(facts.alerts) and (
            path.endswith("release.yml")
            or (path.endswith(("monitor.yml", "status.yml")) and facts.static)
        )
        assert ("alert" in jobs) is telling, path
        secret = "secrets.RELEASE_WARDEN_APPRISE"
        assert text.count("secrets.") == int(telling and "apprise" in facts.alerts)
        if not telling:
            continue
        job = jobs["alert"]
        assert set(job["needs"]) == set(jobs) - {"alert"}
        assert job["if"].startswith("${{ always()")
        env = job["steps"][-1]["env"]
        tells = "monitor" not in jobs
        told = {"RELEASE_WARDEN_JOBS": "${{ toJSON(needs) }}"} if tells else {}
        assert {k: v for k, v in env.items() if k.endswith("JOBS")} == told
        assert (secret in str(env)) is ("apprise" in facts.alerts)
        # Who looks or renders may tell nobody, and does not try.
        for other in ("monitor", "render"):
            for step in jobs[other]["steps"] if other in jobs else ():
                if "nox" in step.get("run", "") and not step["run"].endswith("-s mirror"):
                    assert step["env"]["RELEASE_WARDEN_ALERTS"] == "later"
        # A secret of the repository is every job's to ask for; of an environment, this one's.
        assert job.get("environment") == ({"name": "alerts"} if secret in str(env) else None)
        # Without static metadata it has to be told them, as it may not run the project to learn it.
        assert ("RELEASE_WARDEN_METADATA" in env) is not facts.static
        assert ("needs.check.outputs.metadata" in job["if"]) is not facts.static


@pytest.mark.parametrize("name", VARIANTS)
def test_no_word_of_an_event_stands_in_a_file_and_inputs_reach_code_by_the_environment(name):
    """Titles, branch names, messages and notes are never asked for; a branch only queues a run."""
    for text in workflows(VARIANTS[name]).values():
        tree = parsed(text)
        for found in EXPRESSION.findall(text):
            assert KNOWN.sub("", found) == "", found
        steps = [step for job in tree["jobs"].values() for step in job["steps"]]
        given = [str(value) for step in steps for value in step.get("env", {}).values()]
        for words in ("inputs.bump", "inputs.reason"):
            assert text.count(words) == given.count(f"${{{{ {words} }}}}")
