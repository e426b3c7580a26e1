"""An index on loopback that knows trusted publishing, over TLS, in front of a real one.

It speaks PyPI's ``/_/oidc/audience`` and ``/_/oidc/mint-token``: the token of the CI service is
verified with the issuer's key and counts once, a publisher has to match, and what is minted lives
for a while. Uploads with a live minted token go on to the index behind; all others are refused.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pypitoken
import trustme
from oidc_server import Issuer

from release.adapters.embedded import Server

Answer = tuple[int, bytes, dict[str, str]]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Publisher:
    """Who may release, as an owner of the project enters it; without environment, from any."""

    owner: str = "an-owner"
    repository: str = "plain-thing"
    workflow: str = "release.yml"
    environment: str = "pypi-auto"

    def lets_in(self, claims: dict[str, Any]) -> bool:
        """Whether a job is this publisher: as PyPI looks, by file and not by branch."""
        file = f"{self.owner}/{self.repository}/.github/workflows/{self.workflow}@"
        return (
            claims["repository"] == f"{self.owner}/{self.repository}"
            and claims["job_workflow_ref"].startswith(file)
            and self.environment in {"", claims.get("environment", "")}
        )


@dataclass
class Mint:
    """A running index.

    :param behind: the index that takes what is let through.
    :param issuer: whose tokens are believed.
    :param publishers: who may release.
    :param project: what a minted token is good for.
    :param life: seconds for which one is.
    :param audience: what a token of the CI service has to be for.
    :param troubles: by path, answers that are given first; ``None`` lets one pass.
    :param echo: what is answered to whoever wants a token minted.
    :param parrots: refuse uploads, and show what was sent with them.
    :param identifier: stands in every minted token.
    :param minted: every minted token, and until when (by the monotonic clock) it is good.
    :param used: the tokens of the CI service that were shown, by their ids.
    :param uploads: the status that each upload got.
    """

    behind: Server
    issuer: Issuer
    ca: Path
    url: str = ""
    publishers: list[Publisher] = field(default_factory=lambda: [Publisher()])
    project: str = "plain-thing"
    life: float = 900
    audience: str = "an-index"
    troubles: dict[str, list[Answer | None]] = field(default_factory=dict)
    echo: Callable[[str], Answer] | None = None
    parrots: bool = False
    identifier: str = "minted"
    minted: dict[str, float] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    uploads: list[int] = field(default_factory=list)

    @property
    def upload_url(self) -> str:
        """Where files are uploaded to."""
        return f"{self.url}/legacy/"

    @property
    def env(self) -> dict[str, str]:
        """What lets a program believe our certificate."""
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return dict.fromkeys(names, str(self.ca))

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """What is said to a request."""
        if waiting := self.troubles.get(path):
            trouble = waiting.pop(0)
            if trouble:
                return trouble
        if path == "/_/oidc/audience":
            return _json(200, {"audience": self.audience})
        if path == "/_/oidc/mint-token" and method == "POST":
            return self._mint(json.loads(body)["token"])
        if path == "/legacy/" and method == "POST":
            said = self._upload(headers, body)
            self.uploads.append(said[0])
            return said
        return 404, b"no such page", {}

    def _mint(self, token: str) -> Answer:
        if self.echo:
            return self.echo(token)
        try:
            claims = self.issuer.check(token, self.audience)
        except jwt.InvalidTokenError as error:
            return _refused("invalid-token", f"malformed or invalid token: {error}")
        if claims["jti"] in self.used:
            return _refused("invalid-reuse-token", "invalid token: already used")
        self.used.add(claims["jti"])
        if not any(one.lets_in(claims) for one in self.publishers):
            words = "valid token, but no corresponding publisher (All lookup strategies exhausted)"
            return _refused("invalid-publisher", words)
        made = pypitoken.Token.create(
            domain="127.0.0.1", identifier=f"{self.identifier} {claims['jti']}", key="k"
        )
        made.restrict(project_names=[self.project])
        self.minted[made.dump()] = time.monotonic() + self.life
        expires = int(time.time() + self.life)
        return _json(200, {"success": True, "token": made.dump(), "expires": expires})

    def _upload(self, headers: Any, body: bytes) -> Answer:
        if self.parrots:
            sent = headers["Authorization"].removeprefix("Basic ")
            return 403, f"{sent} is {base64.b64decode(sent).decode()}".encode(), {}
        live = [token for token, end in self.minted.items() if time.monotonic() < end]
        if headers.get("Authorization") not in {_basic("__token__", token) for token in live}:
            return 403, b"Invalid or non-existent authentication information.", {}
        server, host = self.behind, urlsplit(self.behind.upload_url).netloc
        told = {"Authorization": _basic(server.username, server.password)}
        told |= {"Content-Type": headers["Content-Type"]}
        with closing(http.client.HTTPConnection(host, timeout=30)) as line:
            line.request("POST", "/legacy/", body, told)
            got = line.getresponse()
            return got.status, got.read(), {}


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _json(status: int, said: Any) -> Answer:
    return status, json.dumps(said).encode(), JSON


def _refused(code: str, words: str) -> Answer:
    reasons = [{"code": code, "description": words}]
    return _json(422, {"message": "Token request failed", "errors": reasons})


@contextmanager
def serve_mint(folder: Path, behind: Server, issuer: Issuer, **settings: Any) -> Iterator[Mint]:
    """An index, running inside the ``with`` block.

    :param folder: where the certificate of the authority is put, as ``ca.pem``.
    :param settings: fields of :class:`Mint`.
    """
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    mint = Mint(behind, issuer, ca, **settings)

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said, headers = mint.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        mint.url = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield mint
        finally:
            server.shutdown()
            thread.join()
