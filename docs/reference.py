"""Writes the pages, and the columns of tables, that say what the code says.

``python docs/reference.py`` writes them; ``nox -s docs`` compares.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from invoke.collection import Collection
from invoke.parser.context import ParserContext
from invoke.tasks import Task
from msgspec import inspect as types

from release import config
from release.decide.rules import MINOR, PRESETS, Rule
from release.gates import Gate

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # noxfile.py and tasks.py lie beside this folder

WRITTEN = "<!-- Written by `python docs/reference.py` out of the code; a test compares. -->"

TABLES: Mapping[str, type[config.Settings]] = {
    "[tool.release-warden]": config.Config,
    "[tool.release-warden.repositories.NAME]": config.RepositoryTable,
    "[tool.release-warden.aws]": config.AwsTable,
    "[tool.release-warden.github]": config.GithubTable,
    "[tool.release-warden.policy]": config.Policy,
}
"""The tables of the configuration, by their headings in configuration.md."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]


def tasks_page(namespace: Collection) -> str:
    """The page of all tasks: what each does, its examples and its flags."""
    lines = [
        "# Tasks",
        "",
        WRITTEN,
        "",
        "`release-warden TASK` runs a task of an installed Release Warden; in this repository",
        "`invoke TASK` does the same. `release-warden --help TASK` tells what stands here. What is",
        "said when something is wrong is explained in [errors](errors.md); the exit codes stand in",
        "the [README](../README.md#exit-codes).",
    ]
    for name, one in sorted(_named(namespace)):
        lines += ["", f"## {name}", "", *_task(name, one)]
    return "\n".join(lines) + "\n"


def _named(namespace: Collection) -> Iterator[tuple[str, Task[Any]]]:
    for group in namespace.collections.values():
        yield from ((f"{group.name}.{name}", one) for name, one in group.tasks.items())
    yield from namespace.tasks.items()


def _task(name: str, one: Task[Any]) -> Iterator[str]:
    said, _, examples = inspect.getdoc(one.body).partition("For example:\n")  # type: ignore[union-attr]
    yield from said.strip().splitlines()
    if examples:
        yield from ("", "```sh", *inspect.cleandoc(examples).splitlines(), "```")
    arguments = one.get_arguments()
    given = [arg for arg in arguments if arg.positional]
    rows = [(f"`{str(arg.name).upper()}`, or `--{arg.name}`", arg.help or "") for arg in given]
    flags = ParserContext(name, args=[arg for arg in arguments if not arg.positional])
    rows += [(f"`{flag}`", meaning or "") for flag, meaning in flags.help_tuples()]
    if rows:
        yield from ("", *table(("flag", "meaning"), rows))


def sessions_page(gates: Iterable[Gate]) -> str:
    """The page of all nox sessions."""
    gates = list(gates)
    lines = [
        "# Sessions",
        "",
        WRITTEN,
        "",
        "`nox -s NAME` runs a session of this repository; the words after `--` go on to pytest, to",
        "the tool, or to the door's task. A bare `nox` runs those that are marked *always*. The",
        "list is the table in `noxfile.py`; for a project of yours `release-warden init` writes",
        "one that fits ([how](adopting.md)).",
        "",
        "## Gates",
        "",
        "They do the work themselves.",
        "",
        *table(("session", "what it does", "run"), map(_gate, _without_task(gates))),
        "",
        "## Doors",
        "",
        "Each installs the project, runs one task, and exits with its code.",
        "",
        *table(("session", "what it does", "task"), map(_door, _with_task(gates))),
    ]
    return "\n".join(lines) + "\n"


def _without_task(gates: Iterable[Gate]) -> list[Gate]:
    return [gate for gate in gates if not isinstance(gate.work, partial)]


def _with_task(gates: Iterable[Gate]) -> list[Gate]:
    return [gate for gate in gates if isinstance(gate.work, partial)]


def _gate(gate: Gate) -> tuple[str, str, str]:
    first, _, more = (inspect.getdoc(gate.work) or "").partition("\n\n")
    says = " ".join(first.split()) + (" " + " ".join(more.split()) if more else "")
    says = re.sub(r":param .*", "", says).replace("``", "`")
    return f"`{gate.name}`", says.strip(), "always" if gate.default else "by name"


def _door(gate: Gate) -> tuple[str, str, str]:
    task = gate.work.keywords["task"]  # type: ignore[attr-defined]
    return f"`{gate.name}`", gate.title, f"[`{task}`](tasks.md#{task.replace('.', '')})"


