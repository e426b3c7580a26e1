# ruff: noqa: E501 - a row of a table stays on its line
"""Adoption: what is found, what is written, and that it can be taken back to the byte."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.adopt import detect, files, marked, noxfile, older
from release.adopt.gates import Ground, gates
from release.adopt.plan import Around, adoption, carried
from release.adopt.tree import Tree
from release.adopt.undo import undoing
from release.adopt.wants import locked, wants
from release.config import parse
from release.errors import ProjectError
from release.model.adoption import Adoption
from release.model.base import decode, encode
from release.ship.workflows import Facts, workflows
from status_site import readme

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = Around(now=NOON)
ON_GITHUB = Around(now=NOON, remote="origin", github="Ann/thing", branch="trunk")


def of(texts: dict[str, str]) -> Tree:
    return Tree(tuple(sorted(texts)), texts.get)


def project(text: str = "", **others: str) -> dict[str, str]:
    base = '[project]\nname = "Some.Thing"\nversion = "1.0"\n'
    return {"pyproject.toml": base + text, "some_thing/__init__.py": "", **others}


def after(texts: dict[str, str], plan: Adoption) -> dict[str, str]:
    """The files once a plan was carried out."""
    result = dict(texts)
    for change in plan.changed:
        assert result.get(change.path) == change.before
        result.pop(change.path, None)
        if change.after is not None:
            result[change.path] = change.after
    return result


def chosen(texts: dict[str, str]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    code = detect.packages(of(texts), "some-thing")
    return {g.name: (g.commands, g.needs) for g in gates(Ground.of(of(texts), code))}


@pytest.mark.parametrize(
    ("pyproject", "backend"),
    [
        ('[build-system]\nbuild-backend = "hatchling.build"\n', "hatchling"),
        ('[build-system]\nbuild-backend = "setuptools.build_meta:__legacy__"\n', "setuptools"),
        ('[build-system]\nrequires = ["setuptools"]\n', "setuptools"),
        ("", "setuptools"),
        ('[build-system]\nbuild-backend = "flit_core.buildapi"\n', "flit"),
        ('[build-system]\nbuild-backend = "poetry.core.masonry.api"\n', "poetry"),
        ('[build-system]\nbuild-backend = "pdm.backend"\n', "pdm"),
        ('[build-system]\nbuild-backend = "uv_build"\n', "uv_build"),
        ('[build-system]\nbuild-backend = "maturin"\n', "maturin"),
        ('[build-system]\nbuild-backend = "odd.one"\n', "odd"),
        ('[build-system]\nbuild-backend = "b"\nbackend-path = ["."]\n', "its own"),
    ],
)
def test_backends(pyproject, backend):
    assert detect.backend(of({"pyproject.toml": pyproject})).value == backend


@pytest.mark.parametrize(
    ("texts", "version"),
    [
        ({"pyproject.toml": '[project]\nversion = "1.2"\n'}, "1.2"),
        ({"pyproject.toml": '[tool.poetry]\nversion = "1.3"\n'}, "1.3"),
        ({"pyproject.toml": '[build-system]\nrequires = ["setuptools_scm[toml]>=8"]\n'}, "from tags"),
        ({"pyproject.toml": '[build-system]\nrequires = ["hatch-vcs"]\n'}, "from tags"),
        ({"pyproject.toml": '[tool.pdm.version]\nsource = "scm"\n'}, "from tags"),
        ({"pyproject.toml": '[tool.hatch.version]\npath = "a.py"\n'}, "from a file"),
        ({"pyproject.toml": '[tool.setuptools.dynamic]\nversion = {attr = "a.b"}\n'}, "from a file"),
        ({"pyproject.toml": '[build-system]\nbuild-backend = "flit_core.buildapi"\n'}, "from a file"),
        ({"setup.cfg": "[metadata]\nversion = 4.5\n"}, "4.5"),
        ({"setup.cfg": "[metadata]\nversion = attr: a.__version__\n"}, "from a file"),
        ({"setup.py": "setup(\n    version='7',\n)\n"}, "7"),
        ({"setup.py": "setup(use_scm_version=True)\n"}, "from tags"),
        ({"setup.py": "setup(version=read())\n"}, "computed"),
    ],
)  # fmt: skip
def test_versions(texts, version):
    assert detect.version(of(texts)).value == version


@pytest.mark.parametrize(
    ("paths", "layout", "code"),
    [
        (["src/some_thing/__init__.py", "tests/test_a.py"], "src", ("src/some_thing",)),
        (["src/some_thing.py"], "src", ("src/some_thing.py",)),
        (["some_thing/__init__.py", "setup.py", "docs/conf.py"], "flat", ("some_thing",)),
        (["some_thing.py", "test_some_thing.py", "noxfile.py"], "single module", ("some_thing.py",)),
        (["other/a.py", "another/b.py", "tests/t.py"], "flat", ("another", "other")),
        (["other/a.py", "test_other.py", "more_test.py", "setup.py"], "flat", ("other",)),
        (["some_thing/a.py", "test_it/b.py"], "flat", ("some_thing",)),
        (["readme.txt"], "unknown", ()),
    ],
)  # fmt: skip
def test_layouts(paths, layout, code):
    found = detect.packages(of(dict.fromkeys(paths, "")), "some-thing")
    assert (detect.layout(found).value, found) == (layout, code)


def test_a_package_that_is_called_like_the_project_is_it_whatever_the_name():
    paths = ["test_kit/a.py", "other/b.py", "tests/test_a.py"]
    assert detect.packages(of(dict.fromkeys(paths, "")), "test-kit") == ("test_kit",)


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ({"pyproject.toml": '[project]\nname = "a"\n'}, "a"),
        ({"pyproject.toml": '[tool.poetry]\nname = "b"\n'}, "b"),
        ({"pyproject.toml": '[tool.flit.metadata]\nmodule = "c"\n'}, "c"),
        ({"setup.cfg": "[metadata]\nname = d\n"}, "d"),
        ({"setup.py": 'setup(\n    name="e",\n)\n'}, "e"),
    ],
)
def test_names(texts, name):
    assert detect.name(of(texts)).value == name


def test_a_name_that_only_a_build_tells_is_not_guessed():
    assert detect.name(of({"setup.py": "setup(name=NAME)"})) is None


@pytest.mark.parametrize(
    ("texts", "pythons"),
    [
        (project('requires-python = ">=3.13"\n'), "3.13, 3.14, 3.15"),
        ({"setup.cfg": "[options]\npython_requires = >=3.14\n"}, "3.14, 3.15"),
        ({"setup.py": "setup(python_requires='>=3.15')"}, "3.15"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.14"\n'}, "3.14, 3.15"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~2.7 || ^3.4"\n'},
         "3.11, 3.12, 3.13, 3.14, 3.15"),
        ({}, "3.11, 3.12, 3.13, 3.14, 3.15"),
    ],
)  # fmt: skip
def test_pythons(texts, pythons):
    assert detect.pythons(of(texts), NOON).value == pythons


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (project('[dependency-groups]\ntest = ["pytest>=8"]\n'), ("--group", "test")),
        (project('[dependency-groups]\nall = [{include-group = "t-t"}]\nT_T = ["pytest"]\n'),
         ("--group", "all")),
        (project('[project.optional-dependencies]\ndocs = ["sphinx"]\ndev = ["pytest"]\n'),
         ("-e", ".[dev]")),
        (project(**{"setup.cfg": "[options.extras_require]\ntests =\n    pytest>=7\n"}),
         ("-e", ".[tests]")),
        (project('[tool.poetry.group.dev.dependencies]\npytest = "^7.1"\nx = {git = "y"}\n'),
         ("pytest>=7.1,<8",)),
        (project('[tool.poetry.dev-dependencies]\npytest = {version = "~7.1", extras = ["a"]}\n'),
         ("pytest[a]>=7.1,<7.2",)),
        (project('[tool.pdm.dev-dependencies]\ntest = ["pytest", "-e file:///x"]\n'), ("pytest",)),
        (project('[tool.uv]\ndev-dependencies = ["pytest<9"]\n'), ("pytest<9",)),
        (project('[tool.hatch.envs.test]\nextra-dependencies = ["pytest"]\n'), ("pytest",)),
        (project(**{"requirements-dev.txt": "# all\n-r base.txt\npytest==8.0  # pinned\n"}),
         ("-r", "requirements-dev.txt")),
        (project(**{"requirements/tests.in": "pytest\n"}), ("-r", "requirements/tests.in")),
        (project(**{"dev.requirements.txt": "pytest\n"}), ("-r", "dev.requirements.txt")),
        (project(**{"tox.ini": "[testenv]\ndeps =\n  pytest\n  py27: mock\n  {env:X}\n  -rx.txt\n"}),
         ("pytest",)),
        (project(), ("pytest",)),
    ],
)  # fmt: skip
def test_what_tests_need_is_found_where_the_project_says_it(texts, words):
    texts["tests/test_a.py"] = "import pytest\n"
    needs = chosen(texts)["tests"][1]
    assert needs == (words if words[:1] == ("-e",) else ("-e", ".", *words))


@pytest.mark.parametrize(
    ("said", "bounds"),
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"), ("~1", ">=1,<2"), ("~1.2.3", ">=1.2.3,<1.3"), ("*", ""), ("", ""),
        ("1.2", "==1.2"), (">=1,<2", ">=1,<2"), ("~=1.4", "~=1.4"), ("^x", ""),
    ],
)  # fmt: skip
def test_poetrys_own_bounds(said, bounds):
    from release.adopt.wants import _bounds

    assert _bounds(said) == bounds


def test_groups_that_include_each_other_end():
    looped = '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}, "x"]\n'
    assert [w.requirements for w in wants(of({"pyproject.toml": looped}))] == [("x",), ("x",)]


BUT = "--extend-exclude noxfile.py,tasks.py"
RUFF, FORMAT = f"ruff check {BUT}", f"ruff format --check {BUT}"


@pytest.mark.parametrize(
    ("texts", "gate", "commands"),
    [
        (project("[tool.ruff]\nline-length = 90\n"), "lint", (RUFF,)),
        (project("[tool.ruff.format]\nquote-style = 'single'\n"), "lint",
         (RUFF, FORMAT)),
        (project(**{"ruff.toml": ""}), "lint", (RUFF,)),
        (project(**{".flake8": "[flake8]\n"}), "lint", ("flake8 some_thing",)),
        (project(**{"setup.cfg": "[flake8]\nmax-line-length = 90\n"}), "lint", ("flake8 some_thing",)),
        (project(**{".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: flake8\n"}), "lint",
         ("flake8 some_thing",)),
        (project(Makefile="lint:\n\tpylint\n"), "lint", ("make lint",)),
        (project(), "lint", ()),
        (project("[tool.mypy]\nstrict = true\n"), "types", ("mypy some_thing",)),
        (project('[tool.mypy]\nfiles = ["a"]\n'), "types", ("mypy",)),
        (project(**{"mypy.ini": "[mypy]\npackages = a\n"}), "types", ("mypy",)),
        (project("[tool.pyright]\nstrict = []\n"), "types", ("pyright",)),
        (project('[dependency-groups]\ndev = ["pyright"]\n'), "types", ("pyright some_thing",)),
        (project(), "types", ()),
        (project(**{"tests/test_a.py": "import pytest\n"}), "tests", ("pytest",)),
        (project(**{"tests/test_a.py": "def test_a(): ..."}), "tests", ("pytest",)),
        (project(**{"tests/test_a.py": "import unittest\n"}), "tests",
         ("python -m unittest discover --start-directory tests",)),
        (project(**{"tests/test_a.py": "from unittest import TestCase\n", "tests/__init__.py": ""}),
         "tests", ("python -m unittest discover --start-directory tests --top-level-directory .",)),
        (project(**{"a_test.py": "import unittest\n"}), "tests",
         ("python -m unittest discover --start-directory . --pattern '*test*.py'",)),
        (project(**{"tests/test_a.py": "import unittest\n", "pytest.ini": ""}), "tests", ("pytest",)),
        (project(Makefile="check:\n\t./check\nlint := x\n"), "tests", ("make check",)),
        (project(), "tests", ()),
    ],
)  # fmt: skip
def test_gates_fit(texts, gate, commands):
    assert chosen(texts)[gate][0] == commands


def test_a_gate_that_is_skipped_says_why():
    skipped = gates(Ground.of(of(project()), ("some_thing",)))
    assert [gate.why for gate in skipped] == [
        "neither ruff nor flake8 is configured or required here",
        "neither mypy nor pyright is configured or required here",
        "there are no test files",
    ]


def test_a_hook_of_pre_commit_tells_version_and_words():
    hooks = "repos:\n- rev: {}\n  hooks:\n  - id: flake8\n    args: ['--max-line-length=88']\n"
    path = ".pre-commit-config.yaml"
    ran = ("flake8 --max-line-length=88 some_thing",)
    assert chosen(project(**{path: hooks.format("7.1.1")}))["lint"] == (ran, ("flake8==7.1.1",))
    assert chosen(project(**{path: hooks.format("main")}))["lint"] == (ran, ("flake8",))
    asked = project('[dependency-groups]\nlint = ["flake8<8"]\n', **{path: hooks.format("7.1.1")})
    assert chosen(asked)["lint"] == (ran, ("flake8<8",))
    ruff = "repos:\n- rev: v0.9.1\n  hooks: [{id: ruff}, {id: ruff-format}]\n"
    formats = (RUFF, FORMAT)
    assert chosen(project(**{path: ruff}))["lint"] == (formats, ("ruff==0.9.1",))


@pytest.mark.parametrize("text", ["repos: [", "- 1", "repos: {a: b}", "repos: [{hooks: 3}, 4]"])
def test_what_is_no_configuration_of_pre_commit_tells_of_no_hook(text):
    assert chosen(project(**{".pre-commit-config.yaml": text}))["lint"][0] == ()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_our_table_goes_to_the_byte_though_a_person_changed_it(ends):
    before = f'[project]{ends}name = "t"{ends}version = "1"{ends}'
    text = files.configured(before, {"repository": "pypi"})
    assert files.unconfigured(f'{text}gates = ["lint"]{ends}') == before
    assert files.unconfigured(f"{text}{ends}[tool.x]{ends}y = 1{ends}").endswith(f"y = 1{ends}")


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
def test_a_linter_has_the_version_of_the_lock_file(lock):
    key = "packages" if lock == "pylock.toml" else "package"
    texts = project(**{"ruff.toml": "", lock: f'[[{key}]]\nname = "ruff"\nversion = "0.9.1"\n'})
    assert chosen(texts)["lint"][1] == ("ruff==0.9.1",)
    assert locked(of({lock: "]"}), "ruff") is None


def table_of(texts: dict[str, str]) -> list[str]:
    """The names of the calls in a noxfile's table, in their order."""
    calls = [n for n in ast.walk(ast.parse(texts["noxfile.py"])) if isinstance(n, ast.Call)]
    return [
        f"{c.func.attr}:{c.args[0].value}" if c.args else c.func.attr
        for c in calls
        if getattr(c.func, "attr", "") in {"tool", "skipped", "doors"}
    ]


