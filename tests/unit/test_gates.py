"""The table of gates, and what decides whether a session installs again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from release import gates

ROOT = Path(__file__).parents[2]
PYPROJECT = """
[project.optional-dependencies]
dev = ["ruff>=1", "ruff-lsp", "import-linter[x] ; python_version > '3'", "pytest"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_requirements_are_picked_by_whole_name_with_their_bounds(project):
    picked = gates._from_extra("dev", "ruff", "import-linter")
    assert picked == ("ruff>=1", "import-linter[x] ; python_version > '3'")


def test_a_requirement_that_is_not_there_is_an_error(project):
    with pytest.raises(LookupError, match="mypy"):
        gates._from_extra("dev", "ruff", "mypy")


def test_the_digest_stays_while_nothing_changes(project):
    assert gates._digest("-e", ".") == gates._digest("-e", ".")


def test_the_digest_tells_other_words_apart(project):
    assert (
        len({gates._digest(*words) for words in ([], ["-e", "."], ["-e."], ["-e", ".[dev]"])}) == 4
    )


def test_the_digest_changes_with_pyproject(project):
    before = gates._digest("-e", ".")
    (project / "pyproject.toml").write_text(PYPROJECT + "\n")
    assert gates._digest("-e", ".") != before


def test_the_digest_changes_with_the_place(project, tmp_path, monkeypatch):
    """An editable install points at the folder, so a copy elsewhere needs its own."""
    before = gates._digest("-e", ".")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "pyproject.toml").write_text(PYPROJECT)
    monkeypatch.chdir(copy)
    assert gates._digest("-e", ".") != before


def test_a_door_knows_its_task():
    door = gates.door("release.auto")
    assert isinstance(door, partial)
    assert door.keywords == {"task": "release.auto"}


@pytest.mark.parametrize("requirement", ["ruff", "import-linter"])
def test_what_lint_needs_is_in_our_dev_extra(requirement, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert gates._from_extra("dev", requirement)
