"""What of a published site is asked for: the files that its ``build.json`` names, up to a bound."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from release.config import HOLDS_A_USER
from release.errors import UsageError
from status_site.schemas import BuildFiles

LEADING = ("index.json", "build.json", "index.html", "badges/grade.json")
"""Asked for first, one by one: what people and READMEs wait for, so it is what latency is of."""
ALWAYS = (
    "history.json", "monitoring.json", "metrics.json", "feed.xml", "schema.json", "openapi.json",
    "badges/grade.svg", "badges/vulnerabilities.json", "badges/vulnerabilities.svg",
    "badges/last-scan.json", "badges/last-scan.svg", "badges/release.json", "badges/release.svg",
)  # fmt: skip
"""Asked for though ``build.json`` is not there to name them."""
MOST = 500
"""Files that one round asks for; a site with ten thousand findings has more."""
_SAFE = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9][A-Za-z0-9@~.-]{0,199}")


class Endpoints(NamedTuple):
    """The files to ask for besides the leading ones; how many not; names that are none of ours."""

    paths: tuple[str, ...]
    left_out: int
    odd: tuple[str, ...]


def endpoints(build: BuildFiles | None) -> Endpoints:
    """What there is to be asked for. Of too many, those of findings are left out, the last ones.

    :param build: what the site says of itself.
    """
    named = set(build.files) if build else set()
    odd = tuple(sorted(name for name in named if not _SAFE.fullmatch(name)))
    rest = sorted((named | set(ALWAYS)) - set(LEADING) - set(odd), key=_findings_last)
    return Endpoints(tuple(rest[:MOST]), max(0, len(rest) - MOST), odd)


def _findings_last(path: str) -> tuple[bool, str]:
    return path.startswith("findings/"), path


def base_of(url: str) -> str:
    """The address of the site's folder, with a slash at its end.

    :raises UsageError: it is no address of a site that can be looked at.
    """
    remedy = "name the site's address, or status-url in [tool.release-warden], as https://..."
    if not url:
        raise UsageError("there is no address of a status site to look at", remedy=remedy)
    if HOLDS_A_USER.match(url):
        raise UsageError("the address of the status site holds a user or a password", remedy=remedy)
    if not _is_address(url):
        raise UsageError(f"{url!r} is no address of a status site", remedy=remedy)
    folder = url.removesuffix("/index.html").removesuffix("/index.json")
    return folder.rstrip("/") + "/"


def _is_address(url: str) -> bool:
    """Whether it names a folder on a server of the web, and nothing within it."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # beyond 65535 it is refused here
    except ValueError:
        return False
    odd = parts.query or parts.fragment or any(map(str.isspace, url))
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not odd


def address(base: str, path: str) -> str:
    """Where a file of the site is."""
    return base + quote(path, safe="/@~")
