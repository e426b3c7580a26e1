"""The install test: what a user does first, in a fresh environment that nothing steers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from release.adapters import process
from release.adapters.home import furnish
from release.errors import ToolError, VerificationError
from release.model.base import sha256 as sha256_of

INSTALL_PATIENCE = 900.0
"""Seconds; an sdist may have to be built."""
IMPORT_PATIENCE = 120.0
"""Seconds."""
LOOPBACK = "127.0.0.1,localhost"
PROBE = """
import importlib, importlib.metadata, json, platform, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
told = {"version": importlib.metadata.version(sys.argv[1]), "python": platform.python_version()}
print("\\n" + json.dumps(told))
"""
"""Its last line is the answer: an import may print."""


@dataclass(frozen=True)
class _Environment:
    """A fresh virtual environment.

    ``variables`` are all that the installer sees, ``bare`` all that the installed code sees: it
    needs no index, and no password for one.
    """

    folder: Path
    variables: dict[str, str]
    bare: dict[str, str]

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def uv(self, *words: str | Path) -> None:
        """Run the installer for it.

        :raises ToolError: it failed.
        """
        command: tuple[str | Path, ...] = (process.script("uv"), *words)
        process.run(command, cwd=self.folder, env=self.variables, timeout=INSTALL_PATIENCE)

    def probe(self, *words: str) -> str:
        """Run the probe in it, and with it the installed code.

        :raises ToolError: it failed.
        """
        command: tuple[str | Path, ...] = (self.python, "-I", "-c", PROBE, *words)
        return process.run(command, cwd=self.folder, env=self.bare, timeout=IMPORT_PATIENCE).stdout


def prove(
    url: str,
    sha256: str,
    name: str,
    version: str,
    imports: Sequence[str],
    *,
    workdir: Path,
    index_url: str | None = None,
    cache: Path | None = None,
    python: str | None = None,
) -> str:
    """Install a file of an index by its address and hash, import it, ask for its version.

    :param url: the file's address.
    :param sha256: the hash that it must have.
    :param imports: the names to import.
    :param workdir: where the environment lives meanwhile.
    :param index_url: where dependencies come from; PyPI by default.
    :param cache: uv's cache; by default a new one, so that everything is downloaded.
    :param python: the interpreter to do it with; by default the one that runs this.
    :returns: a witness in one line.
    :raises VerificationError: it cannot be installed or imported, or is another version.
    """
    requirement = f"{name} @ {url}#sha256={sha256}"
    try:
        with _environment(workdir, index_url, cache) as environment:
            told = _try(environment, python or process.python(), requirement, name, imports)
    except ToolError as error:
        raise VerificationError(
            f"{name} {version} does not install and import from {url}",
            why=f"{error.what}\n{error.why}",
            remedy="see whether its dependencies and its files are all there; if the index that "
            "dependencies come from was down, run again",
        ) from error
    _require_version(name, version, told["version"])
    return (
        f"{name} {told['version']} from {url}, sha256 {sha256[:12]}, installed on Python "
        f"{told['python']}; imported: {', '.join(imports) or 'nothing'}"
    )


def install_test(
    file: Path,
    name: str,
    version: str,
    imports: Sequence[str],
    *,
    workdir: Path,
    index_url: str | None = None,
    cache: Path | None = None,
    python: str | None = None,
) -> str:
    """As :func:`prove`, of a wheel or sdist that lies here: before anything is sealed.

    :raises VerificationError: it cannot be installed or imported, or is another version.
    """
    digest = sha256_of(file.read_bytes())
    return prove(
        file.resolve().as_uri(),
        digest,
        name,
        version,
        imports,
        workdir=workdir,
        index_url=index_url,
        cache=cache,
        python=python,
    )


@contextmanager
def _environment(
    workdir: Path, index_url: str | None, cache: Path | None
) -> Iterator[_Environment]:
    with tempfile.TemporaryDirectory(prefix="install-", dir=workdir) as name:
        folder = Path(name).resolve()
        for home in ("home", "bare"):
            (folder / home).mkdir()
        extra = {
            **furnish(folder / "home", index_url),
            "UV_CACHE_DIR": str((cache or folder / "cache").resolve()),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            **({"UV_DEFAULT_INDEX": index_url} if index_url else {}),
        }
        variables = process.environment(**extra)
        spared = variables.get("no_proxy") or variables.get("NO_PROXY")
        # The embedded index is on loopback, where no proxy leads.
        direct = f"{spared},{LOOPBACK}" if spared else LOOPBACK
        bare = process.environment(HOME=str(folder / "bare"))
        yield _Environment(folder, variables | {"no_proxy": direct, "NO_PROXY": direct}, bare)


def _try(
    environment: _Environment, base: str, requirement: str, name: str, imports: Sequence[str]
) -> dict[str, str]:
    python = environment.python
    environment.uv("venv", "--quiet", "--no-project", "--python", base, "venv")
    environment.uv("pip", "install", "--quiet", "--python", python, requirement)
    environment.uv("pip", "check", "--quiet", "--python", python)
    said = environment.probe(name, *imports)
    told: dict[str, str] = json.loads(said.splitlines()[-1])
    return told


def _require_version(name: str, wanted: str, told: str) -> None:
    try:
        same = Version(wanted) == Version(told)
    except InvalidVersion:
        same = wanted == told
    if not same:
        raise VerificationError(
            f"{name} says that it is {told}, it should be {wanted}",
            why="the installed metadata have another version than the plan",
            remedy="build the release again from its commit",
        )
