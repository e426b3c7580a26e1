"""``release.publish --to URL`` on indexes that misbehave: it ends in the truth, and a re-run heals.

Every case starts from a release that is sealed and not uploaded; some go from the very beginning.
"""

from __future__ import annotations

import json
import shutil

import pytest
from hostile_cases import CASES, LISTINGS, QUICK, hurry
from kit import git, make_project, refs, warden

from release.__main__ import main
from release.testing.hostile_index import good, lose_answer, serve_hostile_index, stale, status

pytestmark = pytest.mark.proof

LEDGER = "refs/release-warden/plain-thing"


@pytest.fixture(scope="module")
def shared():
    with serve_hostile_index() as index:
        yield index


@pytest.fixture
def index(shared):
    shared.forget()
    yield shared
    shared.forget()


def right(index):
    return {"TWINE_USERNAME": index.username, "TWINE_PASSWORD": index.password}


@pytest.fixture(scope="module")
def template(shared, tmp_path_factory):
    """A project whose 1.0.0 is sealed; the index has refused the first file."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    shared.misbehave("upload", then=status(401))
    ran = warden(project, "release.publish", "--to", shared.upload_url, **right(shared))
    assert ran.code == 1, ran.err
    return project


@pytest.fixture
def project(template, tmp_path):
    return shutil.copytree(template, tmp_path / "project", symlinks=True)


@pytest.fixture
def publish(index, project, monkeypatch, capsys):
    """``release.publish --json`` in this process; its exit code and its document."""
    for name, value in right(index).items():
        monkeypatch.setenv(name, value)

    def run():
        capsys.readouterr()
        argv = ["release.publish", "--to", index.upload_url, "--json", "--project", str(project)]
        code = 0
        try:
            main(argv)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, json.loads(capsys.readouterr().out)

    return run


def release_of(project):
    """The ref of the one release."""
    (ref,) = [
        ref
        for ref in git(project, "for-each-ref", "--format=%(refname)", LEDGER).split()
        if "/releases/" in ref
    ]
    return ref


def sealed(project, name):
    return json.loads(git(project, "show", f"{release_of(project)}:{name}.json"))


def hashes(manifest):
    return {file["name"]: file["sha256"] for file in manifest["files"]}


def assert_whole(project, index):
    """One release: what the index holds, lists and ever saw is what was sealed."""
    manifest, journal = sealed(project, "manifest"), sealed(project, "journal")
    assert index.files == hashes(manifest)
    assert index.offered == {name: {digest} for name, digest in hashes(manifest).items()}
    assert [one.name for one in index.stored] == [*dict.fromkeys(one.name for one in index.stored)]
    assert journal["state"] == "confirmed"
    steps = [entry["step"] for entry in journal["entries"]]
    if steps.count("upload") == 2:  # the index had said yes, and kept nothing
        assert len(index.uploads) > 2
        steps.remove("upload")
    failed = [(e["step"], e["detail"]) for e in journal["entries"] if e["step"].endswith("-failed")]
    assert len(failed) == len(set(failed)), "the same failure is one line"
    done = [step for step in steps if not step.endswith("-failed")]
    assert len(done) == len(set(done))
    assert git(project, "rev-parse", "v1.0.0^{commit}") == manifest["commit"]


def pytest_generate_tests(metafunc):
    """All cases, or in a sample a few of them."""
    if "case" in metafunc.fixturenames:
        sample = metafunc.config.getoption("--sample")
        names = QUICK[::2] if sample else CASES
        metafunc.parametrize("case", [CASES[name] for name in names], ids=names)


def test_a_run_ends_in_the_truth_and_a_second_one_heals_it(
    case, index, project, publish, monkeypatch
):
    hurry(monkeypatch)
    before = sealed(project, "manifest")
    case.set_up(index)
    code, document = publish()
    assert code in case.ends, document
    if code:
        assert document["schema"] == "release-warden/error/1"
        assert document["what"]
        assert document["next"]
        assert sealed(project, "journal")["state"] == "open"
        assert "v1.0.0" not in git(project, "tag")
        index.heal()
        code, document = publish()
        assert code == 0, document
    assert sealed(project, "manifest") == before
    assert_whole(project, index)


def test_a_listing_that_turns_old_after_the_confirmation(index, publish, project, monkeypatch):
    """The caches of an index need not agree: what one showed, the next may not know yet."""
    hurry(monkeypatch)
    index.misbehave("listing", *[good] * 3, then=stale(2))
    code, document = publish()
    assert code == 75, document
    index.heal()
    assert publish()[0] == 0
    assert_whole(project, index)


def test_without_any_hurry(index, project):
    """A program of its own, with the waits of every day."""
    index.misbehave("upload", status(503), lose_answer())
    index.misbehave("listing", stale(), status(502), stale())
    words = ("release.publish", "--to", index.upload_url)
    ran = warden(project, *words, **right(index))
    assert ran.code == 0, ran.err
    assert_whole(project, index)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("a listing with 5xx for ever", {75}),
        ("a listing that is refused", {4}),
        ("a login page", {4}),
        ("a listing with 5xx", {0}),
        ("an answer lost after the store", {0}),
        ("5xx after the first file", {75}),
    ],
)
def test_from_the_very_beginning(name, codes, index, tmp_path):
    project = make_project(tmp_path / "new")
    CASES[name].set_up(index)
    words = ("release.publish", "--to", index.upload_url)
    ran = warden(project, *words, **right(index))
    assert ran.code in codes, ran.err
    if name in LISTINGS and ran.code:
        assert refs(project, LEDGER) == "", "nothing is sealed"
    if ran.code:
        index.heal()
        again = warden(project, *words, **right(index))
        assert again.code == 0, again.err
    assert_whole(project, index)
