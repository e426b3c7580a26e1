"""The repositories that releases go to: by a known name, by a configured one, or by an address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from release.adapters import embedded, terminal
from release.adapters.credentials import Credential, Given, Source
from release.adapters.credentials.aws import InSecretsManager
from release.adapters.credentials.keyboard import Keyboard
from release.adapters.credentials.trusted import TrustedPublishing
from release.adapters.index import pypi_simple_url, testpypi_simple_url
from release.adapters.web import LOOPBACK
from release.config import Config, RepositoryTable
from release.errors import NO_ROOM, ConfigError, MachineError, ProjectError, UsageError

LOCAL, TESTPYPI, PYPI = "local", "testpypi", "pypi"
REHEARSALS = frozenset({LOCAL, TESTPYPI})
"""Their releases are tagged in a folder of their own, and never stand in the way of real ones."""
NO_CONFIG: Mapping[str, RepositoryTable] = {}
NO_SETTINGS = Config()


@dataclass(frozen=True)
class Place:
    """Where a repository is; ``name`` is what the ledger and the documents call it."""

    name: str
    simple_url: str = ""
    upload_url: str = ""

    @property
    def is_local(self) -> bool:
        """Whether it is the embedded index, whose address is known only while it runs."""
        return self.name == LOCAL

    @property
    def tag_folder(self) -> str:
        """What stands before all else in the tags of its releases."""
        return f"{self.name}/" if self.name in REHEARSALS else ""


@dataclass(frozen=True)
class Repository:
    """A package index, and where the right to upload to it comes from."""

    name: str
    simple_url: str
    upload_url: str
    source: Source = field(repr=False)


def state_folder(root: Path) -> Path:
    """``ROOT/.release``, made with its own ``.gitignore`` where it is not there yet.

    :raises ProjectError: it cannot be written.
    :raises MachineError: there is no room for it.
    """
    folder = root / ".release"
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(exist_ok=True)
        if not (ignore.is_file() and ignore.stat().st_size):  # a full disk leaves an empty one
            ignore.write_text("*\n")
    except OSError as error:
        if error.errno in NO_ROOM:
            raise MachineError.of(error) from error
        raise ProjectError(
            f"{folder} cannot be written",
            why=str(error),
            remedy="release-warden keeps its local index and caches there; make it writable",
        ) from error
    return folder


def locate(named: str, known: Mapping[str, RepositoryTable] = NO_CONFIG) -> Place:
    """Find a repository.

    :param named: ``local``, ``testpypi``, ``pypi``, a name of the configuration, or the address
        that files are uploaded to.
    :param known: the configured repositories, by name.
    :raises UsageError: there is no such repository, or its address cannot be used.
    """
    if named in known:
        return _configured(named, known[named])
    if named == LOCAL:
        return Place(LOCAL)
    if named in {TESTPYPI, PYPI}:
        return _public(named)
    if "://" in named:
        _require_safe(named)
        return Place(_name_of(named), _simple_url(named), named)
    raise UsageError(
        f"there is no repository {named!r}",
        why=f"possible: {', '.join((LOCAL, TESTPYPI, PYPI, *known))}, or the upload's address",
        remedy=f'use --to {LOCAL}, or set repository = "{LOCAL}" in [tool.release-warden]',
    )


@contextmanager
def open_repository(
    named: str, root: Path, config: Config = NO_SETTINGS, *, project: str = ""
) -> Iterator[Repository]:
    """A repository, ready for use; the embedded one runs as long as it is needed.

    :param named: as of :func:`locate`; ``local`` is the embedded index below
        ``ROOT/.release/index``.
    :param root: the project's folder.
    :param config: the project's; it says where the right to upload comes from.
    :param project: the project's name; empty where it is not known without running its code.
    :raises UsageError: there is no such repository.
    :raises ToolError: the embedded index did not start.
    """
    place = locate(named, config.repositories)
    if not place.is_local:
        source = _source(place, config, project)
        yield Repository(place.name, place.simple_url, place.upload_url, source)
        return
    with embedded.serve(_local_index(root)) as server:
        given = Given(Credential(server.username, server.password))
        yield Repository(LOCAL, server.simple_url, server.upload_url, given)


def _source(place: Place, config: Config, project: str) -> Source:
    """The one source that is configured; no other is looked at."""
    name, url = place.name, place.upload_url
    if config.credential == "trusted-publishing":
        return TrustedPublishing(name, url, config.github)
    if config.credential == "aws":
        public = name in {TESTPYPI, PYPI}
        return InSecretsManager(
            name, url, config.aws, config.github, project=project, tokens_only=public
        )
    return Keyboard(name, url, interactive=terminal.is_attended())


def manage_url(name: str, project: str, version: str) -> str:
    """The page on which an owner yanks a release, by the addresses that twine knows.

    :param name: ``pypi`` or ``testpypi``.
    """
    from twine.repository import TEST_WAREHOUSE, WAREHOUSE_WEB

    home = WAREHOUSE_WEB if name == PYPI else TEST_WAREHOUSE
    return urljoin(home, f"manage/project/{project}/release/{version}/")


def publishing_pages(name: str, project: str) -> tuple[str, str]:
    """The index's pages for trusted publishers, by the addresses that twine knows.

    :returns: the account's page, for pending ones, and the project's; empty for other indexes.
    """
    from twine.repository import TEST_WAREHOUSE, WAREHOUSE_WEB

    if name not in {PYPI, TESTPYPI}:
        return "", ""
    home = WAREHOUSE_WEB if name == PYPI else TEST_WAREHOUSE
    account = urljoin(home, "manage/account/publishing/")
    return account, urljoin(home, f"manage/project/{project}/settings/publishing/")


def is_empty(place: Place, root: Path) -> bool:
    """Whether it is known, without any server, that nothing was ever published there."""
    return place.is_local and not embedded.has_packages(root / ".release" / "index")


def _local_index(root: Path) -> Path:
    return state_folder(root) / "index"


def _public(name: str) -> Place:
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    if name == PYPI:
        return Place(PYPI, pypi_simple_url(), DEFAULT_REPOSITORY)
    return Place(TESTPYPI, testpypi_simple_url(), TEST_REPOSITORY)


def _configured(name: str, table: RepositoryTable) -> Place:
    if name in {LOCAL, TESTPYPI, PYPI} or not re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name):
        raise ConfigError(
            f"a repository may not be called {name!r}",
            why=f"{LOCAL}, {TESTPYPI} and {PYPI} are taken, and it becomes part of git's refs",
            remedy="use small letters, digits and hyphens",
        )
    _require_safe(table.upload_url)
    simple = table.simple_url or _simple_url(table.upload_url)
    _require_safe(simple)
    return Place(name, simple, table.upload_url)


def _require_safe(url: str) -> None:
    """Secrets go over TLS, or stay on this machine; and none is written into an address."""
    parts = urlsplit(url)
    remedy = "give it as https://host/path/; plain http only to this machine"
    if parts.username or parts.password:
        what = f"the address of {parts.hostname} holds a user or a password"
        raise UsageError(
            what, why="others on this machine can read it", remedy="see docs/repositories.md"
        )
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no address of a repository", remedy=remedy)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        what = f"{url} would send the password unencrypted"
        raise UsageError(what, why="it is not https", remedy=remedy)


def _simple_url(upload_url: str) -> str:
    """Where the simple API of an index is, by the habit of servers.

    ``/legacy/`` lies beside ``/simple/`` (Warehouse, pypiron); with the others (pypiserver,
    Artifactory, Nexus, GitLab, Forgejo) ``simple/`` lies below the address that takes uploads.
    """
    base = upload_url.rstrip("/") + "/"
    return urljoin(base, "../simple/" if base.endswith("/legacy/") else "simple/")


def _name_of(url: str) -> str:
    """A name for an address, fit to be a part of a ref; the digest tells apart what looks alike."""
    parts = urlsplit(url)
    words = re.sub(r"[^a-z0-9]+", "-", f"{parts.netloc}{parts.path}".lower()).strip("-")
    return f"{words}-{hashlib.sha256(url.rstrip('/').encode()).hexdigest()[:8]}"
