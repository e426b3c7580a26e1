"""From an advisory to the edit that frees users, to its pull request, and to a released patch."""

from __future__ import annotations

from pathlib import Path

import fix_world
import pytest
from fix_world import LEDGER, LIB, branches, configure, fixed, on_github, state, warn
from forge_server import TOKEN
from kit import commit, git, refs, served, warden

from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import BlockedError
from release.flows.context import Context
from release.flows.fix import _require_free, prepare
from release.flows.scan import scan

shelf, osv_server, osv = fix_world.shelf, fix_world.osv_server, fix_world.osv
template, project, forge = fix_world.template, fix_world.project, fix_world.forge


def test_without_anything_to_free_there_is_nothing_to_do(project, osv):
    ran = warden(project, "release.fix")
    assert (ran.code, ran.document["edits"], branches(project)) == (0, [], ["main"])


def test_a_dry_run_shows_the_edit_and_changes_nothing(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    before = refs(project)
    ran = warden(project, "release.fix", "--dry-run")
    assert ran.code == 0, ran.err
    assert ran.document["edits"] == [{"requirement": LIB, "becomes": "lib>=1"}]
    assert ran.document["commit"] is None
    changed = [line for line in ran.document["diff"].splitlines() if line[0] in "+-"]
    assert changed == [
        "--- a/pyproject.toml",
        "+++ b/pyproject.toml",
        '-  "lib>=1, <2",  # capped',
        '+  "lib>=1",  # capped',
    ]
    assert refs(project) == before
    page = (Path(__file__).parents[2] / "docs" / "fix.md").read_text()
    assert page.partition("```diff\n")[2].partition("```")[0].splitlines() == changed


def test_the_edit_is_a_commit_on_a_branch_of_its_own_made_once(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    (project / "plain_thing.py").write_text("work = 'in progress'\n")
    (project / "staged.txt").write_text("x")
    git(project, "add", "staged.txt")
    before = state(project)
    ran = warden(project, "release.fix")
    assert ran.code == 0, ran.err
    assert state(project) == before
    branch, tip = ran.document["branch"], ran.document["commit"]
    assert branch.startswith("release-warden/fix/")
    assert branches(project) == ["main", branch]
    assert git(project, "rev-parse", f"{branch}^") == before[0]
    assert git(project, "diff", "--name-only", "HEAD", branch) == "pyproject.toml"
    text = (project / "pyproject.toml").read_text()
    assert git(project, "show", f"{branch}:pyproject.toml") == fixed(text).strip()
    message = git(project, "log", "-1", "--format=%an%n%B", branch)
    assert message.startswith("Release Warden\nFree users of known weaknesses in lib\n")
    assert "PYSEC-1" in message
    again = warden(project, "release.fix")
    assert (again.code, again.document["commit"]) == (0, tip)
    assert branches(project) == ["main", branch]


def test_floors_are_raised_only_when_asked(project, osv):
    """Of a floor, a scan knows a finding that no fresh install has."""
    warn(osv, "PYSEC-1", "lib", "1.1")
    plain = warden(project, "release.fix")
    assert (plain.code, plain.document["edits"]) == (0, [])
    context = Context(open_workspace(project), Clock(), lambda _: None)
    seen = scan(context, keep=False)
    assert prepare(context, seen, advisories=None) is None
    edited = prepare(context, seen, advisories=None, floors=True)
    assert edited is not None
    text = (project / "pyproject.toml").read_text()
    assert edited.fix.files[0].after == text.replace('"lib>=1, <2",', '"lib>=1.1, <2",')
    with pytest.raises(BlockedError, match="does not free users"):
        _require_free(seen.snapshot, edited.wanted)


def test_an_edit_that_cannot_be_written_is_told_to_a_person(project, osv):
    """The backend reads the requirements from a file that nobody declared."""
    warn(osv, "PYSEC-1", "lib", "2.0")
    text = (project / "pyproject.toml").read_text()
    listed = text[text.index("dependencies = [") : text.index("]\n\n[tool") + 2]
    (project / "pyproject.toml").write_text(text.replace(listed, 'dynamic = ["dependencies"]\n'))
    (project / "needs.txt").write_text("lib>=1, <2\nsafe\n")
    backend = (project / "plain_backend.py").read_text()
    for old, new in (
        ('project["dependencies"]', 'Path("needs.txt").read_text().splitlines()'),
        ('plain_thing.py", "pyproject.toml")', 'plain_thing.py", "pyproject.toml", "needs.txt")'),
    ):
        assert old in backend
        backend = backend.replace(old, new)
    (project / "plain_backend.py").write_text(backend)
    commit(project)
    ran = warden(project, "release.fix")
    assert ran.code == 3, ran.err
    assert f"replace {LIB} by lib>=1" in ran.document["next"]
    assert branches(project) == ["main"]


def test_propose_pushes_the_branch_and_opens_one_pull_request(project, osv, forge):
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    ran = warden(project, "release.auto", **env)
    assert ran.code == 0, ran.err
    fix = ran.document["fix"]
    assert forge.git("rev-parse", f"refs/heads/{fix['branch']}") == fix["commit"]
    (pull,) = forge.pulls
    assert fix["pull_request"] == pull["html_url"]
    assert pull["base"]["ref"] == "main"
    assert pull["title"] == "Free users of known weaknesses in lib"
    assert "`lib>=1`" in pull["body"]
    assert forge.git("rev-parse", "main") == git(project, "rev-parse", "HEAD")
    pull["state"] = "closed"
    count = len(forge.seen)
    again = warden(project, "release.auto", **env)
    assert again.document["fix"] == fix
    assert len(forge.seen) == count, "what was proposed once is not asked about again"
    assert TOKEN not in ran.out + ran.err


def test_from_an_advisory_to_a_released_and_proven_patch_without_a_hand(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    before = state(project)
    ran = warden(project, "release.auto")
    assert ran.code == 0, ran.err
    assert (ran.document["action"], ran.document["trigger"]) == ("release", "security-auto")
    receipt = ran.document["receipt"]
    assert (receipt["version"], receipt["tag"]) == ("1.0.1", "local/v1.0.1")
    assert {f["name"]: f["sha256"] for f in receipt["files"]}.items() <= served(project).items()
    assert git(project, "rev-parse", "local/v1.0.1^") == before[0]
    text = (project / "pyproject.toml").read_text()
    released = fixed(text).replace('version = "1.0.0"', 'version = "1.0.1"')
    assert git(project, "show", "local/v1.0.1:pyproject.toml") == released.strip()
    assert "no longer gets `PYSEC-1`" in git(project, "show", "local/v1.0.1:CHANGELOG.md")
    assert state(project)[:2] == before[:2]
    assert branches(project) == ["main"]
    assert "unmerged" in ran.err
    assert "git merge local/v1.0.1" in ran.err
    ref = f"{LEDGER}/local/releases/1.0.1"
    replayed = warden(project, "release.replay", ref)
    assert replayed.code == 0, replayed.err
    assert replayed.document["fingerprint"] == ran.document["fingerprint"]
    assert git(project, "show", f"{ref}:plan.json").count('"becomes": "lib>=1"') > 0
    tags = git(project, "tag")
    again = warden(project, "release.auto")
    assert (again.code, git(project, "tag")) == (0, tags), again.err