def test_a_fresh_noxfile_is_small_python_with_script_metadata():
    texts = after(project(), adoption(of(project()), HERE, "Some.Thing"))
    text = texts["noxfile.py"]
    assert table_of(texts) == ["skipped:lint", "skipped:types", "skipped:tests", "doors"]
    script = noxfile.SCRIPT.search(text)["body"].replace("# ", "", 1)
    assert tomllib.loads(script) == {"dependencies": ["nox>=2026.8.10", "release-warden"]}
    assert all(len(line) <= 79 for line in text.splitlines())
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize(
    "theirs", [{"ruff.toml": "fix = true\n"}, {"pyproject.toml": "[tool.ruff]\nfix = true\n"}]
)
def test_a_linter_that_mends_files_only_looks_and_leaves_ours_alone(theirs):
    texts = project() | theirs
    then = after(texts, adoption(of(texts), HERE, "t"))
    assert '"ruff check --no-fix --extend-exclude noxfile.py,tasks.py"' in then["noxfile.py"]
    texts["tasks.py"] = "import invoke\n"
    assert chosen(texts)["lint"][0] == ("ruff check --no-fix --extend-exclude noxfile.py",)
    texts["noxfile.py"] = "import nox\n"
    assert chosen(texts)["lint"][0] == ("ruff check --no-fix",)


