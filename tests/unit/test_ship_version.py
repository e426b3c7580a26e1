"""Which version comes next, and where it is written."""

import pytest
from packaging.version import Version

from release.errors import ProjectError, UsageError
from release.ship.version import is_tag_derived, next_version, raised, version_edits

TAKEN = [Version("1.2.3"), Version("1.3.0")]


@pytest.mark.parametrize(
    ("current", "taken", "bump", "expected"),
    [
        ("1.2.3", [], None, "1.2.3"),  # never released: what the project says
        ("1.4.0", TAKEN, None, "1.4.0"),  # raised by hand and still free
        ("1.3.0", TAKEN, None, "1.3.1"),
        ("1.2.3", TAKEN, None, "1.3.1"),  # never below what exists
        ("1.3.0", TAKEN, "minor", "1.4.0"),
        ("1.3.0", TAKEN, "major", "2.0.0"),
        ("1.3.0", TAKEN, "7.1", "7.1"),
        ("2024.7.4", [], "patch", "2024.7.5"),
        ("0.19", [], "patch", "0.19.1"),
        ("1.3.1.dev4+gabc", TAKEN, None, "1.3.1"),  # derived from tags
        ("2.0rc1", TAKEN, "patch", "2.0.0"),
        ("1!1.0.0", [], "patch", "1!1.0.1"),
    ],
)
def test_next_version(current, taken, bump, expected):
    assert str(next_version(current, taken, bump)) == expected


def test_a_word_that_is_no_version_is_wrong_usage():
    with pytest.raises(UsageError, match="--bump ptach is no version"):
        next_version("1.0", [], "ptach")


def test_the_patch_of_a_pre_release_is_its_final_release():
    assert raised(Version("1.2.3rc1"), "patch") == Version("1.2.3")
    assert raised(Version("1.2.3rc1"), "minor") == Version("1.3.0")


def project(**files):
    return {name.replace("__", "/"): text for name, text in files.items()}.get


PROJECTS = {
    "static": {"pyproject.toml": '[project]\nname = "a"\nversion = "1.0"  # ours\n'},
    "static, repeated in the package": {
        "pyproject.toml": '[project]\nname = "A.B"\nversion = "1.0"\n',
        "src/a_b/__init__.py": '"""Doc."""\n__version__ = "1.0"\n',
    },
    "hatch path": {
        "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n'
        '[tool.hatch.version]\npath = "lib/about.py"\n',
        "lib/about.py": "__version__ = '1.0'\n",
    },
    "setuptools attr": {
        "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n'
        '[tool.setuptools.dynamic]\nversion = {attr = "pkg.core.VERSION"}\n',
        "src/pkg/core.py": 'VERSION: str = "1.0"\n',
    },
    "setuptools file": {
        "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n'
        '[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n',
        "VERSION": "1.0\n",
    },
    "flit": {
        "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n',
        "a.py": '"""Doc."""\n__version__ = "1.0"\n',
    },
    "setup.cfg": {
        "pyproject.toml": "",
        "setup.cfg": "[metadata]\nname = a\nversion = 1.0\n[x]\nrequires = b==1.0\n",
    },
    "setup.py": {"pyproject.toml": "", "setup.py": 'setup(\n    version="1.0",\n)\n'},
    "poetry": {"pyproject.toml": '[tool.poetry]\nname = "a"\nversion = "1.0"\n'},
}


@pytest.mark.parametrize("files", PROJECTS.values(), ids=PROJECTS.keys())
def test_the_version_is_changed_where_it_is_written_and_nowhere_else(files):
    edits = {edit.path: edit.after for edit in version_edits(files.get, "1.0", "1.1")}
    assert edits
    for path, after in edits.items():
        changed = [
            (old, new)
            for old, new in zip(files[path].splitlines(), after.splitlines(), strict=True)
            if old != new
        ]
        assert len(changed) == 1
        assert changed[0][0].replace("1.0", "1.1") == changed[0][1]


def test_a_project_that_repeats_its_version_is_changed_in_both_places():
    edits = version_edits(PROJECTS["static, repeated in the package"].get, "1.0", "1.1")
    assert [edit.path for edit in edits] == ["pyproject.toml", "src/a_b/__init__.py"]


def test_a_version_that_is_nowhere_is_an_error_that_says_what_to_do():
    with pytest.raises(
        ProjectError, match=r"cannot find where the project writes its version 1\.0"
    ):
        version_edits({"pyproject.toml": '[project]\nname = "a"\n'}.get, "1.0", "1.1")


@pytest.mark.parametrize(
    "pyproject",
    [
        {"project": {"dynamic": ["version"]}, "tool": {"hatch": {"version": {"source": "vcs"}}}},
        {"project": {"dynamic": ["version"]}, "build-system": {"requires": ["setuptools-scm>=8"]}},
        {"project": {"dynamic": ["version"]}, "tool": {"pdm": {"version": {"source": "scm"}}}},
    ],
)
def test_versions_from_tags_need_no_edit(pyproject):
    assert is_tag_derived(pyproject)


def test_a_static_version_is_not_derived_from_tags():
    assert not is_tag_derived({"project": {"version": "1"}, "tool": {"setuptools_scm": {}}})
