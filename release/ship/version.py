"""Which version comes next, and where a project writes it down (PEP 440)."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Callable, Collection, Iterable
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.errors import ConfigError, ProjectError, UsageError
from release.model.plan import FileEdit
from release.ship.stale import OwnVersion

Read = Callable[[str], str | None]
"""The text of a project's file, or ``None``."""

LEVELS = {"major": 0, "minor": 1, "patch": 2}
TAG_BACKENDS = ("setuptools-scm", "setuptools_scm", "hatch-vcs", "versioningit", "vcs-versioning")


def next_version(
    current: str,
    taken: Iterable[Version],
    bump: str | None,
    *,
    line: Collection[Version] | None = None,
) -> Version:
    """The version to release.

    :param current: what the project's own metadata says.
    :param taken: all versions ever published, tagged or sealed.
    :param bump: ``major``, ``minor``, ``patch``, a version, or ``None`` for the current version
        where it is still free and the next patch otherwise. Of a pre-release each level makes the
        final release that it leads to: of 2.0.0rc1 the patch is 2.0.0.
    :param line: those of ``taken`` that HEAD's line holds, by default all of them. The next is
        above these; a patch also steps over what another line has taken.
    :raises UsageError: ``bump`` is none of these.
    :raises ProjectError: ``current`` is no version.
    """
    own, used = own_version(current), set(taken)
    highest = max(used if line is None else line, default=None)
    if bump is None:
        free = not own.is_devrelease and own not in used and (highest is None or own > highest)
        return own if free else _free_patch(max(own, highest) if highest else own, used)
    if bump == "patch":
        return _free_patch(max(own, highest) if highest else own, used)
    if bump in LEVELS:
        return raised(max(own, highest) if highest else own, bump)
    try:
        return Version(bump)
    except InvalidVersion as error:
        raise UsageError(
            f"--bump {bump} is no version", remedy="use patch, minor, major or a PEP 440 version"
        ) from error


def own_version(current: str) -> Version:
    """The project's own version, without its local part.

    :raises ProjectError: it is none.
    """
    try:
        return Version(Version(current).public)
    except InvalidVersion as error:
        raise ProjectError(
            f"the project's version {current!r} is none (PEP 440)",
            remedy="correct it to one such as 1.4.0 or 1.4.0rc1, commit, then run again",
        ) from error


def _free_patch(version: Version, used: Collection[Version]) -> Version:
    patch = raised(version, "patch")
    while patch in used:
        patch = raised(patch, "patch")
    return patch


def line_of(
    current: Version,
    taken: Iterable[Version],
    here: Collection[Version],
    elsewhere: Collection[Version],
) -> set[Version]:
    """The versions that bound HEAD's next one from below: those of its own release line.

    A maintained branch at 1.4.8 goes on with 1.4.9, though 2.0.0 is out. What git shows to come
    from HEAD's history counts, what it shows to come from another does not. Of the rest, which
    only the index tells, those of HEAD's major number count.

    :param current: HEAD's.
    :param here: those released from HEAD's history.
    :param elsewhere: those released from commits that HEAD does not descend from.
    """
    major = current.epoch, current.release[:1]
    return {
        version
        for version in taken
        if version in here
        or (version not in elsewhere and (version.epoch, version.release[:1]) <= major)
    }


def raised(version: Version, level: str) -> Version:
    """A final release above ``version``: of 1.2.3rc1 the patch is 1.2.3, of 1.2.3 it is 1.2.4."""
    place = LEVELS[level]
    numbers = [*version.release, *([0] * (place + 1 - len(version.release)))]
    leads_here = Version(version.base_version) > version  # not so of 1.0.post1.dev2
    if not leads_here or any(numbers[place + 1 :]):
        numbers[place] += 1
        numbers[place + 1 :] = [0] * len(numbers[place + 1 :])
    epoch = f"{version.epoch}!" if version.epoch else ""
    return Version(epoch + ".".join(map(str, numbers)))


def version_edits(
    read: Read, old: str, new: str, *, own: OwnVersion | None = None, named: Iterable[str] = ()
) -> tuple[FileEdit, ...]:
    """The files that must change so that the project builds as ``new``.

    :param read: the project's files.
    :param old: the version its metadata tells now.
    :param own: finds the version before in the files that are ``named`` (``version-files``).
    :raises ProjectError: the version is written nowhere that we know how to change.
    :raises ConfigError: a named file is not there, or does not hold the version before.
    """
    found = {edit.path: edit for edit in _declared_edits(read, old, new)}
    if own is not None and own.number != new:
        for path in named:
            before = found[path].after if path in found else read(path)
            found[path] = FileEdit(path=path, after=_named(path, before, own, new))
    return tuple(found.values())


