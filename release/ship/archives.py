"""Archives: what a wheel or an sdist says and holds. Bytes in, facts and complaints out."""

from __future__ import annotations

import csv
import io
import keyword
import lzma
import posixpath
import re
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from release.errors import ProjectError, VerificationError
from release.model.base import sha256
from release.model.metadata import CoreMetadata, parse_metadata
from release.model.seal import Archive

WHEEL = ".whl"
MODULE_SUFFIXES = (".py", ".so", ".pyd")
SCHEMES = ("purelib", "platlib")
"""The parts of a wheel's ``.data`` folder that land beside its modules."""
NOT_OURS = frozenset({"tests", "test", "testing", "docs", "doc", "examples", "benchmarks", "setup"})
"""Top-level names that lie in a wheel by accident rather than to be imported."""
NOT_MODULES = frozenset({"__init__", "__main__", "conftest"})
"""``__main__`` runs the program; ``conftest`` needs pytest."""
GENERATED = (
    "PKG-INFO", "setup.cfg", "setup.py", "*.egg-info/*",
    "version.py", "*_version.py", "__version__.py", "*_version.pyi", "version.txt", "VERSION",
    "AUTHORS", "ChangeLog", "Cargo.lock", "*.mo", "pyproject.toml.orig", "Cargo.toml.orig",
)  # fmt: skip
"""What build backends write into an sdist that no commit holds (pbr, maturin, babel, uv_build)."""
PRIVATE = (".env", ".env.*", ".pypirc", ".netrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
"""Names that belong in no archive; samples such as ``.env.example`` are let through."""
SAMPLES = ("*.example", "*.sample", "*.template", "*.dist")
KEYS = ("*.pem", "*.key", "*.p12", "*.pfx", "*.keystore")
"""Names that may be a key; certificates are shipped on purpose, and then the commit has them."""

UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    EOFError, OSError, RuntimeError,
)  # fmt: skip
"""What zipfile and tarfile raise on damage; RuntimeError is theirs for encrypted or odd zips."""


@dataclass(frozen=True)
class _Member:
    """A file in an archive; ``link`` is a link's target, seen from the archive's root."""

    path: str
    link: str | None = None


def describe(name: str, data: bytes) -> Archive:
    """Name, digest and size."""
    return Archive(name=name, sha256=sha256(data), size=len(data))


def metadata_text(name: str, data: bytes) -> str:
    """METADATA of a wheel, PKG-INFO of an sdist, as text.

    :param name: the file's name; ``.whl`` tells a wheel.
    :raises VerificationError: the archive cannot be read, or holds none.
    """
    pattern = r"[^/]+\.dist-info/METADATA" if name.endswith(WHEEL) else r"[^/]+/PKG-INFO"
    for member, content in contents(name, data, pattern):
        if re.fullmatch(pattern, member):
            return content.decode("utf-8", "replace")
    raise VerificationError(
        f"{name} holds no core metadata",
        why="a wheel needs one *.dist-info/METADATA, an sdist PKG-INFO in its only folder",
        remedy="build it again with a current build backend",
    )


def wheel_metadata(data: bytes) -> CoreMetadata:
    """The core metadata of a wheel.

    :raises VerificationError: the archive cannot be read, or holds none.
    :raises ProjectError: it has no name or no version.
    """
    return parse_metadata(metadata_text("a.whl", data), origin="the wheel's METADATA")


def content_digest(wheel: bytes) -> str:
    """The sha256 of what a wheel does for its users: equal when only a release went by.

    Left out: the version (in folder names, the metadata's field and description, assignments to
    names with ``version`` in them), dates, RECORD, and the marks of the build tool. Requirements
    stay to the letter, even when one equals our version.

    :raises VerificationError: the archive cannot be read, or holds no metadata.
    """
    version = wheel_metadata(wheel).version
    lines = sorted(
        f"{sha256(_neutral(path, content, version))}  {_neutral_path(path)}"
        for path, content in contents("the wheel", wheel)
        if not re.fullmatch(r"[^/]+\.dist-info/RECORD(\.\w+)?", path)
    )
    return sha256("\n".join(lines).encode())


def import_names(wheel: bytes) -> tuple[str, ...]:
    """The names that users import: modules, packages, and packages in namespaces (``a.b``).

    Private names and stray ``tests`` or ``docs`` are left out unless nothing else remains.

    :raises VerificationError: the archive cannot be read.
    """
    modules = {_module(_installed(path)) for path in _paths("the wheel", wheel)}
    every = sorted(_reachable(modules - {()}))
    ours = [name for name in every if not name.startswith("_") and name not in NOT_OURS]
    return tuple(ours or every)


