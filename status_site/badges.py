"""Badges: the status in a few words, with the date of the scan, for a README.

A badge cannot withdraw itself when time passes, so each one says when the scan was, and none is
green while anything is unknown, old or has failed.

Source: shields.io, "Endpoint Badge"; its schema refuses unknown keys, so that the build id stands
in ``build.json`` beside the digest of each badge.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from release.model.base import Noun
from release.model.grades import Letter
from release.model.text import plain
from status_site.status import SecurityStatus

Color = Literal["brightgreen", "green", "yellow", "orange", "red", "lightgrey"]

BY_LETTER: Mapping[Letter, Color] = {
    "A": "brightgreen",
    "B": "green",
    "C": "yellow",
    "D": "orange",
    "F": "red",
}
GREEN: frozenset[Color] = frozenset({"brightgreen", "green"})
HEX: Mapping[Color, str] = {
    "brightgreen": "#44cc11",
    "green": "#97ca00",
    "yellow": "#dfb317",
    "orange": "#fe7d37",
    "red": "#e05d44",
    "lightgrey": "#9f9f9f",
}
"""The colours that shields.io gives to these names."""


class Badge(Noun, frozen=True, kw_only=True, rename="camel"):
    """What shields.io asks an endpoint for; ``is_error`` keeps others from recolouring it."""

    schema_version: Literal[1] = 1
    label: str
    message: str
    color: Color
    is_error: bool
    cache_seconds: int = 300


def badges(status: SecurityStatus) -> dict[str, Badge]:
    """Every badge by its name."""
    return {
        "grade": _badge(status, "security grade", status.security_grade or _withheld(status)),
        "vulnerabilities": _badge(status, "vulnerabilities", _vulnerabilities(status)),
        "last-scan": _badge(status, "last security scan", ""),
        "release": _badge(status, "release", plain(status.version or "", 40) or "none"),
    }


def _badge(status: SecurityStatus, label: str, words: str) -> Badge:
    return Badge(
        label=label,
        message=" · ".join(part for part in (words, *_dated(status)) if part),
        color=_color(status),
        is_error=status.security_grade is None,
    )


def _dated(status: SecurityStatus) -> tuple[str, str]:
    """When the scan was, and what went wrong since."""
    when = f"{status.scan_date:%Y-%m-%d}" if status.scan_date else "never scanned"
    if status.failed_update:
        return when, "update failed"
    return when, "last run failed" if _has_failed(status) else ""


def _color(status: SecurityStatus) -> Color:
    """The grade's colour; grey where nothing is known, yellow at best after a failed run."""
    summary = status.vulnerability_summary
    if status.security_grade is None:
        return "red" if summary.critical or summary.high else "lightgrey"
    color = BY_LETTER[status.security_grade]
    return "yellow" if color in GREEN and _has_failed(status) else color


def _has_failed(status: SecurityStatus) -> bool:
    return status.last_run is not None and status.last_run.outcome != "ok"


def _withheld(status: SecurityStatus) -> str:
    return "stale" if status.failed_update else "unknown"


def _vulnerabilities(status: SecurityStatus) -> str:
    """How many there are; what is not fully known is no ``none``."""
    total = status.vulnerability_summary.total
    if status.security_grade is None:
        return f"at least {total}" if total else _withheld(status)
    return f"{total} known" if total else "none known"


def as_svg(badge: Badge, build_id: str) -> bytes:
    """A badge as a picture that needs nobody else: with a title, and the build id in it."""
    from anybadge import Badge as Drawn  # late: most tasks draw nothing

    template = (files("status_site") / "templates" / "badge.svg").read_text("utf-8")
    drawn = Drawn(
        badge.label,
        badge.message,
        default_color=HEX[badge.color],
        template=template.replace("BUILD-ID", build_id),
    )
    return str(drawn.badge_svg_text).encode()
