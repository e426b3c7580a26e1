"""A project with its generated workflows, and act to run them: no Docker, no GitHub.

The actions are stand-ins (``actions/``): the checkout clones a bare repository, artifacts are
copied through a folder, Pages is another. The rest is real: nox, the tasks, git, an index that
mints tokens for the jobs that a CI service vouches for, and an OSV API.

What act cannot show is left to ``test_static.py``: permissions, environments and their reviewers,
what a fork's token may do, and concurrency (act does not even know ``queue``, so its copy of the
files lacks these lines).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forge_server import TOKEN
from kit import commit, git, make_wheel
from mint_server import Mint, Publisher, serve_mint
from oidc_server import Issuer, job, serve_oidc
from osv_server import Osv, osv_api
from shops import Shop, open_shop

from release.adapters.credentials import Credential, Given
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.ship.workflows import ACTIONS, FOLDER, RUNNER, Facts, workflows

STAND_INS = Path(__file__).parent / "actions"
REPOSITORY = "acme/thing"
NOXFILE = """\
import nox
from release.gates import Gate, door, register

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"

register((
    Gate("lint", "a gate", lambda session: session.run("python", "-c", "print('lint ran')")),
    Gate("publish", "release this project", door("release.publish"), parallel=False),
    Gate("auto", "release this project if one is owed", door("release.auto"), parallel=False),
    Gate("status", "write the status site", door("status.build"), parallel=False),
    Gate("monitor", "look at the published site", door("status.check"), parallel=False),
    Gate("alert", "tell people what is wrong", door("release.alert"), parallel=False),
    Gate("mirror", "copy the remote's refs", door("release.mirror"), parallel=False),
))
"""
TASKS = """\
from invoke.collection import Collection

from release.pipelines import collection as release
from status_site.pipelines import collection as status

namespace = Collection(release, status)
"""
FACTS = Facts(
    project="plain-thing",
    gates=("lint",),
    pythons=("3.11",),
    credential="trusted-publishing",
    pages=True,
)


@dataclass
class Job:
    """A job that ran.

    :param outputs: of all its steps, by name; the last one counts.
    """

    id: str
    result: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""


@dataclass(frozen=True)
class Ran:
    """A run that ended; ``said`` is what its log shows, ``store`` holds the artifacts."""

    code: int
    jobs: dict[str, Job]
    log: str
    said: str
    store: Path

    def results(self) -> dict[str, str]:
        """The result of each job that ran, in their order."""
        return {name: one.result for name, one in self.jobs.items()}


@dataclass(frozen=True)
class Ci:
    """The project, its remote, and what the jobs talk to.

    ``server`` is the address of a CI service that shows the remote to nobody without the token.
    """

    shop: Shop
    issuer: Issuer
    mint: Mint
    osv: Osv
    server: str = ""
    runs: list[Ran] = field(default_factory=list)

    def run(self, workflow: str, event: str, payload: dict[str, Any] | None = None) -> Ran:
        """One event for one workflow, on the remote's main branch."""
        folder = self.shop.folder / f"run-{len(self.runs)}"
        local, store = folder / "checkout", folder / "store"
        store.mkdir(parents=True)
        git(folder, "clone", "--quiet", str(self.shop.remote), str(local))
        file = local / FOLDER / workflow
        file.write_text(re.sub(r" +queue: max\n", "", file.read_text()))
        event_file = folder / "event.json"
        event_file.write_text(json.dumps(payload or {}))
        done = subprocess.run(
            [*self._act(event), "--workflows", str(file), "--eventpath", str(event_file)],
            cwd=local,
            env=self._environment(store),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        (folder / "log").write_text(done.stdout + done.stderr)
        log = done.stdout + done.stderr
        ran = Ran(done.returncode, _jobs(done.stdout), log, _said(log), store)
        self.runs.append(ran)
        return ran

    def _act(self, event: str) -> list[str]:
        argv = [str(Path(sysconfig.get_path("scripts"), "act")), event, "--json"]
        argv += ["--env", f"GITHUB_REPOSITORY={REPOSITORY}"]
        argv += ["--env", f"GITHUB_SERVER_URL={self.server}"] if self.server else []
        argv += ["--platform", f"{RUNNER}=-self-hosted", "--no-cache-server", "--no-skip-checkout"]
        for name, action in ACTIONS.items():
            used, commit_ = action.split()[0].split("@")
            repository = "/".join(used.split("/")[:2])
            stand_in = "codeql-action" if name == "upload_sarif" else repository.split("/")[1]
            argv += ["--local-repository", f"{repository}@{commit_}={STAND_INS / stand_in}"]
        return [*argv, "--secret-file", str(self._lend("secrets", GITHUB_TOKEN=TOKEN))]

    def _environment(self, store: Path) -> dict[str, str]:
        """What the runner sees; the stand-ins pass on to a job what GitHub would give it."""
        oidc = {k: v for k, v in self.issuer.env.items() if k.startswith("ACTIONS_")}
        seen = {
            "STUB_REMOTE": str(self.shop.remote),
            "STUB_ORIGIN": f"{self.server}/{self.shop.remote.name}" if self.server else "",
            "STUB_STORE": str(store),
            "STUB_TOOLS": sysconfig.get_path("scripts"),
            "STUB_OIDC": str(self._lend("oidc", **oidc)),
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "ACTIONS_"))}
        return {**kept, **self.mint.env, **seen}

    def _lend(self, name: str, **values: str) -> Path:
        """A file of variables: in the environment every job would see them."""
        path = self.shop.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return path

    def push(self, message: str) -> None:
        """Commit the project's files to the remote's main branch."""
        commit(self.shop.project, message)
        git(self.shop.project, "push", "--quiet", "origin", "HEAD:main")

    def configure(self, facts: Facts, *lines: str) -> None:
        """Further lines of ``[tool.release-warden]``, and the workflows that come of them."""
        path, head = self.shop.project / "pyproject.toml", "[tool.release-warden]\n"
        path.write_text(path.read_text().replace(head, head + "".join(f"{x}\n" for x in lines)))
        adopt(self.shop.project, facts)
        self.push("configured")

    def require(self, *lines: str) -> None:
        """The project's dependencies change."""
        path = self.shop.project / "pyproject.toml"
        wanted = f"dependencies = {json.dumps(lines)}"
        path.write_text(re.sub(r"dependencies = .*", wanted, path.read_text(), count=1))
        self.push(f"needs {lines}")

    def stock(self, name: str) -> None:
        """Another package is on the index."""
        server = self.shop.server
        given = Given(Credential(server.username, server.password))
        own = Repository("own", server.simple_url, server.upload_url, given)
        upload(own, [make_wheel(self.shop.folder / name, name=name)])


