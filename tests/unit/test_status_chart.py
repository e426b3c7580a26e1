"""Charts: the areas are where the numbers say, and the table behind says the same."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from release.decide.grade import BY_SEVERITY, LETTERS, Summary
from release.model.monitoring import Probe, ProbeDay, Probes
from status_site.availability import availability
from status_site.chart import Series, bar, scale, stacked
from status_site.monitoring import monitoring, status_monitoring
from status_site.past import MOST_ROWS, past
from status_site.timeline import Day, StatusHistory

counts = st.lists(st.integers(0, 60), min_size=6, max_size=6)
stacks = st.lists(counts, min_size=1, max_size=5)


def series(stack):
    return [Series(f"<{n}&", f"tone{n}", tuple(values)) for n, values in enumerate(stack)]


def areas(svg):
    """What each area spans at the middle of each point, read off its outline."""
    root = ET.fromstring(svg)
    top, count = int(root.get("viewBox").split()[3]), int(root.get("viewBox").split()[2])
    told = [path for path in root if path.get("class").startswith("tone")]
    return top, [[_span(path.get("d"), n + 0.5, top) for n in range(count)] for path in told]


def _span(outline, at, top):
    x, y, crossed = 0, 0, []
    for stroke, number in re.findall(r"([MhvVZ ])(-?\d+)?", outline):
        if stroke == " ":  # of "M0 y"
            y = int(number)
        elif stroke == "h":
            here, x = x, x + int(number)
            if min(here, x) < at < max(here, x):
                crossed.append(top - y)
        elif stroke in "vV" and number:
            y = y + int(number) if stroke == "v" else int(number)
    upper, lower = crossed
    return lower, upper


@given(stacks)
def test_each_area_lies_on_the_one_before_and_is_as_high_as_its_number(stack):
    top, drawn = areas(stacked(series(stack), "all"))
    for point in range(6):
        below = 0
        for values, spans in zip(stack, drawn, strict=True):
            assert spans[point] == (below, below + values[point])
            below += values[point]
        assert below <= top


@given(stacks)
def test_the_scale_holds_all_and_halves_to_a_whole_number(stack):
    top = scale(series(stack))
    highest = max(map(sum, zip(*stack, strict=True)))
    assert highest <= top <= max(2, 2 * highest)
    assert top % 2 == 0


def test_words_in_it_are_only_words():
    svg = stacked(series([[1, 2]]), '"><script>', [1])
    root = ET.fromstring(svg)
    assert root.get("aria-label") == '"><script>'
    assert "<script" not in svg
    assert [title.text for title in root.iter("title")] == ["<0&"]
    assert "style" not in svg  # the policy of the page refuses such an attribute


def history(totals, releases=None):
    first = date(2026, 1, 1)
    days = tuple(
        Day(
            day=first + timedelta(days=number),
            open=Summary(high=total, total=total),
            opened=max(0, total - before),
            closed=max(0, before - total),
            releases=(releases or {}).get(number, ()),
        )
        for number, (before, total) in enumerate(zip([0, *totals], totals, strict=False))
    )
    return StatusHistory(build_id="", project="demo", scan_date=None, days=days, response_times=())


def test_the_table_tells_each_day_of_change():
    told = past(history([0, 2, 2, 2, 1], {3: ("1.1",)}))
    rows = [(row.when, row.open.total, row.opened, row.closed, row.releases) for row in told.rows]
    assert rows == [
        ("5 January 2026", 1, 0, 1, ()),
        ("4 January 2026", 2, 0, 0, ("1.1",)),
        ("2 January 2026", 2, 2, 0, ()),
        ("1 January 2026", 0, 0, 0, ()),
    ]  # fmt: skip
    assert told.legend == (("high", 1),)
    assert told.has_releases
    assert "at most 2 on 2 January 2026, 1 at last" in told.drawing


@given(st.lists(st.integers(0, 3), min_size=1, max_size=366))
def test_the_table_is_bounded_and_loses_nothing(totals):
    given_ = history(totals)
    told = past(given_)
    assert len(told.rows) <= MOST_ROWS
    assert sum(row.opened for row in told.rows) == sum(day.opened for day in given_.days)
    assert sum(row.closed for row in told.rows) == sum(day.closed for day in given_.days)
    assert told.rows[0].open == given_.days[-1].open or len(told.rows) <= MOST_ROWS
    assert (told.drawing is None) == (not any(totals))


def checked(*days):
    told = tuple(
        ProbeDay(day=date(2026, 11, day), checks=checks, good=good, unknown=unknown)
        for day, checks, good, unknown in days
    )
    last = datetime(2026, 11, days[-1][0], 12, tzinfo=UTC)
    probes = Probes(project="demo", url="u", ring=(Probe(at=last, state="ok"),), days=told)
    return availability(status_monitoring("", monitoring(probes, last), probes))


def test_a_bar_for_each_day_and_none_is_good_that_nobody_saw():
    told = checked((1, 4, 4, 0), (2, 4, 3, 0), (4, 4, 0, 1), (5, 2, 0, 2), (6, 1, 1, 0))
    bars = {path.get("class"): path.get("d").count("z") for path in ET.fromstring(told.drawing)}
    assert bars == {"none": 86, "ok": 2, "partial": 1, "failed": 1}
    assert [day.day.day for day in told.bad] == [5, 4, 2]
    assert "checks on 5 days, with one that was not good on 3 days" in told.drawing


def test_nobody_looked_no_availability():
    assert availability(status_monitoring("", None, None)) is None


def test_no_day_no_history():
    assert past(history([])) is None


def test_every_severity_has_its_colour():
    from importlib.resources import files

    style = (files("status_site") / "templates" / "style.css").read_text("utf-8")
    assert all(f".{severity} {{ --fill:" in style for severity in BY_SEVERITY)
    assert all(f".{letter} {{ --fill:" in style for letter in LETTERS)
    assert len(set(re.findall(r"--fill-\w+: (#\w+)", style))) == 2 * (len(BY_SEVERITY) + 2)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
def test_the_parts_of_a_bar_lie_side_by_side_within_it(lengths):
    drawn = ET.fromstring(bar([("ok", length) for length in lengths], sum(lengths)))
    spans = [re.fullmatch(r"M(\d+) 0h(\d+)v1h-\2z", path.get("d")).groups() for path in drawn]
    ends = [int(start) + int(wide) for start, wide in spans]
    assert [int(start) for start, _ in spans[1:]] == ends[:-1]
    assert not ends or ends[-1] <= 1000 + len(lengths)


def test_the_past_tells_a_grade_only_of_days_of_which_it_is_known():
    days = history([1, 1, 1, 1]).days
    known = [("A", 2), (None, 2), (None, None), ("C", 2)]
    told = past(
        msgspec.structs.replace(
            history([1]),
            days=tuple(
                msgspec.structs.replace(day, grade=grade, formula_version=version)
                for day, (grade, version) in zip(days, known, strict=True)
            ),
        )
    )
    assert told.letters == ("A", "C")
    bars = {path.get("class"): path.get("d").count("z") for path in ET.fromstring(told.grades)}
    assert bars == {"A": 1, "none": 2, "C": 1}
    assert "A on 1 day, C on 1 day; none on 2 days" in told.grades
    assert [row.grade for row in told.rows] == ["C", "none", "A"]
    assert past(history([1])).grades is None