def problems(
    files: Mapping[str, bytes], *, project: str, version: str, tracked: Collection[str]
) -> list[str]:
    """Everything that is wrong with the archives of a release; all of it at once.

    :param files: the archives by name: one wheel, one sdist.
    :param project: the name that the plan releases.
    :param version: the version that the plan releases.
    :param tracked: the paths of the release commit.
    """
    wheels = [name for name in files if name.endswith(WHEEL)]
    found = []
    if len(wheels) != 1 or len(files) != 2:
        found.append(f"one wheel and one sdist are wanted, there are: {', '.join(sorted(files))}")
    for name, data in sorted(files.items()):
        try:
            found += _identity(name, data, project, version)
            found += _wheel_problems(name, data, tracked) if name in wheels else []
            found += _sdist_problems(name, data, tracked) if name not in wheels else []
        except VerificationError as error:
            found.append(f"{error.what}: {error.why}")
    return found


def _identity(name: str, data: bytes, project: str, version: str) -> Iterator[str]:
    """The file name and the metadata must both say what the plan says."""
    try:
        named: tuple[str, Version] = (
            parse_wheel_filename(name)[:2] if name.endswith(WHEEL) else parse_sdist_filename(name)
        )
        said = parse_metadata(metadata_text(name, data), origin=name)
        inside = (said.normalized_name, Version(said.version))
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        yield f"{name}: {error}"
        return
    except ProjectError as error:
        yield error.what
        return
    planned = (canonicalize_name(project), Version(version))
    for where, (its_name, its_version) in (("file name", named), ("metadata", inside)):
        if (its_name, its_version) != planned:
            yield f"{name}: its {where} says {its_name} {its_version}, the plan {project} {version}"


def _wheel_problems(name: str, data: bytes, tracked: Collection[str]) -> Iterator[str]:
    paths = _paths(name, data)
    yield from _common_problems(name, _members(name, data), tracked)
    yield from (f"{name}: {path} is in it twice" for path in _twice(paths))
    yield from (f"{name}: {path} is not in its RECORD" for path in _unrecorded(name, data, paths))
    if not any(_is_useful(path) for path in paths):
        yield f"{name}: nothing in it can be imported or run; did the backend find the package?"


def _sdist_problems(name: str, data: bytes, tracked: Collection[str]) -> Iterator[str]:
    members = _members(name, data)
    paths = [member.path for member in members]
    tops = {path.partition("/")[0] for path in paths}
    if len(tops) != 1:
        yield f"{name}: it must hold one folder, it holds {', '.join(sorted(tops)) or 'nothing'}"
    yield from _common_problems(name, members, {f"{top}/{one}" for top in tops for one in tracked})
    for path in _untracked(paths, tracked):
        if not is_generated(path, tracked):
            yield f"{name}: {path} is not in the release commit, and no known backend writes it"


def _common_problems(
    name: str, members: Iterable[_Member], tracked: Collection[str]
) -> Iterator[str]:
    for member in members:
        climbs = ".." in re.split(r"[/\\]", member.path)
        if climbs or _escapes(member.path) or (member.link and _escapes(member.link)):
            yield f"{name}: {member.path} leads out of the archive"
        elif _is_private(member.path, tracked):
            yield f"{name}: {member.path} looks like a secret"


def _escapes(path: str) -> bool:
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return True
    return path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path) is not None


def _is_private(path: str, tracked: Collection[str]) -> bool:
    parts = PurePosixPath(path).parts
    name = parts[-1].lower() if parts else ""
    if any(fnmatch(name, pattern) for pattern in SAMPLES) or {"tests", "test"} & set(parts):
        return False
    if any(fnmatch(name, pattern) for pattern in PRIVATE):
        return True
    if not any(fnmatch(name, pattern) for pattern in KEYS):
        return False
    # A wheel's paths lack the commit's leading src/.
    return not any(f"/{one}".endswith(f"/{path}") for one in tracked)


def _untracked(paths: Iterable[str], tracked: Collection[str]) -> list[str]:
    """The paths below an sdist's folder that the commit does not have."""
    return sorted({path.partition("/")[2] for path in paths} - set(tracked) - {""})


def is_generated(path: str, tracked: Collection[str]) -> bool:
    """Whether build backends are known to write such a file themselves."""
    stem, _, suffix = path.rpartition(".")
    if suffix in {"c", "cpp"} and f"{stem}.pyx" in tracked:
        return True
    name = path.rpartition("/")[2]
    return any(fnmatch(path, pattern) or fnmatch(name, pattern) for pattern in GENERATED)


def _twice(paths: list[str]) -> list[str]:
    return sorted({path for path in paths if paths.count(path) > 1})


def _unrecorded(name: str, data: bytes, paths: list[str]) -> list[str]:
    """Indexes refuse a wheel whose RECORD leaves a file out, its own signatures apart."""
    record = r"[^/]+\.dist-info/RECORD"
    rows = (text.decode("utf-8", "replace") for _, text in contents(name, data, record))
    listed = {row[0] for text in rows for row in csv.reader(io.StringIO(text)) if row}
    exempt = re.compile(rf"{record}\.(jws|p7s)")
    return [path for path in paths if path not in listed and not exempt.fullmatch(path)]


def _is_useful(path: str) -> bool:
    if re.match(r"[^/]+\.data/scripts/", path):
        return True
    return ".dist-info/" not in path and path.endswith((*MODULE_SUFFIXES, ".pyi"))