def _said(log: str) -> str:
    """What a reader of the log sees: not the commands that hide a secret, or lend one to a job."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return "\n".join(
        line.get("msg", "") for line in lines if line.get("command") not in {"add-mask", "set-env"}
    )


def _jobs(said: str) -> dict[str, Job]:
    """What act told of each job, of those that ran."""
    jobs: dict[str, Job] = {}
    for line in said.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if not (name := told.get("jobID")):
            continue
        one = jobs.setdefault(name, Job(name))
        one.log += told.get("msg", "") + "\n"
        one.result = told.get("jobResult", one.result)
        if told.get("command") == "set-output":
            one.outputs[told["name"]] = told["arg"]
        if told.get("command") == "summary":
            one.summary += told["content"]
    return {name: one for name, one in jobs.items() if one.result}


@contextmanager
def open_ci(folder: Path) -> Iterator[Ci]:
    """A project on whose index nothing is published yet."""
    with (
        open_shop(folder) as shop,
        osv_api(_made(folder / "osv")) as osv,
        serve_oidc() as issuer,
        serve_mint(folder, shop.server, issuer, publishers=[Publisher(environment="")]) as mint,
    ):
        issuer.claims = job()
        shop.point(mint.upload_url, 'credential = "trusted-publishing"', f'osv-url = "{osv.url}"')
        ci = Ci(shop, issuer, mint, osv)
        adopt(shop.project)
        ci.push("CI")
        yield ci


def adopt(project: Path, facts: Facts = FACTS) -> None:
    """What ``release.init`` writes, as far as the workflows need it."""
    (project / "noxfile.py").write_text(NOXFILE)
    (project / "tasks.py").write_text(TASKS)
    for path, text in workflows(facts).items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    # It is installed already, so no file is looked for and the hash stays unused.
    pinned = f"release-warden=={version('release-warden')} --hash=sha256:{'0' * 64}\n"
    (project / facts.lock).write_text(pinned)


def _made(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
