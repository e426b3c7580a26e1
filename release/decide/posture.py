"""What users are told of their posture: how it moved since the last release told it.

For projects that ship their findings document inside the package (preset ``posture``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from release.config import Policy
from release.decide.grade import Counted, grade
from release.model.changes import Change, ChangeKind, Changes
from release.model.finding import RELEASABLE, Finding
from release.model.grades import Letter
from release.model.record import Record

WORSE: frozenset[ChangeKind] = frozenset({"new", "returned", "worsened"})


@dataclass(frozen=True)
class LastRelease:
    """What was known when the last release was made.

    ``changes`` are those from ``record`` to now; ``mended`` are the keys of the findings that the
    release itself took from users, which are therefore no news.
    """

    record: Record
    mended: tuple[str, ...]
    changes: Changes


@dataclass(frozen=True)
class Posture:
    """What the last release does not tell yet.

    ``fresh`` are the critical, high or unknown-severity findings that users get, ``settled`` those
    that are resolved with a cause; ``before`` and ``after`` are the grades, where there are any.
    """

    fresh: tuple[Change, ...] = ()
    settled: tuple[Change, ...] = ()
    before: Letter | None = None
    after: Letter | None = None

    @property
    def is_better(self) -> bool:
        """Whether the grade is better by a letter; without a grade on both sides it is not."""
        return bool(self.before and self.after and self.after < self.before)

    @property
    def has_moved(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.fresh or self.settled or self.is_better)

    @property
    def mark(self) -> list[object]:
        """What a fingerprint needs of it: the same for a finding that comes again.

        The grades count where nothing else moved; else they follow from what did.
        """
        told = [(change.key, "open") for change in self.fresh]
        told += [(change.key, "gone") for change in self.settled]
        return [*sorted(told)] if told else [self.before, self.after]


def posture(last: LastRelease, record: Record, policy: Policy, unknown: Collection[str]) -> Posture:
    """How the posture moved since the last release.

    :param record: what is known now.
    :param unknown: what is required and not known; it withholds the grade.
    """
    told = {item.finding.key for item in record.tracked if _users_are_told(item.finding)}
    changes = [change for change in last.changes.changes if change.key in told]
    known = {finding.key for finding in users_get(record)}
    return Posture(
        fresh=tuple(
            c for c in changes if c.kind in WORSE and c.severity in RELEASABLE and c.key in known
        ),
        settled=tuple(
            c for c in changes if c.kind == "resolved" and c.cause and c.key not in last.mended
        ),
        before=_letter(last.record, last.mended, tuple(doubts(last.record, policy))),
        after=_letter(record, (), tuple(unknown)),
    )


def _users_are_told(finding: Finding) -> bool:
    return finding.scope in {"runtime", "extra"}


def users_get(record: Record) -> Iterator[Finding]:
    """The open findings that count in the grade."""
    for finding in record.open:
        if _users_are_told(finding) and not finding.suppressed and finding.reaches("published"):
            yield finding


def doubts(record: Record, policy: Policy) -> Iterator[str]:
    """The required scanners that had no whole word, by name and with what they miss."""
    for name in sorted(policy.required):
        coverage = record.scanners.get(name)
        if coverage is None:
            yield f"{name}: it has never reported"
        elif coverage.state != "ok" or coverage.unknown:
            about = ", ".join(sorted(coverage.unknown)).replace("*", "everything")
            yield f"{name} is {coverage.state}: no word on {about or 'everything'}"


def _letter(record: Record, without: Iterable[str], unknown: tuple[str, ...]) -> Letter | None:
    """The grade by severities alone: a decision knows no time, so ages stay out of it."""
    gone = set(without)
    counted = (Counted(severity=f.severity) for f in users_get(record) if f.key not in gone)
    return grade(counted, unknown).letter
