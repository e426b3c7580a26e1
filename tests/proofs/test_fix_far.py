"""What else may happen to a fix: rehearsals, deaths, thrown away branches, the governor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import fix_world
import pytest
from fix_world import LEDGER, branches, configure, on_github, state, warn
from forge_server import Trouble
from harness import KILLED
from kit import commit, git, refs, served, warden
from osv_server import Trouble as Silence

from release.adapters.clock import Clock
from release.adapters.workspace import open_workspace
from release.errors import BlockedError, UnknownError
from release.flows.context import Context
from release.flows.fix import prepare
from release.flows.scan import scan
from release.testing.hostile_index import serve_hostile_index

shelf, osv_server, osv = fix_world.shelf, fix_world.osv_server, fix_world.osv
template, project, forge = fix_world.template, fix_world.project, fix_world.forge
pytestmark = pytest.mark.proof


@pytest.mark.beyond_sample
def test_a_project_in_a_folder_of_a_larger_repository(project, osv, tmp_path):
    warn(osv, "PYSEC-1", "lib", "2.0")
    larger = tmp_path / "larger"
    larger.mkdir()
    git(larger, "init", "--quiet", "--initial-branch=main")
    shutil.copytree(project, larger / "one", ignore=shutil.ignore_patterns(".git", ".release"))
    shutil.copytree(project / ".release" / "index", larger / "one" / ".release" / "index")
    commit(larger)
    ran = warden(larger / "one", "release.fix")
    assert ran.code == 0, ran.err
    assert (
        git(larger, "diff", "--name-only", "main", ran.document["branch"]) == "one/pyproject.toml"
    )
    assert "+++ b/one/pyproject.toml" in ran.document["diff"]


@pytest.mark.beyond_sample
def test_a_fix_that_is_yanked_is_no_edit(project, osv, shelf):
    shelf.put("lib", "3.0", yanked=True)
    warn(osv, "PYSEC-1", "lib", "2.5")
    ran = warden(project, "release.fix")
    assert (ran.code, ran.document["edits"], branches(project)) == (0, [], ["main"])


@pytest.mark.beyond_sample
def test_by_default_an_automatic_run_only_names_the_next_step(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"], ran.document["fix"]) == (0, "hold", None)
    assert branches(project) == ["main"]


@pytest.mark.beyond_sample
def test_propose_makes_the_branch_once_even_if_it_was_thrown_away(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "propose"')
    before = state(project)
    dry = warden(project, "release.auto", "--dry-run")
    assert (dry.code, dry.document["fix"]["commit"]) == (0, None)
    assert branches(project) == ["main"]
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"]) == (0, "hold"), ran.err
    branch = ran.document["fix"]["branch"]
    assert branches(project) == ["main", branch]
    assert git(project, "tag") == "local/v1.0.0"
    assert {k: v for k, v in enumerate(state(project)) if k != 2} == {
        k: v for k, v in enumerate(before) if k != 2
    }
    git(project, "branch", "-D", branch)
    again = warden(project, "release.auto")
    assert (again.code, again.document["fix"]) == (0, ran.document["fix"])
    assert branches(project) == ["main"]


@pytest.mark.beyond_sample
def test_a_proposal_that_broke_off_is_gone_on_with(project, osv, forge):
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    ran = warden(project, "release.auto", **(env | {"GITHUB_TOKEN": ""}))
    assert (ran.code, ran.document["what"]) == (1, "there is no token for GitHub")
    assert "GITHUB_TOKEN" in ran.document["next"]
    forge.troubles += [Trouble("GET", "", 403, {"Retry-After": "1"})]
    busy = warden(project, "release.auto", **env)
    assert (busy.code, forge.pulls) == (75, [])
    assert warden(project, "release.auto", **env).code == 0
    assert len(forge.pulls) == 1


def test_a_run_that_dies_after_the_seal_is_gone_on_with(project, osv, monkeypatch):
    from release.adapters.clock import Clock
    from release.adapters.repository import open_repository
    from release.adapters.workspace import open_workspace
    from release.flows import carry
    from release.flows.auto import auto
    from release.flows.context import Context

    class KilledError(Exception):
        pass

    def die(*_):
        raise KilledError

    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    context = Context(open_workspace(project), Clock(), lambda _: None)
    with pytest.MonkeyPatch.context() as patch, open_repository("local", project) as repository:
        patch.setitem(carry.STEPS, "upload", die)
        with pytest.raises(KilledError):
            auto(context, repository, advisories=None, dry_run=False)
    manifest = json.loads(git(project, "show", f"{LEDGER}/local/releases/1.0.1:manifest.json"))
    ran = warden(project, "release.auto")
    assert ran.code == 0, ran.err
    assert {f["name"]: f["sha256"] for f in manifest["files"]}.items() <= served(project).items()
    assert git(project, "rev-parse", "local/v1.0.1") == manifest["commit"]
    assert "git merge local/v1.0.1" in ran.err
    assert git(project, "tag").split() == ["local/v1.0.0", "local/v1.0.1"]


def test_a_run_that_dies_before_its_offer_is_caught_up(project, osv, forge):
    """The release is whole by then; only the pull request for its commit is missing."""
    with serve_hostile_index() as index:
        env = on_github(
            forge, project,
            'fix = "release"',
            'repository = "shop"',
            "[tool.release-warden.repositories.shop]",
            f'upload-url = "{index.upload_url}"',
        )  # fmt: skip
        env |= {"TWINE_USERNAME": index.username, "TWINE_PASSWORD": index.password}
        first = warden(project, "release.publish", "--reason", "Here, too.", **env)
        assert first.code == 0, first.err
        warn(osv, "PYSEC-1", "lib", "2.0")
        argv = [sys.executable, "-P", str(KILLED), "before:offer", "group", "release.auto"]
        killed = subprocess.run(
            [*argv, "--project", str(project)],
            env={**os.environ, **env},
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (len(index.stored), forge.pulls) == (4, [])
        for _ in range(2):
            ran = warden(project, "release.auto", **env)
            assert ran.code == 0, ran.err
            (pull,) = forge.pulls
            assert pull["head"]["ref"] == "release-warden/v1.0.1"
        assert len(index.stored) == 4


@pytest.mark.beyond_sample
@pytest.mark.parametrize(
    ("policy", "rule"),
    [("automatic = false", "kill-switch"), ("releases-per-week = 0", "weekly-budget-spent")],
)
def test_the_governor_holds_it(project, osv, policy, rule):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"', "[tool.release-warden.policy]", policy)
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"]) == (0, "hold"), ran.err
    assert ran.document["reasons"][0]["rule"] == rule
    assert (git(project, "tag"), branches(project)) == ("local/v1.0.0", ["main"])


@pytest.mark.beyond_sample
def test_what_a_fix_would_release_is_shown_and_once_merged_nothing_is_owed(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    head = git(project, "rev-parse", "HEAD")
    dry = warden(project, "release.auto", "--dry-run")
    assert dry.code == 0, dry.err
    plan = dry.document["plan"]
    assert plan["edits"][0]["path"] == "pyproject.toml"
    assert plan["commit"] == head
    assert len(served(project)) == 2
    assert warden(project, "release.auto").code == 0
    git(project, "checkout", "-q", ".")
    shutil.rmtree(project / "security-status", ignore_errors=True)
    shutil.rmtree(project / "security", ignore_errors=True)
    git(project, "merge", "-q", "--ff-only", "local/v1.0.1")
    merged = warden(project, "release.auto")
    assert (merged.code, merged.document["action"]) == (0, "none"), merged.err


@pytest.mark.beyond_sample
def test_a_closed_pull_request_is_found_by_a_fresh_clone(project, osv, forge):
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    fix = warden(project, "release.auto", **env).document["fix"]
    (pull,) = forge.pulls
    pull["state"] = "closed"
    git(project, "update-ref", "-d", f"{LEDGER}/fixes/{fix['branch'].rpartition('/')[2]}")
    assert warden(project, "release.auto", **env).code == 0, "a fresh clone finds it on GitHub"
    assert [(p["number"], p["state"]) for p in forge.pulls] == [(pull["number"], "closed")]


def staged(project, *stages, digest=""):
    """Those stages, one after the other."""
    for stage in stages:
        ran = warden(project, "release.auto", "--stage", stage, "--digest", digest)
        assert ran.code == 0, ran.err
        digest = ran.document["output"]["digest"] if ran.document.get("output") else ""
    return ran, digest


def test_in_stages_the_edit_travels_with_the_plan(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("'safe' ,", "'safe >= 1.0' ,"))
    configure(project, 'fix = "release"')
    before, standing = state(project), refs(project)
    _, digest = staged(project, "check", "build")
    assert refs(project) == standing
    ran, digest = staged(project, "record", digest=digest)
    assert ran.document["decision"]["action"] == "release"
    scanned = json.loads(git(project, "show", f"{LEDGER}/history:snapshot.json"))
    assert scanned["project"]["commit"] == before[0]
    (head,) = (one for one in scanned["closures"] if one["kind"] == "candidate")
    assert "lib>=1, <2" in head["requires"], "history tells of HEAD, which lacks the edit"
    ran, _ = staged(project, "upload", "prove", "finish", digest=digest)
    assert (ran.document["version"], ran.document["trigger"]) == ("1.0.1", "security-auto")
    assert git(project, "rev-parse", "local/v1.0.1^") == before[0]
    assert '"lib>=1",  # capped' in git(project, "show", "local/v1.0.1:pyproject.toml")
    assert "git merge local/v1.0.1" in ran.err
    replayed = warden(project, "release.replay", f"{LEDGER}/local/releases/1.0.1")
    assert replayed.code == 0, replayed.err
    assert state(project)[:2] == before[:2]


def test_in_stages_a_proposal_is_pushed_without_the_forges_token(project, osv, forge):
    """The stage that records may run code of the project, and a pull request needs a token."""
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    for _ in range(2):
        ran = warden(project, "release.auto", "--stage", "record")
        assert (ran.code, ran.document["decision"]["action"]) == (0, "hold"), ran.err
        (branch,) = (b for b in branches(project) if b != "main")
        assert forge.git("rev-parse", f"refs/heads/{branch}") == git(project, "rev-parse", branch)
        assert forge.pulls == []
    whole = warden(project, "release.auto", **env)
    assert whole.code == 0, whole.err
    assert [pull["head"]["ref"] for pull in forge.pulls] == [branch]


def test_in_stages_what_is_held_at_the_end_is_not_sealed(project, osv):
    """Somebody throws the kill switch between the jobs."""
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    _, digest = staged(project, "check", "build")
    off = {"RELEASE_WARDEN_AUTOMATIC": "off"}
    flags = ("--stage", "record", "--digest", digest)
    ran = warden(project, "release.auto", *flags, **off)
    assert (ran.code, "kill-switch" in ran.document["why"]) == (75, True), ran.err
    assert len(served(project)) == 2
    assert git(project, "tag") == "local/v1.0.0"


def test_in_stages_red_gates_hand_over_nothing(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        "    assert '<2' in open('pyproject.toml').read()\n"
    )
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("gates = []", 'gates = ["tests"]'))
    configure(project, 'fix = "release"')
    ran = warden(project, "release.auto", "--stage", "check")
    assert ran.code == 3, ran.err
    assert "the edit that would free users is not released" in ran.document["what"]
    assert not list((project / ".release").glob("handover/*/*"))


@pytest.mark.beyond_sample
def test_an_edit_that_brings_worse_or_cannot_be_looked_at_makes_no_branch(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    context = Context(open_workspace(project), Clock(), lambda _: None)
    scanned = scan(context, keep=False)
    warn(osv, "PYSEC-2", "lib", "9.9", severity="CRITICAL")
    osv.records["PYSEC-2"]["affected"][0]["ranges"][0]["events"][0]["introduced"] = "2.0"
    osv.raw["PYSEC-2"] = json.dumps(osv.records["PYSEC-2"]).encode()
    with pytest.raises(BlockedError, match="bring some as bad or worse"):
        prepare(context, scanned, advisories=None)
    osv.troubles += [Silence()] * 9
    with pytest.raises(UnknownError, match="nobody can tell"):
        prepare(context, scanned, advisories=None)
    osv.troubles.clear()
    assert branches(project) == ["main"]


@pytest.mark.beyond_sample
def test_an_unreachable_database_is_unknown(project):
    text = (project / "pyproject.toml").read_text()
    url = next(line for line in text.splitlines() if line.startswith("osv-url"))
    (project / "pyproject.toml").write_text(text.replace(url, 'osv-url = "http://127.0.0.1:9"'))
    commit(project)
    ran = warden(project, "release.fix")
    assert (ran.code, branches(project)) == (4, ["main"])


def test_red_gates_release_nothing_and_leave_nothing(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        "    text = open('pyproject.toml').read()\n"
        "    assert '<2' in text, 'it needs the old one'\n"
    )
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("gates = []", 'gates = ["tests"]'))
    configure(project, 'fix = "release"')
    before = git(project, "for-each-ref", "refs/heads", "refs/tags", f"{LEDGER}/local")
    ran = warden(project, "release.auto")
    assert ran.code == 3, ran.err
    assert "the edit that would free users is not released" in ran.document["what"]
    assert "release.fix" in ran.document["next"]
    after = git(project, "for-each-ref", "refs/heads", "refs/tags", f"{LEDGER}/local")
    assert (after, len(served(project))) == (before, 2)
