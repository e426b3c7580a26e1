"""Whether a badge is one that shields.io takes, and says no more than ``index.json`` does. Pure.

Source: shields.io, ``services/endpoint-common.js``: it refuses unknown keys and empty messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from release.errors import DocumentError
from status_site.badges import GREEN
from status_site.status import SecurityStatus

Text = Annotated[str, msgspec.Meta(min_length=1)]


class ShieldsEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What shields.io takes; all that is not here it refuses."""

    schema_version: Literal[1]
    label: str
    message: Text
    color: Text | None = None
    label_color: Text | None = None
    is_error: bool = False
    named_logo: Text | None = None
    logo_svg: Text | None = None
    logo_color: Text | None = None
    logo_width: float | None = None
    logo_position: float | None = None
    style: Text | None = None
    cache_seconds: Annotated[int, msgspec.Meta(ge=0)] = 0


def read_badge(data: bytes) -> ShieldsEndpoint:
    """A badge.

    :raises DocumentError: shields.io would show an error in its place.
    """
    try:
        return msgspec.json.decode(data, type=ShieldsEndpoint)
    except msgspec.DecodeError as error:
        raise DocumentError("shields.io refuses it", why=str(error)) from error


def dishonest(badge: ShieldsEndpoint, status: SecurityStatus) -> Iterator[str]:
    """What a badge says that the status does not."""
    if badge.color in GREEN and status.security_grade is None:
        yield "it is green though there is no grade"
    day = f"{status.scan_date:%Y-%m-%d}" if status.scan_date else "never scanned"
    if day not in badge.message:
        yield f"it does not tell the day of the scan ({day})"
