"""The pages: each one self-contained file that asks nobody else for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined
from markupsafe import Markup

from release.decide.grade import BY_SEVERITY
from status_site import words
from status_site.availability import availability
from status_site.dashboard import dashboard
from status_site.figures import StatusMetrics
from status_site.findings import PublicFinding
from status_site.monitoring import StatusMonitoring
from status_site.past import past
from status_site.releases import ReleaseStatus
from status_site.status import SecurityStatus
from status_site.timeline import StatusHistory

FIRST = 20
"""Open findings on the first page, the worst."""

A_PAGE = 50
"""Findings on each of the pages of findings."""

MOST_PAGES = 20
"""Pages of findings: nobody turns more of them, and ``index.json`` holds all."""

NEWEST = 5
"""Releases on the first page."""

MOST_RELEASES = 100
"""Releases on their own page, the newest; ``index.json`` holds all."""


@dataclass(frozen=True)
class Sheet:
    """One of the pages of findings; numbers count from 1."""

    number: int
    of: int
    findings: Sequence[PublicFinding]
    total: int

    @property
    def file(self) -> str:
        """The first is ``findings.html``."""
        return self.files[self.number - 1]

    @property
    def files(self) -> tuple[str, ...]:
        """The files of all pages of findings."""
        return ("findings.html", *(f"findings-{number}.html" for number in range(2, self.of + 1)))

    @property
    def first(self) -> int:
        """Which finding of all is its first."""
        return (self.number - 1) * A_PAGE + 1

    @property
    def shown(self) -> int:
        """How many findings the pages show together."""
        return min(self.total, self.of * A_PAGE)


def pages(
    status: SecurityStatus,
    history: StatusHistory,
    monitored: StatusMonitoring,
    releases: Sequence[ReleaseStatus],
    figures: StatusMetrics,
) -> dict[str, bytes]:
    """Every page, by its file's name.

    Style and script are named by digest in the content security policy, so that nothing else,
    whatever an advisory's text holds, can run or be fetched.

    :param releases: newest first.
    """
    made = {
        "index.html": _page(
            "index.html",
            status,
            findings=status.findings[:FIRST],
            tasks=words.tasks(status.findings),
            past=past(history),
            available=availability(monitored),
            releases=releases[:NEWEST],
            release_count=len(releases),
        )
    }
    for sheet in sheets(status.findings):
        made[sheet.file] = _page("findings.html", status, sheet=sheet)
    made["releases.html"] = _page(
        "releases.html",
        status,
        releases=releases[:MOST_RELEASES],
        left_out=max(0, len(releases) - MOST_RELEASES),
        use=next((one.use for one in releases), None),
        latest=next((one for one in releases if one.is_latest), None),
    )
    made["dashboard.html"] = _page("dashboard.html", status, board=dashboard(figures, status))
    return made


def sheets(findings: Sequence[PublicFinding]) -> Iterator[Sheet]:
    """The findings in pages: at least one page, and at most ``MOST_PAGES``."""
    of = min(MOST_PAGES, max(1, -(-len(findings) // A_PAGE)))
    for number in range(1, of + 1):
        rows = findings[(number - 1) * A_PAGE : number * A_PAGE]
        yield Sheet(number=number, of=of, findings=rows, total=len(findings))


def _page(name: str, status: SecurityStatus, **facts: Any) -> bytes:
    style, script = _source("style.css"), _source("page.js")
    text = (
        _environment()
        .get_template(f"{name}.jinja")
        .render(
            here=name,
            status=status,
            words=words,
            severities=BY_SEVERITY,
            policy=content_security_policy(style, script),
            style=Markup(style),  # noqa: S704 # nosec B704 # a file of ours
            script=Markup(script),  # noqa: S704 # nosec B704 # a file of ours
            **facts,
        )
    )
    return text.encode()


def content_security_policy(style: str, script: str) -> str:
    """Only this style, this script and the icon; no form, no other base, no request to others.

    The script makes no request either; ``connect-src`` is for those who ask in the page's name, as
    Lighthouse does for ``robots.txt``.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_digest(style)}",
            f"script-src {_digest(script)}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@contextmanager
def compiled_in(folder: Path) -> Iterator[None]:
    """Keep the compiled templates in a folder, by jinja's own cache.

    To compile them takes as long as all else of a small site.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    environment.bytecode_cache = FileSystemBytecodeCache(str(folder))
    try:
        yield
    finally:
        environment.bytecode_cache = None


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
        "date_of": words.date_of,
        "minute": words.minute,
        "iso": words.iso,
        "size": words.size,
        "anchor": words.anchor,
        "counted": words.count_of,
    }
    return environment


@cache
def _source(name: str) -> str:
    return (files("status_site") / "templates" / name).read_text("utf-8")
