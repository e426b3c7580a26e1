"""A release of a small package: ours beside uv, twine and pip, and beside python-semantic-release.

``python -m benchmarks.publish --peers VENV`` from the project's folder, where VENV has twine, pip,
build and python-semantic-release. Every tool has a repository of its own with one new commit a
round, and all upload to one index on loopback. The package needs nothing to build, so that no
registry is asked. The first round warms the caches and does not count; of the others, the best.

Per tool: seconds of wall time and of CPU (the tool's processes, the index's left out); for ours
also the steps of the receipt, and what is left when the steps that no peer has are taken away.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from kit import commit, git, make_project  # noqa: E402

from benchmarks.result import Unmeasured  # noqa: E402
from release.adapters import embedded, process  # noqa: E402

OURS, UV, SEMANTIC = "release-warden", "uv + twine check + pip", "python-semantic-release + twine"
MORE = ("verify", "confirm", "prove")
"""Steps of ours that prove something; of these the peers have twine check and one install."""


@dataclass(frozen=True)
class Shop:
    """What a tool releases, and with what."""

    project: Path
    name: str
    server: embedded.Server
    peers: Path

    def run(self, *argv: str | Path, **env: str) -> str:
        """Run a command in the project.

        :raises Unmeasured: it failed.
        """
        done = subprocess.run(
            argv,
            cwd=self.project,
            env=os.environ | env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unmeasured(f"{argv}: {done.stdout}\n{done.stderr}")
        return done.stdout

    @property
    def right(self) -> tuple[str, str, str]:
        """Where to upload, and as whom."""
        return self.server.upload_url, self.server.username, self.server.password


@dataclass
class Taken:
    """Seconds of one round."""

    wall: float
    cpu: float
    steps: dict[str, float] = field(default_factory=dict)


def with_uv(shop: Shop, number: int) -> dict[str, float]:
    """Build, check, publish, and install from the index into a fresh environment."""
    url, user, password = shop.right
    uv = process.script("uv")
    shop.run(uv, "build", "--quiet")
    shop.run(shop.peers / "twine", "check", *(shop.project / "dist").glob("thing*"))
    named = ("--publish-url", url, "--username", user, "--password", password)
    shop.run(uv, "publish", "--quiet", *named)
    shop.run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, "venv")
    index = ("--index-url", shop.server.simple_url, "--no-deps", f"{shop.name}==1.0.{number}")
    pip = (shop.peers / "python", "-m", "pip", "--python", "venv/bin/python", "install", "--quiet")
    shop.run(*pip, *index)
    return {}


def with_semantic_release(shop: Shop, number: int) -> dict[str, float]:
    """Bump, changelog, commit, tag and build; then upload."""
    url, user, password = shop.right
    path = f"{shop.peers}{os.pathsep}{os.environ['PATH']}"
    local = ("--no-push", "--no-vcs-release")
    shop.run(shop.peers / "semantic-release", "version", "--patch", *local, PATH=path)
    files = [p for p in (shop.project / "dist").iterdir() if f"-1.0.{number}" in p.name]
    twine = (shop.peers / "twine", "upload", "--non-interactive", "--repository-url", url)
    shop.run(*twine, *files, TWINE_USERNAME=user, TWINE_PASSWORD=password)
    return {}


def with_ours(shop: Shop, number: int) -> dict[str, float]:
    """One command; that it makes the expected version is looked at."""
    url, user, password = shop.right
    argv = (sys.executable, "-P", "-m", "release", "release.publish", "--to", url, "--json")
    said = shop.run(*argv, TWINE_USERNAME=user, TWINE_PASSWORD=password, CI="true")
    receipt = json.loads(said)
    if receipt["version"] != f"1.0.{number}":
        raise Unmeasured(f"made {receipt['version']}, not 1.0.{number}")
    timings: dict[str, float] = receipt["timings"]
    return timings


TOOLS: dict[str, Callable[[Shop, int], dict[str, float]]] = {
    OURS: with_ours,
    UV: with_uv,
    SEMANTIC: with_semantic_release,
}


def prepare(folder: Path, tool: str, server: embedded.Server, peers: Path) -> Shop:
    """A repository for a tool."""
    name = f"thing-{list(TOOLS).index(tool)}"
    project = make_project(folder / name)
    path = project / "pyproject.toml"
    text = path.read_text().replace("plain-thing", name)
    if tool == SEMANTIC:
        text += (
            '\n[tool.semantic_release]\nversion_toml = ["pyproject.toml:project.version"]\n'
            'build_command = "python -m build"\n'
        )
    path.write_text(text)
    git(project, "config", "user.name", "n")
    git(project, "config", "user.email", "e@x")
    git(project, "remote", "add", "origin", "https://forge.invalid/acme/thing.git")
    (project / ".git" / "info" / "exclude").write_text("dist\nvenv\n")
    commit(project, "feat: named")
    git(project, "tag", "v1.0.0")
    return Shop(project, name, server, peers)


def change(shop: Shop, tool: str, number: int) -> None:
    """One more commit; for uv, which bumps nothing, with the new version."""
    with (shop.project / "plain_thing.py").open("a") as file:
        file.write(f"\n# round {number}\n")
    if tool == UV:
        shutil.rmtree(shop.project / "dist", ignore_errors=True)
        path = shop.project / "pyproject.toml"
        version = f'version = "1.0.{number}"'
        path.write_text(re.sub(r'(?m)^version = ".*"', version, path.read_text()))
    commit(shop.project, f"fix: round {number}")


def measure(shop: Shop, tool: str, number: int) -> Taken:
    """One round of one tool."""
    change(shop, tool, number)
    before, started = _cpu(), time.perf_counter()
    steps = TOOLS[tool](shop, number)
    return Taken(time.perf_counter() - started, _cpu() - before, steps)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(folder: Path, rounds: int, peers: Path) -> dict[str, Taken]:
    """The best round of each tool; they take turns."""
    taken: dict[str, list[Taken]] = {tool: [] for tool in TOOLS}
    with embedded.serve(folder / "index") as server:
        shops = {tool: prepare(folder, tool, server, peers) for tool in TOOLS}
        for number in range(1, rounds + 2):
            for tool, shop in shops.items():
                taken[tool].append(measure(shop, tool, number))
    return {tool: min(found[1:], key=lambda one: one.wall) for tool, found in taken.items()}


def report(best: dict[str, Taken]) -> dict[str, Any]:
    """The figures as one document."""
    ours, base = best[OURS], best[UV]
    more = {name: ours.steps[name] for name in MORE if name in ours.steps}
    second = best[SEMANTIC]
    return {
        "tools": {tool: {"wall": one.wall, "cpu": one.cpu} for tool, one in best.items()},
        "steps": ours.steps,
        "around the steps": ours.wall - sum(ours.steps.values()),
        "times the first": ours.wall / base.wall,
        "times the first, CPU": ours.cpu / base.cpu,
        "times the first, without " + ", ".join(more): (ours.wall - sum(more.values())) / base.wall,
        "times the second": ours.wall / second.wall,
        "times the second, CPU": ours.cpu / second.cpu,
        "load": os.getloadavg(),
    }


def measured(rounds: int, peers: Path) -> dict[str, Any]:
    """The document of a comparison.

    :param peers: the environment of the peers.
    """
    with tempfile.TemporaryDirectory() as name:
        return report(compare(Path(name), rounds, (peers / "bin").absolute()))


def main(words: Sequence[str] | None = None) -> None:
    """Read the arguments and print the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, required=True, help="their environment")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(words)
    sys.stdout.write(json.dumps(measured(asked.rounds, asked.peers), indent=2) + "\n")


if __name__ == "__main__":
    main()
