"""What a project is: its name, version, backend, layout, and the Pythons that it supports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from packaging.utils import canonicalize_name

from release.adopt.tree import Tree
from release.model.adoption import Fact
from release.scan.pythons import supported
from release.ship.version import TAG_BACKENDS

NONE = "none"
UNKNOWN = "unknown"

STATIC: tuple[tuple[str, ...], ...] = (("project",), ("tool", "poetry"))
"""The tables of pyproject.toml that tell name and version."""

BACKENDS = {
    "hatchling": "hatchling",
    "setuptools": "setuptools",
    "flit_core": "flit",
    "flit_scm": "flit",
    "poetry": "poetry",
    "pdm": "pdm",
    "uv_build": "uv_build",
    "maturin": "maturin",
    "scikit_build_core": "scikit-build-core",
    "mesonpy": "meson-python",
}
"""Build backends by the first part of their module."""

NO_PACKAGES = re.compile(
    r"(tests?|testing|docs?|examples?|benchmarks?|scripts?|tools?|build|dist|setup|conftest"
    r"|noxfile|tasks|test_.*|.*_tests?)(\.py)?$"
)
"""Folders and modules at the top that are not what a project ships."""

SETUP_NAME = re.compile(r"^\s*name\s*=\s*['\"]([\w.-]+)['\"]", re.MULTILINE)
SETUP_VERSION = re.compile(r"^\s*version\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def name(tree: Tree) -> Fact | None:
    """The project's name; ``None`` where only a build can tell."""
    found = next(_names(tree), None)
    if found is None:
        return None
    told, evidence = found
    return Fact(about="name", value=told, evidence=evidence)


def _names(tree: Tree) -> Iterator[tuple[str, str]]:
    for keys in STATIC:
        if told := tree.table(*keys).get("name"):
            yield str(told), f"[{'.'.join(keys)}] in pyproject.toml"
    cfg = tree.ini("setup.cfg")
    if told := cfg.get("metadata", "name", fallback=""):
        yield told, "[metadata] in setup.cfg"
    for table in ("metadata", "module"):
        flit = tree.table("tool", "flit", table)
        if told := flit.get("dist-name") or flit.get("module") or flit.get("name"):
            yield str(told), f"[tool.flit.{table}] in pyproject.toml"
    if told := SETUP_NAME.search(tree.read("setup.py") or ""):
        yield told[1], "setup.py"


def backend(tree: Tree) -> Fact:
    """The build backend (PEP 517); without a word on it, setuptools."""
    told = tree.table("build-system").get("build-backend")
    if told is None:
        return Fact(
            about="backend", value="setuptools", evidence="no build-backend, so it is (PEP 517)"
        )
    top = re.split(r"[.:]", str(told))[0]
    evidence = f'build-backend = "{told}" in pyproject.toml'
    if tree.table("build-system").get("backend-path"):
        return Fact(about="backend", value="its own", evidence=evidence)
    return Fact(about="backend", value=BACKENDS.get(top, top), evidence=evidence)


def version(tree: Tree) -> Fact:
    """Where the version comes from."""
    value, evidence = next(_versions(tree), ("computed", "only a build can tell"))
    return Fact(about="version", value=value, evidence=evidence)


def _versions(tree: Tree) -> Iterator[tuple[str, str]]:
    for table in STATIC:
        if static := tree.table(*table).get("version"):
            yield str(static), f"[{'.'.join(table)}] in pyproject.toml"
    if tool := _tag_tool(tree):
        yield "from tags", tool
    for place in (("hatch", "version"), ("setuptools", "dynamic", "version"), ("pdm", "version")):
        told = tree.table("tool", *place)
        if where := told.get("path") or told.get("attr") or told.get("file"):
            yield "from a file", f"{where}, by [tool.{'.'.join(place)}]"
    if legacy := tree.ini("setup.cfg").get("metadata", "version", fallback=""):
        yield _of_setup_cfg(legacy)
    if found := SETUP_VERSION.search(tree.read("setup.py") or ""):
        yield found[1], "setup.py"
    if backend(tree).value == "flit":
        yield "from a file", "__version__ of the module, as flit reads it"


