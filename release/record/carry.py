"""The record carried forward over a scan. Unknown is never clean: it settles nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from release.model.acceptance import Acceptance
from release.model.finding import Finding
from release.model.record import Cause, Record, Sighting, Tracked
from release.model.snapshot import Snapshot, Word
from release.record.coverage import (
    EVERYTHING,
    READS_CLOSURES,
    Report,
    Resolution,
    Versions,
    affected_versions,
    carry,
    subject,
    weigh,
)
from release.record.identity import Recognised, recognise

UNLINED = "#unlined"
"""Stands in the key of a finding in the code whose flagged line nobody tells."""

RULINGS: dict[str, Cause] = {
    "withdrawn": "withdrawn",
    "range-corrected": "range-corrected",
    "rewritten": "upgraded",
    "suppressed": "suppressed",
    "gone": "package-gone",
}
"""The words that resolve a finding: the advisory database's on one whose version stayed, and the
project's own file's on one in the code."""


OPEN = Sighting(state="open")
SUPPRESSED = Sighting(state="resolved", cause="suppressed", evidence="suppressed by the project")


@dataclass(frozen=True)
class Scan:
    """A scan, ready to settle findings."""

    snapshot: Snapshot
    absorbed: Mapping[str, tuple[Tracked, ...]]
    reports: Mapping[str, Report]
    resolution: Resolution
    words: Mapping[str, Word]
    acceptances: Mapping[str, Acceptance]

    def acceptance(self, finding: Finding) -> Acceptance | None:
        """The acceptance that holds for a finding at the moment of the scan."""
        word = self.acceptances.get(finding.key)
        return word if word and word.holds(finding, self.snapshot.taken_at) else None

    @cached_property
    def blurred(self) -> frozenset[tuple[str | None, tuple[str, ...]]]:
        """The files and rules of which a line is flagged that the report does not quote."""
        unlined = (f for f in self.snapshot.findings if f.kind == "code" and UNLINED in f.key)
        return frozenset((finding.path, finding.ids) for finding in unlined)


def carry_forward(
    before: Record | None,
    snapshot: Snapshot,
    *,
    accept_coverage: bool = False,
    acceptances: Mapping[str, Acceptance] = MappingProxyType({}),
) -> Record:
    """The record after a scan.

    Each scanner's report settles exactly what it covers; all else stays as it was and is named
    unknown. An unchanged scan yields the same bytes, whatever order its findings come in.

    :param before: the record so far; ``None`` for the first scan.
    :param accept_coverage: believe a report that covers much less than the one before it.
    :param acceptances: people's, by key. One takes effect on a finding that the scan lists, and
        ends whether or not the scan lists it.
    """
    scan = _weighed(before, recognise(before, snapshot), accept_coverage, acceptances)
    known = before.scanners if before else {}
    scanners = {
        name: carry(known.get(name), report, _pins(name, scan.resolution))
        for name, report in sorted(scan.reports.items())
    }
    return Record(
        project=snapshot.project.name,
        repository=snapshot.repository,
        scanners=scanners,
        tracked=tuple(sorted(_tracked(before, scan), key=lambda item: item.finding.key)),
    )


def _weighed(
    before: Record | None, seen: Recognised, accept: bool, acceptances: Mapping[str, Acceptance]
) -> Scan:
    known = before.scanners if before else {}
    snapshot = seen.snapshot
    resolution = Resolution(snapshot)
    reports = {
        name: weigh(name, snapshot.scanners.get(name), known.get(name), resolution, accept=accept)
        for name in {*known, *snapshot.scanners}
    }
    words = {word.key: word for word in snapshot.words}
    return Scan(snapshot, seen.absorbed, reports, resolution, words, acceptances)


def _pins(name: str, resolution: Resolution) -> Versions:
    return resolution.pins if name == READS_CLOSURES else {}


def _tracked(before: Record | None, scan: Scan) -> Iterator[Tracked]:
    listed = {finding.key: finding for finding in scan.snapshot.findings}
    absorbed = scan.absorbed
    gone = {item.finding.key for items in absorbed.values() for item in items}
    known = {item.finding.key: item for item in before.tracked} if before else {}
    for key, item in known.items():
        if key in listed:
            yield _seen(listed[key], (*absorbed.get(key, ()), item), scan)
        elif key not in gone:
            yield _unseen(item, scan)
    for key in listed.keys() - known.keys():
        yield _seen(listed[key], (), scan)


def _seen(finding: Finding, known: Sequence[Tracked], scan: Scan) -> Tracked:
    """A finding that the scan lists; ``known`` is its past, the one that it continues last."""
    sightings = {name: s for item in known for name, s in item.sightings.items()}
    now = SUPPRESSED if finding.suppressed else OPEN
    others = sightings.keys() - finding.scanners
    settled = {name: _settled(finding, name, sightings[name], scan) for name in others}
    after = {**settled, **dict.fromkeys(finding.scanners, now)}
    return _dated(known[-1] if known else None, finding, after, scan, scan.acceptance(finding))


def _unseen(item: Tracked, scan: Scan) -> Tracked:
    settled = {n: _settled(item.finding, n, s, scan) for n, s in item.sightings.items()}
    accepted = scan.acceptance(item.finding) if item.accepted else None
    return _dated(item, item.finding, settled, scan, accepted)


def _dated(
    before: Tracked | None,
    finding: Finding,
    sightings: dict[str, Sighting],
    scan: Scan,
    accepted: Acceptance | None,
) -> Tracked:
    if len(sightings) > 1:
        sightings = dict(sorted(sightings.items()))
    after = Tracked(finding=finding, sightings=sightings)
    if after.is_there and accepted is None:
        return after
    since = before.resolved_at if before and not before.is_open else None
    return Tracked(
        finding=finding,
        sightings=sightings,
        resolved_at=since or scan.snapshot.taken_at,
        accepted=accepted if after.is_there else None,
    )


def _settled(finding: Finding, scanner: str, last: Sighting, scan: Scan) -> Sighting:
    """A scanner's word on a finding that it does not list."""
    report = scan.reports.get(scanner, Report("absent"))
    name = subject(finding)
    if last.state == "resolved" or report.state in {"failed", "absent"}:
        return last
    if not report.skipped.isdisjoint({name, EVERYTHING}):
        return last
    if finding.kind != "dependency":
        return _code_settled(finding, scanner, scan) or last
    covered = report.covered.get(name, set())
    if covered & affected_versions(finding):
        return _vanished(finding, report, scan)
    return _left(finding, report, covered, scan) or last


