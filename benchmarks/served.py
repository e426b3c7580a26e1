"""The built site behind nginx on loopback: how long an answer takes at a thousand a second."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.result import Result, Unmeasured
from benchmarks.status import documents
from release.model.base import encode
from status_site.build import build

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from http_load import Load, nginx  # noqa: E402

FINDINGS, RATE, SECONDS, LIMIT_MS = 50, 1_000, 10, 20


def measure() -> Result:
    """The 99th percentile of page, data, history and badges in turns.

    :raises Unmeasured: nginx is not there, or this machine is too busy to tell.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, site = Path(name, "documents"), Path(name, "site")
        folder.mkdir()
        for title, document in documents(FINDINGS, 30).items():
            (folder / f"{title}.json").write_bytes(encode(document))
        build(folder, site)
        load = _loaded(Path(name), site)
    if load.errors:
        raise Unmeasured(f"{len(load.errors)} answers were errors, such as {load.errors[0]}")
    if load.own > LIMIT_MS / 4:
        raise Unmeasured(f"the generator of requests was {load.own:.0f} ms late itself")
    detail = {f"p{share}": load.share(share) for share in (50, 90, 99, 99.9)}
    detail["the generator late, p99"] = load.own
    title = f"status site by nginx, {RATE:,} requests a second"
    return Result(title, "ms at p99", load.share(99), LIMIT_MS, detail)


def _loaded(folder: Path, site: Path) -> Load:
    try:
        with nginx(folder, site) as port:
            load = Load(port)
            asyncio.run(load.run(RATE * SECONDS, RATE))
    except FileNotFoundError as error:
        raise Unmeasured(str(error)) from error
    return load
