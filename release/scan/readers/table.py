"""Which file is read by whom, and what becomes of one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch

from release.scan.readers import (
    bandit,
    detect_secrets,
    osv_scanner,
    pip_audit,
    sarif,
    semgrep,
    uv_audit,
)
from release.scan.readers.code import Source
from release.scan.readers.form import UnreadableReportError
from release.scan.readers.reading import Reading, failed

Reader = Callable[[bytes, Source], tuple[Reading, ...]]

READERS: dict[str, Reader] = {
    pip_audit.NAME: pip_audit.read,
    bandit.NAME: bandit.read,
    osv_scanner.NAME: osv_scanner.read,
    uv_audit.NAME: uv_audit.read,
    detect_secrets.NAME: detect_secrets.read,
    semgrep.NAME: semgrep.read,
    sarif.NAME: sarif.read,
}
PATTERNS: dict[str, str] = {
    "*.sarif": sarif.NAME,
    "*.sarif.json": sarif.NAME,
    "pip-audit*.json": pip_audit.NAME,
    "bandit*.json": bandit.NAME,
    "osv*.json": osv_scanner.NAME,
    "uv-audit*.json": uv_audit.NAME,
    "detect-secrets*.json": detect_secrets.NAME,
    "semgrep*.json": semgrep.NAME,
}
"""File names to formats; the first that fits."""


def format_of(filename: str) -> str | None:
    """The format that a file name promises, ``None`` for a file that is no report."""
    return next((name for pattern, name in PATTERNS.items() if fnmatch(filename, pattern)), None)


def read(form: str, data: bytes, source: Source) -> tuple[Reading, ...]:
    """Read a report; one that cannot be read has failed, with the reason.

    :param form: a name of :data:`READERS`.
    """
    stem = source.stem.removesuffix(".sarif")
    name = sarif.scanner_name(stem) if form == sarif.NAME else form
    try:
        return READERS[form](data, replace(source, stem=stem))
    except UnreadableReportError as error:
        return (failed(name, str(error)),)
