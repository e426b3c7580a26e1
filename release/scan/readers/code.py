"""Findings in the project's own files: where they are, and what makes two of them the same.

A finding is rule + path + a digest of the flagged line, stripped, + an ordinal among equals; never
a line number (DESIGN: identity). Of a secret nothing is kept that its value could be told from,
not even a digest: it is rule + path + ordinal.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from release.model.base import sha256
from release.model.finding import Finding, Severity

DIGEST_LENGTH = 16
"""Hexadecimal digits of the digest in a key: a collision within one file is out of reach."""
UNLINED = "unlined"
"""Stands in a key for the flagged line where nobody tells it."""
NOSEC = re.compile(r"\s*#\s*(nosec|nosemgrep|noqa)\b.*$", re.IGNORECASE)
"""A comment that silences a scanner, which changes the line but not the weakness."""
SECRET_CWES = frozenset({"259", "321", "798", "312", "522"})
"""Hard-coded passwords, keys and credentials (cwe.mitre.org)."""
SECRET_WORDS = re.compile(
    r"secret|passw|credential|api[-_. ]?key|private[-_. ]?key|token|gitleaks|trufflehog",
    re.IGNORECASE,
)
"""What rules about secrets have in their names."""
LEAD = re.compile(r"^[A-Za-z]:(?=/)")


class Tree(Protocol):
    """The project's files at its commit."""

    @property
    def paths(self) -> frozenset[str]:
        """All of them, relative to the project, with slashes."""

    def lines(self, _path: str, /) -> Sequence[str] | None:
        """The lines of a file, by its path; ``None`` where there is none."""


@dataclass(frozen=True)
class Source:
    """Where reports come from.

    :param project: the normalized name of the project whose code they are about.
    :param tree: its files, asked for a flagged line that a report does not quote.
    :param stem: the report's file name without its ending.
    """

    project: str
    tree: Tree
    stem: str = "report"


@dataclass(frozen=True)
class Flag:
    """One place of the code as a report flags it.

    :param line: the flagged line; ``None`` where the report does not quote it.
    :param number: its number, which orders equals and finds the line in the project's file.
    """

    rule: str
    path: str
    severity: Severity
    line: str | None = None
    number: int = 0
    is_secret: bool = False
    summary: str = ""
    url: str | None = None
    score: float | None = None
    suppressed: bool = False


def findings(scanner: str, flags: Iterable[Flag], source: Source) -> list[Finding]:
    """The findings of some flags; equals are numbered in the order of their lines."""
    seen: Counter[str] = Counter()
    found = []
    for flag in sorted(flags, key=lambda flag: (flag.path, flag.number, flag.rule)):
        mark = f"{flag.rule}@{flag.path}{_line_mark(flag, source.tree)}"
        seen[mark] += 1
        key = mark if seen[mark] == 1 else f"{mark}:{seen[mark]}"
        found.append(_finding(scanner, key, flag, source))
    return found


def _finding(scanner: str, key: str, flag: Flag, source: Source) -> Finding:
    return Finding(
        key=key,
        kind="secret" if flag.is_secret else "code",
        package=source.project,
        version="",
        ids=(flag.rule,),
        severity=flag.severity,
        score=flag.score,
        scope="code",
        path=flag.path,
        source=(f"{scanner}:{flag.rule}",),
        summary=flag.rule if flag.is_secret else " ".join(flag.summary.split()),
        url=flag.url,
        suppressed=flag.suppressed,
        scanners=(scanner,),
    )


def _line_mark(flag: Flag, tree: Tree) -> str:
    if flag.is_secret:
        return ""
    line = flag.line if flag.line is not None else _line_of(tree, flag)
    return f"#{line_digest(line)}" if line is not None else f"#{UNLINED}"


def _line_of(tree: Tree, flag: Flag) -> str | None:
    """The line in the project's file, where the report quotes none."""
    lines = tree.lines(flag.path) or ()
    return lines[flag.number - 1] if 0 < flag.number <= len(lines) else None


def line_digest(line: str) -> str:
    """What stands for a flagged line in a key."""
    return sha256(NOSEC.sub("", line).strip().encode())[:DIGEST_LENGTH]


def is_silenced(line: str) -> bool:
    """Whether a comment on the line tells scanners to pass over it."""
    return NOSEC.search(line) is not None


def digest_in(key: str) -> str | None:
    """The digest of the flagged line in a key, if it has one."""
    mark = key.rpartition("#")[2].partition(":")[0]
    is_digest = "#" in key and len(mark) == DIGEST_LENGTH
    return mark if is_digest else None


def first_line(snippet: str | None) -> str | None:
    """The flagged line of a snippet: its first that says something."""
    return next((line for line in (snippet or "").splitlines() if line.strip()), None)


def is_secret_rule(rule: str, cwes: Iterable[str] = ()) -> bool:
    """Whether what a rule flags may hold a secret, by its name or weakness class."""
    return bool(SECRET_WORDS.search(rule)) or any(cwe in SECRET_CWES for cwe in cwes)


def path_of(text: str, tree: Tree) -> str:
    """A path or ``file:`` URI as a path in the project, as far as that can be told."""
    uri = text.strip()
    plain = unquote(urlsplit(uri).path) if uri.startswith("file:") else uri
    path = posixpath.normpath(LEAD.sub("", plain.replace("\\", "/")))
    if not path.startswith("/"):
        return path
    parts = path.strip("/").split("/")
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((tail for tail in tails if tail in tree.paths), path)


def place(path: str) -> str:
    """The item of ``covered`` for a file."""
    return path if path.startswith(("/", ".")) else f"./{path}"
