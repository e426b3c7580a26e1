"""A CI service on loopback that says who a job is, in GitHub's protocol.

A job asks ``ACTIONS_ID_TOKEN_REQUEST_URL`` with the bearer ``ACTIONS_ID_TOKEN_REQUEST_TOKEN`` for
an audience, and gets a JWT, signed with RS256. Whoever is shown one finds the key at
``/.well-known/jwks``, and that at ``/.well-known/openid-configuration``.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_ID = "a-key"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GITHUB = "https://token.actions.githubusercontent.com"


def job(**other: str) -> dict[str, str]:
    """What a token says of a job of the repository ``an-owner/plain-thing``, as GitHub's do.

    :param other: claims that are different; an empty one is left out.
    """
    file = "an-owner/plain-thing/.github/workflows/release.yml@refs/heads/main"
    claims = {
        "sub": "repo:an-owner/plain-thing:environment:pypi-auto",
        "repository": "an-owner/plain-thing",
        "repository_id": "4711",
        "repository_owner": "an-owner",
        "repository_owner_id": "815",
        "repository_visibility": "public",
        "environment": "pypi-auto",
        "workflow_ref": file,
        "job_workflow_ref": file,
        "ref": "refs/heads/main",
        "event_name": "push",
        "run_id": "99887766",
        "run_attempt": "1",
    }
    return {name: value for name, value in {**claims, **other}.items() if value}


@dataclass
class Issuer:
    """A running service.

    :param claims: what the next tokens say, beside ``aud`` and the times.
    :param request_token: what a job has to show to be given one.
    :param iss: who the tokens say has made them; the service's own address by default.
    :param life: seconds for which a token is good.
    :param troubles: given out first, a status and a body each.
    :param asked: the audience of every request that was let in.
    :param given: every token.
    """

    url: str = ""
    claims: dict[str, str] = field(default_factory=job)
    request_token: str = "the-request-token-of-this-job"
    iss: str = ""
    life: float = 300
    troubles: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """What a job of GitHub Actions with ``id-token: write`` sees."""
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_RUN_ID": self.claims["run_id"],
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def sign(self, audience: str) -> str:
        """A token for an audience."""
        now = time.time()
        claims = {**self.claims, "aud": audience, "iss": self.iss or self.url, "iat": now}
        claims |= {"nbf": now - 5, "exp": now + self.life, "jti": str(uuid.uuid4())}
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": KEY_ID})
        self.given.append(token)
        return token

    def check(self, token: str, audience: str) -> dict[str, Any]:
        """What a token says, if it is one of ours for that audience, and still good.

        :raises jwt.InvalidTokenError: it is not.
        """
        mine = self.iss or self.url
        return jwt.decode(
            token, KEY.public_key(), algorithms=["RS256"], audience=audience, issuer=mine
        )

    def answer(self, path: str, bearer: str) -> tuple[int, Any]:
        """The status and the document for a request."""
        parts = urlsplit(path)
        if parts.path == "/.well-known/openid-configuration":
            keys = f"{self.url}/.well-known/jwks"
            return 200, {"issuer": self.iss or self.url, "jwks_uri": keys}
        if parts.path == "/.well-known/jwks":
            key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
            return 200, {"keys": [{**key, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}
        if parts.path != "/token":
            return 404, {"message": "no such page"}
        if bearer.lower() != f"bearer {self.request_token}".lower():
            return 401, {"message": "who are you?"}
        (audience,) = parse_qs(parts.query)["audience"]
        self.asked.append(audience)
        return 200, {"count": 1, "value": self.sign(audience)}


@contextmanager
def serve_oidc(**settings: Any) -> Iterator[Issuer]:
    """An issuer, running inside the ``with`` block.

    :param settings: fields of :class:`Issuer`.
    """
    issuer = Issuer(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if issuer.troubles and self.path.startswith("/token"):
                status, body = issuer.troubles.pop(0)
            else:
                status, said = issuer.answer(self.path, self.headers.get("Authorization", ""))
                body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