def test_no_line_is_long_whatever_is_needed():
    wide = ", ".join(f'"a-very-long-name-{n}>=1.0"' for n in range(30))
    texts = project(f'[tool.uv]\ndev-dependencies = [{wide}, "pytest"]\n')
    texts["tests/test_a.py"] = "import pytest\n"
    text = after(texts, adoption(of(texts), HERE, "t"))["noxfile.py"]
    assert all(len(line) <= 79 for line in text.splitlines())
    ast.parse(text)


THEIRS = """\
import nox
from nox import session as s

@nox.session(python=["3.11", "3.12"])
def unit(session):
    session.run("pytest")

@nox.session(name="build")
def make(session):
    ...
"""


def test_an_existing_noxfile_keeps_its_sessions_and_ours_fill_the_gaps():
    texts = project("[tool.ruff]\n", **{"noxfile.py": THEIRS, "ruff.toml": ""})
    plan = adoption(of(texts), HERE, "t")
    then = after(texts, plan)
    assert then["noxfile.py"].startswith(THEIRS)
    assert table_of(then) == ["tool:lint", "skipped:types", "doors"]
    assert 'without=["build"]' in then["noxfile.py"]
    assert parse(then["pyproject.toml"]).gates == ("lint", "types", "unit")
    assert [(r.about, r.next) for r in plan.remarks if r.about == "noxfile"] == [
        ("noxfile", "release-warden release.build")
    ]


