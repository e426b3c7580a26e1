"""``release.workflows`` on a real project: write, agree, drift, and mend."""

from __future__ import annotations

from importlib.metadata import version

import fix_world
import pytest
from kit import commit, make_project, warden

shelf = fix_world.shelf
NOXFILE = """\
import nox

@nox.session
def lint(session):
    pass
"""


@pytest.fixture
def project(tmp_path, shelf):
    if not (home := shelf.folder / "simple" / "release-warden").exists():
        shelf.put("release_warden", version("release-warden"), "lib")
        home.with_name("release_warden").rename(home)
    project = make_project(tmp_path / "project")
    (project / "noxfile.py").write_text(NOXFILE)
    with (project / "pyproject.toml").open("a") as file:
        file.write(
            f'\n[tool.release-warden]\nindex-url = "{shelf.url}"\n'
            'credential = "trusted-publishing"\n[tool.release-warden.github]\npages = true\n'
        )
    commit(project)
    return project


def test_drift_is_an_error_with_the_diff_and_the_command_that_mends_it(project, shelf):
    bare = warden(project, "release.workflows")
    assert bare.code == 3
    assert "there is no file of locked tools" in bare.document["why"]

    written = warden(project, "release.workflows", "--write")
    assert written.code == 0, written.err
    folder = project / ".github"
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "gates.yml", "monitor.yml", "release-tools.txt", "release.yml", "status.yml",
    ]  # fmt: skip
    lock = (folder / "release-tools.txt").read_text()
    assert f"release-warden=={version('release-warden')}" in lock
    assert lock.count("--hash=sha256:") == 2
    assert shelf.url not in lock
    assert warden(project, "release.workflows").code == 0

    file = folder / "workflows" / "release.yml"
    file.write_text(file.read_text().replace("contents: read", "contents: write", 1))
    drifted = warden(project, "release.workflows")
    assert drifted.code == 3
    assert "-      contents: write" in drifted.document["why"]
    assert "release.workflows --write" in drifted.document["next"]

    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("pages = true", "pages = true\nprivate = true"))
    private = warden(project, "release.workflows")
    assert "+        run: nox --no-venv -s mirror" in private.document["why"]

    (folder / "release-tools.txt").write_text("--index-url http://x.example\n" + lock)
    assert "no version with its hashes" in warden(project, "release.workflows").document["why"]
    assert warden(project, "release.workflows", "--write").code == 0
    assert (folder / "release-tools.txt").read_text() == lock
    assert warden(project, "release.workflows").code == 0


def test_a_lock_stays_until_newer_tools_are_asked_for(project, shelf):
    assert warden(project, "release.workflows", "--write").code == 0
    lock = project / ".github" / "release-tools.txt"
    before = lock.read_text()
    shelf.put("lib", "9.0")
    assert warden(project, "release.workflows", "--write").code == 0
    assert lock.read_text() == before
    assert warden(project, "release.workflows", "--lock").code == 0
    assert "lib==9.0" in lock.read_text()
