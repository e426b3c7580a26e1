"""``release.init`` in real repositories: it writes, is asked again, and goes without a trace."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version

import pytest
from adopting import adopt, nox, unpack
from keyboard import at_a_keyboard
from kit import commit, git, make_project, served, warden

REPORT = json.dumps(
    {"dependencies": [{"name": "idna", "version": "3.6", "vulns": [
        {"id": "PYSEC-2024-60", "fix_versions": ["3.7"], "aliases": [], "description": "Slow."}
    ]}], "fixes": []}
)  # fmt: skip

LOCKED = f"release-warden=={version('release-warden')} --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "plain")


def test_a_dry_run_shows_everything_and_changes_nothing(project):
    ran = warden(project, "init", "--dry-run")
    assert ran.code == 0
    found = {fact["about"]: fact["value"] for fact in ran.document["facts"]}
    assert (found["name"], found["layout"]) == ("plain-thing", "single module")
    assert {one["path"]: one["how"] for one in ran.document["files"]} == {
        "noxfile.py": "create", "tasks.py": "create", "pyproject.toml": "merge",
        ".gitignore": "create",
    }  # fmt: skip
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "for-each-ref", "refs/release-warden") == ""


def test_it_is_adopted_once_and_undone_to_the_byte(project):
    before = git(project, "rev-parse", "HEAD^{tree}")
    assert adopt(project).code == 0
    again = warden(project, "release.init")
    assert (again.code, git(project, "status", "--porcelain")) == (0, "")
    assert {one["how"] for one in again.document["files"]} == {"keep"}
    released = warden(project, "release.publish", "--to", "local")
    assert released.code == 0, released.err
    assert git(project, "for-each-ref", "refs/release-warden/plain-thing/local")
    back = warden(project, "init", "--undo", "--yes")
    assert back.code == 0, back.err
    commit(project, "as it was")
    assert git(project, "rev-parse", "HEAD^{tree}") == before
    assert git(project, "for-each-ref", "refs/release-warden") == ""


def test_a_dry_run_of_a_release_works_at_once(project):
    adopt(project)
    planned = nox(project, "-s", "publish", "--", "--dry-run", "--to", "local")
    assert planned.code == 0, planned.err
    assert "no problem can be seen beforehand" in planned.out
    assert "gates: lint, types, tests" in planned.out
    gates = nox(project)
    assert gates.code == 0, gates.err
    assert "skipped (there are no test files)" in gates.err


def test_a_door_passes_the_exit_code_on(project):
    adopt(project)
    assert nox(project, "-s", "publish", "--", "--bump", "odd", "--to", "local").code == 2


def test_nothing_of_a_project_runs_in_a_door(project):
    (project / "release.py").write_text("raise SystemExit('the wrong one')\n")
    commit(project)
    adopt(project)
    planned = nox(project, "-s", "publish", "--", "--dry-run", "--to", "local")
    assert planned.code == 0, planned.err


def test_an_undo_takes_no_ledger_that_nobody_agreed_to(project):
    adopt(project)
    back = warden(project, "init", "--undo")
    assert (back.code, back.document["error"]) == (3, "blocked")
    assert git(project, "for-each-ref", "refs/release-warden")
    assert (project / "noxfile.py").exists()


def test_an_undo_of_nothing_is_a_wrong_call(project):
    back = warden(project, "init", "--undo", "--yes")
    assert (back.code, back.document["error"]) == (2, "usage")


def test_a_name_that_is_taken_stops_it_before_anything_is_written(project):
    (project / "noxfile.py").write_text("import nox\n\n@nox.session\ndef publish(s): ...\n")
    commit(project)
    ran = warden(project, "init", "--yes")
    assert ran.code == 3
    assert "publish" in ran.err
    assert git(project, "status", "--porcelain") == ""
    assert warden(project, "init", "--dry-run").code == 3


def test_a_file_that_is_not_utf8_is_not_written(project):
    (project / "README.md").write_bytes(b"# caf\xe9\n")
    commit(project)
    ran = warden(project, "init", "--yes")
    assert ran.code == 75
    assert (project / "README.md").read_bytes() == b"# caf\xe9\n"


def test_an_own_noxfile_goes_on_with_and_without_us(project):
    (project / "noxfile.py").write_text(
        'import nox\n\n@nox.session(venv_backend="none")\ndef tests(session):\n'
        '    session.log("theirs")\n'
    )
    commit(project)
    adopt(project)
    assert "theirs" in nox(project, "-s", "tests").err
    listed = {one["name"] for one in json.loads(nox(project, "-l", "--json", "-k", "True").out)}
    doors = {"build", "verify", "publish", "auto", "status", "monitor", "alert", "mirror"}
    assert listed == {"tests", "lint", "types", *doors}


def test_on_github_the_workflows_come_and_go(project):
    git(project, "remote", "add", "origin", "git@github.com:ann/plain.git")
    ran = warden(project, "init", "--yes")
    assert ran.code == 0, ran.err
    folder = project / ".github" / "workflows"
    assert "wrote .github/workflows/release.yml" in ran.err
    assert "nox" in (folder / "release.yml").read_text()
    (project / ".github" / "release-tools.txt").write_text(LOCKED)
    served = (folder / "gates.yml").read_text().replace("name: gates", "name: status", 1)
    (folder / "status.yml").write_text(served)  # as release.workflows does after a change
    (folder / "own.yml").write_text("on: push\n")
    assert warden(project, "init", "--undo", "--yes").code == 0
    assert [path.name for path in (project / ".github").rglob("*.*")] == ["own.yml"]
    assert git(project, "status", "--porcelain", "-uall") == "?? .github/workflows/own.yml"


def test_an_undo_leaves_no_empty_folder(project):
    git(project, "remote", "add", "origin", "git@github.com:ann/plain.git")
    assert warden(project, "init", "--yes").code == 0
    assert warden(project, "init", "--undo", "--yes").code == 0
    assert not (project / ".github").exists()


def test_lint_shows_how_a_workflow_drifted(project):
    git(project, "remote", "add", "origin", "git@github.com:ann/plain.git")
    assert adopt(project).code == 0
    lock = project / ".github" / "release-tools.txt"
    unlocked = nox(project, "-s", "lint")
    assert unlocked.code == 1
    assert "there is no file of locked tools" in unlocked.err + unlocked.out
    lock.write_text(LOCKED)
    assert nox(project, "-s", "lint").code == 0
    file = project / ".github" / "workflows" / "release.yml"
    file.write_text(file.read_text().replace("queue: max", "cancel-in-progress: true"))
    drifted = nox(project, "-s", "lint", "types")
    said = drifted.out + drifted.err
    assert drifted.code == 1
    assert "-  cancel-in-progress: true\n+  queue: max" in said
    assert "release-warden release.workflows --write" in said
    assert "Session types skipped" in said, "what comes after it is run all the same"


def test_on_github_a_build_that_fails_stops_it_before_anything_is_written(project):
    git(project, "remote", "add", "origin", "git@github.com:ann/plain.git")
    path = project / "pyproject.toml"
    path.write_text('[build-system]\nrequires = []\nbuild-backend = "nowhere"\n')
    (project / "setup.cfg").write_text("[metadata]\nname = plain-thing\n")
    commit(project)
    ran = warden(project, "init", "--yes")
    assert ran.code == 1
    assert "metadata could not be built" in ran.err
    assert git(project, "status", "--porcelain") == ""


def test_the_older_layout_is_taken_over_with_its_days(project):
    for day in ("2025-10-28", "2025-10-27"):
        folder = project / "security" / "reports" / "archived" / day
        folder.mkdir(parents=True)
        (folder / "pip-audit.json").write_text(REPORT)
    findings = project / "security" / "findings"
    findings.mkdir()
    old = "metadata: {}\nfindings:\n  PYSEC-2024-60: {owner: ann, status: in_progress}\n"
    (findings / "remediation-plans.yml").write_text(old)
    (findings / "SECURITY_FINDINGS.md").write_text("# Security Findings Summary\n")
    commit(project)
    ran = warden(project, "init", "--yes")
    assert ran.code == 0, ran.err
    days = git(project, "log", "--format=%cs", "refs/release-warden/plain-thing/history")
    assert days.split()[-1] == "2025-10-27"
    plans = (findings / "remediation-plans.yml").read_text()
    assert "owner: ann" in plans
    assert "PYSEC-2024-60" in (findings / "SECURITY_FINDINGS.md").read_text()
    assert warden(project, "init", "--undo", "--yes").code == 0
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize(("answer", "code"), [("n", 3), ("y", 0)])
def test_at_a_keyboard_it_asks_once(project, answer, code):
    ran, said = at_a_keyboard(answer, "release.init", "--project", str(project))
    assert ran == code, said
    assert said.count("change these files of plain-thing? [y/N]") == 1
    assert (project / "noxfile.py").exists() == (code == 0)


@pytest.mark.online  # flit says its version only to a build
def test_projects_of_one_repository_are_adopted_each_for_itself(tmp_path):
    for name in ("plain", "flit"):
        make_project(tmp_path / "top" / "packages" / name, name)
        shutil.rmtree(tmp_path / "top" / "packages" / name / ".git")
    top, plain = tmp_path / "top", tmp_path / "top" / "packages" / "plain"
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "remote", "add", "origin", "https://github.com/ann/many.git")
    commit(top)
    before = git(top, "rev-parse", "HEAD^{tree}")
    for name in ("plain", "flit"):
        ran = warden(plain.with_name(name), "init", "--yes")
        assert ran.code == 0, ran.err
    written = {path.name for path in (top / ".github" / "workflows").iterdir()}
    assert written == {
        f"{name}-{kind}.yml" for name in ("plain-thing", "flit-thing")
        for kind in ("gates", "release")
    }  # fmt: skip
    for name in ("plain-thing", "flit-thing"):
        (top / ".github" / f"{name}-release-tools.txt").write_text(LOCKED)
    commit(top, "adopted")
    released = warden(plain, "release.publish", "--to", "local")
    assert released.code == 0, released.err
    assert "plain-thing" in released.document["tag"]
    for name in ("plain", "flit"):
        assert warden(plain.with_name(name), "init", "--undo", "--yes").code == 0
    commit(top, "as it was")
    assert git(top, "rev-parse", "HEAD^{tree}") == before


@pytest.mark.online  # a gate installs the project
def test_what_is_there_stays_to_the_byte_with_its_mode(tmp_path):
    project = make_project(tmp_path / "flit", "flit")
    texts = {
        "tox.ini": "[testenv]\ndeps = pytest\n", "Makefile": "lint:\n\t@echo theirs\n",
        "README.md": "# Plain\n",
    }  # fmt: skip
    for path, text in texts.items():
        (project / path).write_text(text)
        (project / path).chmod(0o755)
    commit(project)
    before = git(project, "rev-parse", "HEAD^{tree}")
    ran = adopt(project)
    kept = {one["path"] for one in ran.document["files"] if one["how"] == "keep"}
    assert kept == {"tox.ini", "Makefile"}
    assert "theirs" in nox(project, "-s", "lint").out
    assert git(project, "diff", "--summary", "HEAD^").count("mode change") == 0
    assert warden(project, "init", "--undo", "--yes").code == 0
    for left in project.rglob("__pycache__"):  # by nox, where .gitignore is as it was
        shutil.rmtree(left)
    commit(project, "as it was")
    assert git(project, "rev-parse", "HEAD^{tree}") == before


@pytest.mark.online
def test_a_project_that_nobody_here_wrote(tmp_path):
    project = unpack("iniconfig==2.0.0", tmp_path)
    git(project, "tag", "v2.0.0")
    ran = adopt(project)
    assert ran.code == 0, ran.err
    found = {fact["about"]: fact["value"] for fact in ran.document["facts"]}
    assert (found["backend"], found["version"]) == ("hatchling", "from tags")
    assert nox(project, "-s", "publish", "--", "--dry-run", "--to", "local").code == 0
    path = project / "pyproject.toml"
    path.write_text(path.read_text() + 'gates = ["lint", "tests"]\n')  # mypy takes its time
    commit(project)
    released = warden(project, "release.publish", "--to", "local")
    assert released.code == 0, released.err
    assert {file["name"] for file in released.document["files"]} == set(served(project))
    assert "iniconfig" in (project / "security-status" / "index.html").read_text()
