"""Every state of a release, made for real; the command that is named next leads to ``clean``."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from forge_server import TOKEN, Trouble, github
from kit import Ran, git, make_wheel, warden
from osv_server import osv_api
from shops import Shop, open_shop
from warehouse import Warehouse

pytestmark = pytest.mark.proof


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path) as opened:
        yield opened


def owner(shop: Shop) -> Warehouse:
    return Warehouse(shop.server, shop.folder / "index")


def look(shop: Shop, project: Path | None = None, *words: str) -> Ran:
    return warden(project or shop.project, "release.reconcile", *words)


def follow(shop: Shop, command: str) -> Ran:
    """Run the very command that was named."""
    tool, *words = shlex.split(command)
    if tool == "release-warden":
        return warden(shop.project, *words, **shop.right)
    done = subprocess.run(
        [tool, *words], cwd=shop.project, capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def stop_before(shop: Shop, step: str) -> None:
    """A run that dies when a step begins; steps are those of ``carry``."""
    program = (
        "import os, sys\n"
        "from release.flows import carry\n"
        f"carry.STEPS[{step!r}] = lambda *_: os._exit(9)\n"
        "from release.__main__ import main\n"
        "sys.argv = ['release-warden', 'release.publish', '--project', sys.argv[1]]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(shop.project)],
        env={**os.environ, **shop.right},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr


def half_uploaded(shop: Shop) -> None:
    """The wheel is up, the sdist is not."""
    stop_before(shop, "upload")
    manifest = shop.sealed("1.0.0", "manifest")
    wheel = next(f["name"] for f in manifest["files"] if f["name"].endswith(".whl"))
    show = ["git", "show", f"{manifest['stored']}:{wheel}"]
    data = subprocess.run(show, cwd=shop.project, check=True, capture_output=True).stdout
    owner(shop).upload("plain-thing", "1.0.0", wheel, data)


def untagged(shop: Shop) -> None:
    assert shop.publish().code == 0
    git(shop.remote, "update-ref", "-d", "refs/tags/v1.0.0")


def wrongly_tagged(shop: Shop) -> None:
    assert shop.publish().code == 0
    git(shop.remote, "update-ref", "refs/tags/v1.0.0", "refs/heads/main")


def lost_ledger(shop: Shop) -> None:
    assert shop.publish("--reason", "The first.").code == 0
    lose(shop)


def lose(shop: Shop) -> None:
    for ref in shop.refs("refs/release-warden"):
        git(shop.remote, "update-ref", "-d", ref)
        git(shop.project, "update-ref", "-d", ref)


def unshared(shop: Shop) -> None:
    assert shop.publish().code == 0
    for ref in shop.refs("refs/release-warden"):
        git(shop.remote, "update-ref", "-d", ref)


def tag_only(shop: Shop) -> None:
    git(shop.project, "tag", "v0.9.0")
    git(shop.project, "push", "--quiet", "origin", "v0.9.0")


def index_only(shop: Shop) -> None:
    owner(shop).upload_tiny("plain-thing", "7.0.0")


def taken_off(shop: Shop) -> None:
    assert shop.publish().code == 0
    owner(shop).delete_all("plain-thing")


CASES: dict[str, tuple[Callable[[Shop], object], str, int]] = {
    "nothing yet": (lambda _: None, "clean", 0),
    "released": (Shop.publish, "clean", 0),
    "killed before the upload": (lambda s: stop_before(s, "upload"), "sealed", 75),
    "killed in the upload": (half_uploaded, "uploading", 75),
    "killed before the confirmation": (lambda s: stop_before(s, "confirm"), "unconfirmed", 75),
    "killed before the proof": (lambda s: stop_before(s, "prove"), "unconfirmed", 75),
    "killed before the tag": (lambda s: stop_before(s, "tag"), "untagged", 75),
    "the tag was deleted": (untagged, "untagged", 75),
    "the tag was moved": (wrongly_tagged, "untagged", 75),
    "a tag without a release": (tag_only, "tag-only", 3),
    "a release that nobody knows": (index_only, "index-only", 3),
    "the ledger is lost": (lost_ledger, "index-only", 3),
    "the ledger is lost at the remote": (unshared, "index-only", 3),
    "taken off the index": (taken_off, "unconfirmed", 75),
}


def other_bytes(shop: Shop) -> None:
    """Somebody was faster under the sealed name."""
    stop_before(shop, "upload")
    wheel = make_wheel(shop.folder / "theirs", "# theirs", version="1.0.0", name="plain_thing")
    owner(shop).upload("plain-thing", "1.0.0", wheel.name, wheel.read_bytes())


def file_beside(shop: Shop) -> None:
    """Somebody with the right to upload adds a file to a finished release."""
    assert shop.publish().code == 0
    wheel = make_wheel(shop.folder / "theirs", "# theirs", version="1.0.0", name="plain_thing")
    name = wheel.name.replace("-py3-", "-1-py3-")
    owner(shop).upload("plain-thing", "1.0.0", name, wheel.read_bytes())


def give_up(shop: Shop) -> None:
    ran = shop.publish("--abandon", "a mistake")
    assert ran.code == 0, ran.err


def given_up(shop: Shop) -> None:
    stop_before(shop, "upload")
    give_up(shop)


def given_up_half_way(shop: Shop) -> None:
    half_uploaded(shop)
    give_up(shop)


PERSONAL: dict[str, tuple[Callable[[Shop], object], tuple[tuple[str, int], ...]]] = {
    "other bytes under a sealed name": (other_bytes, (("bytes-differ", 3), ("bytes-differ", 3))),
    "a file beside a release": (file_beside, (("bytes-differ", 3),)),
    "given up before the upload": (given_up, (("abandoned", 0),)),
    "given up in the upload": (given_up_half_way, (("closed", 3), ("closed", 0))),
}
"""What a person has to do something about: the states on the way to ``clean``."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A sample takes every fourth case."""
    if "personal" in metafunc.fixturenames:
        every = 3 if metafunc.config.getoption("--sample") else 1
        metafunc.parametrize("personal", list(PERSONAL)[::every])
    if "case" in metafunc.fixturenames:
        every = 4 if metafunc.config.getoption("--sample") else 1
        metafunc.parametrize("case", list(CASES)[::every])