def _named(path: str, text: str | None, own: OwnVersion, new: str) -> str:
    """A file of ``version-files`` with the new version."""
    after = own.rewritten(text, new) if text is not None else None
    if after is None or (after == text and not OwnVersion(own.project, new).in_any(after)):
        raise ConfigError(
            f"version-files names {path}, which does not tell the version {own.number}",
            why="there is no such file" if text is None else "it names another version, or none",
            remedy="correct version-files in [tool.release-warden], or the file",
        )
    return after


def _declared_edits(read: Read, old: str, new: str) -> tuple[FileEdit, ...]:
    if old == new:
        return ()
    pyproject = tomllib.loads(read("pyproject.toml") or "")
    if is_tag_derived(pyproject):
        return ()
    places = candidates(pyproject, read("setup.cfg") or "")
    edits = [
        FileEdit(path=path, after=after)
        for path in places
        if (text := read(path)) and (after := _rewritten(path, text, old, new)) != text
    ]
    if not edits:
        raise ProjectError(
            f"cannot find where the project writes its version {old}",
            why=f"looked at {', '.join(places)}",
            remedy=f"set it to {new} by hand, commit, and publish again with --bump {new}",
        )
    return tuple(edits)


def is_tag_derived(pyproject: dict[str, Any]) -> bool:
    """Whether the version comes from git's tags and is written in no file."""
    tool = pyproject.get("tool", {})
    if "version" not in pyproject.get("project", {}).get("dynamic", ()) and "poetry" not in tool:
        return "setuptools_scm" in tool and "version" not in pyproject.get("project", {})
    requires = " ".join(pyproject.get("build-system", {}).get("requires", ()))
    source = _at(tool, "pdm", "version", "source") or _at(tool, "hatch", "version", "source")
    return source in {"scm", "vcs"} or any(name in requires for name in TAG_BACKENDS)


def candidates(pyproject: dict[str, Any], setup_cfg: str = "") -> tuple[str, ...]:
    """The files in which the version may be written, the declared ones first."""
    tool = pyproject.get("tool", {})
    legacy = _setup_cfg(setup_cfg)
    declared = [
        _at(tool, "hatch", "version", "path"),
        _at(tool, "pdm", "version", "path"),
        *_attribute_files(_at(tool, "setuptools", "dynamic", "version", "attr")),
        _at(tool, "setuptools", "dynamic", "version", "file"),
        *_attribute_files(legacy.get("version", "").removeprefix("attr:").strip()),
        legacy.get("version", "").partition("file:")[2].strip() or None,
    ]
    name = _at(tool, "flit", "module", "name") or _at(tool, "flit", "metadata", "module")
    name = name or pyproject.get("project", {}).get("name") or _at(tool, "poetry", "name")
    name = name or legacy.get("name", "")
    module = canonicalize_name(str(name)).replace("-", "_") if name else ""
    guessed = [*_attribute_files(f"{name}.x"), *(_attribute_files(f"{module}.x") if module else ())]
    guessed += [path.replace("__init__", mod) for path in guessed if path.endswith("__init__.py")
                for mod in ("_version", "__about__", "version", "__version__")]  # fmt: skip
    ordered = ["pyproject.toml", *declared, *guessed, "setup.cfg", "setup.py"]
    return tuple(dict.fromkeys(path for path in ordered if isinstance(path, str)))


def _setup_cfg(text: str) -> dict[str, str]:
    """The ``[metadata]`` of a setup.cfg; empty where it cannot be read, as setuptools will tell."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return dict(parser["metadata"]) if parser.has_section("metadata") else {}


def _attribute_files(attribute: object) -> list[str]:
    """``pkg.mod.__version__`` may stand in pkg/mod.py or pkg/mod/__init__.py, also below src."""
    if not isinstance(attribute, str) or "." not in attribute:
        return []
    module = attribute.rpartition(".")[0].replace(".", "/")
    ends = (f"{module}.py", f"{module}/__init__.py")
    return [f"{top}{end}" for top in ("", "src/") for end in ends]


def _rewritten(path: str, text: str, old: str, new: str) -> str:
    if path == "pyproject.toml":
        return _rewritten_pyproject(text, new)
    if text.strip() == old:
        return text.replace(old, new)
    quoted = re.compile(
        rf"^(\s*(?:__version__|VERSION|version)\b[^=\n]*=\s*)(['\"]){re.escape(old)}\2", re.M
    )
    bare = re.compile(rf"^(version\s*=\s*){re.escape(old)}(?=\s*$)", re.M)
    text = quoted.sub(lambda m: f"{m[1]}{m[2]}{new}{m[2]}", text)
    return bare.sub(lambda m: f"{m[1]}{new}", text) if path == "setup.cfg" else text


def _rewritten_pyproject(text: str, new: str) -> str:
    import tomlkit  # no run needs it but one that releases

    document = tomlkit.parse(text)
    for table in (document.get("project"), document.get("tool", {}).get("poetry")):
        if table is not None and "version" in table:
            table["version"] = new
    return tomlkit.dumps(document)


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table
