"""Upload by twine, and the proof that what arrived is what was sent.

Twine never asks what an index already holds, and has no time limit. Here the index is asked by
hash before every try, so that a lost answer leads to no second upload, and equal bytes are done.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import requests.adapters
import tenacity
import urllib3
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from release.adapters import meter, progress
from release.adapters.credentials import Credential, hide
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.web import read_whole, seconds_asked, session_for
from release.errors import (
    RejectedError,
    RepositoryError,
    TryAgainError,
    UnreachableError,
    VerificationError,
    WardenError,
)
from release.model.base import sha256
from release.model.listing import IndexFile
from release.model.seal import Archive
from release.ship.archives import WHEEL, describe
from release.ship.failures import failure_of_status

if TYPE_CHECKING:
    from twine.package import PackageFile
    from twine.settings import Settings

TIMEOUT = (30.0, 300.0)
"""Seconds to connect or for a piece of the body to go out, and until the index answers."""
ATTEMPTS = 5
DENIED = frozenset({401, 403})
LATER = frozenset({408, 425, 429})
FINAL = frozenset({400, 410, 415, 422})
CURABLE = ("limit", "quota", "too large", "attestation")
"""Words of a refusal that is about something else than the file, so that a later try may pass."""
LONGEST_WORDS = 500
"""Characters of an index's answer that are told."""
LISTING_LAG = 10.0
"""Seconds for an upload whose answer was lost to show in the listing."""


def upload(repository: Repository, files: Sequence[Path]) -> None:
    """Bring the index to hold these files; wheels go first, as they need no build to install.

    :param files: the archives of one version; those on the index with equal bytes are left alone.
    :raises RepositoryError: the index refused, or holds other bytes under one of the names; in
        the latter case nothing was uploaded.
    :raises TryAgainError: whether a file arrived cannot be told, or the index asked to wait.
    :raises UnreachableError: the index did not answer before anything was uploaded.
    """
    index = SimpleIndex(repository.simple_url, fresh=True)
    paths = {path.name: path for path in files}
    archives = [describe(path.name, path.read_bytes()) for path in files]
    done: list[str] = []
    for archive in sorted(
        missing(index, _project(archives), archives), key=lambda one: not one.name.endswith(WHEEL)
    ):
        try:
            _deliver(repository, index, archive, paths[archive.name])
        except RejectedError as error:
            error.arrived = tuple(done)
            raise
        done.append(archive.name)


def missing(index: SimpleIndex, project: str, archives: Sequence[Archive]) -> tuple[Archive, ...]:
    """The archives that the index does not list.

    :raises RepositoryError: it holds other bytes under one of the names.
    :raises UnreachableError: it did not answer.
    """
    listed = {file.name: file for file in index.files(project)}
    for archive in archives:
        if archive.name in listed:
            _require_equal(index, listed[archive.name], archive)
    return tuple(archive for archive in archives if archive.name not in listed)


def confirm(
    index: SimpleIndex, project: str, archives: Sequence[Archive], *, patience: float
) -> tuple[IndexFile, ...]:
    """Wait until the index lists all archives with our hashes, then download and compare each.

    :param patience: seconds; the listing of a large index lags behind its uploads.
    :returns: the files as the index lists them, in the order of ``archives``.
    :raises TryAgainError: they were not all there in time, or the index did not answer.
    :raises RepositoryError: it lists or serves other bytes.
    """
    files = await_listing(index, project, archives, patience)
    try:
        for file, archive in zip(files, archives, strict=True):
            _require_same(archive, sha256(index.download(file)))
    except UnreachableError as error:
        raise _not_yet([file.name for file in files], error) from error
    return files


def check_metadata(files: Sequence[Path]) -> tuple[str, ...]:
    """``twine check``: whether an index would take the metadata and can show the description.

    A description that does not render stops the release, as PyPI refuses it. That it is missing
    or does not tell its markup is only a warning: PyPI takes it, and so many sound packages have
    none that stopping there would stop them for ever.

    :returns: the warnings.
    :raises VerificationError: an archive that an index would refuse.
    """
    from twine.commands.check import check
    from twine.exceptions import TwineException

    with _listening() as heard:
        try:
            failed = check([str(path) for path in files], strict=False)
        except TwineException as error:
            heard.append(str(error))
            failed = True
    if failed:
        raise VerificationError(
            "an index would refuse the metadata",
            why="\n".join(heard),
            remedy="mend the readme or the metadata in pyproject.toml; see it with: twine check",
        )
    return tuple(heard)


def _project(archives: Sequence[Archive]) -> str:
    names = {
        parse_wheel_filename(one.name)[0]
        if one.name.endswith(WHEEL)
        else parse_sdist_filename(one.name)[0]
        for one in archives
    }
    if len(names) != 1:
        raise VerificationError(
            "the files to upload are not those of one project",
            why=", ".join(one.name for one in archives) or "there are none",
            remedy="build the release again",
        )
    return names.pop()


