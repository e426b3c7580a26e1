"""The pages keep their word: their commands run, their links lead somewhere, no key is missing.

A command in a ```console block, after ``$ ``, is run as it stands, from the top of the checkout;
such blocks hold what is quick and needs no network. Of ```sh blocks it is checked that the sessions
and tasks they name exist. The ```tutorial blocks are one script, typed into an empty folder.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tutorial import tutorial, typed

from release.config import AwsTable, Config, GithubTable, Policy, RepositoryTable
from release.decide.rules import MINOR, OWED, POSTURE

ROOT = Path(__file__).parents[2]
TABLES = (Config, Policy, RepositoryTable, AwsTable, GithubTable)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a language, with the name of the page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield page.name, block


COMMANDS = [
    pytest.param(line.removeprefix("$ "), id=f"{page}: {line}")
    for page, block in blocks("console")
    for line in block.splitlines()
    if line.startswith("$ ")
]


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with our programs first on the path."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_there_are_commands_to_run():
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_shown_command_runs(command):
    ran = run(command)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.online
def test_the_tutorial_runs_as_it_is_typed_up_to_the_plan(tmp_path):
    """tests/proofs/test_tutorial.py types it to its end."""
    said = typed(tutorial()[:3], tmp_path)
    assert "tests: success" in said
    assert "lint: skipped (neither ruff nor flake8" in said
    assert "no problem can be seen beforehand" in said


@functools.cache
def sessions() -> frozenset[str]:
    listed = run(
        f"{sys.executable} -m nox --list --json -k True"
    )  # without -k, the default ones only
    return frozenset(session["name"] for session in json.loads(listed.stdout))


@functools.cache
def tasks() -> frozenset[str]:
    listed = json.loads(run("invoke --list --list-format=json").stdout)
    own = {task["name"] for task in listed["tasks"]}
    return frozenset(own).union(
        f"{group['name']}.{task['name']}"
        for group in listed["collections"]
        for task in group["tasks"]
    )


def words_after(program: str) -> list[str]:
    """What the pages' commands (in blocks, tables and text) give a program as its first word."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return re.findall(rf"(?:^|[`/ ]){program} ([a-z]+(?:\.[a-z]+)?)\b", text, re.MULTILINE)


def test_every_session_that_is_named_exists():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    commands = re.findall(
        r"nox (?:-[^s`]\S* (?:\d+ )?|--[\w-]+(?:=\S+)? )*-s ((?:[a-z]+ ?)+)", text
    )
    named = {name for command in commands for name in command.split()}
    assert {"demo", "tests", "publish", "auto"} <= named
    assert named - {"after"} <= sessions()


def test_every_door_leads_to_a_task():
    sys.path.insert(0, str(ROOT))
    try:
        import noxfile
    finally:
        sys.path.remove(str(ROOT))
    doors = {gate.work.keywords["task"] for gate in noxfile.TABLE if hasattr(gate.work, "keywords")}
    assert len(doors) == 8
    assert doors <= tasks()


def test_every_task_that_is_named_exists():
    named = set(words_after("invoke")) | set(words_after("release-warden"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named |= set(re.findall(r"`((?:release|status)\.[a-z]+)`", text))
    assert {"release.scan", "status.serve"} <= named
    assert {name for name in named if "." in name} <= tasks()


def test_every_task_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in tasks() if "." in name and f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "key", [f.encode_name for kind in TABLES for f in msgspec.structs.fields(kind)]
)
def test_every_key_is_documented(key):
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{re.escape(key)}` \|", text, re.MULTILINE)


def test_no_key_is_documented_that_does_not_exist():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    known = {f.encode_name for kind in TABLES for f in msgspec.structs.fields(kind)}
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)) == known


def test_the_documented_example_is_a_valid_configuration():
    from release.config import parse

    examples = [block for page, block in blocks("toml") if page == "configuration.md"]
    assert examples
    for example in examples:
        assert parse(example) != Config()


def test_the_rules_are_told_in_the_order_in_which_they_fire():
    text = (ROOT / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (\w+) \|$", text, re.MULTILINE)
    assert rows[: len(OWED)] == [(rule.name, rule.action) for rule in OWED]


def test_the_rules_of_posture_that_release_are_told_in_their_order_with_their_weight():
    text = (ROOT / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (major|minor) \|$", text, re.MULTILINE)
    assert rows == [
        (rule.name, "minor" if rule.name in MINOR else "major")
        for rule in POSTURE
        if rule.action == "release"
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_check_of_a_plan_is_explained():
    code = "".join(path.read_text() for path in (ROOT / "release").rglob("*.py"))
    checks = {*re.findall(r'check="([a-z-]+)"', code), "public-version", "no-post-version"}
    page = (ROOT / "docs" / "errors.md").read_text()
    assert len(checks) > 14
    assert [check for check in sorted(checks) if f"`{check}`" not in page] == []


THREATS = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8").partition("# Threat model")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[^`]+)`", THREATS[2]))))
def test_every_guard_in_the_threat_model_exists(path):
    file, _, name = path.partition("::")
    assert re.search(rf"^def {re.escape(name)}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_every_threat_has_a_guard_or_says_that_it_has_none():
    rows = [line.strip("| ") for line in THREATS[2].splitlines() if line.startswith("| ")]
    threats = [row for row in rows if not row.endswith("guarded by")]
    assert len(threats) > 30
    assert [row for row in threats if not re.search(r"`tests/|not guarded", row)] == []
