"""Severity: the bands of each CVSS, the highest of a group, the databases' words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.scan.severity import Rating, Score, rate

V2_10 = Score("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C")
V2_75 = Score("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P")
V2_NIL = Score("CVSS_V2", "AV:N/AC:L/Au:N/C:N/I:N/A:N")
V3_98 = Score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
V3_75 = Score("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")
V3_53 = Score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L")
V3_16 = Score("CVSS_V3", "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N")
V3_NIL = Score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N")
V4_93 = Score("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")


@pytest.mark.parametrize(
    ("score", "severity", "number"),
    [
        (V2_10, "high", 10.0),
        (V2_75, "high", 7.5),
        (V2_NIL, "low", 0.0),
        (V3_98, "critical", 9.8),
        (V3_75, "high", 7.5),
        (V3_53, "medium", 5.3),
        (V3_16, "low", 1.6),
        (V4_93, "critical", 9.3),
    ],
)
def test_bands(score: Score, severity: str, number: float) -> None:
    assert rate([score], []) == Rating(severity=severity, score=number)  # type: ignore[arg-type]


def test_the_highest_wins_and_a_band_outweighs_a_number() -> None:
    assert rate([V3_53, V3_98, V2_10, V3_75], ["LOW"]) == Rating(severity="critical", score=9.8)
    assert rate([V2_10, V3_75], []).score == 10.0


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        (["MODERATE"], "medium"),
        (["Medium", "low"], "medium"),
        (["HIGH", "CRITICAL"], "critical"),
        ([], "unknown"),
        (["", "tremendous", None, 7, {"a": 1}, ["HIGH"]], "unknown"),
    ],
)
def test_words_speak_where_no_vector_does(words: list[Any], severity: str) -> None:
    assert rate([], words) == Rating(severity=severity)  # type: ignore[arg-type]


def test_a_vector_goes_before_a_word_and_an_unreadable_one_does_not() -> None:
    assert rate([V3_16], ["CRITICAL"]).severity == "low"
    for text in ("7.5", "", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N/AC:L"):
        assert rate([Score("CVSS_V3", text)], ["HIGH"]) == Rating(severity="high")
    assert rate([Score("Ubuntu", "negligible")], []).severity == "unknown"
    assert rate([V3_NIL], []).severity == "unknown"


@settings(deadline=None)  # cores are shared
@given(st.permutations([V2_10, V3_98, V3_75, V3_16, V4_93, Score("CVSS_V3", "rubbish")]))
def test_order_never_matters(scores: list[Score]) -> None:
    assert rate(scores, []) == Rating(severity="critical", score=9.8)


@settings(deadline=None)  # cores are shared
@given(st.sampled_from([V2_10, V3_98, V4_93]), st.integers(0, 70), st.text(max_size=3))
def test_a_damaged_vector_is_never_an_exception(score: Score, at: int, text: str) -> None:
    damaged = Score(score.type, score.score[:at] + text + score.score[at + len(text) :])
    assert rate([damaged], []).severity in {"critical", "high", "medium", "low", "unknown"}
