"""What will go wrong is told before anything is done, all of it at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from kit import commit, git, make_project, refs, warden
from shops import open_shop

from release.testing.hostile_index import busy, html_page, serve_hostile_index, status

CLASSIFIED = '\nclassifiers = ["Private :: Do Not Upload"]\nreadme = "README.rst"\n'


def checks(ran) -> set[str]:
    assert ran.code == 3, ran.err
    return {problem["check"] for problem in ran.document["problems"]}


def test_branch_readme_and_tree_are_told_at_once(tmp_path):
    project = make_project(tmp_path / "project")
    text = (project / "pyproject.toml").read_text()
    text = text.replace("dependencies = []\n", f"dependencies = []{CLASSIFIED}", 1)
    (project / "pyproject.toml").write_text(f'{text}\n[tool.release-warden]\nbranches = ["1.*"]\n')
    (project / "README.rst").write_text("A title\n==\n\n.. image::\n")
    commit(project)
    (project / "stray.txt").write_text("not committed\n")
    ran = warden(project, "release.plan")
    assert checks(ran) == {"branch", "metadata-accepted", "clean-tree"}
    assert any("does not render" in problem["what"] for problem in ran.document["problems"])
    git(project, "branch", "1.4")
    assert checks(warden(project, "release.plan")) == {"metadata-accepted", "clean-tree"}


def test_a_project_that_no_python_here_can_run_is_told_so(tmp_path):
    """Its archives could not be tried, which would else be found out after they are built."""
    project = make_project(tmp_path / "project")
    path = project / "pyproject.toml"
    path.write_text(
        re.sub(r"requires-python = .*", 'requires-python = ">=3.9,<3.10"', path.read_text())
    )
    commit(project)
    bare = {"PATH": str(only_git(tmp_path)), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    ran = warden(project, "release.publish", "--dry-run", **bare)
    assert checks(ran) == {"python"}
    assert "no Python that the project supports: 3.9" in ran.document["problems"][0]["what"]


@pytest.mark.online
def test_a_project_without_the_standard_table_can_go_to_pypi(tmp_path):
    """Its name stands in poetry's own table, and nothing is missing."""
    project = make_project(tmp_path / "project", "poetry")
    ran = warden(project, "release.publish", "--dry-run", "--to", "pypi", HOME=str(tmp_path))
    assert checks(ran) == {"credential"}


def only_git(folder: Path) -> Path:
    """A search path with git and nothing else."""
    place = folder / "bin"
    place.mkdir()
    (place / "git").symlink_to(shutil.which("git") or "")
    return place


def test_who_is_behind_the_remote_pulls_first(tmp_path):
    with open_shop(tmp_path) as shop:
        other = shop.clone("other")
        (other / "NEWS.txt").write_text("something\n")
        commit(other)
        git(other, "push", "-q", "origin", "HEAD:main")
        ran = shop.publish("--dry-run")
        assert "up-to-date" in checks(ran)
        git(shop.project, "pull", "-q", "--rebase", "origin", "main")
        assert shop.publish("--dry-run").code == 0


def test_a_silent_index_is_for_later_and_one_that_says_no_is_for_a_person(tmp_path):
    """Neither is taken for an index on which every version is free."""
    project = make_project(tmp_path / "project")
    with serve_hostile_index() as index:
        to = ("--to", index.upload_url)
        right = {"TWINE_USERNAME": index.username, "TWINE_PASSWORD": index.password}
        index.misbehave("listing", then=busy(0))
        later = warden(project, "release.publish", *to, **right)
        assert (later.code, later.document["error"]) == (75, "tryagain"), later.err
        assert "run the same command again" in later.document["next"]
        for fault in (status(403), html_page()):
            index.heal()
            index.misbehave("listing", then=fault)
            refused = warden(project, "release.publish", *to, **right)
            assert (refused.code, refused.document["error"]) == (4, "unreachable"), refused.err
        index.heal()
    gone = warden(project, "release.publish", *to, **right)
    assert (gone.code, gone.document["error"]) == (75, "tryagain"), gone.err
    assert refs(project, "refs/release-warden", "refs/tags") == ""


def test_what_installs_imports_and_a_dying_site_leave_is_no_change(tmp_path):
    project = make_project(tmp_path / "project")
    died = "security-status/.new.gitignore"  # on a full disk
    for name in ("__pycache__/noxfile.pyc", "plain_thing.egg-info/PKG-INFO", died):
        (project / name).parent.mkdir()
        (project / name).write_text("left")
    assert warden(project, "release.publish", "--dry-run").code == 0
    (project / "my__pycache__.txt").write_text("a change")
    assert checks(warden(project, "release.publish", "--dry-run")) == {"clean-tree"}


def test_what_an_unpacked_sdist_left_goes_and_is_not_told_to_be_stale(tmp_path):
    project = make_project(tmp_path / "project")
    (project / "PKG-INFO").write_text("Name: plain-thing\nVersion: 1.0.0\n")
    (project / "docs.txt").write_text("plain-thing 1.0.0\n")
    commit(project)
    ran = warden(project, "release.plan", "--bump", "minor")
    assert ran.code == 0, ran.err
    assert {"path": "PKG-INFO", "after": None} in ran.document["edits"]
    (remark,) = [one for one in ran.document["remarks"] if one["about"] == "stale-version"]
    assert "docs.txt" in remark["what"]
    assert "PKG-INFO" not in remark["what"]
