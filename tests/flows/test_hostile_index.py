"""An index that misbehaves: the upload ends in the truth, and a second one heals it."""

from __future__ import annotations

import pytest
from hostile_cases import CASES, QUICK, hurry
from kit import make_wheel

from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.upload import confirm, upload
from release.errors import WardenError
from release.model.base import sha256
from release.ship.archives import describe
from release.testing.hostile_index import serve_hostile_index


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