def _of_setup_cfg(told: str) -> tuple[str, str]:
    """A version as setup.cfg has it: itself, or with ``attr:`` or ``file:`` the place of it."""
    kind, _, place = told.partition(":")
    if kind.strip() in {"attr", "file"}:
        return "from a file", f"{place.strip()}, by [metadata] in setup.cfg"
    return told, "[metadata] in setup.cfg"


def _tag_tool(tree: Tree) -> str:
    """What derives the version from git's tags; empty where nothing does."""
    if tree.table("tool", "pdm", "version").get("source") == "scm":
        return "[tool.pdm.version] in pyproject.toml"
    for line in tree.table("build-system").get("requires", ()):
        tool = re.split(r"[^\w.-]", str(line))[0]
        if canonicalize_name(tool) in map(canonicalize_name, TAG_TOOLS):
            return f"{tool} in [build-system]"
    return (
        "setuptools-scm in setup.py" if "use_scm_version" in (tree.read("setup.py") or "") else ""
    )


TAG_TOOLS = (*TAG_BACKENDS, "flit-scm", "uv-dynamic-versioning", "poetry-dynamic-versioning")


def packages(tree: Tree, project: str) -> tuple[str, ...]:
    """The folders and modules that hold the project's code.

    :param project: its name: where one of them is called so, it is the only one.
    """
    tops = {path.split("/")[0] for path in tree.paths if path.endswith((".py", ".pyi"))}
    if "src" in tops and not tree.has("src/__init__.py"):
        within = {"/".join(path.split("/")[:2]) for path in tree.paths if path.startswith("src/")}
        found = {path for path in within if _is_code(tree, path)}
    else:
        found = {top for top in tops if _is_code(tree, top)}
    called = {
        path for path in found if canonicalize_name(_stem(path)) == canonicalize_name(project)
    }
    shipped = {path for path in found if "/" in path or not NO_PACKAGES.match(path)}
    return tuple(sorted(called or shipped))


def _is_code(tree: Tree, path: str) -> bool:
    is_package = any(p.startswith(f"{path}/") and p.endswith(".py") for p in tree.paths)
    return path.endswith(".py") or (is_package and not path.endswith(".egg-info"))


def _stem(path: str) -> str:
    return path.rsplit("/", maxsplit=1)[-1].removesuffix(".py")


def layout(code: tuple[str, ...]) -> Fact:
    """How the code lies: below ``src``, in a package at the top, or as a single module.

    :param code: as :func:`packages` tells.
    """
    evidence = ", ".join(code) or "no code was recognised"
    if not code:
        value = UNKNOWN
    elif all(path.startswith("src/") for path in code):
        value = "src"
    else:
        value = "single module" if all(path.endswith(".py") for path in code) else "flat"
    return Fact(about="layout", value=value, evidence=evidence)


def pythons(tree: Tree, now: datetime) -> Fact:
    """The Python versions that users run."""
    asked = _requires_python(tree)
    known = supported(asked, (), now)
    evidence = f"requires {asked}" if asked else "nothing says which"
    return Fact(about="pythons", value=", ".join(known) or UNKNOWN, evidence=evidence)


def _requires_python(tree: Tree) -> str | None:
    told = tree.table("project").get("requires-python")
    told = told or tree.table("tool", "flit", "metadata").get("requires-python")
    told = told or tree.ini("setup.cfg").get("options", "python_requires", fallback=None)
    if told is None and (
        found := re.search(r"python_requires\s*=\s*['\"]([^'\"]+)", tree.read("setup.py") or "")
    ):
        told = found[1]
    poetry = tree.table("tool", "poetry", "dependencies").get("python")
    return str(told) if told else _of_caret(poetry)


def _of_caret(told: object) -> str | None:
    """Poetry's ``^3.8`` as PEP 440 has it: any 3.x from 3.8 on."""
    if not isinstance(told, str):
        return None
    return f">={told[1:]},<4" if told.startswith("^") else told
