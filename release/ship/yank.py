"""What a person needs to yank a version: where, what, why, and a draft of the advisory. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace
from packaging.version import Version

from release.model.base import Instant
from release.model.listing import IndexFile, installable
from release.model.text import plain
from release.model.yank import Yank, YankedFile

TO_FILL_IN = "(fill in)"


@dataclass(frozen=True)
class Request:
    """What is to be yanked, where and why; ``manage_url`` is the index's own page for it."""

    project: str
    version: str
    repository: str
    reason: str
    manage_url: str
    at: datetime


def prepare(request: Request, listed: Iterable[IndexFile]) -> Yank:
    """The request with everything that a person needs.

    :param listed: all files that the index lists of the project.
    """
    files = tuple(listed)
    instead = _instead(request.version, files)
    yank = Yank(
        project=request.project,
        version=request.version,
        repository=request.repository,
        reason=request.reason,
        state="requested",
        requested_at=request.at,
        manage_url=request.manage_url,
        steps=_steps(request),
        instead=instead,
        advisory=_advisory(request, instead),
        osv=_osv(request, instead),
    )
    return observe(yank, files, request.at)


def observe(yank: Yank, listed: Iterable[IndexFile], now: datetime) -> Yank:
    """The request as the index shows it now; done when no file of it is offered any more.

    A version that has no file left is out of everybody's way too.
    """
    seen = tuple(
        YankedFile(name=file.name, sha256=file.sha256, yanked=file.yanked)
        for file in listed
        if file.version == Version(yank.version)
    )
    done = all(file.yanked for file in seen)
    at: Instant | None = (yank.done_at or now) if done else None
    return replace(yank, files=seen, state="done" if done else "requested", done_at=at)


def _instead(version: str, files: tuple[IndexFile, ...]) -> str | None:
    """What an installer chooses when this version is yanked."""
    rest = [one for one in installable(files) if one != Version(version)]
    return str(max(rest)) if rest else None


def _steps(request: Request) -> tuple[str, ...]:
    told = plain(request.reason, 300)
    if request.manage_url:
        return (
            f"open {request.manage_url} and sign in as an owner or maintainer",
            f"under Options choose Yank, type {request.version} to confirm, "
            f"and give as the reason: {told}",
        )
    return (
        f"on {request.repository}, mark every file of {request.project} {request.version} as "
        "yanked (PEP 592), by the index's own page or interface",
        f"where it takes a reason, give: {told}",
    )


def _advisory(request: Request, instead: str | None) -> str:
    """The fields of GitHub's advisory form, in its order."""
    name, version, patched = request.project, request.version, _patched(request, instead)
    return f"""\
# {name} {version} was yanked

- **Ecosystem:** pip
- **Package name:** {name}
- **Affected versions:** = {version}
- **Patched versions:** {patched or TO_FILL_IN}
- **Severity:** {TO_FILL_IN}
- **Weaknesses (CWE):** {TO_FILL_IN}

## Description

### Impact

{plain(request.reason, 2000)}

### Patches

{f"Upgrade to {name} {patched}." if patched else "There is no later release yet."}

### Workarounds

{f"Install {name}!={version}; an installer then chooses {instead}." if instead else "None known."}

### References

{request.manage_url or TO_FILL_IN}
"""


def _patched(request: Request, instead: str | None) -> str:
    """A later version that users get: an earlier one is none that a fix could be in."""
    return instead if instead and Version(instead) > Version(request.version) else ""


def _osv(request: Request, instead: str | None) -> str:
    """A draft in the form of OSV (schema 1.7.0); the id is given by whoever publishes it."""
    name, at = request.project, f"{request.at:%Y-%m-%dT%H:%M:%SZ}"
    patched = _patched(request, instead)
    fix = {"database_specific": {"patched": patched}} if patched else {}
    record = {
        "schema_version": "1.7.0",
        "id": "",
        "modified": at,
        "summary": f"{name} {request.version} was yanked",
        "details": request.reason,
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name, "purl": f"pkg:pypi/{name}"},
                "versions": [request.version],
                **fix,
            }
        ],
    }
    return msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
