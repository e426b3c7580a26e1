"""The automatic decision, hour after hour: an unchanged world releases nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from worlds import FREED, NOON, closure, finding, reach, release, scanner, snapshot

from release.config import Policy
from release.decide.engine import Evidence, ReleaseAutomationEngine
from release.model.base import digest, encode
from release.model.decision import Decision
from release.model.record import Record
from release.model.release import Release
from release.model.snapshot import Gap, Snapshot, Word
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.record.identity import lasting

pytestmark = pytest.mark.proof

HOUR = timedelta(hours=1)
ENGINE = ReleaseAutomationEngine(Policy())
PACKAGES = tuple(f"p{number:02}" for number in range(30))
PINS = tuple(f"{name}==1.0" for name in PACKAGES)
FINDINGS = tuple(
    finding(
        f"CVE-{number}@{name}",
        ids=(f"CVE-{number}", f"GHSA-{number}", f"PYSEC-{number}"),
        severity=severity,
        source=("a", "b"),
    )
    for number, (name, severity) in enumerate(
        zip(PACKAGES[::3], ("critical", "high", "medium", "low", "unknown") * 2, strict=True)
    )
)
VERDICTS = ("blocked-by-us", "installable-fix", "blocked-upstream", "no-fix", "unknown")
REACH = tuple(reach(item, VERDICTS[n % 5]) for n, item in enumerate(FINDINGS))
WORLD = snapshot(
    *FINDINGS,
    reach=REACH,
    scanners={"osv": scanner(*PINS)},
    closures=(closure("published", PINS), closure("candidate", PINS)),
)


class Hours:
    """A project that is scanned and decided on every hour; what is owed is shipped at once."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self.releases: list[Release] = []

    def run(self, scan: Snapshot) -> tuple[Record, Decision, list[str]]:
        """The record, the decision and the kinds of change after a scan."""
        before, scan = self.record, lasting(self.record, scan)
        self.record = carry_forward(before, scan)
        changes = SecurityChangeDetector().compare(before, self.record).changes
        known = Evidence(
            snapshot=scan,
            record=self.record,
            baseline=digest(before) if before else "nothing",
            config="config",
            releases=tuple(self.releases),
        )
        decision = ENGINE.decide(known)
        if decision.action == "release":
            self._ship(decision, scan.taken_at)
        return self.record, decision, [change.kind for change in changes]

    def _ship(self, decision: Decision, at: datetime) -> None:
        weight = "minor" if decision.rule == "removes-medium-or-low" else "major"
        version = f"1.0.{len(self.releases)}"
        mark = decision.fingerprint
        made = release(version, fingerprint=mark, sealed_at=at, weight=weight)
        self.releases.append(made)


def disturbed(scan: Snapshot, at: datetime, chance: random.Random) -> Snapshot:
    """The same world as another scan might write it down: other order, other clocks."""

    def shuffled(items: Iterable[object]) -> tuple[object, ...]:
        held = list(items)
        return tuple(chance.sample(held, len(held)))

    return replace(
        scan,
        taken_at=at,
        findings=shuffled(
            replace(item, ids=shuffled(item.ids), source=shuffled(item.source), first_seen=None)
            for item in scan.findings
        ),
        reach=shuffled(scan.reach),
        closures=shuffled(
            replace(c, pins=shuffled(c.pins), exclude_newer=at) for c in scan.closures
        ),
        scanners={
            name: replace(s, covered=shuffled(s.covered), database_date=at)
            for name, s in scan.scanners.items()
        },
    )


def half_blind(scan: Snapshot, chance: random.Random) -> Snapshot:
    """The scan of a scanner that failed, went silent, or skipped some of the packages."""
    osv = scan.scanners["osv"]
    missed = set(chance.sample(PACKAGES, chance.randint(1, len(PACKAGES))))
    seen = tuple(item for item in osv.covered if item.partition("==")[0] not in missed)
    skipped = tuple(Gap(name=name, reason="no answer") for name in sorted(missed))
    state = chance.choice(("failed", "absent", "partial", "skips", "empty"))
    if state in {"failed", "absent"}:
        return replace(scan, findings=(), scanners={"osv": scanner(state=state)})
    told = {"partial": replace(osv, state="partial", covered=seen)}
    told["skips"] = replace(osv, covered=seen, skipped=skipped)
    told["empty"] = replace(osv, covered=())
    left = tuple(item for item in scan.findings if item.package not in missed)
    kept = () if state == "empty" else left
    return replace(scan, findings=kept, scanners={"osv": told[state]})


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_scans_of_an_unchanged_world_change_nothing(seed):
    """However they are ordered and dated, and whatever they fail to see."""
    chance = random.Random(seed)
    hours = Hours()
    first, owed, _ = hours.run(WORLD)
    assert (owed.action, owed.rule) == ("hold", "nothing-to-ship")
    blind = 0
    for hour in range(1, 201):
        scan = disturbed(WORLD, NOON + hour * HOUR, chance)
        is_blind = chance.random() < 0.3
        blind += is_blind
        record, decision, kinds = hours.run(half_blind(scan, chance) if is_blind else scan)
        assert kinds == []
        assert record.tracked == first.tracked
        if is_blind:
            assert decision.action in {"hold", "unknown"}
        else:
            assert encode(record) == encode(first)
            assert encode(replace(decision, inputs=owed.inputs)) == encode(owed)
    assert hours.releases == []
    assert 30 < blind < 90


def flip(number: int, *, present: bool, severity: str, key: str) -> Snapshot:
    """HEAD is free of a finding that users have now, and now have not, as its advisory flips."""
    held = finding(key, severity=severity, affects=FREED)
    word = Word(key="CVE-1@jinja2", ruling="withdrawn", evidence="withdrawn")
    found = (held,) if present else ()
    words = () if present else (word,)
    return snapshot(*found, words=words, taken_at=NOON + number * HOUR)


def flipped(severity: str, key: str = "CVE-1@jinja2", every: int = 1) -> list[Release]:
    """The releases after fifty flips, on and off; ``{}`` in the key is another one each time."""
    hours = Hours()
    for number in range(100):
        on = number % 2 == 0
        hours.run(flip(number * every, present=on, severity=severity, key=key.format(number)))
    return hours.releases


def most_in(releases: list[Release], window: timedelta) -> int:
    """The most releases that fall into any window of that length."""
    days = [item.sealed_at for item in releases]
    return max(sum(day <= other < day + window for other in days) for day in days)


@pytest.mark.parametrize("severity", ["critical", "high", "unknown", "medium", "low"])
def test_a_finding_that_flips_fifty_times_is_released_once(severity):
    assert len(flipped(severity)) == 1


@pytest.mark.parametrize("every", [1, 5, 24], ids=lambda hours: f"every {hours} h")
@pytest.mark.parametrize(("severity", "budget"), [("critical", 3), ("unknown", 3), ("low", 1)])
def test_fifty_findings_that_come_and_go_stay_within_the_budget(severity, budget, every):
    """Each under an id of its own, so that nothing but the budget can stop them."""
    releases = flipped(severity, "CVE-{}@jinja2", every)
    assert most_in(releases, timedelta(days=7)) == budget