def test_script_metadata_that_is_there_gets_our_need():
    head = '# /// script\n# dependencies = ["nox", "tomli"]\n# ///\n'
    text = noxfile.merged(head + THEIRS, (), frozenset())
    assert '# dependencies = ["nox", "tomli", "release-warden"]\n# ///\nimport nox' in text
    assert noxfile.merged(text, (), frozenset()).count('release-warden"]') == 1


@pytest.mark.parametrize("taken", ["publish", "auto"])
def test_a_session_that_is_called_like_the_release_stands_in_the_way(taken):
    texts = project(**{"noxfile.py": THEIRS.replace('"build"', f'"{taken}"')})
    plan = adoption(of(texts), HERE, "t")
    [problem] = plan.problems
    assert taken in problem.what
    assert plan.next == (problem.next,), "nothing is there to be committed"


def test_a_noxfile_that_is_no_python_is_refused():
    with pytest.raises(ProjectError, match=r"noxfile\.py is no Python"):
        adoption(of(project(**{"noxfile.py": "def"})), HERE, "t")


def test_a_pyproject_that_is_no_toml_is_refused():
    with pytest.raises(ProjectError, match="no TOML"):
        adoption(of({"pyproject.toml": "["}), HERE, "t")


def test_the_configuration_is_valid_and_small():
    then = after(project(), adoption(of(project()), HERE, "t"))
    assert then["pyproject.toml"].endswith('\n[tool.release-warden]\nrepository = "pypi"\n')
    assert parse(then["pyproject.toml"]).repository == "pypi"


