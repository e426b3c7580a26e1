"""An index that misbehaves: the upload ends in the truth, and a second one heals it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_cases import CASES, QUICK, hurry
from kit import make_wheel

from release.adapters import process
from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.upload import confirm, upload
from release.errors import WardenError
from release.model.base import sha256
from release.ship.archives import describe
from release.testing import hostile_index as hostile_module
from release.testing.hostile_index import serve_hostile_index

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared():
    with serve_hostile_index() as index:
        yield index


@pytest.fixture
def index(shared):
    shared.forget()
    yield shared
    shared.forget()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two archives of one version."""
    folder = tmp_path_factory.mktemp("files")
    other = make_wheel(folder / "other", "# for another machine\n")
    return [
        make_wheel(folder),
        other.rename(folder / other.name.replace("py3-none-any", "py3-none-linux_x86_64")),
    ]


def deliver(index, files):
    """Upload and confirm, as a release does; the exit code that it would end with."""
    right = Given(Credential(index.username, index.password))
    repository = Repository("far", index.simple_url, index.upload_url, right)
    archives = [describe(path.name, path.read_bytes()) for path in files]
    try:
        upload(repository, files)
        confirm(SimpleIndex(index.simple_url, fresh=True), "tiny", archives, patience=0.5)
    except WardenError as error:
        return error.exit_code
    return 0


@pytest.mark.parametrize("name", QUICK)
def test_an_upload_ends_in_the_truth_and_a_second_one_heals_it(name, index, files, monkeypatch):
    case = CASES[name]
    hurry(monkeypatch)
    sealed = {path.name: sha256(path.read_bytes()) for path in files}
    case.set_up(index)
    code = deliver(index, files)
    assert code in {4 if end == 75 else end for end in case.ends} | case.ends
    assert code or index.files == sealed
    index.heal()
    assert deliver(index, files) == 0
    assert index.files == sealed
    assert index.offered == {name: {digest} for name, digest in sealed.items()}


def test_the_page_shows_what_works(tmp_path):
    """The example runs where nothing but the distribution is known: the plugin is found."""
    page = (ROOT / "docs" / "testing-your-index.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_example.py").write_text(example)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    env = {**os.environ, "PYTEST_ADDOPTS": "", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_every_fault_is_on_the_page():
    page = (ROOT / "docs" / "testing-your-index.md").read_text()
    faults = {
        name
        for name, thing in vars(hostile_module).items()
        if not name.startswith("_")
        and getattr(thing, "__module__", "") == hostile_module.__name__
        and not isinstance(thing, type)
    }
    assert {name for name in faults if not re.search(rf"\b{name}\b", page)} == set()


@pytest.mark.parametrize("json", [True, False])
def test_left_alone_it_is_a_good_index_to_uv(json, index, files, tmp_path):
    index.speaks_json = json
    right = {"UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
    uv = process.script("uv")

    def run(*words, **env):
        full = process.environment(UV_CACHE_DIR=str(tmp_path / "cache"), UV_NO_CONFIG="1", **env)
        return process.run([uv, *words], cwd=tmp_path, env=full, check=False)

    words = ("publish", "--publish-url", index.upload_url)
    assert run(*words, str(files[0]), UV_PUBLISH_TOKEN="wrong").code
    assert index.files == {}
    done = run(*words, str(files[0]), **right)
    assert done.code == 0, done.stderr
    assert run(*words, str(files[0]), **right).code == 0, "equal bytes are taken twice"
    other = make_wheel(tmp_path / "other", "# others")
    assert run(*words, str(other), **right).code, "others are not"
    assert index.offered[other.name] == {sha256(p.read_bytes()) for p in (files[0], other)}
    target = ("--target", str(tmp_path / "lib"), "--python", process.python())
    done = run("pip", "install", "--index-url", index.simple_url, *target, "tiny==1.0")
    assert done.code == 0, done.stderr
    assert (tmp_path / "lib" / "tiny" / "__init__.py").exists()
    index.speaks_json = True
