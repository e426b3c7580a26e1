"""A finished release is announced on GitHub; a forge that fails leaves it finished."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from forge_server import TOKEN, Forge, Trouble, github
from kit import commit, git, make_project, served, warden
from msgspec import structs

from release.adapters import web
from release.adapters.clock import Clock
from release.adapters.remote import Remote
from release.adapters.workspace import open_workspace
from release.errors import ConfigError, TryAgainError
from release.flows.announce import announce, catch_up, offer
from release.flows.context import Context
from release.flows.seals import Seal, read_seal
from release.model.snapshot import Edit

TAG = "local/v1.0.0"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which 1.0.0 is released; its repository is on GitHub, its tag too."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    assert warden(project, "release.publish", "--reason", "The first.").code == 0
    return project


@dataclass
class Shop:
    """A project, the repository of its releases as if it were a real one, and GitHub."""

    project: Path
    forge: Forge
    told: list[str]

    def __post_init__(self) -> None:
        self.context = Context(open_workspace(self.project), Clock(), self.told.append)
        self.repository = "elsewhere"  # any but the embedded index, which announces nothing

    @property
    def seal(self) -> Seal:
        seal = read_seal(self.context.ledger, "local", "1.0.0")
        assert seal
        return seal

    def offer(self) -> None:
        """Offer it, as if its commit held an edit of the requirements."""
        edits = (Edit(requirement="a<2", becomes="a"),)
        plan = structs.replace(self.seal.plan, fix=edits)
        offer(self.context, self.repository, dataclasses.replace(self.seal, plan=plan))

    @property
    def steps(self) -> list[str]:
        return [entry.step for entry in self.seal.journal.entries if "-" in entry.step] + [
            name for name in ("announce", "offer") if self.seal.done(name)
        ]


@pytest.fixture
def shop(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(web, "_pause", lambda _: 0)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/thing")
    project = Path(shutil.copytree(template, tmp_path / "project", symlinks=True))
    git(tmp_path, "clone", "-q", "--bare", str(project), "bare.git")
    git(project, "remote", "add", "origin", str(tmp_path / "bare.git"))
    with github(tmp_path / "bare.git") as forge:
        with (project / "pyproject.toml").open("a") as file:
            file.write('\n[tool.release-warden]\nremote = "origin"\nforge = "github"\n')
            file.write(f'forge-url = "{forge.url}"\n')
        commit(project)
        yield Shop(project, forge, [])


def test_the_sealed_archives_and_the_notes_are_published(shop):
    done = announce(shop.context, shop.repository, shop.seal)
    (release,) = shop.forge.releases
    assert (release["tag_name"], release["draft"], release["name"]) == (
        TAG, False, "plain-thing 1.0.0",
    )  # fmt: skip
    assert release["body"] == shop.seal.plan.announcement
    assert "The first." in release["body"]
    held = {a["name"]: a["digest"].partition(":")[2] for a in release["assets"]}
    assert held == served(shop.project)
    entry = done.done("announce")
    assert entry is not None
    assert entry.detail == release["html_url"]
    assert (done.journal.state, done.receipt is not None) == ("confirmed", True)
    tip = shop.seal.tip
    announce(shop.context, shop.repository, shop.seal)
    assert shop.seal.tip == tip, "what is done is not done again"


def test_a_forge_that_fails_leaves_the_release_finished_and_is_tried_again(shop):
    shop.forge.troubles += [Trouble("GET", "", 500)] * 9
    announce(shop.context, shop.repository, shop.seal)
    assert shop.steps == ["announce-failed"]
    assert shop.seal.receipt
    assert "tried again by the next run" in shop.told[0]
    tip = shop.seal.tip
    announce(shop.context, shop.repository, shop.seal)
    assert shop.seal.tip == tip, "the same failure is one line"
    shop.forge.troubles.clear()
    catch_up(shop.context, "local")
    assert shop.forge.releases == [], "the embedded index is no place to announce"
    announce(shop.context, shop.repository, shop.seal)
    assert shop.steps == ["announce-failed", "announce"]


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_what_is_missing_in_the_environment_fails_no_release(shop, monkeypatch, name):
    monkeypatch.delenv(name)
    announce(shop.context, shop.repository, shop.seal)
    assert (shop.steps, shop.seal.journal.state) == (["announce-failed"], "confirmed")


def test_the_embedded_index_announces_nothing(shop):
    announce(shop.context, "local", shop.seal)
    assert (shop.steps, shop.forge.seen) == ([], [])


def test_the_release_commit_is_offered_to_main(shop, tmp_path):
    shop.forge.git("update-ref", "refs/heads/main", shop.seal.manifest.base)
    shop.offer()
    shop.offer()
    (pull,) = shop.forge.pulls
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (f"release-warden/{TAG}", "main")
    tip = shop.forge.git("rev-parse", f"refs/heads/release-warden/{TAG}")
    assert tip == shop.seal.manifest.commit
    assert shop.steps == ["offer"]


def test_what_main_has_already_is_not_offered(shop):
    shop.forge.git("update-ref", "refs/heads/main", shop.seal.manifest.commit)
    shop.offer()
    assert (shop.steps, shop.forge.pulls) == (["offer"], [])
    assert "has the release commit already" in shop.told[-1]


def test_a_remote_that_is_not_there_leaves_it_unmerged(shop, tmp_path):
    (tmp_path / "bare.git").rename(tmp_path / "gone.git")
    shop.offer()
    assert (shop.steps, shop.forge.pulls) == (["offer-failed"], [])


def test_a_release_of_head_as_it_is_needs_no_offer(shop):
    offer(shop.context, shop.repository, shop.seal)
    assert (shop.steps, shop.forge.seen, shop.told) == ([], [], [])


def test_the_token_stays_out_of_ledger_documents_and_talk(shop):
    shop.forge.troubles += [Trouble("POST", "", 401)]
    announce(shop.context, shop.repository, shop.seal)
    announce(shop.context, shop.repository, shop.seal)
    held = git(shop.project, "log", "-p", "--all", "--format=%B")
    folder = shop.project / ".release" / "run" / "documents"
    files = "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
    assert TOKEN not in held + files + "".join(shop.told)
    assert json.dumps(shop.steps) == '["announce-failed", "announce"]'


class TestRemote:
    def test_a_branch_that_is_there_is_not_overwritten(self, shop):
        remote = Remote(shop.context.workspace.git, "origin")
        head, before = git(shop.project, "rev-parse", "HEAD"), remote.tips("refs/heads/main")
        with pytest.raises(TryAgainError):
            remote.move("refs/heads/main", head, old=None)
        assert remote.tips("refs/heads/main") == before

    def test_there_is_no_such_remote(self, shop):
        with pytest.raises(ConfigError) as caught:
            Remote(shop.context.workspace.git, "upstream")
        assert "known: origin" in caught.value.why

    def test_a_password_in_the_address_is_not_told(self, shop):
        git(shop.project, "remote", "add", "secret", "https://u:canary@127.0.0.1:9/x.git")
        with pytest.raises(TryAgainError) as caught:
            Remote(shop.context.workspace.git, "secret").tips("refs/heads/main")
        assert "canary" not in str(caught.value)
