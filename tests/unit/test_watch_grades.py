"""The grade that a scan earns, and the grades of past days."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from status_worlds import NOW, OSV, WHERE, closure, finding, world

from release.decide.counted import earned
from release.decide.grade import FORMULA_VERSION
from release.model.finding import SLA
from release.model.grades import GradedDay, Grades
from release.model.snapshot import Gap, Reach, Scanner
from release.watch.grades import KEPT, with_day
from status_site.documents import Documents
from status_site.status import SecurityStatus
from status_site.timeline import timeline

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NONE = Grades(**WHERE)
VERDICTS = ("installable-fix", "blocked-by-us", "blocked-upstream", "no-fix", "unknown")


def of(*points):
    """The grades of scans, each written when it was."""
    known = NONE
    for letter, at in points:
        known = with_day(known, letter, at, at)
    return known


def told(grades):
    return [(one.grade, one.at) for one in grades.days]


@st.composite
def worlds(draw):
    """What users get, each differing in all that the grade counts."""
    severities = draw(st.lists(st.sampled_from(sorted(SLA)), max_size=5))
    held, reach = [], []
    for number, severity in enumerate(severities):
        ago = draw(st.none() | st.integers(0, 150))
        facts = {
            "kind": draw(st.sampled_from(["dependency", "code", "secret"])),
            "scope": draw(st.sampled_from(["runtime", "extra", "dev", "floor"])),
            "first_seen": None if ago is None else NOW - ago * DAY,
            "fixed_in": draw(st.sampled_from([(), ("2",)])),
            "affects": {draw(st.sampled_from(["published", "candidate"])): ("1",)},
        }
        one = finding(f"p{number}/CVE-{number}", severity, **facts)
        held.append(one)
        verdict = draw(st.sampled_from(VERDICTS))
        reach.append(Reach(key=one.key, package=one.package, ids=one.ids, verdict=verdict))
    gaps = draw(st.sampled_from([(), (Gap(name="odd", reason="sdists only"),)]))
    kinds = draw(st.sampled_from([("published", "candidate"), ("candidate",), ()]))
    states = draw(st.sampled_from([{"osv": OSV}, {"osv": Scanner(state="failed")}, {}]))
    return world(
        *held, reach=tuple(reach), closures=tuple(closure(kind, gaps=gaps) for kind in kinds),
        scanners=states, receipts=(),
    )  # fmt: skip


@given(worlds())
def test_what_a_scan_earns_is_what_the_site_shows_of_it(documents):
    shown = SecurityStatus.from_documents(documents)
    got = earned(documents.record, documents.snapshot, documents.heartbeat)
    assert (got.letter, got.points) == (shown.security_grade, shown.grade_points)
    assert got.caps == shown.grade_caps
    assert got.deductions == shown.grade_deductions


def test_of_a_day_the_last_scan_is_kept_whoever_writes_last():
    early, late = ("A", NOW), (None, NOW + HOUR)
    assert told(of(early, late)) == [late]
    late_writer = with_day(of(late), "A", NOW, NOW + 2 * HOUR)
    assert told(late_writer) == [late]
    assert told(of(early, ("C", NOW + DAY))) == [early, ("C", NOW + DAY)]


def test_what_a_wrong_clock_wrote_is_dropped():
    assert told(of(("A", NOW + 400 * DAY), ("C", NOW))) == [("C", NOW)]


def test_they_are_bounded():
    held = of(*(("B", NOW + number * DAY) for number in range(KEPT + 5)))
    assert len(held.days) == KEPT
    assert held.days[-1] == GradedDay(
        at=NOW + (KEPT + 4) * DAY, grade="B", formula_version=FORMULA_VERSION
    )


def test_the_site_tells_of_each_day_what_is_known_of_it():
    kept = of(("A", NOW - 3 * DAY), (None, NOW - DAY), ("C", NOW))
    bare = world(finding())
    facts = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    documents = Documents(**(facts | {"grades": kept}))
    days = timeline(documents, SecurityStatus.from_documents(documents)).days
    version = FORMULA_VERSION
    assert [(day.grade, day.formula_version) for day in days[-4:]] == [
        ("A", version),
        (None, None),
        (None, version),
        ("C", version),
    ]
