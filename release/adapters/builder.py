"""The door to build backends: archives and metadata out of a clone."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from release.adapters import process
from release.adapters.home import furnish
from release.errors import BuildError, MachineError, ProjectError, ToolError
from release.model.metadata import CoreMetadata
from release.ship.archives import WHEEL, wheel_metadata

PATIENCE = 1800.0
"""Seconds for a whole build; compiled extensions take their time."""
DECISIVE = frozenset({"version", "dependencies", "optional-dependencies", "requires-python"})
"""The keys of ``[project]`` that a backend may only fill where ``dynamic`` names them."""


def build(clone: Path, out: Path, *, epoch: int, index_url: str | None = None) -> tuple[Path, Path]:
    """Build the sdist, then the wheel from that sdist, as an installer would.

    :param clone: the project in a fresh clone; its build runs code of the project.
    :param out: an empty folder for the archives.
    :param epoch: SOURCE_DATE_EPOCH, the commit's time in seconds since 1970 UTC.
    :param index_url: where build requirements come from; PyPI by default.
    :returns: wheel and sdist.
    :raises BuildError: the build failed; its last words are in the error.
    """
    out = out.resolve()
    said = _run(clone, out, [], epoch, index_url)
    wheels, sdists = sorted(out.glob(f"*{WHEEL}")), sorted(out.glob("*.tar.gz"))
    if said is not None and (full := MachineError.heard(said)):
        raise full
    if said is not None and sdists:
        raise _failed("an sdist was built, but no wheel can be built from it", said)
    if said is not None:
        raise _failed("the project did not build", said)
    if len(wheels) != 1 or len(sdists) != 1:
        made = ", ".join(path.name for path in sorted(out.iterdir())) or "nothing"
        raise _failed("the build did not make one wheel and one sdist", f"it made: {made}")
    return wheels[0], sdists[0]


def built_metadata(clone: Path, *, index_url: str | None = None) -> CoreMetadata:
    """The metadata that a build of the clone has.

    Read from pyproject.toml where PEP 621 binds the backend to it, which is fast and runs no
    code; else a wheel is built.

    :raises ProjectError: there is no pyproject.toml that can be read, and no setup.py.
    :raises BuildError: the wheel did not build.
    """
    static = static_metadata(_pyproject(clone))
    if static:
        return static
    with tempfile.TemporaryDirectory(prefix="release-warden-") as folder:
        out = Path(folder)
        said = _run(clone, out, ["--wheel"], None, index_url)
        wheels = list(out.glob(f"*{WHEEL}"))
        if said is not None and (full := MachineError.heard(said)):
            raise full
        if said is not None or len(wheels) != 1:
            raise _failed("the project's metadata could not be built", said or "no wheel was made")
        return wheel_metadata(wheels[0].read_bytes())


def static_metadata(pyproject: str) -> CoreMetadata | None:
    """The metadata that pyproject.toml settles by itself (PEP 621); ``None`` where it does not.

    :param pyproject: the file's text.
    :raises ProjectError: it is no TOML, or a requirement in it is none.
    """
    try:
        project = tomllib.loads(pyproject).get("project", {})
        if "version" not in project or DECISIVE & set(project.get("dynamic", ())):
            return None
        extras = project.get("optional-dependencies", {})
        return CoreMetadata(
            name=project["name"],
            version=project["version"],
            requires_python=project.get("requires-python"),
            requires_dist=tuple(_requires_dist(project)),
            extras=tuple(sorted(canonicalize_name(extra) for extra in extras)),
        )
    except (tomllib.TOMLDecodeError, InvalidRequirement, KeyError) as error:
        raise ProjectError(
            "pyproject.toml does not describe a project",
            why=f"{type(error).__name__}: {error}",
            remedy="mend its [project] table, then run again",
        ) from error


def _requires_dist(project: dict[str, Any]) -> Iterator[str]:
    """The ``Requires-Dist`` lines that a backend makes of ``[project]``."""
    for text in project.get("dependencies", ()):
        Requirement(text)  # a line that is none is the project's mistake, and is told here
        yield " ".join(text.split())
    for extra, texts in project.get("optional-dependencies", {}).items():
        for text in texts:
            requirement = Requirement(text)
            only = f'extra == "{canonicalize_name(extra)}"'
            own = f"({requirement.marker}) and " if requirement.marker else ""
            requirement.marker = Marker(own + only)
            yield str(requirement)


def _pyproject(clone: Path) -> str:
    """The text of pyproject.toml; empty for an old project that has only setup.py.

    :raises ProjectError: neither is there, or it is no text.
    """
    try:
        return (clone / "pyproject.toml").read_text("utf-8")
    except FileNotFoundError as error:
        if (clone / "setup.py").exists():
            return ""
        raise ProjectError(
            f"{clone} holds no pyproject.toml", remedy="run in the folder of a Python project"
        ) from error
    except UnicodeDecodeError as error:
        raise ProjectError(
            "pyproject.toml is not UTF-8", why=str(error), remedy="save it as UTF-8, as TOML wants"
        ) from error


def _run(
    clone: Path, out: Path, options: list[str], epoch: int | None, index_url: str | None
) -> str | None:
    """Run ``build``; what it said when it failed, ``None`` when it did not.

    It runs in ``out``, as ``-m`` would take a folder ``build`` of the project for the program.
    """
    extra = {"UV_NO_CONFIG": "1"}  # a [tool.uv] of the project must not steer its own build
    extra |= {"SOURCE_DATE_EPOCH": str(epoch)} if epoch is not None else {}
    extra |= {"UV_DEFAULT_INDEX": index_url} if index_url else {}
    command = [process.python(), "-m", "build", "--installer", "uv", *options]
    with tempfile.TemporaryDirectory(prefix="release-warden-") as home:
        try:
            done = process.run(
                [*command, "--outdir", out, clone.resolve()],
                cwd=out,
                env=process.environment(**extra, **furnish(Path(home), index_url)),
                timeout=PATIENCE,
                check=False,
            )
        except ToolError as error:
            raise _failed("the project did not build", str(error)) from error
    return f"{done.stdout}\n{done.stderr}" if done.code else None


def _failed(what: str, said: str) -> BuildError:
    return BuildError(
        what,
        why="\n".join(said.strip().splitlines()[-30:]),
        remedy="see it with: python -m build; in a fresh clone, where no uncommitted file helps",
    )
