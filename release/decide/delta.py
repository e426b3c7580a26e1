"""The security delta of a release, from the scan that it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release.decide.difference import difference
from release.model.delta import Delta, DeltaFinding
from release.model.finding import RANK, Finding
from release.model.snapshot import Snapshot
from release.model.text import plain

SUMMARY = 200
"""The most characters of an advisory's summary that are kept."""


def security_delta(snapshot: Snapshot, version: str) -> Delta | None:
    """What a release of HEAD changes about the findings that users of the latest release get.

    Findings in the project's own code that no advisory tells of are not in it: until they are
    fixed they are public as counts only. One that the release frees some users of, on other Pythons
    than the rest, is told twice: as fixed where it is, and as open where it stays.

    :param version: the one to be released. An advisory on the project itself that says it is
        fixed in this version, or before, is fixed by it.
    :returns: ``None`` where what users get was not resolved, as before a first release.
    """
    published = snapshot.closure("published")
    if published is None:
        return None
    found = difference(snapshot)
    users = [f for f in snapshot.findings if _concerns_users(f) and f.reaches("published")]
    told = _Teller(snapshot)
    fixed = {f.key for f in found.removed} | {f.key for f in users if told.ends_by(f, version)}
    kept = [f for f in users if f.key not in fixed]
    parts = {part.key: (part, left) for part, left in found.eased}
    return Delta(
        project=snapshot.project.name,
        since=published.version,
        version=version,
        fixed=told.of([*(f for f in users if f.key in fixed), *(p for p, _ in parts.values())]),
        introduced=told.of(f for f in found.added if not told.ends_by(f, version)),
        open=told.of(parts.get(f.key, (f, f))[1] for f in kept if f.reaches("candidate")),
        unknown=told.of(f for f in kept if not f.reaches("candidate")),
    )


def _concerns_users(finding: Finding) -> bool:
    return finding.scope in {"runtime", "extra"} and not finding.suppressed


class _Teller:
    """Tells findings with what the scan knows about them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._project = canonicalize_name(snapshot.project.name)
        self._verdicts = {reach.key: reach.verdict for reach in snapshot.reach}
        candidate = snapshot.closure("candidate")
        self._pins = candidate.pins if candidate else ()

    def is_own(self, finding: Finding) -> bool:
        """Whether the advisory is about the project itself."""
        return canonicalize_name(finding.package) == self._project

    def ends_by(self, finding: Finding, version: str) -> bool:
        """Whether every range of an advisory on the project itself ends at or before a version."""
        if not (self.is_own(finding) and finding.fixed_in):
            return False
        try:
            return Version(version) >= max(map(Version, finding.fixed_in))
        except InvalidVersion:
            return False

    def of(self, findings: Iterable[Finding]) -> tuple[DeltaFinding, ...]:
        """The findings, worst first."""
        ranked = sorted(findings, key=lambda f: (-RANK[f.severity], f.package, f.key))
        return tuple(map(self._told, ranked))

    def _told(self, finding: Finding) -> DeltaFinding:
        return DeltaFinding(
            key=finding.key,
            package=finding.package,
            ids=finding.ids,
            severity=finding.severity,
            score=finding.score,
            summary=plain(finding.summary, SUMMARY),
            url=finding.url,
            was=finding.affects.get("published", ()),
            becomes=self._becomes(finding),
            pythons=finding.pythons,
            extras=finding.extras,
            fixed_in=finding.fixed_in,
            own=self.is_own(finding),
            verdict=self._verdicts.get(finding.key),
        )

    def _becomes(self, finding: Finding) -> tuple[str, ...]:
        """The versions that a fresh install of HEAD gets where the finding is.

        The project's own is yet to be given.
        """
        if self.is_own(finding):
            return ()
        name = canonicalize_name(finding.package)
        here = [pin for pin in self._pins if canonicalize_name(pin.name) == name]
        there = [pin for pin in here if not {*finding.pythons}.isdisjoint(pin.pythons)]
        return tuple(sorted({pin.version for pin in there or here}, key=_order))


def _order(version: str) -> tuple[bool, Version, str]:
    try:
        return True, Version(version), version
    except InvalidVersion:
        return False, Version("0"), version
