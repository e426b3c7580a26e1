"""``schema.json`` and ``openapi.json``: what every file of the static API holds.

``python -m status_site.schemas`` writes ``schema.json`` anew; a test refuses any difference.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from release.model.base import Document, Instant
from status_site.badges import Badge
from status_site.figures import StatusMetrics
from status_site.findings import FindingStatus
from status_site.monitoring import StatusMonitoring
from status_site.releases import ReleaseStatus
from status_site.status import SecurityStatus
from status_site.timeline import StatusHistory


class BuildFiles(Document, frozen=True, kw_only=True, tag="release-warden/status-build/1"):
    """Every other file of one build with its sha256.

    A badge for shields.io may hold no build id, as it refuses unknown keys: this binds it.
    """

    build_id: str
    scan_date: Instant | None
    files: dict[str, str]


ID = "release-warden/status/1"
DOCUMENTS: tuple[type[Document], ...] = (
    SecurityStatus,
    StatusHistory,
    FindingStatus,
    ReleaseStatus,
    StatusMonitoring,
    StatusMetrics,
    BuildFiles,
)

PATHS: dict[str, tuple[str, str, str]] = {
    "/index.json": ("The whole status", "application/json", "SecurityStatus"),
    "/history.json": ("Open findings, day by day", "application/json", "StatusHistory"),
    "/findings/{file}.json": ("One finding, open or not", "application/json", "FindingStatus"),
    "/releases/{version}.json": (
        "Which version should I be on?", "application/json", "ReleaseStatus",
    ),
    "/monitoring.json": (
        "How available the site was", "application/json", "StatusMonitoring",
    ),
    "/metrics.json": (
        "How releases, scans and remedies went", "application/json", "StatusMetrics",
    ),
    "/build.json": ("Every file with its sha256", "application/json", "BuildFiles"),
    "/badges/{badge}.json": ("A badge for shields.io's endpoint", "application/json", "Badge"),
    "/badges/{badge}.svg": ("The same badge as a picture", "image/svg+xml", ""),
    "/vex.json": ("OpenVEX 0.2", "application/json", ""),
    "/sbom/{version}.cdx.json": (
        "CycloneDX 1.6: what a fresh install brings", "application/vnd.cyclonedx+json", "",
    ),
    "/feed.xml": ("What changed, as Atom", "application/atom+xml", ""),
    "/index.html": ("The same for people", "text/html", ""),
    "/findings.html": ("Every open finding, for people", "text/html", ""),
    "/findings-{page}.html": ("Further pages of them", "text/html", ""),
    "/releases.html": ("Which version should I be on, for people", "text/html", ""),
    "/dashboard.html": ("How releases, scans and remedies went, for people", "text/html", ""),
    "/schema.json": ("JSON Schema of index.json and of the others", "application/schema+json", ""),
}  # fmt: skip
"""Path to what it is, its media type, and its definition in ``schema.json``."""

PARAMETERS = {
    "page": "2 and on, where there are more than a page holds",
    "file": "named by `findings[].file` of index.json",
    "version": "named by `releases[].file` of index.json",
    "badge": "`grade`, `vulnerabilities`, `last-scan` or `release`",
}


def schema() -> bytes:
    """The JSON Schema of ``index.json``, which defines the other documents too."""
    _, definitions = msgspec.json.schema_components(
        (*DOCUMENTS, Badge), ref_template="#/$defs/{name}"
    )
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "$ref": "#/$defs/SecurityStatus",
        "$defs": definitions,
    }
    return _json(made)


def published(build_id: str) -> bytes:
    """The schema as the site serves it."""
    made = msgspec.json.decode((files("status_site") / "schema.json").read_bytes())
    return _json({**made, "$comment": f"build-id {build_id}"})


def openapi(build_id: str) -> bytes:
    """The description of the static API (OpenAPI 3.1)."""
    return _json(
        {
            "openapi": "3.1.1",
            "info": {
                "title": "Security status",
                "version": "1",
                "description": "Static files. Each carries one build id, and build.json every "
                "file's digest, so that a mixture of two builds is seen.",
                "x-build-id": build_id,
            },
            "servers": [{"url": "."}],
            "paths": {path: {"get": _operation(path, *told)} for path, told in PATHS.items()},
        }
    )


def _operation(path: str, summary: str, media: str, definition: str) -> dict[str, Any]:
    told: dict[str, Any] = {"$ref": f"schema.json#/$defs/{definition}"} if definition else {}
    names = [name for name in PARAMETERS if f"{{{name}}}" in path]
    return {
        "summary": summary,
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": PARAMETERS[name],
                "schema": {"type": "string"},
            }
            for name in names
        ],
        "responses": {
            "200": {"description": summary, "content": {media: {"schema": told}}},
            "404": {"description": "There is none of that name"},
        },
    }


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


if __name__ == "__main__":
    (Path(__file__).parent / "schema.json").write_bytes(schema())