def test_on_github_it_tells_who_publishes_from_where():
    then = after(project(), adoption(of(project()), ON_GITHUB, "t"))
    config = parse(then["pyproject.toml"])
    assert (config.remote, config.branches, config.credential) == (
        "origin", ("trunk",), "trusted-publishing",
    )  # fmt: skip
    assert (config.github.repository, config.github.branch) == ("Ann/thing", "trunk")
    assert (config.status_url, config.github.pages) == (None, False), "Pages may be in use"


OWN_LINT = "import nox\n\n@nox.session\ndef lint(session): ...\n"


@pytest.mark.parametrize(
    ("theirs", "line"),
    [
        ({}, 'gates.tool("lint", workflows=True),'),
        ({".flake8": ""}, '"lint", "flake8 some_thing", needs=["flake8"], workflows=True'),
        ({"noxfile.py": THEIRS}, 'gates.tool("lint", workflows=True),'),
        ({"noxfile.py": OWN_LINT}, 'gates.tool("workflows", workflows=True),'),
    ],
)
def test_on_github_a_gate_compares_the_workflows(theirs, line):
    texts = project(**theirs)
    then = after(texts, adoption(of(texts), ON_GITHUB, "t"))
    assert line in then["noxfile.py"]
    assert "workflows=True" not in after(texts, adoption(of(texts), HERE, "t"))["noxfile.py"]
    gates_told = parse(then["pyproject.toml"]).gates
    assert ("workflows" in (gates_told or ())) is (theirs.get("noxfile.py") == OWN_LINT)


