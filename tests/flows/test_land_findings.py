"""The files about findings, committed to a real bare remote; never over somebody's edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from forge_server import TOKEN, Trouble, github
from kit import commit, git, make_project

from release.adapters import web
from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.flows.context import Context
from release.flows.land import FINDINGS, land_findings

PLANS = "security/findings/remediation-plans.yml"
PAGE = "security/findings/SECURITY_FINDINGS.md"


@dataclass
class Desk:
    """A clone that has scanned, and its remote."""

    project: Path
    remote: Path
    told: list[str] = field(default_factory=list)

    def scanned(self, text: str) -> None:
        """What a scan leaves in the working tree."""
        for name in (PLANS, PAGE):
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def land(self) -> str:
        self.told.clear()
        workspace = open_workspace(self.project)
        land_findings(Context(workspace, Clock(), self.told.append, "shop"))
        return "".join(self.told)

    def refs(self) -> dict[str, str]:
        form = "--format=%(refname) %(objectname)"
        return dict(line.split() for line in git(self.remote, "for-each-ref", form).splitlines())

    def read(self, ref: str, path: str = PLANS) -> str:
        return git(self.remote, "show", f"{ref}:{path}")


@pytest.fixture
def desk(tmp_path):
    return make_desk(tmp_path, 'commit = "push"')


def make_desk(folder: Path, *lines: str) -> Desk:
    project = make_project(folder / "project")
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n".join(["", "[tool.release-warden]", 'remote = "origin"', *lines]))
        file.write("\n[tool.release-warden.repositories.shop]\n")
        file.write('upload-url = "https://index.example/legacy/"\n')
    commit(project)
    git(folder, "clone", "-q", "--bare", str(project), "remote.git")
    git(project, "remote", "add", "origin", str(folder / "remote.git"))
    return Desk(project, folder / "remote.git")


def test_they_are_committed_on_top_and_only_when_they_differ(desk):
    assert desk.land() == "", "there is nothing yet"
    before, head = desk.refs(), git(desk.project, "rev-parse", "HEAD")
    desk.scanned("one\n")
    status = git(desk.project, "status", "--porcelain")
    assert "committed to main of origin" in desk.land()
    assert (desk.read("main"), desk.read("main", PAGE)) == ("one", "one")
    assert git(desk.remote, "rev-parse", "main^") == before["refs/heads/main"]
    assert git(desk.remote, "diff", "--name-only", "main^", "main").split() == [PAGE, PLANS]
    after = desk.refs()
    assert desk.land() == ""
    assert desk.refs() == after
    assert git(desk.project, "rev-parse", "HEAD") == head
    assert git(desk.project, "status", "--porcelain") == status


def test_an_edit_that_came_meanwhile_is_not_overwritten(desk, tmp_path):
    desk.scanned("one\n")
    desk.land()
    git(tmp_path, "clone", "-q", str(desk.remote), "ann")
    (tmp_path / "ann" / PLANS).write_text("one, and Ann's words\n")
    commit(tmp_path / "ann")
    git(tmp_path / "ann", "push", "-q", "origin", "HEAD:main")
    desk.scanned("two\n")
    assert "main has other ones than HEAD" in desk.land()
    assert desk.read("main") == "one, and Ann's words"


def test_other_work_on_main_is_no_hindrance(desk, tmp_path):
    git(tmp_path, "clone", "-q", str(desk.remote), "ann")
    (tmp_path / "ann" / "more.txt").write_text("more\n")
    commit(tmp_path / "ann")
    git(tmp_path / "ann", "push", "-q", "origin", "HEAD:main")
    desk.scanned("one\n")
    assert "committed to main" in desk.land()
    assert desk.read("main", "more.txt") == "more"


@pytest.mark.parametrize("lines", [(), ('commit = "none"',)])
def test_by_default_nothing_is_committed(tmp_path, lines):
    desk = make_desk(tmp_path, *lines)
    before = desk.refs()
    desk.scanned("one\n")
    assert (desk.land(), desk.refs()) == ("", before)


def test_a_remote_that_refuses_fails_nothing(desk):
    hook = desk.remote / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    desk.scanned("one\n")
    assert "the next run tries again" in desk.land()


def test_a_pull_request_is_made_once_and_anew_after_it_was_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "_pause", lambda _: 0)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/thing")
    with github(tmp_path / "remote.git") as forge:
        address = f'forge-url = "{forge.url}"'
        desk = make_desk(tmp_path, 'commit = "pull-request"', 'forge = "github"', address)
        desk.scanned("one\n")
        forge.troubles += [Trouble("POST", "", 500)] * 9
        assert "the next run tries again" in desk.land()
        forge.troubles.clear()
        assert "pull request: https://" in desk.land()
        tip = desk.refs()[f"refs/heads/{FINDINGS}"]
        desk.land()
        assert (len(forge.pulls), desk.refs()[f"refs/heads/{FINDINGS}"]) == (1, tip)
        desk.scanned("two\n")
        desk.land()
        assert len(forge.pulls) == 1, "the open one has the newer commit"
        assert desk.read(FINDINGS) == "two"
        forge.pulls[0]["state"] = "closed"
        desk.land()
        assert len(forge.pulls) == 1, "a person's no to these files stays"
        desk.scanned("three\n")
        desk.land()
        assert [pull["state"] for pull in forge.pulls] == ["closed", "open"]
        assert desk.read("main", "pyproject.toml")
        assert "refs/tags" not in "".join(desk.refs())
