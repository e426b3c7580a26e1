"""The whole pipeline on a project that nobody here wrote."""

import io
import tarfile

import pytest
from kit import commit, git, warden

from release.adapters.index import SimpleIndex, pypi_simple_url

pytestmark = pytest.mark.online


@pytest.fixture
def foreign(tmp_path):
    """The sdist of iniconfig 2.0.0 (hatchling, its version derived from tags), unpacked."""
    index = SimpleIndex(pypi_simple_url())
    sdist = next(f for f in index.files("iniconfig") if f.name == "iniconfig-2.0.0.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(index.download(sdist))) as archive:
        # Python 3.11 has the filter from 3.11.4 on (PEP 706); where it is not needed, it is default
        archive.extractall(
            tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
        )
    project = tmp_path / "iniconfig-2.0.0"
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project, "the sdist")
    return project


def test_it_is_released_without_configuration_and_nothing_is_owed(foreign, tmp_path):
    published = warden(foreign, "release.publish", "--to", "local", "--bump", "patch")
    assert published.code == 0, published.err
    assert published.document["version"] == "2.0.1"
    assert git(foreign, "tag") == "local/v2.0.1"
    assert git(foreign, "status", "--porcelain") == ""
    (tmp_path / "advisories").mkdir()
    (tmp_path / "advisories" / "X-1.json").write_text(
        '{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package":'
        ' {"ecosystem": "PyPI", "name": "something-else"}, "versions": ["1"]}]}'
    )
    auto = warden(foreign, "release.auto", "--advisories", str(tmp_path / "advisories"))
    assert auto.code == 0, auto.err
    assert auto.document["action"] == "none"
    assert auto.document["reasons"][0]["rule"] == "nothing-owed"
    assert auto.document["receipt"] is None
    assert git(foreign, "tag") == "local/v2.0.1"
