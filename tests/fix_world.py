"""A released project whose cap keeps users from a fix: the ground of the tests of ``release.fix``.

A real repository, the real embedded index, and on loopback: an index of made-up dependencies, the
OSV API and GitHub's. A test module names the fixtures that it wants.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from forge_server import TOKEN, Forge, github
from kit import commit, git, make_project, warden
from osv_server import Osv, osv_api

LEDGER = "refs/release-warden/plain-thing"
LIB = "lib>=1, <2"
PYPROJECT = """\
# A project whose backend lies beside it, so that building it needs no registry.
[build-system]
requires = []
build-backend = "plain_backend"
backend-path = ["."]

[project]
name = "plain-thing"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = [
  # nobody remembers why
  "lib>=1, <2",  # capped
  'safe' ,
]

[tool.release-warden]
gates = []
pythons = ["3.11"]
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Shelf:
    """An index of made-up packages: a folder of pages (PEP 503)."""

    folder: Path
    url: str

    def put(self, name: str, version: str, *requires: str, yanked: bool = False) -> None:
        folder = self.folder / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        file, info = f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
        requirements = "".join(f"Requires-Dist: {line}\n" for line in requires)
        texts = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            + requirements,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        with zipfile.ZipFile(folder / file, "w") as wheel:
            for path, text in texts.items():
                wheel.writestr(path, text)
            wheel.writestr(f"{info}/RECORD", "".join(f"{p},,\n" for p in (*texts, "RECORD")))
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        mark = ' data-yanked="broken"' if yanked else ""
        with (folder / "index.html").open("a") as page:
            page.write(f'<a href="{file}#sha256={digest}"{mark}>{file}</a>\n')


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    serving = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serving)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made = Shelf(folder, f"http://127.0.0.1:{server.server_port}/simple/")
    for version in ("1.0", "1.1", "2.0"):
        made.put("lib", version)
    made.put("safe", "1.0")
    made.put("safe", "1.1")
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def osv_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Osv]:
    with osv_api(tmp_path_factory.mktemp("osv")) as told:
        yield told


@pytest.fixture
def osv(osv_server: Osv) -> Iterator[Osv]:
    yield osv_server
    osv_server.records.clear()
    osv_server.raw.clear()


def warn(osv: Osv, id_: str, name: str, fixed: str, severity: str = "HIGH") -> None:
    """An advisory appears."""
    record = {
        "id": id_,
        "modified": "2026-11-01T00:00:00Z",
        "summary": "A *hole* for @everybody",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
        "database_specific": {"severity": severity},
    }
    osv.records[id_] = record
    osv.raw[id_] = json.dumps(record).encode()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, shelf: Shelf, osv_server: Osv) -> Path:
    """A project of which 1.0.0 is released, before anybody knew anything."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    text = PYPROJECT + f'index-url = "{shelf.url}"\nosv-url = "{osv_server.url}"\n'
    (project / "pyproject.toml").write_text(text)
    commit(project, "capped")
    ran = warden(project, "release.publish")
    assert ran.code == 0, ran.err
    return project


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


def configure(project: Path, *lines: str) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    commit(project, "configured")


def branches(project: Path) -> list[str]:
    return git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


def state(project: Path) -> tuple[str, ...]:
    """Everything of the project that a person works on."""
    files = sorted(p for p in project.iterdir() if p.is_file())
    digests = (hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
    head = (git(project, "rev-parse", "HEAD"), git(project, "symbolic-ref", "HEAD"))
    return (*head, git(project, "status", "--porcelain"), git(project, "ls-files", "-s"), *digests)


def fixed(text: str) -> str:
    return text.replace('"lib>=1, <2",', '"lib>=1",')


@pytest.fixture
def forge(project: Path, tmp_path: Path) -> Iterator[Forge]:
    """GitHub, with the project's repository on it as the remote ``origin``."""
    git(tmp_path, "clone", "-q", "--bare", str(project), "bare.git")
    git(project, "remote", "add", "origin", str(tmp_path / "bare.git"))
    with github(tmp_path / "bare.git") as told:
        yield told


def on_github(forge: Forge, project: Path, *lines: str) -> dict[str, str]:
    url = f'forge-url = "{forge.url}"'
    configure(project, 'remote = "origin"', 'forge = "github"', url, *lines)
    git(project, "push", "-q", "origin", "main")
    return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": forge.repository}
