"""The workflows as text: what shapes them, what is refused, how drift is told, what a lock is."""

from __future__ import annotations

import dataclasses

import pytest

from release.errors import ConfigError
from release.ship.workflows import Facts, difference, lock_problems, workflows

FACTS = Facts(project="a-thing", credential="trusted-publishing", pages=True, monitor=True)
HASH = f"--hash=sha256:{'0' * 64}"


def test_the_same_facts_give_the_same_files():
    assert workflows(FACTS) == workflows(dataclasses.replace(FACTS))


def test_every_file_is_there_only_where_it_has_something_to_do():
    names = {path.rpartition("/")[2] for path in workflows(FACTS)}
    assert names == {"gates.yml", "release.yml", "status.yml", "monitor.yml"}
    bare = workflows(Facts(project="a-thing"))
    assert {path.rpartition("/")[2] for path in bare} == {"gates.yml", "release.yml"}
    assert "--stage upload" not in bare[".github/workflows/release.yml"]


def test_projects_of_one_repository_have_files_and_queues_of_their_own():
    facts = dataclasses.replace(FACTS, folder="libs/a/", workflow="a-release.yml")
    made = workflows(facts)
    assert ".github/workflows/a-gates.yml" in made
    assert facts.lock == ".github/a-release-tools.txt"
    text = made[".github/workflows/a-release.yml"]
    assert "working-directory: libs/a/" in text
    assert "--requirement ../../.github/a-release-tools.txt" in text
    assert "path: libs/a/.release/handover" in text
    assert "group: a-release\n" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"branch": "main]\n    paths: [x"},
        {"branch": "${{ secrets.X }}"},
        {"gates": ("lint; rm -rf /",)},
        {"gates": ("lint", "a\nb")},
        {"folder": "libs/$(id)/"},
        {"folder": "libs"},
        {"workflow": "../release.yml"},
        {"pythons": ("3.11\n", "3.12")},
        {"environments": ("pypi'", "b")},
    ],
)
def test_nothing_is_written_that_would_mean_something_else(wrong):
    with pytest.raises(ConfigError, match="cannot stand in a workflow"):
        dataclasses.replace(FACTS, **wrong)


def test_drift_is_told_as_a_diff_and_a_missing_file_too():
    made = workflows(FACTS)
    assert difference(made, made) == ""
    path = ".github/workflows/release.yml"
    changed = made | {path: made[path].replace("contents: read", "contents: write", 1)}
    told = difference(made, changed)
    assert "-      contents: write" in told
    assert "+      contents: read" in told
    assert f"--- {path}" in told
    assert "+name: release" in difference(made, {**made, path: None})


def test_a_lock_holds_versions_with_hashes_and_what_is_wanted():
    text = f"a-thing[x]==1.0 \\\n    {HASH} \\\n    {HASH}\n"
    text += f"B.c==2 ; python_version < '3.12' \\\n    {HASH}\n"
    assert lock_problems(text, ["A_thing>=1", "b-c"]) == ()


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        (None, (), "no file"),
        ("a==1\n", (), "no version with its hashes: a==1"),
        (f"a>=1 {HASH}\n", (), "no version with its hashes"),
        (f"--index-url https://x.example/simple\na==1 {HASH}\n", (), "--index-url"),
        (f"a @ https://x.example/a.whl {HASH}\n", (), "a @ https"),
        ("a==1 --hash=md5:00\n", (), "no version with its hashes"),
        (f"a==1 {HASH}\n", ("a>=2",), "a>=2 is not what is locked: a==1"),
        (f"a==1 {HASH}\n", ("b",), "b is not what is locked: nothing"),
    ],
)
def test_a_lock_that_is_none_is_told(text, wanted, said):
    assert said in "".join(lock_problems(text, wanted))
