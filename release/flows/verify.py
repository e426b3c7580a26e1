"""Verify archives: what an index refuses, what nobody meant to ship, what does not install."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from release.adapters import contents, installer, progress, upload
from release.adapters.interpreters import interpreters
from release.errors import VerificationError
from release.flows.context import Context
from release.flows.pythons import fitting, wanted
from release.ship import archives, comparison, refusals

STRICT = frozenset({"pypi", "testpypi"})
"""The repositories whose rules bind; elsewhere they are told, as a rehearsal has to."""
AT_ONCE = 2
"""How many install tests run side by side."""


@dataclass(frozen=True)
class Archived:
    """Archives to verify.

    :param project: the name that they must bear.
    :param version: the version that they must bear.
    :param commit: the commit that they must be of.
    :param folder: where they lie.
    :param files: their bytes by name.
    :param strict: whether PyPI's rules bind, or are only told.
    """

    project: str
    version: str
    commit: str
    folder: Path
    files: Mapping[str, bytes]
    strict: bool = False

    @property
    def wheel(self) -> str:
        """The wheel's name."""
        return next(name for name in self.files if name.endswith(archives.WHEEL))

    @property
    def paths(self) -> list[Path]:
        """Where the files are."""
        return [self.folder / name for name in sorted(self.files)]


def verify(context: Context, archived: Archived) -> tuple[str, ...]:
    """Check archives against their commit and the rules of indexes, and install them.

    :returns: what was found to be so, each in a line.
    :raises VerificationError: something is not as it should be; all of it is told at once.
    """
    require_identity(context, archived)
    refused = _refusals(archived)
    wheel, pyproject = archived.folder / archived.wheel, context.workspace.root / "pyproject.toml"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = pool.submit(contents.check, wheel, pyproject)
        pythons = pool.submit(_pythons, context, archived)
        warnings = dict.fromkeys(upload.check_metadata(archived.paths))
        complaints = looked.result()
    found = [f"{archived.wheel}: {one}" for one in complaints.grave]
    if found or (archived.strict and refused):
        raise _refused([*refused, *found] if archived.strict else found)
    checks = [
        "metadata are the plan's; contents are the commit's; no secret; "
        "twine and check-wheel-contents agree",
        *(f"worth a look: {one}" for one in (*complaints.odd, *warnings)),
        *(f"PyPI would refuse it: {one}" for one in refused),
    ]
    return (*checks, *_installs(context, archived, pythons.result()))


def require_identity(context: Context, archived: Archived) -> None:
    """Archives are of this project, version and commit, and hold no secret.

    :raises VerificationError: they are not; all that is wrong is told at once.
    """
    if found := [*_identity(context, archived)]:
        raise _refused(found)


def _refused(found: list[str]) -> VerificationError:
    return VerificationError(
        "the archives are not what the plan says",
        why="\n".join(found),
        remedy="mend the project or its build configuration, commit, and publish again",
    )


def _identity(context: Context, archived: Archived) -> Iterator[str]:
    blobs = _blobs(context, archived.commit)
    yield from archives.problems(
        archived.files, project=archived.project, version=archived.version, tracked=blobs
    )
    for name, data in sorted(archived.files.items()):
        try:
            yield from comparison.secrets(name, data)
            yield from _altered(context, archived.commit, name, data, blobs)
        except VerificationError:
            continue  # it cannot be read, and that has been told


def _blobs(context: Context, commit: str) -> dict[str, str]:
    """The project's files in a commit, seen from its folder."""
    prefix = context.workspace.prefix
    blobs = context.workspace.git.object_ids(commit)
    return {path[len(prefix) :]: one for path, one in blobs.items() if path.startswith(prefix)}


def _altered(
    context: Context, commit: str, name: str, data: bytes, blobs: Mapping[str, str]
) -> Iterator[str]:
    workspace = context.workspace
    for path, content in comparison.altered(name, data, blobs).items():
        if workspace.git.checked_out(commit, workspace.prefix + path) != content:
            yield f"{name}: {path} is not what the commit holds"


def _refusals(archived: Archived) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name, data in sorted(archived.files.items()):
        found |= dict.fromkeys(refusals.of_file(name, len(data)))
        found |= dict.fromkeys(refusals.of_metadata(archives.metadata_text(name, data)))
    return tuple(found)


def _installs(context: Context, archived: Archived, pythons: dict[str, str]) -> Iterator[str]:
    """Install and import: the wheel on every Python that is there, the sdist on one.

    :param pythons: version to path.
    """
    workspace, wheel = context.workspace, archived.wheel
    sdist = next(name for name in archived.files if name != wheel)
    imports = archives.import_names(archived.files[wheel])
    one = fitting(context, _requires(archived))

    def install(name: str, told: str, python: str) -> str:
        with progress.part(told):
            return installer.install_test(
                archived.folder / name,
                archived.project,
                archived.version,
                imports,
                workdir=workspace.state / "run",
                cache=workspace.state / "cache",
                index_url=workspace.config.index_url,
                python=python,
            )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        built: Callable[[], str] = pool.submit(install, sdist, "install the sdist", one).result
        told = [f"install the wheel on Python {version}" for version in pythons]
        list(pool.map(partial(install, wheel), told, pythons.values()))
        built()
    yield f"{wheel} installs and imports on Python {', '.join(pythons)}; so does {sdist}"


def _pythons(context: Context, archived: Archived) -> dict[str, str]:
    """The interpreters of this machine that the project supports, lowest first."""
    return interpreters(wanted(context, _requires(archived)))


def _requires(archived: Archived) -> str | None:
    return archives.wheel_metadata(archived.files[archived.wheel]).requires_python