def _deliver(repository: Repository, index: SimpleIndex, archive: Archive, path: Path) -> None:
    """Upload one file; try again only when the index was asked and has not got it."""
    tries = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        retry=tenacity.retry_if_exception_type(TryAgainError),
        wait=_pause,
        before_sleep=_tell_pause,
        reraise=True,
    )
    for attempt in tries:
        with attempt:
            try:
                _send(repository, path)
            except _NotTaken as error:
                if not _arrived(index, archive, error):
                    raise _failure(repository, archive, error) from error


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the index asks for, or more and more, with chance in it."""
    meter.current().retried()
    error = state.outcome.exception() if state.outcome else None
    asked = error.__cause__.pause if error and isinstance(error.__cause__, _NotTaken) else 0
    usual = tenacity.wait_exponential(multiplier=0.5, max=8) + tenacity.wait_random(0, 0.5)
    return max(asked, usual(state))


def _tell_pause(state: tenacity.RetryCallState) -> None:
    """Tell of the wait before the next try, in our own words."""
    error = state.outcome.exception() if state.outcome else None
    sent = error.__cause__ if error else None
    code = sent.code if isinstance(sent, _NotTaken) else 0
    progress.waits(state.upcoming_sleep, f"HTTP {code}" if code else "the index did not answer")


def _arrived(index: SimpleIndex, archive: Archive, error: _NotTaken) -> bool:
    """Whether the index has the file after all: its answer was lost, or an earlier one's was."""
    if not error.is_ambiguous:
        return False
    try:
        patience = LISTING_LAG if error.was_sent else 0
        await_listing(index, _project([archive]), [archive], patience)
    except TryAgainError:
        return False
    return True


def await_listing(
    index: SimpleIndex, project: str, archives: Sequence[Archive], patience: float
) -> tuple[IndexFile, ...]:
    """Wait until the index lists all archives with our hashes; one that did may fall back.

    :param patience: seconds.
    :returns: the files as the index lists them, in the order of ``archives``.
    :raises TryAgainError: they were not all there in time, or the index did not answer.
    :raises RepositoryError: it lists other bytes.
    """
    tries = tenacity.Retrying(
        stop=tenacity.stop_after_delay(patience),
        retry=tenacity.retry_if_exception_type(TryAgainError),
        wait=tenacity.wait_exponential(multiplier=0.05, max=10),
        before_sleep=lambda state: progress.waits(state.upcoming_sleep, "not listed yet"),
        reraise=True,
    )
    return tries(_look, index, project, archives)


def _look(index: SimpleIndex, project: str, archives: Sequence[Archive]) -> tuple[IndexFile, ...]:
    try:
        listed = {file.name: file for file in index.files(project)}
        absent = [archive.name for archive in archives if archive.name not in listed]
        if absent:
            raise _not_yet(absent)
        for archive in archives:
            _require_equal(index, listed[archive.name], archive)
    except UnreachableError as error:
        raise _not_yet([archive.name for archive in archives], error) from error
    return tuple(listed[archive.name] for archive in archives)


def _require_equal(index: SimpleIndex, file: IndexFile, archive: Archive) -> None:
    """Old indexes list no sha256: then the bytes tell."""
    _require_same(archive, file.sha256 or sha256(index.download(file)))


def _require_same(archive: Archive, there: str) -> None:
    if there != archive.sha256:
        raise RepositoryError(
            f"the index holds other bytes under the name {archive.name}",
            why=f"ours have sha256 {archive.sha256}, those there {there}",
            remedy="never reuse a version: find out who uploaded it, then release the next number",
        )


def _not_yet(names: Sequence[str], error: UnreachableError | None = None) -> TryAgainError:
    return TryAgainError(
        f"not seen on the index yet: {', '.join(names)}",
        why=str(error) if error else "its listing does not show them",
        remedy="run the same command again: it goes on from here and builds nothing anew",
    )


