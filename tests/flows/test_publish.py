"""The whole way of a release, on a real repository and the real embedded index."""

import json

import pytest
from kit import commit, git, make_project, refs, served, warden

LEDGER = "refs/release-warden/plain-thing"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "ein Projekt")


def test_a_first_release_arrives_and_leaves_the_tree_alone(project):
    head = git(project, "rev-parse", "HEAD")
    ran = warden(project, "release.publish", "--reason", "The first one.")
    assert ran.code == 0, ran.err
    receipt = ran.document
    assert receipt["schema"] == "release-warden/receipt/1"
    assert receipt["version"] == "1.0.0"
    assert receipt["tag"] == "local/v1.0.0"
    assert {f["name"]: f["sha256"] for f in receipt["files"]} == served(project)
    assert len(receipt["files"]) == 2
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "status", "--porcelain") == ""
    tagged = git(project, "show", "local/v1.0.0:CHANGELOG.md")
    assert "## [1.0.0] - " in tagged
    assert "The first one." in tagged
    site = json.loads((project / "security-status" / "index.json").read_text())
    assert [r["version"] for r in site["releases"]] == ["1.0.0"]


def test_the_next_release_is_a_patch_with_the_version_written_into_the_commit(project):
    warden(project, "release.publish")
    (project / "plain_thing.py").write_text('"""Better."""\n\n__version__ = "1.0.0"\n')
    commit(project)
    ran = warden(project, "release.publish", "--bump", "patch")
    assert ran.code == 0, ran.err
    assert ran.document["version"] == "1.0.1"
    assert 'version = "1.0.1"' in git(project, "show", "local/v1.0.1:pyproject.toml")
    assert '__version__ = "1.0.1"' in git(project, "show", "local/v1.0.1:plain_thing.py")
    assert len(served(project)) == 4


def test_a_dry_run_changes_nothing_and_tells_every_problem(project):
    warden(project, "release.publish")
    before = refs(project)
    (project / "stray.txt").write_text("x")
    ran = warden(project, "release.publish", "--dry-run", "--bump", "1.0.0")
    assert ran.code == 3
    assert [p["check"] for p in ran.document["problems"]] == ["clean-tree", "version-free"]
    assert refs(project) == before
    refused = warden(project, "release.publish", "--bump", "1.0.0")
    assert refused.code == 3
    assert refused.document["schema"] == "release-warden/error/1"
    assert refs(project) == before


def test_a_red_gate_stops_before_anything_irreversible(project):
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        "    session.run('python', '-c', 'raise SystemExit(7)', external=True)\n"
    )
    commit(project)
    ran = warden(project, "release.publish")
    assert ran.code == 3, ran.err
    assert ran.document["error"] == "blocked"
    assert refs(project, f"{LEDGER}/local") == ""
    assert served(project) == {}


def test_a_seal_left_open_is_carried_on_with_the_sealed_bytes(project):
    """The run dies between the seal and the upload."""
    from release.adapters.clock import Clock
    from release.adapters.repository import open_repository
    from release.adapters.workspace import open_workspace
    from release.flows import carry
    from release.flows.auto import NO_REQUEST, publish
    from release.flows.context import Context

    class KilledError(Exception):
        pass

    def die(*_):
        raise KilledError

    context = Context(open_workspace(project), Clock(), lambda _: None)
    with pytest.MonkeyPatch.context() as patch, open_repository("local", project) as repository:
        patch.setitem(carry.STEPS, "upload", die)
        with pytest.raises(KilledError):
            publish(context, repository, NO_REQUEST, dry_run=False)
    manifest = json.loads(git(project, "show", f"{LEDGER}/local/releases/1.0.0:manifest.json"))
    assert served(project) == {}
    ran = warden(project, "release.publish")
    assert ran.code == 0, ran.err
    assert ran.document["seal"] == manifest["seal"]
    assert served(project) == {f["name"]: f["sha256"] for f in manifest["files"]}
    assert git(project, "rev-parse", "local/v1.0.0") == manifest["commit"]


def test_other_bytes_under_our_name_stop_loudly(project):
    warden(project, "release.publish")
    tip = git(project, "rev-parse", f"{LEDGER}/local/releases/1.0.0")
    git(project, "update-ref", "-d", f"{LEDGER}/local/releases/1.0.0")
    git(project, "tag", "-d", "local/v1.0.0")
    ran = warden(project, "release.publish", "--bump", "1.0.0")
    assert ran.code == 3, "the index still holds it: the version is not free"
    assert tip


def test_build_and_verify_stand_alone(project, tmp_path):
    built = warden(project, "release.build", "--output", str(tmp_path / "out"))
    assert built.code == 0, built.err
    assert {f["name"] for f in built.document["files"]} == {
        p.name for p in (tmp_path / "out").iterdir()
    }
    verified = warden(project, "release.verify", "--artifacts", str(tmp_path / "out"))
    assert verified.code == 0, verified.err
    assert verified.document["checks"]
    wheel = next((tmp_path / "out").glob("*.whl"))
    wheel.rename(wheel.with_name("plain_thing-1.0.1-py3-none-any.whl"))
    broken = warden(project, "release.verify", "--artifacts", str(tmp_path / "out"))
    assert broken.code == 1
    assert broken.document["error"] == "verification"
