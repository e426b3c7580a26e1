"""Worlds in which a release is killed, and the one state in which every one of them has to end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forge_server import TOKEN, Forge, github
from kit import Ran, advise, commit, git, make_project, make_wheel, served, warden

from release.adapters.credentials import Credential, Given
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.testing.hostile_index import HostileIndex, Stored, serve_hostile_index

KILLED = Path(__file__).with_name("killed.py")
LEDGER = "refs/release-warden/plain-thing"
SETTLED = 20.0
"""Seconds in which what outlived the killed run, and the server, must have ended."""
BULK = 600_000
"""Characters in the project's source that cannot be packed, so that an upload can be torn."""


def stat_fields(pid: str) -> list[str]:
    """The fields of proc(5)'s stat after the name: state, parent and so on."""
    return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()


def processes() -> Iterator[tuple[int, int, str]]:
    """The living processes: id, parent's id, command line."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent, *_ = stat_fields(folder.name)
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            yield int(folder.name), int(parent), words


def tree(root: int) -> set[int]:
    """A process and all that descend from it."""
    found, parents = {root}, {pid: parent for pid, parent, _ in processes()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def left_running(project: Path) -> list[str]:
    """What still runs on the project after some patience."""
    end = time.monotonic() + SETTLED
    while (left := [w for _, _, w in processes() if str(project) in w]) and time.monotonic() < end:
        time.sleep(0.1)
    return left


@dataclass
class World:
    """A kind of release: how it is started, and where its traces are.

    :param template: a folder that is copied for every kill: ``project``, and ``remote.git``.
    :param words: the task and its flags.
    :param repository: what the ledger calls the index.
    :param steps: the journal of an unhindered run.
    """

    name: str
    template: Path
    words: tuple[str, ...]
    repository: str
    version: str = "1.0.0"
    index: HostileIndex | None = None
    forge: Forge | None = None
    stored: tuple[Stored, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    def copy(self, folder: Path) -> Case:
        """A fresh copy, and the servers as they were."""
        shutil.copytree(self.template, folder)
        if self.index:
            self.index.forget()
            self.index.stored.extend(self.stored)
            git(folder / "project", "remote", "set-url", "origin", str(folder / "remote.git"))
        if self.forge:
            self.forge.bare = folder / "remote.git"
            for kept in (self.forge.releases, self.forge.pulls, self.forge.seen):
                kept.clear()
            self.forge.files.clear()
        return Case(self, folder)


@dataclass
class Case:
    """One copy of a world."""

    world: World
    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def ledger(self) -> Path:
        """The repository that is the truth."""
        return self.folder / "remote.git" if self.world.index else self.project

    def start(self, point: str, victim: str = "group") -> subprocess.Popen[str]:
        """The program, armed, in a process group of its own."""
        argv = [sys.executable, "-P", str(KILLED), point, victim, *self.world.words]
        return subprocess.Popen(
            [*argv, "--project", str(self.project)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **self.world.env},
        )

    def again(self) -> Ran:
        """A plain run of the same command."""
        return warden(self.project, *self.world.words, **self.world.env)

    def refs(self, where: Path) -> dict[str, str]:
        rows = git(where, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(row.split(" ") for row in rows)

    def document(self, name: str) -> dict | None:
        """A document of the release, if it is sealed."""
        ref = f"{LEDGER}/{self.world.repository}/releases/{self.world.version}"
        if ref not in self.refs(self.ledger):
            return None
        kept = git(self.ledger, "ls-tree", "--name-only", ref).split()
        name = f"{name}.json"
        return json.loads(git(self.ledger, "show", f"{ref}:{name}")) if name in kept else None

    def files(self) -> dict[str, str]:
        """What the index serves of this version, name to sha256 of the bytes."""
        held = self.world.index.files if self.world.index else served(self.project)
        return {n: d for n, d in held.items() if f"-{self.world.version}" in n}

    def state(self) -> dict[str, object]:
        """All that must be the same in the end, however often the run was killed."""
        manifest, journal = self.document("manifest"), self.document("journal")
        receipt = self.document("receipt")
        assert manifest
        assert journal
        assert receipt
        hashes = {file["name"]: file["sha256"] for file in manifest["files"]}
        here, there = self.refs(self.project), self.refs(self.ledger)
        return {
            "served is sealed": self.files() == hashes,
            "receipt is sealed": {f["name"]: f["sha256"] for f in receipt["files"]} == hashes,
            "one seal": receipt["seal"] == manifest["seal"],
            "journal": sorted(entry["step"] for entry in journal["entries"]),
            "state": journal["state"],
            "file names": sorted(self.files()),
            "byte-sets": self._byte_sets(hashes),
            "refs": sorted(set(there)),
            "shared refs agree": all(
                there[ref] == here.get(ref) for ref in there if "/heads/" not in ref
            ),
            "tag": there[f"refs/tags/{manifest['tag']}"] == manifest["commit"],
            "main": self._main(manifest["commit"]),
            "branch here": git(self.project, "rev-parse", "HEAD") == manifest["base"],
            "tree": git(self.project, "status", "--porcelain"),
            "forge": self._announced(hashes),
            "decisions to release": self._decisions(),
            "fsck": git(self.ledger, "fsck", "--no-dangling", "--connectivity-only"),
        }

    def _byte_sets(self, hashes: dict[str, str]) -> bool:
        """Whether no other bytes were ever offered under the names."""
        index = self.world.index
        return index is None or all(index.offered[name] == {hashes[name]} for name in hashes)

    def _main(self, release: str) -> tuple[str, ...]:
        """What stands on the main branch that people share, from the release commit on."""
        line = git(self.ledger, "log", "--first-parent", "--format=%H %s", "main").splitlines()
        split = [one.partition(" ") for one in line]
        at = next((n for n, (commit, _, _) in enumerate(split) if commit == release), None)
        return ("without it",) if at is None else tuple(s for _, _, s in split[: at + 1])

    def _announced(self, hashes: dict[str, str]) -> list[tuple[str, bool, bool]]:
        wanted = {name: f"sha256:{digest}" for name, digest in hashes.items()}
        return [
            (
                one["tag_name"],
                one["draft"],
                wanted == {a["name"]: a["digest"] for a in one["assets"]},
            )
            for one in (self.world.forge.releases if self.world.forge else ())
        ]

    def _decisions(self) -> int:
        """A run more may decide once more that nothing is owed; that a release is, only once."""
        ref = f"{LEDGER}/decisions"
        known = ref in self.refs(self.ledger)
        kept = git(self.ledger, "rev-list", ref).split() if known else []
        texts = (git(self.ledger, "show", f"{one}:decision.json") for one in kept)
        return sum(json.loads(text)["action"] == "release" for text in texts)


def project_in(folder: Path, *config: str, bulk: bool = False) -> Path:
    """A project that supports one Python only, so that it is verified quickly."""
    project = make_project(folder / "project")
    pyproject = project / "pyproject.toml"
    minor = sys.version_info.minor
    narrow = f'requires-python = ">=3.{minor},<3.{minor + 1}"'
    text = re.sub(r"requires-python = .*", narrow, pyproject.read_text())
    pyproject.write_text("\n".join([text, *config, ""]))
    if bulk:
        with (project / "plain_thing.py").open("a") as file:
            file.write(f'\nNOISE = "{os.urandom(BULK // 2).hex()}"\n')
    commit(project, "ready")
    return project


def share(folder: Path) -> None:
    """Give the project a remote."""
    git(folder, "clone", "--quiet", "--bare", "project", "remote.git")
    git(folder / "project", "remote", "add", "origin", str(folder / "remote.git"))
    git(folder / "project", "fetch", "--quiet", "origin")


def embedded_world(folder: Path) -> World:
    """The embedded index, a ledger of this repository alone."""
    project_in(folder, bulk=True)
    return World("embedded", folder, ("release.publish",), "local")


def config_of(index: HostileIndex, forge: Forge) -> tuple[str, ...]:
    return (
        "[tool.release-warden]",
        'repository = "shop"',
        'remote = "origin"',
        'commit = "push"',
        'forge = "github"',
        f'forge-url = "{forge.url}"',
        f'index-url = "{index.simple_url}"',
        "[tool.release-warden.repositories.shop]",
        f'upload-url = "{index.upload_url}"',
    )


def env_of(index: HostileIndex, forge: Forge) -> dict[str, str]:
    return {
        "TWINE_USERNAME": index.username,
        "TWINE_PASSWORD": index.password,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPOSITORY": forge.repository,
    }


def far_world(folder: Path, index: HostileIndex, forge: Forge) -> World:
    """An index by its address, a remote that shares the ledger, a forge, and main that follows."""
    project_in(folder, *config_of(index, forge), bulk=True)
    share(folder)
    return World(
        "far", folder, ("release.publish",), "shop",
        index=index, forge=forge, env=env_of(index, forge),
    )  # fmt: skip


def auto_world(folder: Path, index: HostileIndex, forge: Forge) -> World:
    """A release that is owed: what is published holds a package with a hole, and HEAD frees it."""
    project = project_in(folder, *config_of(index, forge))
    pyproject = project / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text(text.replace("dependencies = []", 'dependencies = ["tiny<2"]'))
    commit(project, "holds tiny")
    share(folder)
    env = {**env_of(index, forge), "CI": "true"}  # where the files about findings are committed
    forge.bare = folder / "remote.git"
    right = Given(Credential(index.username, index.password))
    shop = Repository("shop", index.simple_url, index.upload_url, right)
    for version in ("1.0", "2.0"):
        upload(shop, [make_wheel(folder / "wheels", version=version)])
    ran = warden(project, "release.publish", **env)
    assert ran.code == 0, ran.err
    git(project, "pull", "--quiet", "--ff-only", "origin", "main")
    pyproject.write_text(text.replace("dependencies = []", 'dependencies = ["tiny"]'))
    commit(project, "frees tiny")
    git(project, "push", "--quiet", "origin", "main")
    advisories = str(advise(folder / "advisories", "tiny", fixed="2.0"))
    return World(
        "auto", folder, ("release.auto", "--advisories", advisories), "shop", "1.0.1",
        index=index, forge=forge, stored=tuple(index.stored), env=env,
    )  # fmt: skip


MAKERS: dict[str, Callable[..., World]] = {"far": far_world, "auto": auto_world}


@contextmanager
def open_world(name: str, folder: Path) -> Iterator[World]:
    """A world, its servers running inside the ``with`` block."""
    folder.mkdir()
    if name == "embedded":
        yield embedded_world(folder)
        return
    with serve_hostile_index() as index, github(folder / "remote.git") as forge:
        yield MAKERS[name](folder, index, forge)
