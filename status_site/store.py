"""The site's folder: at every moment one whole build, and never a mixture of two.

    .builds/<id>/      a build, written here until it is whole
    .current           a link to the build that is served; it is replaced in one step
    index.json         a link to .current/index.json, and so on for each file and folder

As Kubernetes does it for mounted ConfigMaps: whoever is killed, or finds the disk full, has written
into a folder that nobody reads. The build before stays for those who are reading it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from release.errors import DocumentError, FailedError, TryAgainError, UsageError
from release.model.base import decode
from status_site.schemas import BuildFiles
from status_site.status import LINKS

BUILDS = ".builds"
CURRENT = ".current"
INDEX = "build.json"
NAMES = frozenset(
    {
        *(path.partition("/")[0] for path in LINKS.values()),
        "findings",
        "releases",
        "sbom",
        "vex.json",
    }
)
"""What a site has on its first level."""
LOCK_PATIENCE = 60
"""Seconds for which another builder is waited for."""
FOLDER_MODE, FILE_MODE = 0o755, 0o644
"""Whatever the umask, a web server can read what is served."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder: of several builders one at a time reads the documents and writes.

    :raises TryAgainError: another builder has held it for a minute.
    :raises FailedError: the folder cannot be made, or not be written to.
    """
    try:
        (folder / BUILDS).mkdir(parents=True, exist_ok=True)
        (folder / BUILDS).chmod(FOLDER_MODE)
        _ignore(folder / ".gitignore")
        with FileLock(folder / BUILDS / "lock", timeout=LOCK_PATIENCE):
            yield
    except Timeout as error:
        raise TryAgainError(
            f"another run is building the site in {folder}", remedy="run again when it has ended"
        ) from error
    except OSError as error:
        raise FailedError(
            f"the site in {folder} could not be written",
            why=str(error),
            remedy="what was served before still is; make room or give leave, then run again",
        ) from error


def served(folder: Path, name: str) -> bytes | None:
    """A file of the build that is served; ``None`` where there is none."""
    try:
        return (folder / CURRENT / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def current_files(folder: Path) -> dict[str, bytes]:
    """Every file of the build that is served, by its path below the folder."""
    top = folder / CURRENT
    paths = (Path(parent) / name for parent, _, names in os.walk(top) for name in names)
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in paths}


def publish(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Serve these files, all at once.

    Called with the folder held.

    :param files: paths below the folder, with ``/``, to content; ``build.json`` has the digests.
    :returns: the files that differ from those served before; with none nothing was written.
    :raises FailedError: folders stand where links of ours belong.
    :raises OSError: they could not be written; what was served before still is.
    """
    _check_ours(folder, files)
    changed, before = _changed(folder, files), _target(folder)
    if not changed and before:
        _link(folder, files)
        return ()
    build = folder / BUILDS / secrets.token_hex(4)
    try:
        _write(build, files)
        _announce(folder, files)
        _point(folder / CURRENT, f"{BUILDS}/{build.name}")
    except OSError:
        shutil.rmtree(build, ignore_errors=True)
        raise
    _link(folder, files)
    _sweep(folder, {build.name, before})
    return changed


