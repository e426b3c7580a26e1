"""Real builds by real backends, and installs into fresh environments."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from release.adapters.builder import build, built_metadata, static_metadata
from release.adapters.index import SimpleIndex
from release.adapters.installer import install_test, prove
from release.adapters.repository import open_repository
from release.adapters.upload import confirm, upload
from release.errors import BuildError, ProjectError, VerificationError
from release.ship import archives

EPOCH = 1_700_000_000
HATCHLING = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
PROJECT = """
[project]
name = "tiny-p"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["iniconfig>=2", "colorama; sys_platform == 'win32'"]
[project.optional-dependencies]
"Extra_One" = ["packaging; python_version < '3' or python_version > '3.5'"]
"""
WHEEL = """
[tool.hatch.build.targets.wheel]
packages = ["tiny"]
"""


def project(folder: Path, pyproject: str, code: str = "", **files: str) -> Path:
    (folder / "tiny").mkdir(parents=True)
    (folder / "tiny" / "__init__.py").write_text(code)
    (folder / "pyproject.toml").write_text(pyproject)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("built")
    clone = project(folder / "clone", HATCHLING + PROJECT + WHEEL, "import iniconfig\n")
    (folder / "out").mkdir()
    return build(clone, folder / "out", epoch=EPOCH)


def test_static_metadata() -> None:
    metadata = static_metadata(HATCHLING + PROJECT)
    assert metadata
    assert (metadata.name, metadata.version, metadata.requires_python) == (
        "tiny-p", "1.0", ">=3.8",
    )  # fmt: skip
    assert metadata.extras == ("extra-one",)
    assert metadata.requires_dist == (
        "iniconfig>=2",
        "colorama; sys_platform == 'win32'",  # as it is written
        'packaging; (python_version < "3" or python_version > "3.5") and extra == "extra-one"',
    )


@pytest.mark.parametrize(
    "table",
    [
        "",
        "[project]\nname = 'a'\ndynamic = ['version']",
        "[project]\nname = 'a'\nversion = '1'\ndynamic = ['dependencies']",
        "[project]\nname = 'a'\nversion = '1'\ndynamic = ['optional-dependencies']",
        "[project]\nname = 'a'\nversion = '1'\ndynamic = ['requires-python']",
    ],
)
def test_dynamic_metadata_is_not_guessed(table: str) -> None:
    assert static_metadata(table) is None


def test_harmless_dynamic_fields_are_harmless() -> None:
    text = "[project]\nname = 'a'\nversion = '1'\ndynamic = ['readme', 'classifiers']"
    assert static_metadata(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "[project",
        "[project]\nversion = '1'",
        "[project]\nname='a'\nversion='1'\ndependencies=['?']",
    ],
)
def test_a_broken_pyproject(text: str) -> None:
    with pytest.raises(ProjectError, match="does not describe a project"):
        static_metadata(text)


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no pyproject\.toml"):
        built_metadata(tmp_path)


@pytest.mark.online
def test_build(built: tuple[Path, Path]) -> None:
    wheel, _ = built
    files = {path.name: path.read_bytes() for path in built}
    tracked = {"pyproject.toml", "tiny/__init__.py"}
    assert archives.problems(files, project="tiny-p", version="1.0", tracked=tracked) == []
    assert archives.import_names(wheel.read_bytes()) == ("tiny",)


@pytest.mark.online
def test_pyproject_says_what_the_backend_says(built: tuple[Path, Path]) -> None:
    static = static_metadata(HATCHLING + PROJECT)
    wheel = archives.wheel_metadata(built[0].read_bytes())
    assert static
    assert static.extras == wheel.extras
    assert set(map(Requirement, wheel.requires_dist)) == set(map(Requirement, static.requires_dist))


@pytest.mark.online
def test_builds_are_equal_to_the_byte(built: tuple[Path, Path], tmp_path: Path, out: Path) -> None:
    clone = project(tmp_path / "clone", HATCHLING + PROJECT + WHEEL, "import iniconfig\n")
    again = build(clone, out, epoch=EPOCH)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


@pytest.mark.online
def test_dynamic_metadata_is_built(tmp_path: Path) -> None:
    dynamic = "\n[project]\nname = 'tiny-p'\ndynamic = ['version']\n"
    dynamic += "[tool.hatch.version]\npath = 'tiny/__init__.py'\n"
    clone = project(tmp_path / "clone", HATCHLING + dynamic + WHEEL, "__version__ = '2.5'\n")
    assert built_metadata(clone).version == "2.5"


@pytest.mark.online
def test_a_broken_build_tells_its_last_words(tmp_path: Path, out: Path) -> None:
    broken = PROJECT.replace('"1.0"', '"not a version"')
    with pytest.raises(BuildError, match="the project did not build") as caught:
        build(project(tmp_path / "clone", HATCHLING + broken + WHEEL), out, epoch=EPOCH)
    assert "not a version" in caught.value.why


@pytest.mark.online
def test_an_sdist_that_lacks_files(tmp_path: Path, out: Path) -> None:
    lacking = "\n[tool.hatch.build.targets.sdist]\nexclude = ['tiny']\n"
    lacking += "[tool.hatch.build.targets.wheel.force-include]\n'tiny/__init__.py' = 'tiny.py'\n"
    with pytest.raises(BuildError, match="no wheel can be built from it"):
        build(project(tmp_path / "clone", HATCHLING + PROJECT + lacking), out, epoch=EPOCH)


@pytest.mark.online
def test_install_test_of_both_archives(built: tuple[Path, Path], tmp_path: Path) -> None:
    for path in built:
        witness = install_test(path, "tiny-p", "1.0", ["tiny"], workdir=tmp_path)
        assert "imported: tiny" in witness
    assert list(tmp_path.iterdir()) == []


@pytest.mark.online
def test_the_environment_cannot_steer_it(
    built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv.toml").write_text("no-index = true\n")
    (tmp_path / "tiny.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.setenv("UV_CONSTRAINT", "/does/not/exist")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert install_test(built[0], "tiny-p", "1.0", ["tiny"], workdir=tmp_path)


@pytest.mark.online
@pytest.mark.parametrize(
    ("version", "imports", "words"),
    [("1.0", ["absent"], "No module named 'absent'"), ("1.1", ["tiny"], "should be 1.1")],
)
def test_what_is_not_so_is_told(
    built: tuple[Path, Path], tmp_path: Path, version: str, imports: list[str], words: str
) -> None:
    with pytest.raises(VerificationError) as caught:
        install_test(built[0], "tiny-p", version, imports, workdir=tmp_path)
    assert words in str(caught.value)


@pytest.mark.online
def test_what_cannot_be_imported_is_told(tmp_path: Path, out: Path) -> None:
    code = "raise RuntimeError('boom')"
    clone = project(tmp_path / "clone", HATCHLING + PROJECT + WHEEL, code)
    wheel, _ = build(clone, out, epoch=EPOCH)
    with pytest.raises(VerificationError, match="does not install and import") as caught:
        install_test(wheel, "tiny-p", "1.0", ["tiny"], workdir=tmp_path)
    assert "boom" in caught.value.why


@pytest.mark.online
def test_prove_from_the_index(built: tuple[Path, Path], tmp_path: Path) -> None:
    found = [archives.describe(path.name, path.read_bytes()) for path in built]
    with open_repository("local", tmp_path) as repository:
        upload(repository, built)
        index = SimpleIndex(repository.simple_url, fresh=True)
        wheel, _ = confirm(index, "tiny-p", found, patience=10)
        digest = found[0].sha256
        witness = prove(wheel.url, digest, "tiny-p", "1.0", ["tiny"], workdir=tmp_path)
        assert digest[:12] in witness
        with pytest.raises(VerificationError, match="does not install") as caught:
            prove(wheel.url, "0" * 64, "tiny-p", "1.0", ["tiny"], workdir=tmp_path)
        assert "Hash mismatch" in caught.value.why
