"""What a release commit writes, and which version it is, on real repositories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kit import commit, git, make_project, refs, warden

from release.adapters.clock import Clock
from release.adapters.git import Git
from release.adapters.repository import open_repository
from release.adapters.workspace import open_workspace
from release.flows.auto import Request, publish
from release.flows.context import Context
from release.model.plan import Plan

NAMED = ("-c", "user.name=n", "-c", "user.email=e@x")


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def configure(project: Path, text: str, **files: str) -> None:
    """Add to pyproject.toml, write files, commit."""
    with (project / "pyproject.toml").open("a") as file:
        file.write(text)
    for name, content in files.items():
        path = project / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    commit(project)


def state(project: Path) -> tuple[str, ...]:
    """Everything of a repository and its tree that a run must leave alone, or restore."""
    tree = sorted(
        f"{path.relative_to(project)} {path.read_bytes()!r}"
        for path in project.rglob("*")
        if path.is_file() and not {".git", ".release", "security-status"} & set(path.parts)
    )
    asked = ("rev-parse", "HEAD"), ("symbolic-ref", "HEAD"), ("ls-files", "-s")
    return (*tree, *(git(project, *words) for words in asked), refs(project))


def planned(project: Path, bump: str = "", reason: str = "") -> Plan:
    """The plan that ``release.plan`` shows, made in this process, which is quicker."""
    context = Context(open_workspace(project), Clock(), lambda _: None)
    with open_repository("local", project) as repository:
        return publish(context, repository, Request(bump, reason), dry_run=True).plan


def edited(plan: Plan) -> dict[str, str | None]:
    return {edit.path: edit.after for edit in plan.edits}


def checks_of(plan: Plan) -> list[str]:
    return [problem.check for problem in plan.problems]


def test_fragments_in_an_unknown_form_stay_and_are_told(project):
    configure(
        project,
        '[tool.towncrier]\nfilename = "CHANGELOG.md"\nsingle_file = false\n',
        **{"newsfragments__7.bugfix.md": "A fix."},
    )
    plan = planned(project)
    assert edited(plan).keys() == {"CHANGELOG.md"}
    assert [r.next for r in plan.remarks] == ["run towncrier by hand"]


def test_fragments_stay_where_the_changelog_has_no_place_for_them(project):
    configure(
        project, "[tool.scriv]\n", **{"changelog.d__a.rst": "- x\n", "CHANGELOG.rst": "News\n"}
    )
    plan = planned(project)
    assert plan.edits == ()
    assert "1 fragments are left alone: CHANGELOG.rst has no place" in plan.remarks[0].what


def test_a_changelog_in_restructured_text_gets_its_own_markup(project):
    configure(
        project,
        "[tool.scriv]\n",
        **{"changelog.d__a.rst": "- x\n", "CHANGELOG.rst": "News\n====\n\n.. scriv-insert-here\n"},
    )
    plan = planned(project, reason="Why *not*.")
    edits = edited(plan)
    assert edits["changelog.d/a.rst"] is None
    assert "Changed\n-------\n\n- Why \\*not\\*.\n\n- x\n" in str(edits["CHANGELOG.rst"])
    assert plan.notes == "### Changed\n\n- Why \\*not\\*.\n"


def test_stale_versions_are_named_and_named_files_change(project):
    configure(
        project,
        '[tool.release-warden]\nversion-files = ["docs/conf.py"]\n',
        **{
            "docs__conf.py": 'release = "1.0.0"\n',
            "README.md": "x\npip install plain_thing==1.0.0\n",
        },
    )
    git(project, "tag", "local/v1.0.0")
    plan = planned(project, "minor")
    edits = edited(plan)
    assert edits["docs/conf.py"] == 'release = "1.1.0"\n'
    assert "README.md" not in edits
    assert plan.remarks[0].what == "the version before still stands in README.md:2"


def at_version(project: Path, version: str, message: str) -> None:
    """Write a version where the project has it, and commit."""
    for name in ("pyproject.toml", "plain_thing.py"):
        path = project / name
        path.write_text(path.read_text().replace("1.0.0", version))
    (project / "note.txt").write_text(message)
    commit(project, message)


def released(project: Path, version: str) -> None:
    """A release commit as the tool makes it: on no branch, from HEAD, with a tag."""
    repository = Git(project)
    head = repository.head()
    made = repository.commit(
        f"{head}^{{tree}}", parents=(head,), message=f"Release {version}", at=Clock().now()
    )
    git(project, "tag", f"local/v{version}", made)


def test_a_maintained_branch_goes_on_below_what_main_released(project):
    at_version(project, "1.4.8", "the last of 1.4")
    git(project, "tag", "local/v1.4.8")
    git(project, "branch", "1.4.x")
    (project / "note.txt").write_text("a new world")
    commit(project, "a new world")
    released(project, "2.0.0")
    assert planned(project, "patch").version == "2.0.1"  # main, though its file says 1.4.8
    git(project, "checkout", "--quiet", "1.4.x")
    (project / "note.txt").write_text("a fix")
    commit(project, "a fix")
    assert planned(project, "patch").version == "1.4.9"
    assert planned(project).version == "1.4.9"
    assert [checks_of(planned(project, bump)) for bump in ("1.4.8", "2.0.0", "1.4.7", "patch")] == [
        ["version-free"],
        ["version-free"],
        ["version-monotonic"],
        [],
    ]


@pytest.mark.parametrize(
    ("version", "checks"),
    [
        ("2.0.0rc1", []),
        ("1!1.0.0", []),
        ("1.1.0.dev1", ["no-development-version"]),
        ("1.0.0.post1", ["no-post-version"]),
        ("1.1.0+local.1", ["public-version"]),
    ],
)
def test_what_may_be_released(project, version, checks):
    plan = planned(project, version)
    assert checks_of(plan) == checks
    assert plan.version == version


def test_the_patch_of_a_pre_release_is_its_final_release(project):
    at_version(project, "2.0.0rc1", "a candidate")
    git(project, *NAMED, "tag", "--annotate", "--message", "x", "local/v2.0.0rc1")
    assert planned(project, "patch").version == "2.0.0"
    assert planned(project, "2.0.0rc2").version == "2.0.0rc2"


def test_a_build_that_fails_leaves_everything_as_it_was(project):
    """The version would be written into two files, and a fragment removed."""
    backend = project / "plain_backend.py"
    text = backend.read_text()
    assert "def build_wheel(" in text
    backend.write_text(f"{text}\n\ndef build_wheel(*_, **__):\n    raise SystemExit('no')\n")
    configure(project, TOWNCRIER, **FRAGMENTS)
    before = state(project)
    assert len(planned(project, "3.0.0").edits) == 4
    ran = warden(project, "release.publish", "--bump", "3.0.0")
    assert ran.code == 1
    assert ran.document["error"] == "build"
    assert state(project) == before
    assert git(project, "status", "--porcelain") == ""


TOWNCRIER = '[tool.towncrier]\nfilename = "CHANGELOG.md"\ndirectory = "news"\n'
FRAGMENTS = {"news__7.bugfix.md": "A fix.", "news__README.md": "how to", "news__odd": "kept"}
HOLE = {
    "id": "X-2",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "A <b>hole</b>.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "plain-thing"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}],
        }
    ],
}


@dataclass(frozen=True)
class Disclosed:
    """A project that has released the fix of a hole of its own, with a fragment."""

    project: Path
    plan: Plan
    receipt: dict[str, Any]
    before: tuple[str, ...]


@pytest.fixture(scope="module")
def disclosed(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("disclosed") / "project")
    assert warden(project, "release.publish").code == 0
    osv = project.parent / "osv"
    osv.mkdir()
    (osv / "X-2.json").write_text(json.dumps(HOLE))
    (project / "plain_thing.py").write_text('"""Better."""\n\n__version__ = "1.0.0"\n')
    configure(project, TOWNCRIER, **FRAGMENTS)
    warden(project, "release.scan", "--advisories", str(osv))
    plan, before = planned(project, "patch", "Now."), state(project)
    ran = warden(project, "release.publish", "--bump", "patch", "--reason", "Now.")
    assert ran.code == 0, ran.err
    return Disclosed(project, plan, ran.document, before)


def test_fragments_go_into_the_release_commit_and_out_of_its_tree(disclosed):
    plan, project = disclosed.plan, disclosed.project
    assert edited(plan).keys() == {
        "pyproject.toml", "plain_thing.py", "CHANGELOG.md", "news/7.bugfix.md",
    }  # fmt: skip
    assert edited(plan)["news/7.bugfix.md"] is None
    assert plan.remarks[0].what == "no fragments by their names: news/odd"
    assert "### Bugfixes\n\n- A fix. (#7)" in plan.notes
    told = git(project, "show", "local/v1.0.1:CHANGELOG.md")
    places = [told.index(word) for word in ("`X-2`", "- Now.", "- A first thing.", "- A fix. (#7)")]
    assert places == sorted(places)
    assert git(project, "ls-tree", "--name-only", "local/v1.0.1", "news/").split() == [
        "news/README.md",
        "news/odd",
    ]


def test_a_release_leaves_branch_index_and_tree_alone(disclosed):
    *after, there = state(disclosed.project)
    assert after == list(disclosed.before[:-1])
    heads = [line for line in there.splitlines() if "refs/heads" in line]
    assert heads == [line for line in disclosed.before[-1].splitlines() if "refs/heads" in line]


def test_a_disclosure_travels_from_the_scan_to_the_receipt_and_to_openvex(disclosed):
    fixed = disclosed.receipt["delta"]["fixed"]
    assert [(f["ids"], f["own"], f["was"]) for f in fixed] == [(["X-2"], True, ["1.0.0"])]
    told = git(disclosed.project, "show", "local/v1.0.1:CHANGELOG.md")
    assert "- `plain-thing` itself: `X-2` (unknown): A &lt;b&gt;hole&lt;/b&gt;." in told
    assert disclosed.plan.announcement.startswith("`plain-thing` `1.0.1` fixes 1 known vuln")
    folder = disclosed.project / ".release" / "run" / "documents"
    vex = json.loads((folder / "vex" / "1.0.1.json").read_text())
    assert [statement["status"] for statement in vex["statements"]] == ["affected", "fixed"]
