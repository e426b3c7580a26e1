"""Whole releases to pypiron and devpi-server, alone and on a line that misbehaves."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import devpi
import pytest
from hostile_cases import CASES
from kit import commit, git, make_project, make_wheel, warden

from release.adapters import embedded
from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.testing.hostile_index import HostileIndex, serve_hostile_index, status

pytestmark = pytest.mark.proof

RELEASES = "refs/release-warden/plain-thing/shop/releases"
TROUBLES = (
    "a streak of 5xx",
    "429 with seconds",
    "a reset within the body",
    "an answer lost after the store",
    "every answer lost",
    "stored and said to have failed",
    "swallowed with a yes",
    "exists already, and does",
    "a token that expires midway",
    "a redirect",
    "a listing with 5xx",
    "a download cut short",
    "other bytes once",
)
"""Those that need to know nothing of what the index holds."""


@dataclass
class Far:
    """A real index, and the line to it."""

    line: HostileIndex
    username: str
    password: str
    upload_path: str
    simple_path: str

    @property
    def right(self) -> dict[str, str]:
        return {"TWINE_USERNAME": self.username, "TWINE_PASSWORD": self.password}

    @property
    def repository(self) -> Repository:
        right = Given(Credential(self.username, self.password))
        url = self.line.url
        return Repository("shop", url + self.simple_path, url + self.upload_path, right)

    def served(self, version: str) -> dict[str, str]:
        """Name to the sha256 that it lists, of one version."""
        files = SimpleIndex(self.repository.simple_url).files("plain-thing")
        return {f.name: f.sha256 or "" for f in files if f"-{version}" in f.name}


@contextmanager
def pypiron(folder) -> Iterator[Far]:
    with embedded.serve(folder) as server:
        behind = server.simple_url.removesuffix("/simple/")
        with serve_hostile_index(behind) as line:
            yield Far(line, server.username, server.password, "/legacy/", "/simple/")


@contextmanager
def devpi_server(folder) -> Iterator[Far]:
    with devpi.serve(folder) as server, serve_hostile_index(server.url) as line:
        yield Far(line, server.username, server.password, "/shop/dev/", "/shop/dev/+simple/")


@pytest.fixture(scope="module", params=[pypiron, devpi_server])
def far(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("index")) as opened:
        yield opened


@pytest.fixture(scope="module")
def template(far, tmp_path_factory):
    """A project with 1.0.0 released there; its next version is planned by hand."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    lines = [
        "[tool.release-warden]",
        'repository = "shop"',
        "[tool.release-warden.repositories.shop]",
        f'upload-url = "{far.repository.upload_url}"',
        f'simple-url = "{far.repository.simple_url}"',
    ]
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n".join(["", *lines, ""]))
    commit(project, "ship from here")
    ran = warden(project, "release.publish", **far.right)
    assert ran.code == 0, ran.err
    return project


def document(project, version, name):
    return json.loads(git(project, "show", f"{RELEASES}/{version}:{name}.json"))


def hashes(project, version):
    files = document(project, version, "manifest")["files"]
    return {file["name"]: file["sha256"] for file in files}


@pytest.fixture
def project(template, far, tmp_path):
    far.line.heal()
    return shutil.copytree(template, tmp_path / "project", symlinks=True)


def sealed(project, far, version):
    """Seal a version whose first upload the line refuses.

    The servers hear of none of these refusals: of a few wrong passwords pypiron makes a cooldown.
    """
    with (project / "plain_thing.py").open("a") as file:
        file.write(f"\n# {version}\n")
    commit(project, version)
    words = ("release.publish", "--bump", version)
    far.line.misbehave("upload", then=status(401))
    ran = warden(project, *words, **far.right)
    far.line.heal()
    assert (ran.code, ran.document["error"]) == (1, "repository"), ran.err
    assert far.served(version) == {}


def test_a_release_is_whole_and_its_version_is_taken(project, far):
    assert far.served("1.0.0") == hashes(project, "1.0.0")
    again = warden(project, "release.publish", "--bump", "1.0.0", **far.right)
    assert again.code == 3, again.err
    assert far.served("1.0.0") == hashes(project, "1.0.0")


def test_what_is_there_with_equal_bytes_is_done(project, far, tmp_path):
    sealed(project, far, "2.0.0")
    stored = document(project, "2.0.0", "manifest")["stored"]
    files = []
    for name in hashes(project, "2.0.0"):
        blob = git(project, "rev-parse", f"{stored}:{name}")
        files.append(tmp_path / name)
        files[-1].write_bytes(_blob(project, blob))
    upload(far.repository, files)
    ran = warden(project, "release.publish", **far.right)
    assert ran.code == 0, ran.err
    assert "every file was there already" in ran.err
    assert far.served("2.0.0") == hashes(project, "2.0.0")


def _blob(project, name):
    from release.adapters.git import Git

    return Git(project).run("cat-file", "blob", name).raw


def test_other_bytes_under_our_name_stop_it_and_stay(project, far, tmp_path):
    sealed(project, far, "3.0.0")
    wheel = make_wheel(tmp_path / "theirs", "# theirs", version="3.0.0", name="plain_thing")
    upload(far.repository, [wheel])
    theirs = {wheel.name: hashlib.sha256(wheel.read_bytes()).hexdigest()}
    for _ in range(2):
        ran = warden(project, "release.publish", **far.right)
        assert (ran.code, ran.document["error"]) == (1, "repository"), ran.err
        assert "holds other bytes under the name" in ran.document["what"]
        assert far.served("3.0.0") == theirs
        assert "v3.0.0" not in git(project, "tag")


def pytest_generate_tests(metafunc):
    """All troubles, or in a sample a few."""
    if "trouble" in metafunc.fixturenames:
        sample = metafunc.config.getoption("--sample")
        troubles = list(enumerate(TROUBLES))[:: 6 if sample else 1]
        metafunc.parametrize(("number", "trouble"), troubles, ids=[name for _, name in troubles])


def test_a_line_that_misbehaves(project, far, number, trouble):
    version = f"4.{number}.0"
    sealed(project, far, version)
    case = CASES[trouble]
    case.set_up(far.line)
    ran = warden(project, "release.publish", **far.right)
    assert ran.code in case.ends, ran.err
    if ran.code:
        far.line.heal()
        again = warden(project, "release.publish", **far.right)
        assert again.code == 0, again.err
    assert far.served(version) == hashes(project, version)
    assert document(project, version, "journal")["state"] == "confirmed"
