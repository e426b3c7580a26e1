"""``release.auto``, hour after hour, on a real ledger, index and resolver: no storm."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit import commit, git, make_project
from leaf_index import advise, served_leaf

from release.adapters.clock import Clock
from release.adapters.repository import Repository, open_repository
from release.adapters.workspace import open_workspace
from release.flows.auto import Automatic, Request, auto, publish
from release.flows.context import Context
from release.flows.seals import past_releases

pytestmark = pytest.mark.proof

LEDGER = "refs/release-warden/plain-thing"
HOUR = timedelta(hours=1)
FIXED = ({"introduced": "0"}, {"fixed": "2.0"})
PAGE = "security/findings/SECURITY_FINDINGS.md"


class World:
    """A released project that requires ``leaf<2``, its advisories, and a clock that is set."""

    def __init__(self, folder: Path, index: str, policy: str = "", *, ships_page: bool = False):
        self.project = make_project(folder / "project")
        self.known = folder / "advisories"
        self.known.mkdir()
        self.start = datetime.now(UTC)
        self._require("dependencies = []", 'dependencies = ["leaf<2"]')
        with (self.project / "pyproject.toml").open("a") as file:
            file.write(f'\n[tool.release-warden]\nindex-url = "{index}"\ngates = []\n{policy}\n')
        if ships_page:
            self._ship_the_page()
        commit(self.project, "leaf is required")

    def _require(self, old: str, new: str) -> None:
        path = self.project / "pyproject.toml"
        path.write_text(path.read_text().replace(old, new))

    def _ship_the_page(self) -> None:
        """Make the findings document part of the wheel, as projects of preset posture do."""
        from release.model.record import Record
        from release.record.findings_page import render_findings

        page = self.project / PAGE
        page.parent.mkdir(parents=True)
        page.write_text(render_findings(Record(project="plain-thing", repository="local"), ()))
        backend = self.project / "plain_backend.py"
        text = backend.read_text().replace(
            '"plain_thing.py", "pyproject.toml")', f'"plain_thing.py", "pyproject.toml", "{PAGE}")'
        )
        with (self.project / "pyproject.toml").open("a") as file:  # the page is no module
            file.write('\n[tool.check-wheel-contents]\nignore = ["W003", "W009"]\n')
        line = '        "plain_thing.py": Path("plain_thing.py").read_text(),\n'
        assert line in text
        backend.write_text(
            text.replace(line, f'{line}        "plain_findings.md": Path("{PAGE}").read_text(),\n')
        )

    def context(self, hours: float) -> Context:
        at = (self.start + hours * HOUR).isoformat()
        return Context(open_workspace(self.project), Clock(at), lambda _: None)

    def release(self, repository: Repository) -> None:
        publish(self.context(0), repository, Request(reason="The first."), dry_run=False)

    def auto(self, repository: Repository, hours: float) -> Automatic:
        return auto(self.context(hours), repository, advisories=str(self.known), dry_run=False)

    def lasting(self) -> str:
        """All refs of the repository but the heartbeat."""
        refs = git(self.project, "for-each-ref", "--format=%(refname) %(objectname)")
        return "\n".join(line for line in refs.splitlines() if "/heartbeat " not in line)

    def rewrite(self, chance: random.Random, *, damaged: bool = False) -> None:
        """The same advisories under other names, in another order, at other times."""
        shutil.rmtree(self.known)
        self.known.mkdir()
        names = chance.sample(range(1000), 3)
        modified = {"modified": f"2026-01-{chance.randint(1, 28):02}T00:00:00Z"}
        advise(self.known, "X-1", "leaf", "HIGH", *FIXED, **modified)
        advise(self.known, "X-2", "leaf", "LOW", {"introduced": "0"}, **modified)
        advise(self.known, "X-3", "elsewhere", "CRITICAL", {"introduced": "0"}, **modified)
        for name, path in zip(names, sorted(self.known.iterdir()), strict=True):
            path.rename(self.known / f"{name:03}.json")
        if damaged:
            (self.known / "damaged.json").write_text('{"id": "X-4", "affected": [')


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_leaf(tmp_path_factory.mktemp("index"), "1.0", "2.0") as url:
        yield url


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "with a record that is damaged"])
def test_two_hundred_runs_over_an_unchanged_world_leave_nothing(tmp_path, index, sample, damaged):
    """Order, times and names of files differ; what is skipped is skipped each time."""
    chance = random.Random(5)
    world = World(tmp_path, index)
    with open_repository("local", world.project) as repository:
        world.release(repository)
        world.rewrite(chance, damaged=damaged)
        first = world.auto(repository, 1)
        refs, tree = world.lasting(), git(world.project, "status", "--porcelain", "--ignored")
        for hour in range(2, 22 if sample else 202):
            world.rewrite(chance, damaged=damaged)
            again = world.auto(repository, hour)
            assert again.shipment is None
            assert again.scanned.changes.changes == ()
            assert again.decision == first.decision
        assert world.lasting() == refs
        assert git(world.project, "status", "--porcelain", "--ignored") == tree
        assert first.decision.action == "hold"
        assert [r.version for r in past_releases(world.context(0).ledger, "local")] == ["1.0.0"]


def test_what_comes_and_goes_out_of_sight_releases_nothing(tmp_path, index, sample):
    """Some scans cannot read a record: that is told, and no finding moves by it."""
    chance = random.Random(7)
    world = World(tmp_path, index)
    with open_repository("local", world.project) as repository:
        world.release(repository)
        world.rewrite(chance)
        first = world.auto(repository, 1)
        for hour in range(2, 12 if sample else 52):
            world.rewrite(chance, damaged=chance.random() < 0.4)
            again = world.auto(repository, hour)
            assert again.shipment is None
            assert again.scanned.changes.changes == ()
            assert again.scanned.record.tracked == first.scanned.record.tracked
    assert git(world.project, "tag") == "local/v1.0.0"


POSTURE = '[tool.release-warden.policy]\npreset = "posture"'


def test_a_finding_that_flips_fifty_times_is_told_once_each_way(tmp_path, index, sample):
    """Preset posture, where each flip would be a reason: the first news, then its end, no more."""
    world = World(tmp_path, index, POSTURE, ships_page=True)
    rules = []
    with open_repository("local", world.project) as repository:
        world.auto(repository, -1)
        world.release(repository)
        for hour in range(1, 11 if sample else 101):
            on = {} if hour % 2 else {"withdrawn": "2026-01-02T00:00:00Z"}
            advise(world.known, "X-1", "leaf", "HIGH", *FIXED, **on)
            ran = world.auto(repository, hour)
            rules += [ran.decision.rule] if ran.shipment else []
        made = past_releases(world.context(0).ledger, "local")
    assert rules == ["new-critical-or-high", "resolved-with-a-cause"]
    assert [release.version for release in made] == ["1.0.0", "1.0.1", "1.0.2"]
    assert "X-1" in git(world.project, "show", f"local/v1.0.1:{PAGE}")
    weights = {release.version: release.weight for release in made}
    assert (weights["1.0.1"], weights["1.0.2"]) == ("major", "minor")


def test_a_posture_that_is_not_shipped_is_built_once_and_held(tmp_path, index):
    """The findings document is in no package, so a release would bring users nothing."""
    world = World(tmp_path, index, POSTURE)
    with open_repository("local", world.project) as repository:
        world.auto(repository, -1)
        world.release(repository)
        advise(world.known, "X-1", "leaf", "HIGH", *FIXED)
        told: list[str] = []
        for hour in (1, 2, 3):
            context = Context(
                open_workspace(world.project),
                Clock((world.start + hour * HOUR).isoformat()),
                told.append,
            )
            ran = auto(context, repository, advisories=str(world.known), dry_run=False)
            assert (ran.decision.action, ran.decision.rule) == ("hold", "content-identical")
    assert sum(line.startswith("build: ") for line in told) == 1
    assert git(world.project, "tag") == "local/v1.0.0"
