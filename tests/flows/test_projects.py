"""Tiny real projects, one a build backend, each released twice to the local index."""

import email
import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit import advise, commit, git, make_project, refs, warden

pytestmark = pytest.mark.online  # build backends come from the registry


@dataclass(frozen=True)
class Case:
    """A project of tests/projects.

    ``versions`` are its first release and the patch after it; ``holds`` are files that its wheel
    must have; ``writes`` is where the version stands, empty where git's tags tell it.
    """

    folder: str
    name: str
    versions: tuple[str, str]
    holds: tuple[str, ...]
    writes: str = ""
    requires: tuple[str, ...] = ()


FIRST = ("1.0.0", "1.0.1")
UNTAGGED = ("0.1.0", "0.1.1")  # without any tag both tools tell 0.1.devN, the way to 0.1.0
CASES = (
    Case(
        "hatchling",
        "acme-tools",
        FIRST,
        ("acme/tools/__init__.py",),
        writes="src/acme/tools/__about__.py",
    ),
    Case(
        "setuptools",
        "setuptools-thing",
        FIRST,
        ("setuptools_thing/__init__.py", "setuptools_thing/words.txt"),
        writes="src/setuptools_thing/__init__.py",
        requires=("idna>=3.7",),
    ),
    Case("flit", "flit-thing", FIRST, ("flit_thing.py",), writes="flit_thing.py"),
    Case(
        "uv_build",
        "uv-build-thing",
        FIRST,
        ("uv_build_thing/__init__.py",),
        writes="pyproject.toml",
        requires=("idna>=3.7",),
    ),
    Case("poetry", "poetry-thing", FIRST, ("poetry_thing/__init__.py",), writes="pyproject.toml"),
    Case(
        "hatch_vcs",
        "hatch-vcs-thing",
        UNTAGGED,
        ("hatch_vcs_thing/__init__.py", "hatch_vcs_thing/_version.py"),
    ),
    Case(
        "setuptools_scm",
        "setuptools-scm-thing",
        UNTAGGED,
        ("setuptools_scm_thing/__init__.py", "setuptools_scm_thing/words.txt"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder)
def test_it_is_released_twice(tmp_path, case):
    project = make_project(tmp_path / case.folder, case.folder)
    head = git(project, "rev-parse", "HEAD")
    _release(project, case, case.versions[0])
    (project / "NOTES.txt").write_text("Something was done.\n")
    commit(project)
    _release(project, case, case.versions[1], "--bump", "patch", "--reason", "notes")
    tags = {f"local/v{version}" for version in case.versions}
    assert set(git(project, "tag").split()) == tags
    assert git(project, "rev-parse", "HEAD^") == head
    assert git(project, "status", "--porcelain") == ""


def _release(project: Path, case: Case, version: str, *words: str) -> None:
    ran = warden(project, "release.publish", *words)
    assert ran.code == 0, ran.err
    assert (ran.document["project"], ran.document["version"]) == (case.name, version)
    wheel, sdist = _served(project, ran.document)
    metadata = _metadata(wheel)
    assert metadata["Version"] == version
    assert set(case.requires) <= set(metadata.get_all("Requires-Dist", []))
    assert set(case.holds) <= set(zipfile.ZipFile(io.BytesIO(wheel)).namelist())
    assert f"\nVersion: {version}\n" in _pkg_info(sdist)
    if case.writes:
        assert f'"{version}"' in git(project, "show", f"{ran.document['tag']}:{case.writes}")
    else:
        assert git(project, "rev-parse", ran.document["tag"]) == git(project, "rev-parse", "HEAD")


def _served(project: Path, receipt: dict) -> tuple[bytes, bytes]:
    """The wheel and the sdist out of the index's folder, as their hashes in the receipt say."""
    from release.model.base import sha256

    there = {p.name: p.read_bytes() for p in (project / ".release" / "index").rglob("*.[wg][hz]*")}
    told = {file["name"]: file["sha256"] for file in receipt["files"]}
    assert {name: sha256(there[name]) for name in told} == told
    wheel, sdist = sorted(told, key=lambda name: not name.endswith(".whl"))
    return there[wheel], there[sdist]


def _metadata(wheel: bytes) -> email.message.Message:
    archive = zipfile.ZipFile(io.BytesIO(wheel))
    name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(archive.read(name))


def _pkg_info(sdist: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(sdist)) as tar:
        name = next(one for one in tar.getnames() if one.count("/") == 1 and "PKG-INFO" in one)
        return tar.extractfile(name).read().decode()


def test_extras_and_markers_make_the_closures(tmp_path):
    project = make_project(tmp_path / "extras", "uv_build")
    advise(tmp_path / "advisories", "markupsafe")
    advise(tmp_path / "advisories", "colorama")
    words = ("release.scan", "--no-record", "--advisories", str(tmp_path / "advisories"))
    ran = warden(project, *words)
    assert ran.code == 0, ran.err
    assert refs(project, "refs/release-warden") == ""
    [candidate] = [c for c in ran.document["closures"] if c["kind"] == "candidate"]
    assert candidate["extras"] == ["all", "shout-loud"]
    pins = {pin["name"]: pin for pin in candidate["pins"]}
    assert set(pins) == {
        *("uv-build-thing", "idna", "iniconfig", "colorama", "markupsafe", "pluggy")
    }
    assert "zipp" not in pins, "no supported Python wants it"
    assert "3.13" not in pins["iniconfig"]["pythons"]
    assert "3.12" in pins["iniconfig"]["pythons"]
    assert pins["pluggy"]["extras"] == ["all"]
    assert "3.11" not in pins["pluggy"]["pythons"]
    assert sorted(pins["markupsafe"]["extras"]) == ["all", "shout-loud"]
    scopes = {(f["package"], f["scope"]) for f in ran.document["findings"]}
    assert scopes >= {("markupsafe", "extra"), ("colorama", "runtime")}