def test_workflows_of_the_same_names_are_not_overwritten():
    names = [
        path.rpartition("/")[2] for path in workflows(Facts(project="t", pages=True, monitor=True))
    ]
    for name in names:
        around = replace(ON_GITHUB, workflows={name: "on: push\n"})
        then = after(project(), adoption(of(project()), around, "t"))
        assert parse(then["pyproject.toml"]).github.workflow == "warden-release.yml"


def test_projects_of_one_repository_have_workflows_of_their_own():
    around = replace(ON_GITHUB, folder="packages/thing/", workflows={"release.yml": "on: push\n"})
    plan = adoption(of(project()), around, "Some.Thing")
    config = parse(after(project(), plan)["pyproject.toml"])
    assert (config.github.workflow, config.status_url) == ("some-thing-release.yml", None)
    assert "status site" in {remark.about for remark in plan.remarks}
    taken = replace(around, workflows={"some-thing-gates.yml": "on: push\n"})
    then = after(project(), adoption(of(project()), taken, "Some.Thing"))
    assert parse(then["pyproject.toml"]).github.workflow == "some-thing-warden-release.yml"


def test_a_workflow_that_uploads_too_is_named():
    around = replace(HERE, workflows={"up.yml": "uses: pypa/gh-action-pypi-publish@x\n"})
    [remark] = [r for r in adoption(of(project()), around, "t").remarks if r.about == "workflows"]
    assert "up.yml" in remark.what


@pytest.mark.parametrize(
    ("before", "where"),
    [
        ("# Thing\n\nWords.\n", "# Thing\n\n{}\n\nWords.\n"),
        ("Thing\n=====\nWords.\n", "Thing\n=====\n\n{}\nWords.\n"),
        ("Words.\n", "{}\n\nWords.\n"),
        ("# Thing", "# Thing\n\n{}\n"),
        ("", "{}\n\n"),
    ],
)
def test_badges_stand_below_the_title(before, where):
    text = files.with_badges_place(before)
    assert text == where.format(files.BADGES)
    assert readme.with_badges(text, "https://a.example/b").count("badges/grade.svg") == 1


def test_the_place_is_the_one_that_the_site_looks_for():
    assert f"{readme.START}\n{readme.END}" == files.BADGES


@pytest.mark.parametrize("hidden", ["tasks.py", "release.py", "release/x.py"])
def test_tasks_are_left_out_where_they_are_there_or_would_not_find_us(hidden):
    texts = project(**{hidden: "x = 1\n"})
    assert after(texts, adoption(of(texts), HERE, "t")).get("tasks.py") == texts.get("tasks.py")


OLDER = {
    "security/findings/SECURITY_FINDINGS.md": "# Security Findings Summary\n",
    "security/findings/remediation-plans.yml": "metadata: {}\nfindings: {}\n",
    "security/reports/archived/2025-10-28/bandit.json": "{}",
    "security/reports/archived/2025-10-27/pip-audit.json": "{}",
    "security/reports/latest/bandit.json": '{"generated_at": "2025-10-31T16:37:53Z"}',
    "security/reports/latest/pip-audit.json": "{}",
}


def test_the_older_layout_is_seen_and_its_reports_have_their_days():
    found = older.old_reports(of(OLDER))
    assert [(one.folder, f"{one.at:%m-%d %H:%M}") for one in found] == [
        ("security/reports/archived/2025-10-27", "10-27 12:00"),
        ("security/reports/archived/2025-10-28", "10-28 12:00"),
        ("security/reports/latest", "10-31 16:37"),
    ]
    assert len(list(older.traces(of(OLDER)))) == 5


def test_the_older_page_is_kept_beside_ours():
    texts = project(**OLDER)
    then = after(texts, adoption(of(texts), HERE, "t"))
    assert older.PAGE not in then
    assert then[older.OLD_PAGE] == OLDER[older.PAGE]


def test_without_it_nothing_is_taken_over():
    assert list(older.traces(of(project()))) == []


README = st.sampled_from(["# T\n", "T\n=\n\nx", "", "x\r\ny\r\n", "# T\r\nx\r\n", "no title\n"])
PYPROJECT = st.sampled_from(
    [
        '[project]\nname = "t"\nversion = "1"',
        '[project]\r\nname = "t"\r\nversion = "1"\r\n',
        '# c\n[tool.a]\nx = 1\n[project]\nname = "t"\n[tool.b]\ny = {z = 2}\n\n\n',
        "",
    ]
)
WINDOWS = THEIRS.replace("\n", "\r\n")
NOXFILE = st.sampled_from([None, THEIRS, WINDOWS, "", "import nox"])


