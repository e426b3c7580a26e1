"""The door to HTTP: questions with time limits, asked again when the server is busy.

requests and tenacity are imported late: to start them takes longer than a scan with a warm cache.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from release.adapters import meter, process, progress
from release.errors import UnreachableError

if TYPE_CHECKING:
    import requests
    import tenacity

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
CONNECTIONS = 32
"""To one server at a time."""
AGAIN = "see whether the network and the server are up, then run again"


class Patience(NamedTuple):
    """The limits of one exchange: to connect and to wait, for all of it, in seconds; in bytes."""

    timeout: tuple[float, float]
    deadline: float
    largest: int


LOOK = Patience((5.0, 10.0), 20.0, 64 << 20)
"""For those who watch a server: what takes longer is no answer to anybody."""
LOOKS = 8
"""How many files of a server that is watched are asked for at a time."""


class Busy(Exception):  # noqa: N818 - a signal between two functions, never seen outside
    """The server could not answer now; ``pause`` is its Retry-After in seconds."""

    def __init__(self, why: str, pause: float = 0) -> None:
        super().__init__(why)
        self.pause = pause


class Answer(NamedTuple):
    """An answer, read to its end; ``kind`` is its media type, ``headers`` are in small letters.

    ``seconds`` is how long it took until it was whole.
    """

    url: str
    status: int
    kind: str
    content: bytes
    retry_after: float = 0
    headers: Mapping[str, str] = MappingProxyType({})
    seconds: float = 0


class Silence(NamedTuple):
    """No answer, and why; ``untrusted`` if it was the server's certificate."""

    url: str
    why: str
    untrusted: bool = False


class Question(NamedTuple):
    """What is asked: a GET, or with a ``body`` of JSON a POST."""

    url: str
    body: bytes | None = None


def ask_all(
    url: str, questions: Sequence[Question], *, remedy: str = AGAIN
) -> Iterator[tuple[Question, Answer]]:
    """Ask many things of one server at once, and each again later that it was too busy for.

    :param url: an address on that server.
    :param remedy: what to do when it does not answer.
    :return: the answers as they come in, each with its question.
    :raises UnreachableError: one never got an answer; those before it have been given, and those
        not yet asked are not asked any more.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with session_for(url) as session, ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = {pool.submit(_put, session, one, remedy): one for one in questions}
        try:
            for done in as_completed(asked):
                yield asked[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _put(session: requests.Session, question: Question, remedy: str) -> Answer:
    if question.body is None:
        return ask(session, question.url, remedy=remedy)
    headers = {"Content-Type": "application/json"}
    return ask(
        session, question.url, method="POST", body=question.body, headers=headers, remedy=remedy
    )


def session_for(url: str) -> requests.Session:
    """A session; to this machine's own plain HTTP it takes no proxy, which requests would.

    The certificates of ``SSL_CERT_FILE`` count, as they do for uv and for Python itself; requests
    alone would look at ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE`` only, which go first.
    """
    import requests

    session = requests.Session()
    session.verify = process.variable("SSL_CERT_FILE") or True
    session.trust_env = not is_here(url)
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
    remedy: str = AGAIN,
) -> Answer:
    """Ask, and ask again a little later when the server is busy or the line is cut.

    :param attempts: how often in all; 1 for what must not be done twice.
    :param remedy: what to do when it does not answer.
    :raises UnreachableError: it never answered; an answer with a status that says no is one.
    """
    import requests
    import tenacity

    tries = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        retry=tenacity.retry_if_exception_type(Busy),
        wait=_pause,
        before_sleep=_tell_pause,
        reraise=True,
    )
    request = requests.Request(method, url, headers=headers, data=body, auth=auth)
    try:
        return tries(_once, session, request)
    except (Busy, requests.RequestException) as error:
        raise unanswered(url, str(error), remedy) from error


def unanswered(url: str, why: str, remedy: str) -> UnreachableError:
    """The error for a server that did not answer."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return UnreachableError(f"{host} did not answer", why=f"{shown(url)}: {why}", remedy=remedy)


def is_here(url: str) -> bool:
    """Whether this is plain HTTP to this machine, which needs no proxy."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def shown(url: str) -> str:
    """An address as it may be told: without user, password and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def look(session: requests.Session, url: str) -> Answer | Silence:
    """Ask once, and take whatever comes: for those who watch a server rather than need it."""
    import requests

    try:
        return _exchange(session, requests.Request("GET", url), LOOK)
    except Busy as error:
        untrusted = isinstance(error.__cause__, requests.exceptions.SSLError)
        return Silence(url, str(error), untrusted)
    except requests.RequestException as error:
        return Silence(url, _cause(error))