def _changed(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The files that differ from those served, by digest, or that lost their content since."""
    told = served(folder, INDEX)
    if told == files[INDEX]:
        return tuple(name for name in files if _size(folder / CURRENT / name) != len(files[name]))
    old, new = _digests(told), _digests(files[INDEX])
    return (*(name for name in new if old.get(name) != new[name]), INDEX)


def _digests(data: bytes | None) -> dict[str, str]:
    """What an index tells; nothing where it was lost or damaged, as all is then written anew."""
    try:
        return decode(BuildFiles, data or b"").files
    except DocumentError:
        return {}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _write(build: Path, files: Mapping[str, bytes]) -> None:
    """Write a build. Its first level is forced to the disk; below, a loss would be seen and mended
    by the next build, and ten thousand findings need not wait for the disk one by one.
    """
    parents = sorted({name.rpartition("/")[0] for name in files if "/" in name})
    masked = [_make_folder(place) for place in (build, *(build / parent for parent in parents))]
    for name, data in files.items():
        _write_file(f"{build}/{name}", data, masked=any(masked))
    for name in files:
        if "/" not in name:
            _force(build / name)


def _make_folder(place: Path) -> bool:
    """Make a folder; tell whether the umask took away what its readers need."""
    place.mkdir(FOLDER_MODE)
    if stat.S_IMODE(place.stat().st_mode) & FOLDER_MODE == FOLDER_MODE:
        return False
    place.chmod(FOLDER_MODE)
    return True


def _write_file(path: str, data: bytes, *, masked: bool) -> None:
    """Write a new file by the fewest calls that do it, as there are ten thousand of them.

    :param masked: whether the umask stands in the way of its mode.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        if masked:
            os.fchmod(descriptor, FILE_MODE)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _force(path: Path) -> None:
    """Force a file to the disk; done for one after all are written, as the journal is shared."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(link: Path, target: str) -> None:
    """Make a link point somewhere else, in one step."""
    fresh = link.with_name(f".new{link.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _announce(folder: Path, files: Iterable[str]) -> None:
    """Make the links of the first level that are not there yet: they lead nowhere until the current
    build has what they name, so that a build is complete in the moment in which it is current.
    """
    for name in {name.partition("/")[0] for name in files}:
        if not os.path.lexists(folder / name):
            (folder / name).symlink_to(f"{CURRENT}/{name}")


def _link(folder: Path, files: Iterable[str]) -> None:
    """Let every file and folder of the first level lead to the current build, and no other."""
    names = {name.partition("/")[0] for name in files}
    for name in sorted(names):
        link, target = folder / name, f"{CURRENT}/{name}"
        if not (link.is_symlink() and str(link.readlink()) == target):
            _point(link, target)
    for link in folder.iterdir():
        if link.name not in names and link.is_symlink() and _is_ours(link):
            link.unlink()


def _is_ours(link: Path) -> bool:
    return str(link.readlink()).startswith(f"{CURRENT}/")


def _target(folder: Path) -> str | None:
    """The name of the build that is served."""
    link = folder / CURRENT
    return link.readlink().name if link.is_symlink() else None


def _check_ours(folder: Path, files: Iterable[str]) -> None:
    """Refuse a folder that was copied without its links: it cannot be exchanged in one step.

    A file in a link's place, as zip leaves one, is replaced; a folder could hold anything.

    :raises FailedError: folders stand where links of ours belong.
    """
    names = {CURRENT, *(name.partition("/")[0] for name in files)}
    real = sorted(n for n in names if (folder / n).is_dir() and not (folder / n).is_symlink())
    if real:
        raise FailedError(
            f"the site in {folder} could not be written, as it has lost its links",
            why=f"folders stand where links belong, as cp -rL leaves them: {', '.join(real)}",
            remedy=f"delete {folder}, then run again: the site is made anew from the documents",
        )


def check_unclaimed(folder: Path) -> None:
    """Refuse a folder that others made and that holds what links of ours would replace.

    :raises UsageError: nothing was ever built there, and such names are there.
    """
    if any(os.path.lexists(folder / name) for name in (BUILDS, CURRENT)):
        return
    theirs = sorted(name for name in NAMES if os.path.lexists(folder / name))
    if theirs:
        raise UsageError(
            f"{folder} holds files that the site would replace",
            why=f"no site was ever built there, but it holds: {', '.join(theirs)}",
            remedy="give --output with a folder of the site's own, or move these away",
        )


def _sweep(folder: Path, keep: set[str | None]) -> None:
    """Remove the builds that nobody reads any more, and those that were never finished."""
    for build in (folder / BUILDS).iterdir():
        if build.is_dir() and build.name not in keep:
            shutil.rmtree(build, ignore_errors=True)


def _ignore(path: Path) -> None:
    """Keep the working tree clean; what an adopter wrote there stays."""
    if not path.exists():
        fresh = path.with_name(f".new{path.name}")
        fresh.write_text("*\n", encoding="utf-8")
        fresh.replace(path)