@settings(max_examples=80, deadline=None)
@given(README, PYPROJECT, NOXFILE, st.sampled_from([HERE, ON_GITHUB]), st.booleans())
def test_it_is_idempotent_and_its_undo_restores_every_byte(text, pyproject, nox, around, legacy):
    texts = {"README.md": text, "pyproject.toml": pyproject}
    texts |= {"noxfile.py": nox} if nox is not None else {}
    texts |= OLDER if legacy else {}
    plan = adoption(of(texts), around, "t")
    then = after(texts, plan)
    assert adoption(of(then), around, "t").changed == ()
    back = undoing(plan, of(then), ())
    assert after(then, back) == texts
    assert back.remarks == ()


def test_an_undo_leaves_what_was_changed_since_but_for_our_part():
    texts = project(**{"noxfile.py": THEIRS, "README.md": "# T\n"})
    plan = adoption(of(texts), HERE, "t")
    then = after(texts, plan)
    then["pyproject.toml"] = "# mine\n" + then["pyproject.toml"]
    then["noxfile.py"] += "\n\nX = 1\n"
    then["README.md"] += "More.\n"
    then["tasks.py"] += "# mine\n"
    back = undoing(plan, of(then), ())
    left = after(then, back)
    assert left["pyproject.toml"].startswith("# mine\n")
    assert "release-warden" not in left["pyproject.toml"]
    assert "gates" not in left["noxfile.py"]
    assert left["noxfile.py"].endswith("X = 1\n")
    assert left["README.md"] == "# T\nMore.\n"
    assert left["tasks.py"] == then["tasks.py"]
    assert [remark.about for remark in back.remarks] == ["tasks.py"]


@pytest.mark.parametrize(("added", "left"), [("", None), ("\n[tool.x]\na = 1\n", "[tool.x]")])
def test_a_pyproject_that_init_made_goes_once_nothing_else_stands_in_it(added, left):
    texts = {"setup.py": 'setup(name="t")\n', "t.py": ""}
    plan = adoption(of(texts), HERE, "t")
    then = after(texts, plan)
    then["pyproject.toml"] += f'gates = ["lint"]\n{added}'
    found = after(then, undoing(plan, of(then), ())).get("pyproject.toml")
    assert (found and found.strip().splitlines()[0]) == left


def test_lines_that_end_as_on_windows_go_on_to_do_so():
    """Also where a person has changed the files since, and only our part is taken out."""
    texts = project(**{"noxfile.py": WINDOWS, "README.md": "# T\r\n\r\nx\r\n"})
    plan = adoption(of(texts), HERE, "t")
    then = after(texts, plan)
    for path in ("noxfile.py", "README.md"):
        assert then[path].count("\n") == then[path].count("\r\n")
        then[path] += "# mine\r\n"
    left = after(then, undoing(plan, of(then), ()))
    assert left["README.md"] == "# T\r\n\r\nx\r\n# mine\r\n"
    assert left["noxfile.py"].replace("\r\n", "") == (WINDOWS + "# mine\r\n").replace("\r\n", "")


def test_a_file_that_somebody_removed_stays_away():
    plan = adoption(of(project()), HERE, "t")
    then = after(project(), plan)
    del then["noxfile.py"]
    assert "noxfile.py" not in after(then, undoing(plan, of(then), ()))


def test_a_second_run_knows_how_files_were_before_the_first():
    first = adoption(of(project()), HERE, "t")
    then = after(project(), first)
    del then["noxfile.py"]
    second = adoption(of(then), HERE, "t")
    both = carried(first, second)
    assert after(after(then, second), undoing(both, of(after(then, second)), ())) == project()
    assert carried(None, first) is first


def test_our_part_is_found_between_its_lines_only():
    text = marked.with_part("a = 1\n", "b = 2")
    assert marked.without_part(text + "\nc = 3\n") == "a = 1\n\nc = 3\n"
    assert marked.without_part("a = 1\n") == "a = 1\n"


def test_the_document_is_read_back():
    plan = adoption(of(project(**OLDER)), ON_GITHUB, "t")
    assert decode(Adoption, encode(plan)) == plan
