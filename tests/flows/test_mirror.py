"""Jobs that hold nothing in a private repository: one step reads it, the others its mirror."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from git_server import git_server
from kit import Ran, git, warden
from shops import LEDGER, Shop, open_shop

TOKEN = "canary-token-of-a-private-repository"


@dataclass(frozen=True)
class Private:
    """A shop whose remote answers to nobody without the token."""

    shop: Shop
    address: str

    def checkout(self, name: str) -> Path:
        """What the service's checkout leaves: all of the project, and no credential."""
        clone = self.shop.clone(name)
        git(clone, "remote", "set-url", "origin", f"{self.address}/{self.shop.remote.name}")
        return clone

    def step(self, clone: Path, task: str, *words: str, **env: str) -> Ran:
        """A step of a job."""
        job = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": self.address}
        job["GITHUB_OUTPUT"] = str(clone.with_suffix(".output"))
        return warden(clone, task, *words, **{**job, **env})


@pytest.fixture
def private(tmp_path) -> Iterator[Private]:
    with open_shop(tmp_path) as shop, git_server(tmp_path, TOKEN) as address:
        yield Private(shop, address)


def check(private: Private, clone: Path, **env: str) -> Ran:
    flags = ("--stage", "check", "--advisories", str(clone / "none"))
    (clone / "none").mkdir(exist_ok=True)
    (clone / "none" / "X-1.json").write_text('{"id": "X-1", "modified": "2026-01-01T00:00:00Z"}')
    return private.step(clone, "release.auto", *flags, **env)


def test_a_stage_that_holds_nothing_reads_the_mirror(private):
    private.shop.publish()
    clone = private.checkout("job")
    made = private.step(clone, "release.mirror", GITHUB_TOKEN=TOKEN)
    assert made.code == 0, made.err
    assert made.document["remote"] == "origin"
    assert (clone.with_suffix(".output")).read_text() == "mirror=origin\n"
    checked = check(private, clone, RELEASE_WARDEN_MIRROR="origin")
    assert checked.code == 0, checked.err
    assert checked.document["decision"]["reasons"][0]["rule"] == "nothing-owed"
    assert f"{LEDGER}/shop/releases/1.0.0" in git(clone, "for-each-ref", "--format=%(refname)")
    shown = private.step(clone, "status.build", RELEASE_WARDEN_MIRROR="origin")
    assert [one["version"] for one in shown.document["releases"]] == ["1.0.0"]
    assert not [path for path in clone.rglob("*") if path.is_file() and holds(path, TOKEN)]


def holds(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()


def test_without_a_mirror_it_is_told_what_is_to_be_said(private):
    checked = check(private, private.checkout("job"))
    assert checked.code == 75
    assert "does not answer" in checked.document["what"]
    assert "private = true in [tool.release-warden.github]" in checked.document["next"]


def test_a_mirror_that_is_told_of_and_not_there_is_a_wrong_call(private):
    checked = check(private, private.checkout("job"), RELEASE_WARDEN_MIRROR="origin")
    assert checked.code == 2
    assert "run release.mirror first" in checked.document["next"]


def test_a_mirror_is_read_and_never_pushed_to(private):
    clone = private.checkout("job")
    assert private.step(clone, "release.mirror", GITHUB_TOKEN=TOKEN).code == 0
    done = private.step(
        clone, "release.publish", "--yes", **private.shop.right, RELEASE_WARDEN_MIRROR="origin"
    )
    assert done.code == 75
    assert "only has a mirror of origin" in json.dumps(done.document)
    assert private.shop.refs("refs/release-warden") == []
    assert private.shop.served() == {}


def test_a_mirror_is_as_old_as_its_step(private):
    """Made anew each time: what the remote lost meanwhile is not in it."""
    clone = private.checkout("job")
    git(private.shop.remote, "tag", "v0.1")
    first = private.step(clone, "release.mirror", GITHUB_TOKEN=TOKEN)
    git(private.shop.remote, "tag", "--delete", "v0.1")
    second = private.step(clone, "release.mirror", GITHUB_TOKEN=TOKEN)
    assert first.document["refs"] - second.document["refs"] == 1


def test_without_a_remote_there_is_nothing_to_mirror(tmp_path):
    from kit import make_project

    done = warden(make_project(tmp_path / "project"), "release.mirror")
    assert (done.code, done.document["schema"]) == (2, "release-warden/error/1")
