"""The snapshot: what one scan saw, and how surely."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from packaging.utils import canonicalize_name

from release.model.base import Document, Instant, Noun
from release.model.finding import ClosureKind, Finding

State = Literal["ok", "partial", "failed", "absent"]
Verdict = Literal[
    "installable-fix", "blocked-by-us", "blocked-upstream", "no-fix", "own-code", "unknown"
]
Ruling = Literal[
    "withdrawn", "range-corrected", "still-affected", "rewritten", "suppressed", "gone", "unknown"
]

_NAME_END = re.compile(r"[^A-Za-z0-9._-]")


class Project(Noun, frozen=True, kw_only=True):
    """The project at one commit; ``version`` is what HEAD's metadata says."""

    name: str
    version: str
    commit: str


class Pin(Noun, frozen=True, kw_only=True):
    """One package at one version of a closure.

    ``via`` names who requires it (the project itself by its own name); ``pythons`` and
    ``extras`` say where a fresh install gets it; the extra ``""`` is the plain install.
    """

    name: str
    version: str
    pythons: tuple[str, ...]
    extras: tuple[str, ...]
    via: tuple[str, ...] = ()


class Gap(Noun, frozen=True, kw_only=True):
    """Something a closure could not cover, by name and with the reason."""

    name: str
    reason: str

    @property
    def package(self) -> str:
        """The package that the name, which may be a whole requirement, begins with (PEP 503).

        A path, which begins with ``.`` or ``/``, stands for itself; so does ``*``, everything.
        """
        if self.name.startswith((".", "/", "*")):
            return self.name
        return canonicalize_name(_NAME_END.split(self.name.strip(), maxsplit=1)[0])


class Closure(Noun, frozen=True, kw_only=True):
    """What a fresh install gets: the highest resolution, per supported Python and extra.

    ``version`` and ``origin`` say which release or commit it belongs to; ``requires`` are its
    ``Requires-Dist`` lines; ``exclude_newer`` is ``None`` where the index tells no upload times.
    """

    kind: ClosureKind
    version: str
    origin: str
    requires: tuple[str, ...]
    pythons: tuple[str, ...]
    extras: tuple[str, ...]
    pins: tuple[Pin, ...] = ()
    gaps: tuple[Gap, ...] = ()
    resolver: str = ""
    arguments: tuple[str, ...] = ()
    exclude_newer: Instant | None = None


class Scanner(Noun, frozen=True, kw_only=True):
    """How one scanner fared; ``covered`` is all that it may settle.

    It lists ``name==version``, and for scanners of code ``./path`` (or ``./path==severity`` where
    the report was cut down to some severities). A ``selective`` report lists only what it flags:
    that it no longer lists a thing does not say that the thing is gone.
    """

    state: State
    covered: tuple[str, ...] = ()
    skipped: tuple[Gap, ...] = ()
    database_date: Instant | None = None
    detail: str = ""
    selective: bool = False


class Edit(Noun, frozen=True, kw_only=True):
    """One requirement of ours, as it stands and as it would free the finding."""

    requirement: str
    becomes: str


class Reach(Noun, frozen=True, kw_only=True):
    """Whether a fresh install can avoid a finding, and who stands in the way.

    ``blocker`` is the requirement that holds the vulnerable version (ours, or another package's);
    ``edit`` the smallest change of ours that frees it, checked by resolving again; ``witness``
    what the resolver answered.
    """

    key: str
    package: str
    ids: tuple[str, ...]
    verdict: Verdict
    blocker: str | None = None
    edit: tuple[Edit, ...] = ()
    witness: str = ""


class Word(Noun, frozen=True, kw_only=True):
    """A word on a finding that is no longer reported by itself.

    The advisory database's on one in a package; the project's own file's on one in its code.
    """

    key: str
    ruling: Ruling
    evidence: str


class Snapshot(Document, frozen=True, kw_only=True):
    """What one scan saw.

    ``beside`` are closures that are shown and never a cause: of the lowest resolution (``floor``)
    and of development environments (``dev``); ``floors`` the edits that raise our floors above
    what was found in the former.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset(
        {
            "taken_at",
            "scanners.*.database_date",
            "closures.exclude_newer",
            "closures.arguments",
            "beside.exclude_newer",
            "beside.arguments",
        }
    )

    project: Project
    taken_at: Instant
    scanners: dict[str, Scanner]
    findings: tuple[Finding, ...] = ()
    repository: str = "local"
    closures: tuple[Closure, ...] = ()
    reach: tuple[Reach, ...] = ()
    words: tuple[Word, ...] = ()
    beside: tuple[Closure, ...] = ()
    floors: tuple[Edit, ...] = ()

    def closure(self, kind: ClosureKind) -> Closure | None:
        """The closure of that kind, if it was resolved."""
        return next((closure for closure in self.closures if closure.kind == kind), None)
