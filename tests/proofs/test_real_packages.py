"""Real releases that hold vulnerable versions, and healthy ones; each verdict looked at by hand.

The published and the candidate metadata are those of the release named; dependencies come from the
registry as it is today, so that a later release may change an answer: then look again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_index import Made, MadeIndex, made_index
from msgspec.structs import replace
from packaging.version import Version

from release.adapters.index import SimpleIndex, pypi_simple_url
from release.config import Config
from release.flows.roots import ScanRequest
from release.flows.snapshot import take_snapshot
from release.model.metadata import CoreMetadata, parse_metadata
from release.model.snapshot import Project, Snapshot

ARCHIVE = Path(os.environ.get("RELEASE_WARDEN_SHARED", ""), "advisories", "PyPI-all.zip")

pytestmark = [
    pytest.mark.proof,
    pytest.mark.online,
    pytest.mark.skipif(
        not os.environ.get("RELEASE_WARDEN_SHARED") or not ARCHIVE.is_file(),
        reason="RELEASE_WARDEN_SHARED names no folder with advisories/PyPI-all.zip",
    ),
]

BLOCKED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("dash==2.10.2", "CVE-2023-46136@werkzeug", ("Werkzeug (<2.3.0) -> Werkzeug",)),
    ("fastapi==0.78.0", "CVE-2023-30798@starlette", ("starlette==0.19.1 -> starlette>=0.19.1",)),
    (
        "snowflake-connector-python==2.7.9",
        "CVE-2023-49083@cryptography",
        ("cryptography (<37.0.0,>=3.1.0) -> cryptography>=3.1.0",),
    ),
    (
        "wagtail==4.0",
        "CVE-2023-44271@pillow",
        ("Pillow (<10.0.0,>=4.0.0) -> Pillow>=4.0.0",),
    ),
    (
        "pyopenssl==23.0.0",
        "CVE-2023-49083@cryptography",
        ("cryptography (<40,>=38.0.0) -> cryptography>=38.0.0",),
    ),
    ("streamlit==1.24.0", "CVE-2023-44271@pillow", ("pillow (<10,>=6.2.0) -> pillow>=6.2.0",)),
    (
        "aiogram==2.25.1",
        "CVE-2024-23334@aiohttp",
        ("aiohttp (<3.9.0,>=3.8.0) -> aiohttp>=3.8.0",),
    ),
    (  # its cap on aiogram holds aiohttp, which aiogram 2 caps
        "aiogram-dialog==1.9.0",
        "CVE-2024-23334@aiohttp",
        ("aiogram (<3,>=2.20) -> aiogram>=2.20",),
    ),
    (
        "djangorestframework-jwt==1.11.0",
        "CVE-2022-29217@pyjwt",
        ("PyJWT (>=1.5.2,<2.0.0) -> PyJWT>=1.5.2",),
    ),
    (
        "flask==1.1.4",
        "CVE-2023-25577@werkzeug",
        ("Werkzeug (<2.0,>=0.15) -> Werkzeug>=0.15",),
    ),
    (
        "jupytext==1.13.0",
        "CVE-2023-26302@markdown-it-py",
        ("markdown-it-py (~=1.0) -> markdown-it-py>=1.0",),
    ),
    ("sanic-testing==0.7.0", "CVE-2021-41945@httpx", ("httpx (==0.18.*) -> httpx>=0.18",)),
    (
        "ansible==6.7.0",
        "CVE-2024-0690@ansible-core",
        ("ansible-core (~=2.13.7) -> ansible-core>=2.13.7",),
    ),
    (  # mdit-py-plugins 0.2 caps markdown-it-py too
        "myst-parser==0.15.2",
        "CVE-2023-26302@markdown-it-py",
        (
            "markdown-it-py (<2.0.0,>=1.0.0) -> markdown-it-py>=1.0.0",
            "mdit-py-plugins (~=0.2.8) -> mdit-py-plugins>=0.2.8",
        ),
    ),
    (  # jupyter-server 2 needs a jupyter-client that its other cap keeps out
        "voila==0.4.0",
        "CVE-2023-39968@jupyter-server",
        (
            "jupyter-client<=7.4.1,>=6.1.3 -> jupyter-client>=6.1.3",
            "jupyter-server<2.0.0,>=1.18 -> jupyter-server>=1.18",
        ),
    ),
)
CLEAN = (
    "great-expectations==0.15.0", "connexion==2.14.1", "requests==2.32.3", "flask==3.1.0",
    "click==8.1.8", "httpx==0.28.1", "attrs==25.1.0", "rich==13.9.4", "typer==0.15.1",
    "pluggy==1.5.0", "structlog==25.1.0", "pydantic==2.10.6",
)  # fmt: skip


@pytest.fixture(scope="module")
def index() -> Iterator[MadeIndex]:
    with made_index() as made:
        yield made


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def scan(release: str, index: MadeIndex, cache: Path) -> Snapshot:
    """What users of a real release get, HEAD being that release."""
    registry = SimpleIndex(pypi_simple_url())
    metadata = replace(published(registry, release), extras=())
    made = Made(metadata.normalized_name, metadata.version, metadata.requires_dist)
    project = Project(name=metadata.normalized_name, version=metadata.version, commit="c" * 40)
    request = ScanRequest(
        project=project,
        candidate=metadata,
        repository="made",
        releases=SimpleIndex(index.shelve([made])),
        dependencies=registry,
        config=Config(pythons=("3.11",), beside=()),
        advisories=str(ARCHIVE),
        known=None,
        now=datetime(2026, 11, 23, tzinfo=UTC),
        cache=cache,
        tell=lambda line: None,
    )
    return take_snapshot(request)


def published(registry: SimpleIndex, release: str) -> CoreMetadata:
    name, _, version = release.partition("==")
    listed = [one for one in registry.files(name) if one.version == Version(version)]
    wheel = next(one for one in listed if one.name.endswith(".whl"))
    return parse_metadata(registry.metadata(wheel), origin=wheel.name)


@pytest.mark.parametrize(("release", "key", "edit"), BLOCKED, ids=[case[0] for case in BLOCKED])
def test_our_bound_holds_it_and_this_edit_frees_it(
    release: str, key: str, edit: tuple[str, ...], index: MadeIndex, cache: Path
) -> None:
    shot = scan(release, index, cache)
    (one,) = (reach for reach in shot.reach if reach.key == key)
    assert one.verdict == "blocked-by-us"
    assert sorted(f"{e.requirement} -> {e.becomes}" for e in one.edit) == sorted(edit)


@pytest.mark.parametrize("release", CLEAN)
def test_a_healthy_release_is_clean(release: str, index: MadeIndex, cache: Path) -> None:
    shot = scan(release, index, cache)
    assert (shot.scanners["osv"].state, shot.findings) == ("ok", ())
