"""The page: one self-contained ``index.html`` that asks nobody else for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from release.decide.grade import BY_SEVERITY
from status_site import words
from status_site.status import SecurityStatus


def render(status: SecurityStatus) -> bytes:
    """The page of a status.

    Its style and its script are named by digest in the content security policy, so that nothing
    else, whatever an advisory's text holds, can run or be fetched.
    """
    style, script = _source("style.css"), _source("page.js")
    page = (
        _environment()
        .get_template("index.html.jinja")
        .render(
            status=status,
            words=words,
            severities=BY_SEVERITY,
            policy=content_security_policy(style, script),
            style=Markup(style),  # noqa: S704 # nosec B704 # a file of ours
            script=Markup(script),  # noqa: S704 # nosec B704 # a file of ours
        )
    )
    return page.encode()


def content_security_policy(style: str, script: str) -> str:
    """Only this style and this script; no request, no form, no other base."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_digest(style)}",
            f"script-src {_digest(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("status_site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "clean": words.clean,
        "day": words.day,
        "minute": words.minute,
        "iso": words.iso,
        "size": words.size,
    }
    return environment


def _source(name: str) -> str:
    return (files("status_site") / "templates" / name).read_text("utf-8")