class _NotTaken(Exception):  # noqa: N818 - a signal between functions, never seen outside
    """An upload that the index did not say yes to.

    ``code`` is the status of its answer, 0 without one; ``said`` its words, without our password;
    ``pause`` the seconds that it asks to wait; ``was_sent`` whether anything reached it.
    """

    def __init__(self, error: requests.RequestException, credential: Credential) -> None:
        super().__init__(type(error).__name__)
        answer = error.response
        self.code = answer.status_code if answer is not None else 0
        self.said = _said(error, credential)
        self.pause = seconds_asked(answer.headers) if answer is not None else 0.0
        self.was_sent = not _never_sent(error)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the file may be there: no answer, a crash, or the word that it exists already.

        That word is PyPI's 400 or another's 409; unseen in the listing, it may be of an earlier
        try.
        """
        exists = self.code == requests.codes.conflict or (
            self.code == requests.codes.bad_request and "already exist" in self.said.lower()
        )
        return exists or not self.code or self.code >= requests.codes.server_error

    @property
    def is_final(self) -> bool:
        """Whether the same file will be refused for ever: its metadata, or a name used before."""
        words = self.said.lower()
        return self.code in FINAL and not any(word in words for word in CURABLE)


def _send(repository: Repository, path: Path) -> None:
    """Upload a file; when the index refuses the credential, once more with a fresh one.

    :raises _NotTaken: the index refused, or the connection was lost.
    """
    held = repository.source.credential()
    try:
        _post(repository, held, path)
    except _NotTaken as error:
        if error.code not in DENIED:
            raise
        fresh = repository.source.credential(fresh=True)
        if fresh == held:
            raise
        _post(repository, fresh, path)


def _post(repository: Repository, credential: Credential, path: Path) -> None:
    """One upload by twine.

    :raises _NotTaken: the index refused, or the connection was lost.
    :raises RepositoryError: twine itself refused.
    """
    from twine.commands.upload import upload as twine_upload
    from twine.exceptions import TwineException

    with _hushed(credential):
        try:
            twine_upload(_settings(repository, credential), [str(path)])
        except requests.RequestException as error:
            raise _NotTaken(error, credential) from None
        except TwineException as error:
            raise RepositoryError(
                f"twine does not upload {path.name}",
                why=hide(credential, str(error)),
                remedy="mend what it names, then run the same command again",
            ) from None


@contextlib.contextmanager
def _hushed(credential: Credential) -> Iterator[None]:
    """Keep twine's talk back, and let it out on stderr when it fails."""
    talk = io.StringIO()
    try:
        with contextlib.redirect_stdout(talk):
            yield
    except (_NotTaken, RepositoryError):
        with progress.watcher().paused():
            sys.stderr.write(hide(credential, talk.getvalue()))
        raise


def _settings(repository: Repository, credential: Credential) -> Settings:
    import twine.repository
    from twine.settings import Settings

    class OnceOnly(twine.repository.Repository):
        """Twine tries five times in a row without asking what has arrived; we ask in between."""

        def upload(self, package: PackageFile, max_redirects: int = 1) -> requests.Response:
            return super().upload(package, max_redirects)

    class Limited(Settings):
        """Twine's settings, whose connections have time limits."""

        def create_repository(self) -> twine.repository.Repository:
            made = OnceOnly(
                repository.upload_url,
                credential.username,
                credential.password.reveal(),
                disable_progress_bar=True,
            )
            ours = session_for(repository.upload_url)
            made.session.trust_env, made.session.verify = ours.trust_env, ours.verify
            for scheme in ("http://", "https://"):
                made.session.mount(scheme, _LimitedAdapter())
            return made

    return Limited(
        repository_url=repository.upload_url,
        username=credential.username,
        password=credential.password.reveal(),
        non_interactive=True,
        disable_progress_bar=True,
    )


class _LimitedAdapter(requests.adapters.HTTPAdapter):
    """Twine passes no timeout: an index that is silent, or drips, would hold a release for ever."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - we always do, to read within the deadline
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As the base class, with time limits where the caller has none."""
        _watch(request.body)
        got = super().send(request, True, timeout or TIMEOUT, verify, cert, proxies)
        try:
            body = read_whole(got)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        finally:
            got.close()
        headers = {n: v for n, v in got.headers.items() if n.lower() != "content-encoding"}
        read = urllib3.HTTPResponse(
            io.BytesIO(body), headers, got.status_code, reason=got.reason, preload_content=False
        )
        return self.build_response(request, read)


def _watch(body: object) -> None:
    """Tell how much of a file has gone out; twine's own bar would draw over what is shown."""
    from requests_toolbelt import MultipartEncoderMonitor

    if isinstance(body, MultipartEncoderMonitor):
        name = dict(body.encoder.fields)["content"][0]
        body.callback = lambda sent: progress.moved(name, sent.bytes_read, sent.len)


def _failure(repository: Repository, archive: Archive, error: _NotTaken) -> WardenError:
    """What a failed upload means, after the index was asked."""
    kind = failure_of_status(error.code, error.said)
    if error.code in LATER or error.is_ambiguous:
        return TryAgainError(
            f"{archive.name} did not arrive on {repository.name}",
            why=error.said,
            remedy="run the same command again: it uploads only what is not there yet",
            failure=kind,
        )
    what = f"{repository.name} refused {archive.name}"
    if error.is_final:
        remedy = "mend what the index names, in the project"
        return RejectedError(what, why=error.said, remedy=remedy, failure=kind)
    remedy = "mend what the index names, then run the same command again: nothing was stored"
    if error.code in DENIED:
        remedy = "see whether the credential is right, still valid and meant for this project"
    return RepositoryError(what, why=error.said, remedy=remedy, failure=kind)


def _never_sent(error: requests.RequestException) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError
    )


def _said(error: requests.RequestException, credential: Credential) -> str:
    """The index's words, without our password; it is hidden before anything is cut off."""
    if error.response is None:
        return hide(credential, str(error))
    answer = error.response
    body = hide(credential, answer.text.strip())[:LONGEST_WORDS]
    return f"HTTP {answer.status_code} {hide(credential, answer.reason)}\n{body}".strip()


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """What twine logs inside the block; what it prints besides is dropped."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    listener, log = Listener(), logging.getLogger("twine")
    log.addHandler(listener)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield heard
    finally:
        log.removeHandler(listener)
