"""Releases to an index of one's own, with a ledger that a real git remote shares."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from kit import git, make_project, refs, warden
from shops import LEDGER, NAME, open_shop

from release.adapters import embedded


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path) as opened:
        yield opened


def test_a_release_is_in_the_index_the_ledger_of_the_remote_and_its_tags(shop):
    ran = shop.publish("--reason", "The first.")
    assert ran.code == 0, ran.err
    receipt = ran.document
    assert (receipt["repository"], receipt["tag"]) == (NAME, "v1.0.0")
    assert {f["name"]: f["sha256"] for f in receipt["files"]} == shop.served()
    assert shop.sealed("1.0.0", "receipt") == receipt
    assert shop.sealed("1.0.0", "journal")["state"] == "confirmed"
    commit = shop.sealed("1.0.0", "manifest")["commit"]
    assert git(shop.remote, "rev-parse", "v1.0.0") == commit
    assert shop.refs() == [
        "refs/heads/main",
        f"{LEDGER}/decisions",
        f"{LEDGER}/runs",
        f"{LEDGER}/{NAME}/bytes/1.0.0",
        f"{LEDGER}/{NAME}/last",
        f"{LEDGER}/{NAME}/releases/1.0.0",
        "refs/tags/v1.0.0",
    ]
    assert shop.server.password not in ran.out + ran.err


def test_an_address_needs_no_configuration(tmp_path):
    project = make_project(tmp_path / "project")
    with embedded.serve(tmp_path / "index") as server:
        right = {"TWINE_USERNAME": server.username, "TWINE_PASSWORD": server.password}
        words = ("release.publish", "--to", server.upload_url)
        lacking = warden(project, *words)
        assert lacking.code == 3
        assert "credential: no credential for 127-0-0-1-" in lacking.document["why"]
        ran = warden(project, *words, **right)
        assert ran.code == 0, ran.err
        assert ran.document["tag"] == "v1.0.0"
        assert git(project, "tag") == "v1.0.0"
        again = warden(project, *words, "--bump", "1.0.0", "--dry-run", **right)
        assert again.document["problems"][0]["check"] == "version-free"


def test_the_password_is_found_in_pypirc_for_its_own_index_only(shop, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    rows = [
        "[distutils]",
        "index-servers = a b",
        "",
        "[a]",
        "repository = https://a.invalid/legacy/",
    ]
    rows += ["username = wrong", "password = wrong", "", "[b]"]
    rows += [f"repository = {shop.server.upload_url}", f"username = {shop.server.username}"]
    rows += [f"password = {shop.server.password}"]
    (home / ".pypirc").write_text("\n".join(rows))
    ran = warden(shop.project, "release.publish", "--dry-run", HOME=str(home))
    assert (ran.code, ran.document["problems"]) == (0, []), ran.err
    (home / ".pypirc").write_text("\n".join(rows[:8]))
    lacking = warden(shop.project, "release.publish", "--dry-run", HOME=str(home))
    assert [p["check"] for p in lacking.document["problems"]] == ["credential"]
    (home / ".pypirc").write_text(f"[b\npassword = {shop.server.password}")
    broken = warden(shop.project, "release.publish", "--dry-run", HOME=str(home))
    assert broken.document["problems"][0]["what"] == "~/.pypirc cannot be read"
    assert shop.server.password not in broken.out + broken.err


def test_a_seal_is_carried_on_from_a_fresh_clone(shop):
    """The runner that sealed it has no right to upload, and is gone afterwards with its disk."""
    refused = shop.publish(TWINE_PASSWORD="wrong")
    assert refused.code == 1, refused.err
    assert refused.document["error"] == "repository"
    assert "irreversible so far: 1.0.0 is sealed" in refused.document["why"]
    assert shop.served() == {}
    manifest = shop.sealed("1.0.0", "manifest")
    other = shop.clone("other")
    ran = shop.publish(project=other)
    assert ran.code == 0, ran.err
    assert ran.document["seal"] == manifest["seal"]
    assert shop.served() == {f["name"]: f["sha256"] for f in manifest["files"]}
    assert git(shop.remote, "rev-parse", "v1.0.0") == manifest["commit"]
    nothing = shop.publish("--bump", "1.0.0", "--dry-run")
    assert [p["check"] for p in nothing.document["problems"]] == ["version-free"]


def test_a_remote_that_is_down_says_so_and_nothing_is_lost(shop):
    shop.go_down()
    ran = shop.publish()
    assert ran.code == 75, ran.err
    assert "origin does not answer" in ran.document["what"]
    assert shop.served() == {}
    assert refs(shop.project, LEDGER) == ""


def test_a_remote_that_refuses_the_push_leaves_nothing_sealed(shop):
    hook = shop.remote / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho "$1 is protected" >&2\nexit 1\n')
    hook.chmod(0o755)
    ran = shop.publish()
    assert ran.code == 75, ran.err
    assert "is protected" in ran.document["why"]
    assert refs(shop.project, LEDGER) == ""
    assert shop.served() == {}


def test_a_remote_that_git_does_not_know_is_wrong_usage(shop):
    git(shop.project, "remote", "rename", "origin", "upstream")
    ran = shop.publish()
    assert ran.code == 2
    assert ran.document["what"] == "git knows no remote 'origin'"
    assert "upstream" in ran.document["why"]


def test_a_tag_of_somebody_else_at_the_remote_stops_before_anything(shop):
    other = shop.clone("other")
    git(other, "tag", "v1.0.0")
    git(other, "push", "--quiet", "origin", "v1.0.0")
    ran = shop.publish("--bump", "1.0.0")
    assert ran.code == 3
    assert "version-free" in ran.document["why"]
    assert shop.served() == {}


def test_refs_of_the_ledger_travel_to_a_new_clone_and_never_back_in_time(shop):
    from release.adapters.git import Git
    from release.adapters.ledger import Ledger, documents
    from release.adapters.remote import Remote
    from release.model.changes import Changes

    def ledger(folder):
        held = Ledger(Git(folder), "p", Remote(Git(folder), "origin"))
        held.fetch()
        return held

    def put(held, text, *, share):
        files = documents(changes=Changes(since=text))
        ref, at = held.ref("history"), datetime(2026, 11, 23, tzinfo=UTC)
        return held.write(ref, files, old=held.tip("history"), message=text, at=at, share=share)

    here, there = shop.project, shop.clone("there")
    first = put(ledger(here), "one", share=True)
    assert ledger(there).tip("history") == first
    alone = put(ledger(here), "two", share=False)
    assert ledger(here).tip("history") == alone, "a scan at the keyboard is kept"
    assert ledger(there).tip("history") == first, "and not pushed"
    theirs = put(ledger(there), "theirs", share=True)
    assert ledger(here).tip("history") == theirs, "the remote is the truth"
    onward = put(ledger(here), "three", share=False)
    shared = put(ledger(here), "four", share=True)
    assert list(ledger(there).past("history")) == [shared, onward, theirs, first]
