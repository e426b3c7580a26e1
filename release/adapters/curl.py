"""Many questions to one server at once, through libcurl.

In one thread: libcurl waits for all of them together, over a few connections that it keeps, and
over HTTP/2 many questions share one. Python's own clients take ten times as long for each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pycurl

from release.adapters import process, web
from release.adapters.web import AGAIN, BUSY, Answer, Busy, Question, is_here

AT_ONCE = 64
"""Questions that are on their way at a time."""
CONNECTIONS = 32
"""To one server at a time, where it does not speak HTTP/2."""
ENOUGH = 4
"""Questions that a server may be too busy for before it is left in peace for a while."""
MOST_REDIRECTS = 10
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that may name certificates, in requests' order."""
FINAL = frozenset({
    pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_TOO_MANY_REDIRECTS,
    pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_BAD_CONTENT_ENCODING, pycurl.E_WRITE_ERROR, pycurl.E_FILESIZE_EXCEEDED,
})  # fmt: skip
"""What asking again does not mend."""


class Curl:
    """libcurl, with the connections to one server.

    :param url: an address on it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, CONNECTIONS)

    def ask_all(
        self, questions: Sequence[Question], *, remedy: str = AGAIN
    ) -> Iterator[tuple[Question, Answer]]:
        """See :class:`release.adapters.web.Client`."""
        left = dict.fromkeys(questions)
        for attempt in range(1, web.ATTEMPTS + 1):
            trouble = Busy("")
            for question, got in self._round(tuple(left), remedy):
                if isinstance(got, Busy):
                    trouble = max(got, trouble, key=lambda busy: (busy.pause, bool(str(busy))))
                else:
                    del left[question]
                    yield question, got
            if not left:
                return
            if attempt < web.ATTEMPTS:
                time.sleep(web.pause(attempt, trouble.pause))
        raise web.unanswered(next(iter(left)).url, str(trouble), remedy)

    def _round(
        self, questions: Sequence[Question], remedy: str
    ) -> Iterator[tuple[Question, Answer | Busy]]:
        """Ask each thing once; begin no more when the server has been too busy for some."""
        todo, busy = list(reversed(questions)), 0
        running: dict[pycurl.Curl, _Transfer] = {}
        try:
            while running or (todo and busy < ENOUGH):
                while todo and busy < ENOUGH and len(running) < AT_ONCE:
                    transfer = _Transfer(todo.pop())
                    running[transfer.handle] = transfer
                    self._multi.add_handle(transfer.handle)
                for handle, code, words in self._ended():
                    transfer = running.pop(handle)
                    outcome = transfer.outcome(code, words, remedy)
                    busy += isinstance(outcome, Busy)
                    yield transfer.question, outcome
        finally:
            for handle in running:
                self._multi.remove_handle(handle)

    def _ended(self) -> list[tuple[pycurl.Curl, int, str]]:
        """The transfers that have ended since: (handle, libcurl's code, its words)."""
        self._multi.perform()
        _, good, bad = self._multi.info_read()
        ended = [(handle, pycurl.E_OK, "") for handle in good] + list(bad)
        for handle, _code, _words in ended:
            self._multi.remove_handle(handle)
        if not ended:
            self._multi.select(1.0)
        return ended


class _Transfer:
    """One question on its way."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.handle = _handle(question)
        self._body = bytearray()
        self.handle.setopt(pycurl.WRITEFUNCTION, self._take)

    def _take(self, data: bytes) -> int:
        """Keep a piece of the body; fewer bytes taken than given end the transfer."""
        if len(self._body) + len(data) > web.LARGEST:
            return 0
        self._body += data
        return len(data)

    def outcome(self, code: int, words: str, remedy: str) -> Answer | Busy:
        """The answer, or that there may be one later.

        :raises UnreachableError: there will be none.
        """
        if code in FINAL:
            why = "an answer beyond reason" if code == pycurl.E_WRITE_ERROR else words
            raise web.unanswered(self.question.url, why, remedy)
        if code != pycurl.E_OK:
            return Busy(words)
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        asked = min(float(self.handle.getinfo(pycurl.RETRY_AFTER)), web.LONGEST_PAUSE)
        if status in BUSY:
            return Busy(f"HTTP {status}", asked)
        kind = self.handle.getinfo(pycurl.CONTENT_TYPE) or ""
        return Answer(
            url=self.handle.getinfo(pycurl.EFFECTIVE_URL),
            status=status,
            kind=kind.partition(";")[0].strip().lower(),
            content=bytes(self._body),
            retry_after=asked,
        )


def _handle(question: Question) -> pycurl.Curl:
    handle = pycurl.Curl()
    connect, silence = web.TIMEOUT
    secure = question.url.startswith("https:")
    for option, value in (
        (pycurl.URL, question.url),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTPS | (0 if secure else pycurl.PROTO_HTTP)),
        (pycurl.FOLLOWLOCATION, 1),
        (pycurl.MAXREDIRS, MOST_REDIRECTS),
        (pycurl.NOSIGNAL, 1),
        (pycurl.CONNECTTIMEOUT_MS, int(connect * 1000)),
        (pycurl.LOW_SPEED_LIMIT, 1),
        (pycurl.LOW_SPEED_TIME, max(1, int(silence))),
        (pycurl.TIMEOUT_MS, max(1, int(web.DEADLINE * 1000))),
        (pycurl.ACCEPT_ENCODING, ""),
        (pycurl.USERAGENT, "release-warden"),
        (pycurl.PIPEWAIT, int(secure)),  # wait for HTTP/2 rather than open another connection
        *_proxy(question.url),
        *(_certificates() if secure else ()),
        *_posted(question.body),
    ):
        handle.setopt(option, value)
    return handle


def _posted(body: bytes | None) -> Iterator[tuple[int, object]]:
    if body is not None:
        yield pycurl.POSTFIELDS, body
        yield pycurl.HTTPHEADER, ["Content-Type: application/json", "Expect:"]


def _proxy(url: str) -> Iterator[tuple[int, object]]:
    """Libcurl reads the variables itself, but for HTTP_PROXY, which a CGI's caller could set."""
    if is_here(url):
        yield pycurl.NOPROXY, "*"
    elif url.startswith("http:") and not process.variable("http_proxy"):
        proxy = process.variable("HTTP_PROXY")
        if proxy:
            yield pycurl.PROXY, proxy


def _certificates() -> Iterator[tuple[int, object]]:
    """The bundle or the folder that the user names, else Mozilla's."""
    named = next(filter(None, map(process.variable, BUNDLES)), None)
    if named is None:
        import certifi

        named = certifi.where()
    yield (pycurl.CAPATH if Path(named).is_dir() else pycurl.CAINFO), named