def rules_page(presets: Mapping[str, tuple[Rule, ...]]) -> str:
    """The page of all rules, in the order in which they are asked."""
    lines = [
        "# Rules",
        "",
        WRITTEN,
        "",
        "The rules of each preset, in their order: the first that fires settles the decision. The",
        "sentence is the one that a decision says. *hold, block* marks what a project may make of",
        "a rule ([how](how-it-decides.md#rules-of-your-own)); the other rules stay as they are.",
    ]
    for name, preset in presets.items():
        lines += ["", f"## Preset {name}", "", *table(RULE_HEAD, map(_rule, preset))]
    return "\n".join(lines) + "\n"


RULE_HEAD = ("rule", "says", "action", "weight", "what to do then", "may become")


def _rule(rule: Rule) -> tuple[str, ...]:
    weight = ("minor" if rule.name in MINOR else "major") if rule.action == "release" else ""
    follow = rule.next or "the edit that it names: run release.fix"
    careful = "hold, block" if rule.name.replace("-", "_") in CAREFUL else ""
    return f"`{rule.name}`", rule.says, rule.action, weight, follow, careful


CAREFUL = frozenset(config.Overrides.__struct_fields__)


def configuration(page: str) -> str:
    """The page of the configuration with type and default as the classes have them.

    :param page: as it is; what a key means, and the order of the keys, stay.
    :raises KeyError: it names a key that there is not.
    """
    kind: type[config.Settings] = config.Settings
    lines = page.splitlines()
    for number, line in enumerate(lines):
        if heading := re.fullmatch(r"## `(.+)`", line):
            kind = TABLES[heading[1]]
        elif row := re.fullmatch(r"\| `([\w-]+)` \|(?:[^|]*\|){2} (.+) \|", line):
            lines[number] = f"| `{row[1]}` | {' | '.join(_key(kind, row[1]))} | {row[2]} |"
    return "\n".join(lines) + "\n"


def _key(kind: type[config.Settings], key: str) -> tuple[str, str]:
    """A key's type and default, in words."""
    field = {f.encode_name: f for f in _fields(kind)}[key]
    return _type(field.type), _default(field)


def _fields(kind: type[config.Settings]) -> tuple[types.Field, ...]:
    told = types.type_info(kind)
    return told.fields if isinstance(told, types.StructType) else ()


def _type(kind: types.Type) -> str:
    match kind:
        case types.UnionType(members):
            return _type(next(m for m in members if not isinstance(m, types.NoneType)))
        case types.LiteralType(values):
            return _either([f'`"{value}"`' for value in values])
        case types.VarTupleType(item):
            return "list of " + ("strings" if isinstance(item, types.StrType) else _type(item))
        case types.IntType():
            return "whole number" + _bounds(kind)
    return WORDS[type(kind)]


WORDS: Mapping[type[types.Type], str] = {
    types.StrType: "string",
    types.BoolType: "true or false",
    types.DictType: "tables",
    types.StructType: "table",
}


def _bounds(kind: types.IntType) -> str:
    low = kind.gt + 1 if kind.gt is not None else kind.ge
    if kind.le is not None:
        return f", {low} to {kind.le}"
    return f", {low} or more" if low is not None else ""


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _default(field: types.Field) -> str:
    if field.required:
        return "has to be given"
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if value in NOTHING:
        return "none"
    if isinstance(value, config.Settings):
        return "see below"
    return f"`{json.dumps(value)}`"


NOTHING: tuple[object, ...] = (None, (), {}, config.Overrides())
"""Defaults that say nothing; what happens then stands with the meaning."""


def _tasks() -> str:
    import tasks

    return tasks_page(tasks.namespace)


def _sessions() -> str:
    import noxfile

    return sessions_page(noxfile.TABLE)


PAGES: Mapping[str, Callable[[str], str]] = {
    "tasks.md": lambda _: _tasks(),
    "sessions.md": lambda _: _sessions(),
    "rules.md": lambda _: rules_page(PRESETS),
    "configuration.md": configuration,
}
"""What is written: a page's name, and how it is made of the page that is there."""


def main() -> None:
    """Write them all."""
    for name, made in PAGES.items():
        page = HERE / name
        before = page.read_text(encoding="utf-8") if page.exists() else ""
        page.write_text(made(before), encoding="utf-8")


if __name__ == "__main__":
    main()
