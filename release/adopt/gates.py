"""Which gates fit a project: a linter, a type checker and tests, each only where it has one.

A tool is the project's where its configuration or one of its lists of requirements names it; what
nobody named is not run, and the gate says so.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from release.adopt.hooks import CONFIG, Hook, hook
from release.adopt.tree import Tree
from release.adopt.wants import Want, locked, wanted_by, wants
from release.model.adoption import GateChoice

SELF = ("-e", ".")
"""What pip is given to install the project itself."""
TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|tests)\.py$")
TARGET = re.compile(r"^(test|tests|check|lint):(?!=)", re.MULTILINE)
NO_LINTER = "neither ruff nor flake8 is configured or required here"
NO_CHECKER = "neither mypy nor pyright is configured or required here"
NO_TESTS = "there are no test files"
MADE = ("noxfile.py", "tasks.py")
"""What init writes where there is none: ruff looks at every file, and the project's rules are for
its own. With ``select = ["ALL"]`` no file could be written that pleases them."""
HOOKS = {"ruff": ("ruff-check", "ruff", "ruff-format")}
"""The ids of a tool's hooks, where they are not its name."""


@dataclass(frozen=True)
class Ground:
    """What gates are chosen by: the files, the code's places, and the lists of requirements."""

    tree: Tree
    code: tuple[str, ...]
    wants: tuple[Want, ...]

    @classmethod
    def of(cls, tree: Tree, code: tuple[str, ...]) -> Ground:
        """Look at a project.

        :param code: where its code lies (:func:`release.adopt.detect.packages`).
        """
        return cls(tree, code, wants(tree))

    def line(self, tool: str) -> str:
        """The requirement of a tool: by a lock file, the project's own bounds, or its hook."""
        if pinned := locked(self.tree, tool):
            return f"{tool}=={pinned}"
        want = wanted_by(self.wants, tool)
        if want is None and (hooked := self.hook(tool)) and hooked.version:
            return f"{tool}=={hooked.version}"
        return (want.requirement(tool) if want else None) or tool

    def needs(self, tool: str) -> tuple[str, ...]:
        """What is installed to run a tool together with the project."""
        want = wanted_by(self.wants, tool)
        if want is None:
            return (*SELF, tool)
        return want.words if want.brings_project else (*SELF, *want.words)

    def where(self, tool: str, places: Iterable[str]) -> str:
        """What names a tool: a file of its configuration, else a list; empty if nothing does."""
        configured = next(iter(places), "")
        want = wanted_by(self.wants, tool)
        return configured or (want.where if want else "") or (CONFIG if self.hook(tool) else "")

    def hook(self, tool: str) -> Hook | None:
        """The hook of pre-commit that runs a tool."""
        return hook(self.tree, *HOOKS.get(tool, (tool,)))

    def configs(self, *names: str, section: str = "", table: Sequence[str] = ()) -> list[str]:
        """The places that configure a tool: files of its own, a section, a table."""
        found = [name for name in names if self.tree.has(name)]
        for path in ("setup.cfg", "tox.ini") if section else ():
            found += [f"[{section}] in {path}"] if self.tree.ini(path).has_section(section) else []
        if table and self.tree.table(*table):
            found.append(f"[{'.'.join(table)}] in pyproject.toml")
        return found

    def target(self, *names: str) -> str:
        """The first of these targets that a Makefile has."""
        known = TARGET.findall(self.tree.read("Makefile") or "")
        return next((name for name in names if name in known), "")


def gates(ground: Ground) -> tuple[GateChoice, ...]:
    """The gates that fit, quickest first."""
    return (
        _first(ground, "lint", (_ruff, _flake8, _make("lint")), NO_LINTER),
        _first(ground, "types", (_mypy, _pyright), NO_CHECKER),
        _first(ground, "tests", (_pytest, _unittest, _make("test", "tests", "check")), NO_TESTS),
    )