def _code_settled(finding: Finding, scanner: str, scan: Scan) -> Sighting | None:
    """A place in the code that is no longer flagged; its file has the first word."""
    report, word = scan.reports[scanner], scan.words.get(finding.key)
    covered = report.covered.get(subject(finding), set())
    if covered and not covered & affected_versions(finding):
        return None
    if (finding.path, finding.ids) in scan.blurred:
        return None
    if not covered and report.state != "ok":
        return None
    if word and word.ruling in RULINGS and not (covered and word.ruling == "gone"):
        return _resolved(RULINGS[word.ruling], word.evidence)
    if word and word.ruling == "still-affected":
        return Sighting(state="unexplained", evidence=word.evidence)
    if covered:
        return _resolved("upgraded", f"{scanner} covered {finding.path} and no longer flags it")
    if report.selective:
        return _unlisted(finding, scanner)
    return _resolved("package-gone", f"{finding.path} is no longer scanned")


def _unlisted(finding: Finding, scanner: str) -> Sighting:
    about = finding.path or finding.package
    return Sighting(
        state="unexplained", evidence=f"{scanner} lists only what it flags, not {about}"
    )


def _left(finding: Finding, report: Report, covered: Set[str], scan: Scan) -> Sighting | None:
    """The version is no longer covered. Of a partial report, the resolver must vouch for it."""
    if covered and (report.state == "ok" or scan.resolution.is_rid_of(finding)):
        return _resolved("upgraded", f"now at {', '.join(sorted(covered))}")
    if report.selective:
        return _elsewhere(finding, scan)
    if report.state == "ok":
        return _resolved("package-gone", f"{finding.package} is no longer installed")
    return None


def _elsewhere(finding: Finding, scan: Scan) -> Sighting:
    """A report that lists only what it flags does not list the package; others may know it."""
    name, seen = subject(finding), affected_versions(finding)
    full = [r for r in scan.reports.values() if r.state == "ok" and not r.selective]
    known = frozenset[str]().union(*(r.covered.get(name, frozenset()) for r in full))
    if known and not known & seen:
        return _resolved("upgraded", f"now at {', '.join(sorted(known))}")
    return _unlisted(finding, ", ".join(finding.scanners))


def _vanished(finding: Finding, report: Report, scan: Scan) -> Sighting:
    """The version is still covered, so something else must explain the silence."""
    word = scan.words.get(finding.key)
    if word and word.ruling in RULINGS:
        return _resolved(RULINGS[word.ruling], word.evidence)
    if report.state == "ok" and scan.resolution.is_rid_of(finding):
        return _resolved("out-of-scope", f"no closure of users holds {finding.version} any longer")
    evidence = word.evidence if word else "its package and version stayed, no word explains it"
    return Sighting(state="unexplained", evidence=evidence)


def _resolved(cause: Cause, evidence: str) -> Sighting:
    return Sighting(state="resolved", cause=cause, evidence=evidence)
