"""The grade: its table, and what must hold of it for all findings."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.decide.grade import BY_SEVERITY, FORMULA, Summary, grade, summarize

WORST_FIRST = [None, "F", "D", "C", "B", "A"]
SEVERITIES = st.lists(st.sampled_from(BY_SEVERITY), max_size=60)


def letter(**counts):
    return grade(Summary(**counts, total=sum(counts.values()))).letter


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
        ({"medium": 5}, "D"),
        ({"medium": 500}, "D"),
        ({"medium": 500, "low": 500}, "F"),
        ({"high": 1}, "C"),
        ({"high": 1, "low": 1}, "C"),
        ({"high": 2}, "D"),
        ({"high": 3}, "F"),
        ({"unknown": 1}, "C"),
        ({"unknown": 1, "high": 1}, "D"),
        ({"critical": 1}, "D"),
        ({"critical": 1, "medium": 1}, "F"),
        ({"critical": 2}, "F"),
    ],
)
def test_table(counts, expected):
    assert letter(**counts) == expected


@given(SEVERITIES, st.sampled_from(BY_SEVERITY))
def test_one_more_finding_never_raises_it(severities, another):
    before, after = (grade(summarize(s)) for s in (severities, [*severities, another]))
    assert WORST_FIRST.index(after.letter) <= WORST_FIRST.index(before.letter)
    assert after.points <= before.points


@given(SEVERITIES.flatmap(lambda s: st.tuples(st.just(s), st.permutations(s))))
def test_order_never_matters(pair):
    one, other = pair
    assert grade(summarize(one)) == grade(summarize(other))


@given(SEVERITIES, st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_any_doubt_withholds_it(severities, doubts):
    withheld = grade(summarize(severities), doubts)
    assert withheld.letter is None
    assert [cap.reason for cap in withheld.caps if cap.at_most is None] == doubts


@given(SEVERITIES)
def test_unknown_severity_counts_as_high(severities):
    as_high = ["high" if severity == "unknown" else severity for severity in severities]
    assert grade(summarize(severities)).letter == grade(summarize(as_high)).letter


@given(SEVERITIES, st.integers(0, 59), st.sampled_from(["medium", "low"]))
def test_unknown_severity_is_never_better_than_a_lesser_known_one(severities, place, known):
    if "unknown" not in severities:
        return
    at = [i for i, severity in enumerate(severities) if severity == "unknown"]
    lesser = severities.copy()
    lesser[at[place % len(at)]] = known
    ranks = [WORST_FIRST.index(grade(summarize(s)).letter) for s in (severities, lesser)]
    assert ranks[0] <= ranks[1]


@given(SEVERITIES)
def test_every_point_is_accounted_for(severities):
    graded = grade(summarize(severities))
    assert graded.points == max(0, 100 - sum(item.points for item in graded.deductions))
    assert {item.severity: item.count for item in graded.deductions} == {
        severity: severities.count(severity) for severity in set(severities)
    }


def test_the_formula_covers_every_severity_and_only_falls():
    assert set(FORMULA.points) == set(FORMULA.ceilings) == set(BY_SEVERITY)
    assert list(FORMULA.bands.values()) == sorted(FORMULA.bands.values(), reverse=True)
    assert msgspec.to_builtins(FORMULA)["bands"]["F"] == 0
