"""The other files of an adoption: the configuration, tasks.py, and the badges' place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from release.adopt.marked import in_its_ends

TASKS = '''\
"""The tasks of {project}: `invoke --list` lists them."""

from invoke.collection import Collection
from release.pipelines import collection as release
from status_site.pipelines import collection as status

namespace = Collection(release, status)
'''

IGNORED = """\
__pycache__/
*.egg-info/
.coverage
.coverage.*
htmlcov/
dist/
"""
"""A .gitignore for a project without one; nox and the linters look after their own folders."""

BADGES = "<!-- release-warden:badges -->\n<!-- /release-warden:badges -->"
"""The badges' place in a README, as ``status.badges`` looks for it (status_site/readme.py)."""
BADGES_PART = re.compile(
    r"\n?<!-- release-warden:badges -->.*?<!-- /release-warden:badges -->\n", re.DOTALL
)
HEADER = re.compile(r"\r?\n\[tool\.release-warden\]")
TITLE = re.compile(r"^(?:# .*|[^\n#<\[!=-][^\n]*\n=+[ ]*)$\n?", re.MULTILINE)
"""A Markdown title, in either of its forms."""


def configured(text: str, settings: Mapping[str, Any]) -> str:
    """pyproject.toml with our table at its end; all else stays to the byte.

    :param text: the file; empty where there is none.
    :param settings: the keys; a mapping becomes a table of its own.
    """
    table = tomlkit.table()
    table.update(settings)
    ours = tomlkit.dumps({"tool": {"release-warden": table}}).removeprefix("[tool]\n")
    ends = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return text + (gap + ours).replace("\n", ends)


def is_configured(text: str) -> bool:
    """Whether pyproject.toml has our table."""
    return "release-warden" in tomllib.loads(text).get("tool", {})


def unconfigured(text: str) -> str:
    """pyproject.toml without our table, as somebody may have edited it meanwhile."""
    document = tomlkit.parse(text)
    tool: Any = document.get("tool", {})
    if "release-warden" in tool:
        del tool["release-warden"]
    left = tomlkit.dumps(document)
    head = text[: found.start()] if (found := HEADER.search(text)) else left
    return head if head.strip() == left.strip() else left  # as it stood at the end, to the byte


def with_badges_place(text: str) -> str:
    """A README (Markdown) with a place for badges below its title; at its top without one."""
    title = TITLE.search(text)
    at = title.end() if title else 0
    ends = "\r\n" if "\r\n" in text else "\n"
    part = f"\n{BADGES}\n" if title else f"{BADGES}\n\n"
    before = text[:at] if not title or text[:at].endswith("\n") else f"{text[:at]}{ends}"
    return before + part.replace("\n", ends) + text[at:]


def has_badges_place(text: str) -> bool:
    """Whether a README has the place."""
    return BADGES.splitlines()[0] in text


def without_badges_place(text: str) -> str:
    """A README without the badges and their place."""
    return in_its_ends(text, lambda lines: BADGES_PART.sub("", lines, count=1))