def _installed(path: str) -> str:
    """Where a wheel's file lands below site-packages; empty when it lands elsewhere."""
    top, _, rest = path.partition("/")
    if top.endswith(".data"):
        scheme, _, rest = rest.partition("/")
        return rest if scheme in SCHEMES else ""
    return "" if top.endswith(".dist-info") else path


def _module(path: str) -> tuple[str, ...]:
    """``a/b.cpython-311.so`` -> ``(a, b)``; nothing when Python cannot import it by a name."""
    *folders, file = path.split("/")
    parts = (*folders, file.partition(".")[0])
    is_name = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    return parts if is_name and path.endswith(MODULE_SUFFIXES) else ()


def _reachable(modules: set[tuple[str, ...]]) -> Iterator[str]:
    """For each top-level name the outermost things that can be imported."""
    packages = {module[:-1] for module in modules if module[-1] == "__init__"}
    for top in {module[0] for module in modules} - NOT_MODULES:
        below = {module for module in modules if module[0] == top}
        if (top,) in packages or (top,) in below:
            yield top
            continue
        outermost = {_outermost(module, packages) for module in below} & packages
        loose = {module for module in below if not module[-1].startswith("_")}
        yield from (".".join(module) for module in outermost or loose or {(top,)})


def _outermost(module: tuple[str, ...], packages: set[tuple[str, ...]]) -> tuple[str, ...]:
    prefixes = (module[:length] for length in range(1, len(module)))
    return next((prefix for prefix in prefixes if prefix in packages), module)


def _neutral_path(path: str) -> str:
    return re.sub(r"^([^/]+?)-[^/]+(\.dist-info|\.data)/", r"\1\2/", path)


def _neutral(path: str, content: bytes, version: str) -> bytes:
    """A file without its version, dates and build tool."""
    if re.fullmatch(r"[^/]+\.dist-info/METADATA", path):
        head, blank, body = content.partition(b"\n\n")
        return _neutral_head(head) + blank + _neutral_prose(body, version)
    if re.fullmatch(r"[^/]+\.dist-info/WHEEL", path):
        return re.sub(rb"(?m)^Generator:.*$", b"", content)
    if path.endswith(".py"):
        return _neutral_code(content, version)
    return content


def _neutral_head(head: bytes) -> bytes:
    lines = re.sub(rb"(?m)^(Version|Metadata-Version):.*\n?", b"", head).splitlines()
    return b"\n".join(lines)


def _neutral_prose(body: bytes, version: str) -> bytes:
    """A description may quote the changelog: its newest version and date are no content."""
    without = re.sub(rb"(?<![\w.])v?" + re.escape(version.encode()) + rb"(?![\w.])", b"", body)
    return re.sub(rb"\b\d{4}-\d\d-\d\d\b", b"", without)


ASSIGNMENT = re.compile(rb"(?im)^([^\"'\n#]{0,200}version[^\"'\n#]{0,100}(?<![=!<>])=\s*)"
                        rb"([\"'])([^\"'\n]+)\2")  # fmt: skip
DERIVED = re.compile(rb"(?m)^(.{0,100}\b(?:version_tuple|commit_id)\s*=\s*).*$")
"""What setuptools-scm and hatch-vcs write beside the version."""


def _neutral_code(content: bytes, version: str) -> bytes:
    def without(match: re.Match[bytes]) -> bytes:
        try:
            same = Version(match[3].decode("utf-8", "replace")) == Version(version)
        except InvalidVersion:
            same = False
        return match[1] if same else match[0]

    return DERIVED.sub(rb"\1", ASSIGNMENT.sub(without, content))


def _paths(name: str, data: bytes) -> list[str]:
    return [member.path for member in _members(name, data)]


def _members(name: str, data: bytes) -> list[_Member]:
    """The files and links of an archive, in its own order.

    :raises VerificationError: it is neither a zip nor a tar.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return [_Member(one.filename) for one in archive.infolist() if not one.is_dir()]
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [_tar_member(one) for one in tar if not one.isdir()]
    except UNREADABLE as error:
        raise _unreadable(name, error) from error


def _tar_member(one: tarfile.TarInfo) -> _Member:
    if one.issym():  # a symbolic link starts at its own folder, a hard link at the root
        return _Member(one.name, posixpath.join(posixpath.dirname(one.name), one.linkname))
    return _Member(one.name, one.linkname if one.islnk() else None)


def contents(name: str, data: bytes, pattern: str = ".*") -> Iterator[tuple[str, bytes]]:
    """The files of an archive whose path matches, with their bytes.

    :raises VerificationError: it is neither a zip nor a tar, or damaged.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for info in archive.infolist():
                    if not info.is_dir() and re.fullmatch(pattern, info.filename):
                        yield info.filename, archive.read(info)
            return
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for one in tar:
                stream = tar.extractfile(one) if re.fullmatch(pattern, one.name) else None
                if stream:
                    yield one.name, stream.read()
    except UNREADABLE as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> VerificationError:
    return VerificationError(
        f"{name} cannot be read",
        why=str(error) or type(error).__name__,
        remedy="it is damaged or no archive; build it again, or download it again",
    )
