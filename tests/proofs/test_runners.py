"""Several runners, jobs and ends of one release, on a real remote and a real index."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit import advise, commit, git, make_project, make_wheel, warden
from shops import LEDGER, NAME, STAGES, Jobs, open_shop

from release.adapters.credentials import Credential, Given
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.adapters.workspace import HUMAN_FACING
from release.flows.land import FILES, TITLE
from release.testing.hostile_index import good, status

pytestmark = pytest.mark.proof

USED = status(400, "This filename has already been used, use a different version.")


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path) as opened:
        yield opened


def test_two_runners_at_once_make_one_release(shop):
    runners = [shop.clone("one"), shop.clone("two")]
    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(lambda p: shop.publish("--bump", "1.0.0", project=p), runners))
    assert sorted(r.code for r in ran) in ([0, 3], [0, 75], [0, 0]), [r.err for r in ran]
    seals = {r.document["seal"] for r in ran if r.code == 0}
    manifest = shop.sealed("1.0.0", "manifest")
    assert seals == {manifest["seal"]}
    assert shop.served() == {f["name"]: f["sha256"] for f in manifest["files"]}
    assert [r for r in shop.refs(LEDGER) if "/releases/" in r] == [
        f"{LEDGER}/{NAME}/releases/1.0.0"
    ]


def test_a_remote_that_goes_down_midway_is_resumed(shop, monkeypatch):
    """Between the upload and its line in the journal."""
    from release.adapters.clock import Clock
    from release.adapters.workspace import open_workspace
    from release.errors import TryAgainError
    from release.flows import carry
    from release.flows.auto import NO_REQUEST, publish
    from release.flows.context import Context

    for name, value in shop.right.items():
        monkeypatch.setenv(name, value)
    upload = carry.STEPS["upload"]

    def upload_and_lose(context, repository, seal):
        told = upload(context, repository, seal)
        shop.go_down()
        return told

    context = Context(open_workspace(shop.project), Clock(), lambda _: None)
    with monkeypatch.context() as patch, context.open_repository() as repository:
        patch.setitem(carry.STEPS, "upload", upload_and_lose)
        with pytest.raises(TryAgainError, match="origin does not answer"):
            publish(context, repository, NO_REQUEST, dry_run=False)
    before = shop.served()
    assert len(before) == 2
    shop.come_back()
    ran = shop.publish(project=shop.clone("other"))
    assert ran.code == 0, ran.err
    assert shop.served() == before
    journal = shop.sealed("1.0.0", "journal")
    assert [e["detail"] for e in journal["entries"] if e["step"] == "upload"] == [
        "every file was there already, with the sealed hash"
    ]


def test_a_push_whose_answer_is_lost_is_seen_by_reading_again(shop, tmp_path):
    """The remote stores what is pushed, and git says that it failed."""
    hook = shop.remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    ran = shop.publish()
    assert ran.code == 0, ran.err
    assert shop.sealed("1.0.0", "journal")["state"] == "confirmed"


def test_the_embedded_index_pushes_nothing(shop):
    ran = shop.publish("--to", "local")
    assert ran.code == 0, ran.err
    assert ran.document["tag"] == "local/v1.0.0"
    assert shop.refs() == ["refs/heads/main"]
    assert shop.served() == {}


def test_a_seal_that_a_person_gives_up_burns_its_number(shop):
    assert shop.publish(TWINE_PASSWORD="wrong").code == 1
    ran = shop.publish("--abandon", "It was a mistake.")
    assert ran.code == 0, ran.err
    assert ran.document["state"] == "abandoned"
    assert ran.document["entries"][-1]["detail"] == "a person: It was a mistake."
    assert shop.sealed("1.0.0", "journal")["state"] == "abandoned"
    again = shop.publish("--abandon", "Twice.")
    assert again.code == 3
    following = shop.publish()
    assert following.code == 0, following.err
    assert following.document["version"] == "1.0.1"
    refused = shop.publish("--abandon", "Too late.")
    assert refused.code == 3


def test_the_release_commit_lands_where_the_branch_did_not_move(tmp_path):
    with open_shop(tmp_path, 'commit = "push"') as shop:
        ran = shop.publish()
        assert ran.code == 0, ran.err
        released = shop.sealed("1.0.0", "manifest")["commit"]
        assert git(shop.remote, "rev-parse", "main") == released
        git(shop.project, "pull", "--quiet", "--ff-only", "origin", "main")
        shop.change(shop.project, "more")
        far = shop.clone("far")
        shop.change_midway(shop.project, "and more")
        second = shop.publish(project=far)
        assert second.code == 0, second.err
        assert "v1.0.1: unmerged: run git merge v1.0.1" in second.err
        assert git(shop.remote, "log", "-1", "--format=%s", "main") == "and more"


def test_where_the_branch_moved_a_branch_is_offered(tmp_path):
    with open_shop(tmp_path, 'commit = "pull-request"') as shop:
        far = shop.clone("far")
        shop.change_midway(shop.project, "meanwhile")
        ran = shop.publish(project=far)
        assert ran.code == 0, ran.err
        branch = git(shop.remote, "rev-parse", "release-warden/v1.0.0")
        assert branch == shop.sealed("1.0.0", "manifest")["commit"]


def test_six_jobs_make_the_release_that_one_process_makes(shop):
    jobs = Jobs(shop)
    jobs.until("record")
    assert shop.served() == {}
    manifest = shop.sealed("1.0.0", "manifest")
    before = shop.refs()
    uploaded = jobs.run("upload", **shop.right)
    assert uploaded.code == 0, uploaded.err
    assert shop.server.password not in uploaded.out + uploaded.err
    assert shop.refs() == before, "the job with the index's right needs none in the repository"
    assert shop.served() == {f["name"]: f["sha256"] for f in manifest["files"]}
    assert jobs.run("prove").code == 0
    finished = jobs.run("finish")
    assert finished.code == 0, finished.err
    assert finished.document["schema"] == "release-warden/receipt/1"
    assert finished.document["seal"] == manifest["seal"]
    assert git(shop.remote, "rev-parse", "v1.0.0") == manifest["commit"]
    assert shop.sealed("1.0.0", "journal")["state"] == "confirmed"
    assert {"gates", "build", "confirm", "prove", "tag"} <= set(finished.document["timings"])


def test_a_process_carries_on_what_the_jobs_left_and_the_jobs_what_it_left(shop):
    jobs = Jobs(shop)
    jobs.until("record")
    sealed = shop.sealed("1.0.0", "manifest")
    again = Jobs(shop)
    for stage in STAGES:
        shutil.rmtree(shop.folder / stage, ignore_errors=True)
        (shop.folder / f"output-{stage}").unlink(missing_ok=True)
    again.until("upload")
    assert shop.served() == {f["name"]: f["sha256"] for f in sealed["files"]}
    ran = shop.publish()
    assert ran.code == 0, ran.err
    assert ran.document["seal"] == sealed["seal"]


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def publish(project, index, *words):
    right = {"TWINE_USERNAME": index.username, "TWINE_PASSWORD": index.password}
    return warden(project, "release.publish", "--to", index.upload_url, *words, **right)


def state(project, version):
    refs = git(project, "for-each-ref", "--format=%(refname)", "refs/release-warden").split()
    ref = [ref for ref in refs if "/releases/" in ref][-1]
    assert ref.endswith(f"/releases/{version}")
    return git(project, "show", f"{ref}:journal.json")


def test_a_version_that_is_refused_for_ever_is_abandoned(hostile_index, project):
    hostile_index.misbehave("upload", then=USED)
    ran = publish(project, hostile_index)
    assert (ran.code, ran.document["error"]) == (1, "rejected")
    assert "1.0.0 is used up; publish again for the next one" in ran.document["next"]
    assert '"state": "abandoned"' in state(project, "1.0.0")
    hostile_index.misbehave("upload", good, then=USED)
    partly = publish(project, hostile_index)
    assert partly.document["error"] == "rejected", partly.err
    assert "yank 1.0.1" in partly.document["next"]
    assert '"state": "closed"' in state(project, "1.0.1")
    hostile_index.heal()
    ran = publish(project, hostile_index)
    assert ran.code == 0, ran.err
    assert ran.document["version"] == "1.0.2"


def require(project, lines):
    path = project / "pyproject.toml"
    path.write_text(
        re.sub(r"dependencies = .*", f"dependencies = {lines}", path.read_text(), count=1)
    )
    commit(project, f"needs {lines}")
    git(project, "push", "--quiet", "origin", "HEAD:main")


def test_an_owed_release_goes_through_all_stages_and_an_unowed_one_through_none(shop, tmp_path):
    """The published release needs a package with a hole, and HEAD has dropped it."""
    server = shop.server
    given = Given(Credential(server.username, server.password))
    upload(
        Repository("own", server.simple_url, server.upload_url, given), [make_wheel(tmp_path / "w")]
    )
    require(shop.project, '["tiny"]')
    assert shop.publish().code == 0
    advisories = ("--advisories", str(advise(tmp_path / "advisories", "tiny")))
    nothing = Jobs(shop, "release.auto")
    ran = nothing.run("check", *advisories)
    assert (ran.code, ran.document["decision"]["action"]) == (0, "none"), ran.err
    assert nothing.digest == ""
    kept = nothing.run("record", *advisories)
    assert (kept.code, kept.document["decision"]["action"]) == (0, "none"), kept.err
    assert f"{LEDGER}/history" in shop.refs()
    require(shop.project, "[]")
    for stage in ("check", "record"):
        shutil.rmtree(shop.folder / stage)
    ran = Jobs(shop, "release.auto").until("finish", *advisories)
    assert (ran.document["version"], ran.document["trigger"]) == ("1.0.1", "security-auto")
    assert git(shop.remote, "rev-parse", "v1.0.1") == shop.sealed("1.0.1", "manifest")["commit"]


@pytest.mark.parametrize("wanted", ["push", "none"])
def test_a_whole_automatic_run_in_ci_lands_the_release_and_the_findings(tmp_path, wanted):
    """``commit = "push"``: main gets the release commit, and on top of it what was found."""
    with open_shop(tmp_path, f'commit = "{wanted}"') as shop:
        server = shop.server
        given = Given(Credential(server.username, server.password))
        own = Repository("own", server.simple_url, server.upload_url, given)
        upload(own, [make_wheel(tmp_path / "w", version=version) for version in ("1.0", "2.0")])
        require(shop.project, '["tiny<2"]')
        assert shop.publish().code == 0
        git(shop.project, "pull", "--quiet", "--ff-only", "origin", "main")
        require(shop.project, '["tiny"]')
        before = git(shop.remote, "rev-parse", "main")
        advisories = advise(tmp_path / "advisories", "tiny", fixed="2.0")
        words = ("release.auto", "--advisories", str(advisories))
        for name in ("first", "second"):
            ran = warden(shop.clone(name), *words, CI="true", **shop.right)
            assert ran.code == 0, ran.err
        after = git(shop.remote, "log", "--format=%s", f"{before}..main").splitlines()
        if wanted == "none":
            assert after == []
            return
        assert after == [TITLE, "Release plain-thing 1.0.1"]
        assert git(shop.remote, "rev-parse", "main^") == git(shop.remote, "rev-parse", "v1.0.1")
        changed = git(shop.remote, "diff", "--name-only", "main^", "main").split()
        assert changed == [f"{HUMAN_FACING}/{name}" for name in FILES]


def test_archives_built_elsewhere_are_sealed_as_they_are(shop, tmp_path):
    out = tmp_path / "out"
    assert warden(shop.project, "release.build", "--output", str(out)).code == 0
    (out / "other-2.0.tar.gz").write_bytes(b"not ours")
    (out / "notes.txt").write_text("nor this")
    refused = shop.publish("--artifacts", str(out))
    assert refused.code == 3, refused.err
    assert "other-2.0.tar.gz" in refused.document["why"]
    assert "notes.txt" in refused.document["why"]
    (out / "other-2.0.tar.gz").unlink()
    (out / "notes.txt").unlink()
    planned = shop.publish("--artifacts", str(out), "--bump", "1.0.1", "--dry-run")
    assert planned.code == 3
    assert (
        "says plain-thing 1.0.0, the plan plain-thing 1.0.1"
        in planned.document["problems"][0]["what"]
    )
    ran = shop.publish("--artifacts", str(out))
    assert ran.code == 0, ran.err
    built = warden(shop.project, "release.verify", "--artifacts", str(out)).document["files"]
    assert shop.served() == {f["name"]: f["sha256"] for f in built}
    empty = shop.publish("--artifacts", str(tmp_path / "nowhere"))
    assert empty.code == 2


@pytest.mark.parametrize(("answer", "code"), [("n", 3), ("y", 0)])
def test_at_a_keyboard_a_real_index_asks_once(shop, answer, code):
    keyboard, terminal = pty.openpty()
    argv = [sys.executable, "-P", "-m", "release", "release.publish", "--project", shop.project]
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    child = subprocess.Popen(
        argv, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, env=env | shop.right
    )
    os.close(terminal)
    os.write(keyboard, f"{answer}\n".encode())
    said = b""
    while piece := _read(keyboard):
        said += piece
    child.communicate()
    os.close(keyboard)
    assert child.returncode == code, said.decode()
    assert said.count(b"release plain-thing 1.0.0 to shop, for ever? [y/N]") == 1
    assert bool(shop.served()) == (code == 0)


def _read(keyboard):
    """What the terminal shows; empty when the program has closed it."""
    try:
        return os.read(keyboard, 1 << 16)
    except OSError:
        return b""
