"""The WSGI application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    LengthRequired,
    MethodNotAllowed,
    RequestEntityTooLarge,
    Unauthorized,
)
from werkzeug.wrappers import Request, Response

from hookdesk.signature import genuine

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EVENT = "X-Hook-Event"
SIGNATURE = "X-Hook-Signature-256"
LIMIT = 1024 * 1024
"""The longest body that is read, in bytes."""


@dataclass(frozen=True)
class Delivery:
    """One genuine call: the event's name and the JSON that came with it."""

    event: str
    payload: Any


class Desk:
    """A WSGI application that hands genuine webhook calls to a function.

    :param secrets: the secrets shared with the sender; any of them may have signed.
    :param on_delivery: called with each genuine delivery, before the sender is answered.
    :raises ValueError: there is no secret, or an empty one.
    """

    def __init__(self, secrets: Sequence[bytes], on_delivery: Callable[[Delivery], None]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a desk needs at least one secret, and none may be empty")
        self._secrets = tuple(secrets)
        self._on_delivery = on_delivery

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call (PEP 3333)."""
        try:
            self._on_delivery(self._receive(Request(environ)))
        except HTTPException as refusal:
            return refusal(environ, start_response)
        return Response(status=204)(environ, start_response)

    def _receive(self, request: Request) -> Delivery:
        body = _body(request)
        if not genuine(self._secrets, body, request.headers.get(SIGNATURE, "")):
            raise Unauthorized("the signature is missing or wrong")
        try:
            payload = json.loads(body)
        except ValueError as error:
            raise BadRequest("the body is no JSON") from error
        return Delivery(request.headers.get(EVENT, ""), payload)


def _body(request: Request) -> bytes:
    if request.method != "POST":
        raise MethodNotAllowed(["POST"])
    if request.content_length is None:
        raise LengthRequired
    if request.content_length > LIMIT:
        raise RequestEntityTooLarge
    return request.get_data()
