"""Listing the tasks is quick because it imports nothing that a task needs only when it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "boto3",
    "twine",
    "requests",
    "rich",
    "jinja2",
    "tomlkit",
    "ruamel.yaml",
    "tenacity",
    "nox",
)


@pytest.mark.parametrize("entry", ["import tasks", "import release.__main__ as m; m.namespace()"])
def test_the_list_of_tasks_needs_none_of_the_heavy_libraries(entry):
    code = f"{entry}\nimport sys\nprint(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