Chosen = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Why, commands, and needs."""
Look = Callable[[Ground], Chosen | None]


def _first(ground: Ground, name: str, looks: Iterable[Look], missing: str) -> GateChoice:
    for look in looks:
        if chosen := look(ground):
            why, commands, needs = chosen
            return GateChoice(name=name, why=why, commands=commands, needs=needs)
    return GateChoice(name=name, why=missing)


def _ruff(ground: Ground) -> Chosen | None:
    places = ground.configs("ruff.toml", ".ruff.toml", table=("tool", "ruff"))
    where = ground.where("ruff", places)
    if not where:
        return None
    formats = ground.tree.table("tool", "ruff", "format") or hook(ground.tree, "ruff-format")
    ours = ",".join(path for path in MADE if not ground.tree.has(path))
    but = f" --extend-exclude {ours}" if ours else ""
    check = f"ruff check{' --no-fix' if _mends(ground.tree) else ''}{but}"
    commands = (check, *((f"ruff format --check{but}",) if formats else ()))
    return f"ruff: {where}", commands, (ground.line("ruff"),)


def _mends(tree: Tree) -> bool:
    """Whether ruff is told to change files (``fix``): a gate only looks."""
    own = (tree.toml(path).get("fix") for path in ("ruff.toml", ".ruff.toml"))
    return bool(tree.table("tool", "ruff").get("fix")) or any(own)


def _flake8(ground: Ground) -> Chosen | None:
    where = ground.where("flake8", ground.configs(".flake8", section="flake8"))
    if not where:
        return None
    hooked = ground.hook("flake8")
    words = ("flake8", *(hooked.args if hooked else ()), *(ground.code or (".",)))
    return f"flake8: {where}", (shlex.join(words),), (ground.line("flake8"),)


def _mypy(ground: Ground) -> Chosen | None:
    own = ("mypy.ini", ".mypy.ini")
    places = ground.configs(*own, section="mypy", table=("tool", "mypy"))
    where = ground.where("mypy", places)
    if not where:
        return None
    told = ground.tree.table("tool", "mypy")
    told_in_ini = any(
        ground.tree.ini(path).has_option("mypy", key)
        for path in (*own, "setup.cfg")
        for key in ("files", "packages", "modules")
    )
    named = told_in_ini or {"files", "packages", "modules"} & set(told)
    command = "mypy" if named else f"mypy {' '.join(ground.code) or '.'}"
    return f"mypy: {where}", (command,), ground.needs("mypy")


def _pyright(ground: Ground) -> Chosen | None:
    places = ground.configs("pyrightconfig.json", table=("tool", "pyright"))
    where = ground.where("pyright", places)
    if not where:
        return None
    command = "pyright" if places else f"pyright {' '.join(ground.code) or '.'}"
    return f"pyright: {where}", (command,), ground.needs("pyright")


def _pytest(ground: Ground) -> Chosen | None:
    files = _test_files(ground)
    if not files:
        return None
    own = ("pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py", "test/conftest.py")
    places = ground.configs(*own, table=("tool", "pytest", "ini_options"))
    places += ground.configs(section="pytest") + ground.configs(section="tool:pytest")
    places += [path for path in files if _uses(ground, path, "pytest")]
    where = ground.where("pytest", places)
    if not where and any(_uses(ground, path, "unittest") for path in files):
        return None
    return f"pytest: {where or files[0]}", ("pytest",), ground.needs("pytest")


def _unittest(ground: Ground) -> Chosen | None:
    files = _test_files(ground)
    if not files:
        return None
    folders = sorted({path.rpartition("/")[0] for path in files}, key=lambda f: (f.count("/"), f))
    start = folders[0] or "."
    top = " --top-level-directory ." if ground.tree.has(f"{start}/__init__.py") else ""
    command = f"python -m unittest discover --start-directory {start}{top}"
    pattern = "" if any(_is_named(path) for path in files) else " --pattern '*test*.py'"
    return f"unittest: {files[0]}", (command + pattern,), SELF


def _is_named(path: str) -> bool:
    """Whether unittest finds a file by itself, as its pattern is ``test*.py``."""
    return path.rpartition("/")[2].startswith("test")


def _make(*targets: str) -> Look:
    def look(ground: Ground) -> Chosen | None:
        target = ground.target(*targets)
        return (f"make {target}: Makefile", (f"make {target}",), SELF) if target else None

    return look


def _test_files(ground: Ground) -> list[str]:
    return sorted(path for path in ground.tree.paths if TEST_FILE.search(path))


def _uses(ground: Ground, path: str, module: str) -> bool:
    text = ground.tree.read(path) or ""
    return bool(re.search(rf"^\s*(import|from) {module}\b", text, re.MULTILINE))
