"""A project with a real remote and a real index on loopback, as a team and its CI have them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit import Ran, commit, git, make_project, warden

from release.adapters import embedded
from release.adapters.index import SimpleIndex

LEDGER = "refs/release-warden/plain-thing"
NAME = "shop"


@dataclass(frozen=True)
class Shop:
    """``project`` is a clone of ``remote``; releases go to ``server``."""

    folder: Path
    project: Path
    remote: Path
    server: embedded.Server

    @property
    def right(self) -> dict[str, str]:
        """The right to upload, as a person at a keyboard or a CI job has it."""
        return {"TWINE_USERNAME": self.server.username, "TWINE_PASSWORD": self.server.password}

    def publish(self, *words: str, project: Path | None = None, **env: str) -> Ran:
        """``release.publish`` with the right to upload."""
        return warden(project or self.project, "release.publish", *words, **{**self.right, **env})

    def clone(self, name: str) -> Path:
        """A fresh clone of the remote, as another runner has it."""
        git(self.folder, "clone", "--quiet", str(self.remote), name)
        return self.folder / name

    def served(self) -> dict[str, str]:
        """What the index serves, name to sha256."""
        files = SimpleIndex(self.server.simple_url).files("plain-thing")
        return {file.name: file.sha256 or "" for file in files}

    def refs(self, pattern: str = "refs") -> list[str]:
        """The refs of the remote."""
        return git(self.remote, "for-each-ref", "--format=%(refname)", pattern).split()

    def sealed(self, version: str, name: str, repository: str = NAME) -> dict:
        """A document of a release, as the remote has it."""
        return json.loads(
            git(self.remote, "show", f"{LEDGER}/{repository}/releases/{version}:{name}.json")
        )

    def go_down(self) -> None:
        """The remote is gone."""
        self.remote.rename(self.remote.with_name("away.git"))

    def come_back(self) -> None:
        """The remote is there again."""
        self.remote.with_name("away.git").rename(self.remote)

    def point(self, url: str, *config: str) -> None:
        """Let the project upload to another address; it lists what the same index serves.

        :param config: lines of ``[tool.release-warden]``, or of tables below it.
        """
        path = self.project / "pyproject.toml"
        text = path.read_text().replace(self.server.upload_url, url)
        simple = f'simple-url = "{self.server.simple_url}"'
        head, table = "[tool.release-warden]\n", "\n".join(config)
        path.write_text(f"{text.replace(head, head + table + chr(10))}{simple}\n")
        commit(self.project, "another address")
        git(self.project, "push", "--quiet", "origin", "HEAD:main")

    def change(self, project: Path, line: str, *, push: bool = True) -> None:
        """A commit to the project."""
        with (project / "plain_thing.py").open("a") as file:
            file.write(f"\n# {line}\n")
        commit(project, line)
        if push:
            git(project, "push", "--quiet", "origin", "HEAD:main")

    def change_midway(self, project: Path, line: str) -> None:
        """A commit of somebody else's, which is on main once the next release is sealed."""
        self.change(project, line, push=False)
        git(project, "push", "--quiet", "origin", "HEAD:refs/heads/meanwhile")
        hook = self.remote / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        moved = "git update-ref refs/heads/main refs/heads/meanwhile"
        hook.write_text(f"#!/bin/sh\nif grep -q /releases/; then rm $0; {moved}; fi\n")
        hook.chmod(0o755)


@contextmanager
def open_shop(folder: Path, *config: str) -> Iterator[Shop]:
    """A shop, open inside the ``with`` block.

    :param config: more lines of ``[tool.release-warden]``.
    """
    project = make_project(folder / "project")
    with embedded.serve(folder / "index") as server:
        lines = [
            "[tool.release-warden]",
            f'repository = "{NAME}"',
            'remote = "origin"',
            f'index-url = "{server.simple_url}"',
            *config,
            f"[tool.release-warden.repositories.{NAME}]",
            f'upload-url = "{server.upload_url}"',
        ]
        with (project / "pyproject.toml").open("a") as file:
            file.write("\n".join(["", *lines, ""]))
        commit(project, "ship from here")
        remote = folder / "remote.git"
        git(folder, "clone", "--quiet", "--bare", str(project), str(remote))
        git(project, "remote", "add", "origin", str(remote))
        git(project, "fetch", "--quiet", "origin")
        yield Shop(folder, project, remote, server)
    shutil.rmtree(folder / "index", ignore_errors=True)


STAGES = ("check", "build", "record", "upload", "prove", "finish")


class Jobs:
    """Each job has a fresh clone; between them only the folder and the digest travel."""

    def __init__(self, shop: Shop, task: str = "release.publish") -> None:
        self.shop = shop
        self.task = task
        self.digest = ""
        self.carried = None

    def run(self, stage: str, *words: str, **env: str) -> Ran:
        clone = self.shop.clone(stage)
        folder = clone / ".release" / "handover"
        if self.carried:
            shutil.copytree(self.carried, folder)
        output = self.shop.folder / f"output-{stage}"
        flags = ("--stage", stage, "--digest", self.digest)
        ran = warden(clone, self.task, *flags, *words, GITHUB_OUTPUT=str(output), **env)
        if output.exists():
            told = dict(line.split("=", 1) for line in output.read_text().splitlines())
            self.digest = told.get("digest", "")  # where nothing is owed, nothing is handed over
            self.carried = folder if self.digest else None
        return ran

    def until(self, last: str, *words: str) -> Ran:
        for stage in STAGES[: STAGES.index(last) + 1]:
            env = self.shop.right if stage == "upload" else {}
            ran = self.run(stage, *words, **env)
            assert ran.code == 0, ran.err
        return ran
