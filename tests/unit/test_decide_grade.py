"""The grade: its table, and what must hold of it for all findings."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.decide.grade import BY_SEVERITY, FORMULA, Counted, grade, summarize

WORST_FIRST = [None, "F", "D", "C", "B", "A"]
SEVERITIES = st.lists(st.sampled_from(BY_SEVERITY), max_size=60)
KINDS = [
    Counted(severity=severity, exposure=exposure, fix=fix, overdue=overdue)
    for severity, exposure, fix, overdue in itertools.product(
        BY_SEVERITY, FORMULA.exposure, FORMULA.fix, (False, True)
    )
]
FINDINGS = st.lists(st.sampled_from(KINDS), max_size=30)


def fresh(severities):
    return [Counted(severity=severity) for severity in severities]


def letter(**counts):
    return grade(fresh(s for s, count in counts.items() for _ in range(count))).letter


def rank(findings):
    return WORST_FIRST.index(grade(findings).letter)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, "A"),
        ({"low": 1}, "A"),
        ({"low": 2}, "A"),
        ({"low": 3}, "B"),
        ({"low": 500}, "B"),
        ({"medium": 1}, "B"),
        ({"medium": 2}, "B"),
        ({"medium": 3}, "C"),
        ({"medium": 4}, "D"),
        ({"medium": 500}, "D"),
        ({"medium": 500, "low": 500}, "F"),
        ({"high": 1}, "C"),
        ({"high": 1, "low": 4}, "C"),
        ({"high": 2}, "D"),
        ({"high": 3}, "F"),
        ({"unknown": 1}, "C"),
        ({"unknown": 1, "high": 1}, "D"),
        ({"critical": 1}, "D"),
        ({"critical": 1, "medium": 1}, "D"),
        ({"critical": 1, "high": 1}, "F"),
        ({"critical": 2}, "F"),
    ],
)
def test_table(counts, expected):
    assert letter(**counts) == expected


@pytest.mark.parametrize(
    ("finding", "points", "expected"),
    [
        ({"severity": "high", "exposure": "some-installs"}, 88, "C"),
        ({"severity": "high", "fix": "new"}, 76, "C"),
        ({"severity": "high", "fix": "old"}, 64, "C"),
        ({"severity": "high", "overdue": True}, 76, "D"),
        ({"severity": "critical", "fix": "old"}, 40, "D"),
        ({"severity": "critical", "overdue": True}, 60, "F"),
        ({"severity": "medium", "exposure": "some-installs"}, 94, "A"),
        ({"severity": "medium", "exposure": "some-installs", "fix": "old"}, 91, "A"),
        ({"severity": "medium", "exposure": "some-installs", "overdue": True}, 94, "B"),
        ({"severity": "low", "overdue": True}, 96, "B"),
    ],
)
def test_exposure_age_and_delay(finding, points, expected):
    graded = grade([Counted(**finding)])
    assert (graded.points, graded.letter) == (points, expected)


def test_the_cap_is_lowered_once_however_many_are_overdue():
    late = [Counted(severity="high", overdue=True), Counted(severity="low", overdue=True)]
    told = [cap.reason for cap in grade(late).caps]
    assert told == ["1 high finding: C at best", "2 overdue findings: one letter lower, D at best"]


def test_deductions_tell_what_is_alike_the_dearest_first():
    held = [
        Counted(severity="low"),
        Counted(severity="low", fix="old"),
        Counted(severity="low", exposure="some-installs"),
        Counted(severity="medium"),
        Counted(severity="low", fix="old"),
    ]
    told = [(item.severity, item.count, item.points) for item in grade(held).deductions]
    assert told == [("medium", 1, 12), ("low", 2, 12), ("low", 1, 4), ("low", 1, 2)]


@given(FINDINGS, st.sampled_from(KINDS))
def test_one_more_finding_never_raises_it(findings, another):
    assert rank([*findings, another]) <= rank(findings)
    assert grade([*findings, another]).points <= grade(findings).points


@given(FINDINGS.flatmap(lambda s: st.tuples(st.just(s), st.permutations(s))))
def test_order_never_matters(pair):
    one, other = pair
    assert grade(one) == grade(other)


@given(FINDINGS, st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_any_doubt_withholds_it(findings, doubts):
    withheld = grade(findings, doubts)
    assert withheld.letter is None
    assert [cap.reason for cap in withheld.caps if cap.at_most is None] == doubts


@given(SEVERITIES)
def test_unknown_severity_counts_as_high(severities):
    as_high = ["high" if severity == "unknown" else severity for severity in severities]
    assert rank(fresh(severities)) == rank(fresh(as_high))


@given(FINDINGS, st.sampled_from(KINDS), st.sampled_from(["medium", "low"]))
def test_unknown_severity_is_never_better_than_a_lesser_known_one(findings, one, lesser):
    unknown, known = (msgspec.structs.replace(one, severity=s) for s in ("unknown", lesser))
    assert rank([*findings, unknown]) <= rank([*findings, known])


@given(FINDINGS, st.sampled_from(KINDS))
def test_what_an_unknown_counts_as_is_never_better(findings, known):
    """An unknown verdict counts as every install, an unknown date as old and overdue."""
    worst = {"exposure": "every-install", "fix": "old", "overdue": True}
    for field, value in worst.items():
        unknown = msgspec.structs.replace(known, **{field: value})
        assert rank([*findings, unknown]) <= rank([*findings, known])


@given(FINDINGS)
def test_every_point_is_accounted_for(findings):
    graded = grade(findings)
    assert graded.points == max(0, 100 - sum(item.points for item in graded.deductions))
    assert sum(item.count for item in graded.deductions) == len(findings)
    for severity, most in FORMULA.ceilings.items():
        taken = [item.points for item in graded.deductions if item.severity == severity]
        assert sum(taken) <= most


def test_severities_are_counted():
    told = summarize(["low", "unknown", "low"])
    assert (told.total, told.low, told.count("unknown"), told.high) == (3, 2, 1, 0)


def test_the_formula_covers_everything_and_rounds_nothing():
    assert set(FORMULA.points) == set(FORMULA.ceilings) == set(BY_SEVERITY)
    assert set(FORMULA.overdue_days) == set(BY_SEVERITY)
    assert list(FORMULA.bands.values()) == sorted(FORMULA.bands.values(), reverse=True)
    assert FORMULA.bands["F"] == 0
    for points, share, age in itertools.product(
        FORMULA.points.values(), FORMULA.exposure.values(), FORMULA.fix.values()
    ):
        assert points * share * age % 10_000 == 0
