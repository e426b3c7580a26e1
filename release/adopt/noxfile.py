"""The noxfile: a small table of gates and doors, or ours beside the sessions that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

import tomlkit
from tomlkit.exceptions import TOMLKitError

from release.adopt.marked import ended, in_its_ends, with_part
from release.errors import ProjectError
from release.model.adoption import GateChoice

OWN_NAMES = {
    "lint": ("lint", "linting", "linters", "flake8", "ruff", "style", "pre-commit", "pre_commit"),
    "types": ("types", "typing", "type_check", "type-check", "typecheck", "mypy", "pyright"),
    "tests": ("tests", "test", "unit", "unittest", "unittests", "pytest"),
}
"""Sessions that a noxfile usually has for each of our gates, the likeliest first."""

DOORS = ("build", "verify", "publish", "auto", "status", "monitor", "alert", "mirror")
"""What ``release.gates.doors()`` brings."""
SCRIPT = re.compile(r"^# /// script\n(?P<body>(?:#(?: .*)?\n)+?)# ///$", re.MULTILINE)
"""Inline script metadata (PEP 723), by the specification's own expression."""
NEEDS = ("nox>=2026.8.10", "release-warden")
WIDTH = 79
"""No line of ours is longer, so that the project's linter has nothing to say."""
TABLE_CALLED = "release.gates"

HEAD = '''\
# /// script
# dependencies = [{needs}]
# ///
"""The gates and doors of {project}; `nox -l` lists them."""

import nox
from release import gates

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True

'''


def fresh(project: str, chosen: Iterable[GateChoice]) -> str:
    """A noxfile for a project that has none.

    :param project: its name.
    :param chosen: its gates, quickest first.
    """
    needs = ", ".join(f'"{need}"' for need in NEEDS)
    lines = ["    # Gates, quickest first; every release runs them."]
    lines += [line for gate in chosen for line in _entry(gate)]
    lines += ["    # Doors: each runs one task of Release Warden, words after -- go to it."]
    lines += ["    *gates.doors(),"]
    table = "\n".join(("TABLE = (", *lines, ")", "", "gates.register(TABLE)", ""))
    return HEAD.format(needs=needs, project=project) + table


def _entry(gate: GateChoice, indent: str = "    ") -> Iterator[str]:
    if not (gate.commands or gate.workflows):
        yield from _call("skipped", [_quoted(gate.name), _quoted(gate.why)], indent)
        return
    words = [_quoted(gate.name), *(_quoted(command) for command in gate.commands)]
    words += [_needs(gate.needs, indent)] if gate.commands else []
    words += ["workflows=True"] if gate.workflows else []
    yield from _call("tool", words, indent)


def _needs(needs: tuple[str, ...], indent: str) -> str:
    line = f"needs=[{', '.join(_quoted(need) for need in needs)}]"
    if len(indent) + 4 + len(line) < WIDTH:
        return line
    listed = (f"{indent}        {_quoted(need)}," for need in needs)
    return "\n".join(("needs=[", *listed, f"{indent}    ]"))


def _call(function: str, words: list[str], indent: str) -> Iterator[str]:
    """A call on one line, or one word a line where that would be too long."""
    line = f"{indent}gates.{function}({', '.join(words)}),"
    if len(line) <= WIDTH and "\n" not in line:
        yield line
        return
    yield f"{indent}gates.{function}("
    yield from (f"{indent}    {word}," for word in words)
    yield f"{indent}),"


def _quoted(text: str) -> str:
    """A string as formatters want it: double quotes, unless that would need a backslash."""
    return repr(text) if '"' in text or "\\" in text else f'"{text}"'


def sessions(text: str) -> frozenset[str]:
    """The names of the sessions that a noxfile defines, as far as its text tells.

    :raises ProjectError: it is no Python.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ProjectError(
            "noxfile.py is no Python", why=str(error), remedy="mend it; see it with: nox --list"
        ) from error
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return frozenset(name for function in functions for name in _session_names(function))


def _session_names(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        called = call.func if call else decorator
        if getattr(called, "attr", getattr(called, "id", "")) in {"session", "nox_session"}:
            named = (word.value for word in (call.keywords if call else ()) if word.arg == "name")
            literal = next((v.value for v in named if isinstance(v, ast.Constant)), function.name)
            yield str(literal)


def own_gate(name: str, there: frozenset[str]) -> str | None:
    """The session of a noxfile that does the work of one of our gates."""
    return next((own for own in OWN_NAMES[name] if own in there), None)


def has_table(text: str) -> bool:
    """Whether a noxfile has our table, or our part, already."""
    return TABLE_CALLED in text or "from release import gates" in text


def merged(text: str, chosen: Iterable[GateChoice], there: frozenset[str]) -> str:
    """A noxfile with our gates and doors beside its own sessions, which stay as they are.

    Where nox runs without Release Warden, as in a job that knows only the sessions of before, our
    part does nothing.

    :param chosen: our gates that it lacks.
    :param there: its sessions; a door that is called like one of them is left out.
    """
    left = [door for door in DOORS if door in there]
    without = f"without=[{', '.join(_quoted(door) for door in left)}]" if left else ""
    lines = [
        "try:",
        "    from release import gates",
        "except ModuleNotFoundError:  # the sessions above do not need it",
        "    pass",
        "else:",
        "    gates.register(",
        "        (",
        *(line for gate in chosen for line in _entry(gate, " " * 12)),
        f"            *gates.doors({without}),",
        "        ),",
        "    )",
    ]
    return in_its_ends(text, lambda own: with_part(_with_need(own), "\n".join(lines)))


def _with_need(text: str) -> str:
    """With Release Warden in the script metadata, where the noxfile has such."""
    found = SCRIPT.search(text)
    if not found:
        return text
    body = "".join(f"{line[2:]}\n" for line in found["body"].splitlines())
    try:
        document = tomlkit.parse(body)
    except TOMLKitError:
        return text
    listed = document.get("dependencies")
    if listed is None or any(str(line).startswith("release-warden") for line in listed):
        return text
    listed.append("release-warden")
    after = "".join(
        f"# {line}".rstrip() + "\n" for line in ended(tomlkit.dumps(document)).splitlines()
    )
    start, end = found.span("body")
    return text[:start] + after + text[end:]
