"""Which version comes next, and where it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from release.errors import ConfigError, ProjectError, UsageError
from release.model.plan import FileEdit
from release.ship.stale import Line, OwnVersion, stale
from release.ship.version import is_tag_derived, line_of, next_version, raised, version_edits

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


@pytest.mark.parametrize(
    ("current", "taken", "line", "bump", "expected"),
    [
        ("1.4.8", "1.4.8 2.0.0", "1.4.8", "patch", "1.4.9"),
        ("1.4.8", "1.4.8 2.0.0", "1.4.8", None, "1.4.9"),
        ("1.4.9", "1.4.8 2.0.0", "1.4.8", None, "1.4.9"),  # raised by hand and free
        ("1.4.8", "1.4.8 1.4.9 2.0.0", "1.4.8", "patch", "1.4.10"),  # another line has 1.4.9
        ("1.4.8", "1.4.8 1.5.0", "1.4.8", "minor", "1.5.0"),  # refused by preflight, not renamed
        ("2.0.0", "1.4.9 2.0.0", "2.0.0", "patch", "2.0.1"),
        ("1.0.0", "1.0.0 1.1.0", "1.0.0 1.1.0", "patch", "1.1.1"),  # HEAD never got 1.1.0
        ("2.0rc1", "2.0rc1", "2.0rc1", "patch", "2.0.0"),
        ("2.0rc1", "2.0rc1", "2.0rc1", "2.0rc2", "2.0rc2"),
        ("2.0rc1", "2.0rc1", "2.0rc1", None, "2.0.0"),
        ("1!1.0", "1!1.0 2.0", "1!1.0", "minor", "1!1.1"),
        ("1.0.post1", "1.0 1.0.post1", "1.0 1.0.post1", "patch", "1.0.1"),
    ],
)
def test_the_next_version_of_a_line(current, taken, line, bump, expected):
    known, own = (list(map(Version, names.split())) for names in (taken, line))
    assert next_version(current, known, bump, line=own) == Version(expected)


@pytest.mark.parametrize(
    ("current", "here", "elsewhere", "expected"),
    [
        ("1.4.8", "", "2.0.0", "1.4.8 1.5.0"),
        ("1.4.8", "2.0.0", "1.5.0", "1.4.8 2.0.0"),
        ("1.4.8", "", "", "1.4.8 1.5.0"),  # only the index tells of 2.0.0: another major
        ("2.1.0", "", "", "1.4.8 1.5.0 2.0.0"),
        ("0.9", "", "", ""),
        ("1!0.9", "", "", "1.4.8 1.5.0 2.0.0"),
    ],
)
def test_the_line_of_head(current, here, elsewhere, expected):
    taken = list(map(Version, ("1.4.8", "1.5.0", "2.0.0")))
    names = (set(map(Version, words.split())) for words in (here, elsewhere))
    assert line_of(Version(current), taken, *names) == set(map(Version, expected.split()))


VERSIONS = st.builds(
    lambda epoch, release, end: Version(f"{epoch}!{'.'.join(map(str, release))}{end}"),
    st.sampled_from([0, 0, 0, 1]),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.sampled_from(["", "", "a1", "b2", "rc1", ".post1", ".dev3", "rc1.dev2", ".post1.dev1"]),
)
LEVELS = st.sampled_from(["patch", "minor", "major"])


@given(VERSIONS, st.lists(VERSIONS, max_size=8), LEVELS)
def test_a_bump_is_a_final_release_above_everything_in_the_line(current, taken, level):
    new = next_version(str(current), taken, level)
    assert new > max([current, *taken])
    assert new == Version(new.base_version)
    assert new.epoch == max(v.epoch for v in [current, *taken])


@given(VERSIONS, st.sets(VERSIONS, max_size=8), st.data())
def test_a_patch_never_takes_a_number_that_any_line_has(current, taken, data):
    line = data.draw(st.sets(st.sampled_from(sorted(taken)))) if taken else set()
    for bump in ("patch", None):
        new = next_version(str(current), taken, bump, line=line)
        assert new not in taken
        assert new > max(line, default=Version("0.dev0"))


@given(VERSIONS, LEVELS)
def test_raising_again_goes_on_upwards(version, level):
    once = raised(version, level)
    assert version < once < raised(once, level)


@given(VERSIONS)
def test_a_higher_level_raises_no_less(version):
    assert raised(version, "patch") <= raised(version, "minor") <= raised(version, "major")


def test_a_version_of_the_project_that_is_none():
    with pytest.raises(ProjectError, match="the project's version 'one' is none"):
        next_version("one", [], "patch")


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


OWN = OwnVersion("My.Thing", "1.2.0")


@pytest.mark.parametrize(
    "line",
    [
        'version = "1.2.0"',
        "__version__: Final = '1.2.0'",
        "release = '1.2.0'",
        "version: 1.2.0",
        "version: v1.2.0",
        '  "version": "1.2.0",',
        "current_version = 1.2.0",
        "pip install my-thing==1.2.0",
        "my_thing 1.2.0 is the newest",
        "My.Thing v1.2.0.",
        "https://example.org/my-thing/v1.2.0.tar.gz",
    ],
)
def test_a_line_that_tells_our_version(line):
    assert OWN.told(line)
    assert not OWN.told(line.replace("1.2.0", "1.3.0"))


@pytest.mark.parametrize(
    "line",
    [
        'cff-version: "1.2.0"',
        'target-version = "1.2.0"',
        'minimum_version = "1.2.0"',
        "other==1.2.0",
        "my-thing==11.2.0",
        "my-thing==1.2.0.1",
        "my-thing==1.2.0rc1",
        "my-thing-else==1.2.0",
        "not-my-thing==1.2.0",
        'version = "1.2.0.dev1"',
        "conversion: 1.2.0",
        "1.2.0",
    ],
)
def test_a_line_that_speaks_of_another(line):
    assert not OWN.told(line)


LOCK = [
    Line("uv.lock", 1, 'name = "my-thing"'),
    Line("uv.lock", 2, 'version = "1.2.0"'),
    Line("uv.lock", 9, 'version = "1.2.0"'),  # of some other package
    Line("CHANGELOG.md", 3, "my-thing 1.2.0"),
    Line("docs/release-notes.md", 3, "my-thing 1.2.0"),
]


def test_stale_places_are_named_with_their_lines():
    lines = [Line("docs/conf.py", 7, 'release = "1.2.0"'), Line("a.py", 1, "my-thing"), *LOCK]
    edits = [
        FileEdit(path="a.toml", after='version = "1.3.0"\n[x]\nversion = "1.2.0"\n'),
        FileEdit(path="gone.md", after=None),
    ]
    remark = stale(OWN, [*lines, Line("gone.md", 1, "version: 1.2.0")], edits)
    assert remark is not None
    assert remark.what == "the version before still stands in a.toml:3, docs/conf.py:7, uv.lock:2"


def test_nothing_stale_is_no_remark():
    assert stale(OWN, LOCK[2:], ()) is None


def test_many_stale_places_are_counted():
    remark = stale(OWN, [Line("x", n, "version: 1.2.0") for n in range(1, 30)], ())
    assert remark is not None
    assert remark.what.endswith("x:19, x:20 and 9 more")


STATIC = '[project]\nname = "my-thing"\nversion = "1.2.0"\n'
NAMED = {
    "pyproject.toml": STATIC,
    "docs/conf.py": 'release = "1.2.0"\nneeds = "1.2.0"\n',
    "VERSION": "1.2.0\n",
    "other": "nothing",
}


def test_the_files_that_the_configuration_names_change_with_it():
    named = ("docs/conf.py", "VERSION", "pyproject.toml")
    edits = version_edits(NAMED.get, "1.2.0", "1.3.0", own=OWN, named=named)
    assert {edit.path: edit.after for edit in edits} == {
        "pyproject.toml": STATIC.replace("1.2.0", "1.3.0"),
        "docs/conf.py": 'release = "1.3.0"\nneeds = "1.2.0"\n',
        "VERSION": "1.3.0\n",
    }


def test_a_named_file_changes_in_a_project_whose_version_comes_from_tags():
    files = {**NAMED, "pyproject.toml": '[project]\nname = "my-thing"\ndynamic = ["version"]\n'
             '[tool.hatch.version]\nsource = "vcs"\n'}  # fmt: skip
    edits = version_edits(files.get, "1.2.1.dev3+g1", "1.2.1", own=OWN, named=("VERSION",))
    assert edits == (FileEdit(path="VERSION", after="1.2.1\n"),)


@pytest.mark.parametrize(("path", "why"), [("other", "names another"), ("gone", "no such file")])
def test_a_named_file_without_the_version_is_an_error(path, why):
    with pytest.raises(ConfigError, match=f"version-files names {path}") as caught:
        version_edits(NAMED.get, "1.2.0", "1.3.0", own=OWN, named=(path,))
    assert why in caught.value.why


def test_a_first_release_of_the_version_that_is_there_changes_nothing():
    assert version_edits(NAMED.get, "1.2.0", "1.2.0", own=OWN, named=("other",)) == ()
