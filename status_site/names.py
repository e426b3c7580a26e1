"""File names for keys and versions, which others choose: safe, and never two for one file."""

from __future__ import annotations

import re

from release.model.base import sha256

_KEY = re.compile(r"[A-Z]{1,16}-[0-9a-z-]{1,60}@[a-z0-9][a-z0-9-]{0,80}")
_VERSION = re.compile(r"[0-9][0-9a-z.]{0,60}")
_ODD = re.compile(r"[^a-z0-9]+")


def key_name(key: str) -> str:
    """The name of a finding's file, without its suffix.

    A key of the usual form, ``CVE-2023-43804@urllib3``, is its own name; any other is told from
    all others by a digest, and so are two that differ in the case of a letter only.
    """
    return key if _KEY.fullmatch(key) else _with_digest(key)


def version_name(version: str) -> str:
    """The name of a version's files, without their suffix; most are their own name."""
    safe = _VERSION.fullmatch(version) and not version.endswith(".")
    return version if safe else _with_digest(version)


def _with_digest(text: str) -> str:
    words = _ODD.sub("-", text.lower())[:60].strip("-") or "x"
    return f"{words}~{sha256(text.encode('utf-8', 'surrogatepass'))[:16]}"
