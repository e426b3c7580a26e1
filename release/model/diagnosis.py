"""The diagnosis: what would stand in the way of a release, looked at before there is one."""

from __future__ import annotations

from typing import ClassVar, Literal

from release.model.base import Document, Instant, Noun

CheckState = Literal["ok", "problem", "unknown", "unchecked", "advice"]
"""``unknown`` could not be seen though it has to be; ``unchecked`` cannot be seen from here, and
need not be; ``advice`` is well, and could be better."""
Verdict = Literal["ours", "free", "anothers", "unknown"]
Weight = Literal["proof", "sign", "hint"]
"""``proof`` nobody else can make; a ``sign`` is what the uploader says; a ``hint`` decides nothing.
"""


class Check(Noun, frozen=True, kw_only=True):
    """One thing that was looked at, how it is, and what to do about it."""

    name: str
    state: CheckState
    what: str
    why: str = ""
    next: str = ""


class Evidence(Noun, frozen=True, kw_only=True):
    """One thing that tells whose the project's name on the index is."""

    kind: Literal["ledger", "provenance", "address", "author", "tags"]
    weight: Weight
    speaks: Literal["for", "against"]
    what: str


class Ownership(Noun, frozen=True, kw_only=True):
    """Whose the project's name on the index is.

    ``proved`` says that proof decided it, and not what an uploader wrote about themselves;
    ``newest`` is the highest version that the index lists.
    """

    verdict: Verdict
    proved: bool = False
    newest: str | None = None
    evidence: tuple[Evidence, ...] = ()


class Publisher(Noun, frozen=True, kw_only=True):
    """A trusted publisher that the index has to know, with what a person types for it.

    ``kind`` is ``pending`` where the first release is to make the project. ``page`` is the index's
    own page for it, empty where that is not known. ``after`` says what has to be done before.
    """

    kind: Literal["pending", "existing"]
    environment: str
    owner: str
    repository: str
    workflow: str
    page: str = ""
    after: str = ""
    steps: tuple[str, ...] = ()


class Diagnosis(Document, frozen=True, kw_only=True):
    """Everything that was looked at, at once.

    ``state`` is ``problems`` where something has to be mended, else ``unknown`` where something
    could not be seen that has to be. ``deep`` says that servers were asked for more than they show
    to everybody, and ``minted`` that a real upload token was made, and thrown away.
    """

    CLOCK: ClassVar[frozenset[str]] = frozenset({"as_of"})

    project: str
    repository: str
    commit: str
    as_of: Instant
    state: Literal["healthy", "problems", "unknown"]
    credential: str
    ownership: Ownership | None = None
    publishers: tuple[Publisher, ...] = ()
    checks: tuple[Check, ...] = ()
    deep: bool = False
    minted: bool = False
