"""Every error that the program makes says what to do next."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from release import errors

REPO = Path(__file__).parents[2]
CLASSES = {
    name
    for name, one in vars(errors).items()
    if isinstance(one, type) and one.__module__ == errors.__name__
}
OWN = {"IdenticalError", "StoppedError"}
"""These make their own words."""
ELSEWHERE = {
    "release/adapters/credentials/aws.py": "its remedy is put in by who tells of it",
    "status_site/monitor/badge.py": "it is told as a trouble of the site, which has one",
}
FILES = sorted(
    path.relative_to(REPO).as_posix()
    for room in ("release", "status_site")
    for path in (REPO / room).rglob("*.py")
)


def made(path: str) -> list[str]:
    """The errors that a file makes without a remedy."""
    calls = (
        node
        for node in ast.walk(ast.parse((REPO / path).read_text()))
        if isinstance(node, ast.Call)
    )
    return [
        f"{path}:{call.lineno}: {ast.unparse(call)[:100]}"
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id in CLASSES - OWN
        and call.args
        and not any(word.arg in {"remedy", None} for word in call.keywords)
    ]


def test_every_error_that_is_made_has_a_remedy():
    assert [line for path in FILES if path not in ELSEWHERE for line in made(path)] == []


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_is_left_out_is_still_so(path):
    assert made(path), "take it off the list"
