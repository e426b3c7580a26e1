"""The door to HTTP: one question, with time limits, asked again when the server is busy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import requests
import tenacity
from requests.exceptions import ChunkedEncodingError, ReadTimeout

from release.adapters import process
from release.errors import UnreachableError

TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and seconds without a byte."""
DEADLINE = 600.0
"""Seconds for a whole answer: a server that drips must not hold us."""
ATTEMPTS = 3
LONGEST_PAUSE = 60.0
"""Seconds; a Retry-After beyond it is cut."""
LARGEST = 1 << 30
"""Bytes of one answer that are taken."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OK, NOT_FOUND = 200, 404
BUSY = frozenset({429, 500, 502, 503, 504})
CONNECTIONS = 8


class _Busy(Exception):  # noqa: N818 - a signal between two functions, never seen outside
    """The server could not answer now; ``pause`` is its Retry-After in seconds."""

    def __init__(self, why: str, pause: float = 0) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end; ``kind`` is its media type, ``headers`` are in small letters."""

    url: str
    status: int
    kind: str
    content: bytes
    retry_after: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)


def session_for(url: str) -> requests.Session:
    """A session; to this machine's own plain HTTP it takes no proxy, which requests would.

    The certificates of ``SSL_CERT_FILE`` count, as they do for uv and for Python itself; requests
    alone would look at ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE`` only, which go first.
    """
    parts, session = urlsplit(url), requests.Session()
    session.verify = process.variable("SSL_CERT_FILE") or True
    session.trust_env = parts.scheme != "http" or parts.hostname not in LOOPBACK
    for scheme in ("https://", "http://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
    return session


def ask(
    session: requests.Session,
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    attempts: int = ATTEMPTS,
    remedy: str = "see whether the network and the server are up, then run again",
) -> Answer:
    """Ask, and ask again a little later when the server is busy or the line is cut.

    :param attempts: how often in all; 1 for what must not be done twice.
    :param remedy: what to do when it does not answer.
    :raises UnreachableError: it never answered; an answer with a status that says no is one.
    """
    tries = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        retry=tenacity.retry_if_exception_type(_Busy),
        wait=_pause,
        reraise=True,
    )
    request = requests.Request(method, url, headers=headers, data=body, auth=auth)
    try:
        return tries(_once, session, request)
    except (_Busy, requests.RequestException) as error:
        raise UnreachableError(
            f"{urlsplit(url).netloc.rpartition('@')[2]} did not answer",
            why=f"{shown(url)}: {error}",
            remedy=remedy,
        ) from error


def shown(url: str) -> str:
    """An address as it may be told: without user, password and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def _once(session: requests.Session, request: requests.Request) -> Answer:
    """One try, the body read to its end."""
    try:
        with session.request(
            request.method or "GET",
            request.url or "",
            headers=request.headers,
            data=request.data,
            auth=request.auth,
            timeout=TIMEOUT,
            stream=True,
        ) as got:
            answer = _answer(got)
    except (requests.ConnectionError, ReadTimeout, ChunkedEncodingError) as error:
        raise _Busy(_cause(error)) from error
    if answer.status in BUSY:
        raise _Busy(f"HTTP {answer.status}", answer.retry_after)
    return answer


def _answer(got: requests.Response) -> Answer:
    asked = got.headers.get("Retry-After", "").strip()
    return Answer(
        url=got.url,
        status=got.status_code,
        kind=got.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        # A date (RFC 9110 allows one) is left to the usual pause.
        retry_after=min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else 0,
        content=_read_whole(got),
        headers={name.lower(): value for name, value in got.headers.items()},
    )


def _read_whole(got: requests.Response) -> bytes:
    """The body, within the deadline: ``requests`` itself limits only each single read."""
    end = time.monotonic() + DEADLINE
    body = bytearray()
    for chunk in got.iter_content(1 << 16):
        body += chunk
        if len(body) > LARGEST:
            raise requests.RequestException("an answer of more than a gibibyte")
        if time.monotonic() > end:
            raise requests.Timeout(f"no end after {DEADLINE:g} seconds")
    return bytes(body)


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _Busy) else 0
    usual = tenacity.wait_exponential(multiplier=0.3, max=8) + tenacity.wait_random(0, 0.3)
    return max(asked, usual(state))


def _cause(error: BaseException) -> str:
    """The innermost reason of a chain that urllib3 wraps many times."""
    while error.__context__ or error.__cause__:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__