def look_at(session: requests.Session, urls: Sequence[str]) -> Iterator[Answer | Silence]:
    """Look at many addresses of one server, some at a time, in their order."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(LOOKS) as pool:
        yield from pool.map(lambda url: look(session, url), urls)


def certificate(session: requests.Session, url: str) -> tuple[datetime, datetime] | None:
    """From when until when the certificate of a server holds; ``None`` where it shows none.

    Nor can it be seen where the answer is empty, or ends the connection (HTTP/1.0).
    Whether it is trusted, :func:`look` tells.
    """
    import requests

    try:
        with session.get(url, stream=True, timeout=LOOK.timeout) as got:
            socket = getattr(got.raw.connection, "sock", None)
            shown = socket.getpeercert() if isinstance(socket, ssl.SSLSocket) else None
    except requests.RequestException:
        return None
    return (_moment(shown["notBefore"]), _moment(shown["notAfter"])) if shown else None


def _usual() -> Patience:
    return Patience(TIMEOUT, DEADLINE, LARGEST)


def _moment(text: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)


def _once(session: requests.Session, request: requests.Request) -> Answer:
    """One try, the body read to its end."""
    answer = _exchange(session, request)
    if answer.status in BUSY:
        raise Busy(f"HTTP {answer.status}", answer.retry_after)
    return answer


def _exchange(
    session: requests.Session, request: requests.Request, patience: Patience | None = None
) -> Answer:
    """One question and its whole answer, whatever its status.

    :raises Busy: the line was cut, or there was none.
    """
    import requests
    import urllib3

    patience = patience or _usual()
    started = time.monotonic()
    try:
        with session.request(
            request.method or "GET",
            request.url or "",
            headers=request.headers,
            data=request.data,
            auth=request.auth,
            timeout=patience.timeout,
            stream=True,
        ) as got:
            answer = _answer(got, patience)
    except (requests.ConnectionError, requests.ReadTimeout, urllib3.exceptions.HTTPError) as error:
        raise Busy(_cause(error)) from error
    return answer._replace(seconds=time.monotonic() - started)


def _answer(got: requests.Response, patience: Patience) -> Answer:
    return Answer(
        url=got.url,
        status=got.status_code,
        kind=got.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        retry_after=seconds_asked(got.headers),
        content=read_whole(got, patience),
        headers={name.lower(): value for name, value in got.headers.items()},
    )


def seconds_asked(headers: Mapping[str, str]) -> float:
    """How long a busy server asks us to wait, in seconds, cut to :data:`LONGEST_PAUSE`.

    Retry-After (RFC 9110, 10.2.3) tells seconds or a moment. A moment is taken by the server's own
    clock, which its Date tells; without that it is left to the usual pause.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE)
    try:
        now, then = (parsedate_to_datetime(text) for text in (headers.get("Date", ""), asked))
        seconds = (then - now).total_seconds()
    except (TypeError, ValueError):  # no date; or one tells its zone, and the other does not
        return 0
    return min(max(seconds, 0), LONGEST_PAUSE)


def read_whole(got: requests.Response, patience: Patience | None = None) -> bytes:
    """The body, within the deadline: ``requests`` itself limits only each single read.

    Its ``iter_content`` waits until a chunk is full, so a server that drips would hold us there.

    :param got: an answer that is read as a stream.
    :param patience: its limits; by default those of everything that we need.
    :raises requests.RequestException: it is too long, or has no end in time.
    """
    import requests

    patience = patience or _usual()
    end = time.monotonic() + patience.deadline
    name, whole = urlsplit(got.url).path.rpartition("/")[2], _length(got)
    body = bytearray()
    while chunk := got.raw.read1(1 << 16, decode_content=True):
        body += chunk
        progress.moved(name, len(body), whole)
        if len(body) > patience.largest:
            raise requests.RequestException(f"an answer of more than {patience.largest >> 20} MiB")
        if time.monotonic() > end:
            raise requests.Timeout(f"no end after {patience.deadline:g} seconds")
    return bytes(body)


def _length(got: requests.Response) -> int:
    """How long a body will be; 0 where that is not told, or told of it as it is packed."""
    told = got.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() and "Content-Encoding" not in got.headers else 0


def _tell_pause(state: tenacity.RetryCallState) -> None:
    """Tell of the wait before the next try; a cause may hold anything, and is not told."""
    error = state.outcome.exception() if state.outcome else None
    why = "it did not answer" if error is None or error.__cause__ else str(error)
    progress.waits(state.upcoming_sleep, f"{urlsplit(state.args[1].url).hostname}: {why}")


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    meter.current().retried()
    return pause(state.attempt_number, error.pause if isinstance(error, Busy) else 0)


def pause(attempt: int, asked: float) -> float:
    """Seconds until the next try: twice as long each time, or what the server asks for.

    :param attempt: how many tries there have been.
    :param asked: its Retry-After in seconds, 0 without one.
    """
    # so that two runs do not return together
    spread = random.uniform(0, 0.3)  # noqa: S311 # nosec B311
    return max(asked, min(0.3 * 2.0 ** (attempt - 1), 8.0) + spread)


def _cause(error: BaseException) -> str:
    """The innermost reason of a chain that urllib3 wraps many times."""
    while error.__context__ or error.__cause__:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__