def test_the_next_command_leads_to_clean(shop, case):
    make, state, code = CASES[case]
    make(shop)
    found = look(shop)
    assert (found.document["state"], found.code) == (state, code), found.err + found.out
    assert found.document["schema"] == "release-warden/reconciliation/1"
    assert bool(found.document["next"]) == bool(found.document["differences"]) or code == 75
    if state == "clean":
        assert (found.document["differences"], found.document["next"]) == ([], "")
        return
    done = follow(shop, found.document["next"])
    assert done.code == 0, done.err
    after = look(shop)
    assert (after.document["state"], after.code) == ("clean", 0), after.out
    assert after.document["differences"] == []


def test_step_by_step_the_named_commands_lead_a_person_to_clean(shop, personal):
    """A yank is prepared by the command, and done by the owner on the index."""
    make, states = PERSONAL[personal]
    make(shop)
    for state, code in states:
        found = look(shop)
        assert (found.document["state"], found.code) == (state, code), found.err + found.out
        command = found.document["next"]
        done = follow(shop, command)
        assert done.code == 0, done.err
        if "release.yank" in command:
            owner(shop).yank("plain-thing", "1.0.0")
            assert follow(shop, command).document["state"] == "done"
    after = look(shop)
    assert (after.document["state"], after.code) == ("clean", 0), after.out


def test_a_commit_that_main_lacks_is_unmerged_until_it_is_merged(tmp_path):
    with open_shop(tmp_path, 'commit = "push"') as shop:
        protect = shop.remote / "hooks" / "update"
        protect.parent.mkdir(exist_ok=True)
        protect.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
        protect.chmod(0o755)
        ran = shop.publish()
        assert ran.code == 0, ran.err
        found = look(shop)
        assert (found.document["state"], found.code) == ("unmerged", 0), found.out
        assert [one["part"] for one in found.document["differences"]] == ["remote"]
        assert follow(shop, found.document["next"]).code == 0
        protect.unlink()
        git(shop.project, "push", "--quiet", "origin", "HEAD:main")
        after = look(shop)
        assert (after.document["state"], after.document["differences"]) == ("clean", [])


def test_what_the_forge_was_not_told_is_told_by_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/thing")
    with github(tmp_path / "remote.git") as forge, osv_api(tmp_path / "osv") as osv:
        lines = ('forge = "github"', f'forge-url = "{forge.url}"', f'osv-url = "{osv.url}"')
        with open_shop(tmp_path, *lines) as shop:
            forge.troubles += [Trouble("GET", "", 500)] * 9
            assert shop.publish().code == 0
            forge.troubles.clear()
            found = look(shop)
            assert (found.document["state"], found.code) == ("unmerged", 0), found.out
            assert [one["part"] for one in found.document["differences"]] == ["forge"]
            done = follow(shop, found.document["next"])
            assert done.code == 0, done.err
            assert [one["draft"] for one in forge.releases] == [False]
            after = look(shop)
            assert (after.document["state"], after.document["differences"]) == ("clean", [])
