"""The security delta: what a release changes about the findings that users get."""

from __future__ import annotations

from collections.abc import Iterator

from release.model.base import Noun
from release.model.finding import Severity
from release.model.snapshot import Verdict


class DeltaFinding(Noun, frozen=True, kw_only=True):
    """One finding as the notes tell it.

    ``was`` are the versions of ``package`` that users get today, ``becomes`` those that they get
    from the release; either may be empty. ``pythons`` and ``extras`` tell where (the extra ``""``
    is the plain install); ``fixed_in`` are the releases without it. ``own`` says that the advisory
    is about the project itself.
    """

    key: str
    package: str
    ids: tuple[str, ...]
    severity: Severity
    score: float | None = None
    summary: str = ""
    url: str | None = None
    was: tuple[str, ...] = ()
    becomes: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    own: bool = False
    verdict: Verdict | None = None

    @property
    def name(self) -> str:
        """Its first id, or its key where it has none."""
        return self.ids[0] if self.ids else self.key


class Delta(Noun, frozen=True, kw_only=True):
    """What ``version`` changes for the users of ``since``, the latest release; worst first.

    ``open`` users get before and after; of ``unknown`` nobody could tell whether the release still
    has it, so that it is never counted as fixed.
    """

    project: str
    since: str
    version: str
    fixed: tuple[DeltaFinding, ...] = ()
    introduced: tuple[DeltaFinding, ...] = ()
    open: tuple[DeltaFinding, ...] = ()
    unknown: tuple[DeltaFinding, ...] = ()

    def __iter__(self) -> Iterator[DeltaFinding]:
        yield from (*self.fixed, *self.introduced, *self.open, *self.unknown)
