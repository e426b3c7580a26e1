"""The room ``watch``: the ring of checks, uptime, lateness, and what people are alerted to."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import FailedError, UnknownError
from release.model.monitoring import Check, Latency, Probe, Trouble
from release.watch.ring import (
    DAYS,
    LONGEST,
    believable,
    failing_since,
    percent,
    probe_of,
    uptimes,
    with_probe,
)
from release.watch.verdict import CODES, alarms, is_late, state_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = {"project": "paperboy", "url": "https://paperboy.example/"}


def trouble(kind, path="index.json"):
    return Trouble(kind=kind, path=path, what=f"{path}: {kind}", remedy=f"mend {kind}")


def ring_of(probes):
    held = None
    for probe in probes:
        held = with_probe(held, probe, **HERE)
    return held


def test_ring_and_days_are_bounded():
    held = ring_of(Probe(at=NOON + number * DAY, state="ok") for number in range(500))
    assert (len(held.ring), len(held.days)) == (LONGEST, DAYS)
    assert held.ring[-1].at == NOON + 499 * DAY
    assert held.days[0].day == (NOON + (500 - DAYS) * DAY).date()


moments = st.integers(0, 10_000).map(lambda minutes: NOON + timedelta(minutes=minutes))
states = st.sampled_from(["ok", "settling", "failed", "unknown"])
probes = st.builds(Probe, at=moments, state=states, latency_ms=st.none() | st.integers(0, 9000))


@given(st.lists(probes, max_size=40, unique=True))
def test_days_count_every_check_once_in_whatever_order_they_come(some):
    held = ring_of(some)
    if not some:
        return
    assert list(held.ring) == sorted(held.ring, key=lambda probe: probe.at)
    assert {*held.ring} == {*some}
    assert sum(day.checks for day in held.days) == len(some)
    assert sum(day.good for day in held.days) == sum(p.state in {"ok", "settling"} for p in some)
    assert sum(day.unknown for day in held.days) == sum(p.state == "unknown" for p in some)
    worst = max((p.latency_ms for p in some if p.latency_ms is not None), default=None)
    assert max((d.worst_ms for d in held.days if d.worst_ms is not None), default=None) == worst
    assert ring_of([*some, some[0]]) == held


def test_a_late_comer_takes_its_place():
    some = [Probe(at=NOON + number * HOUR, state="ok", latency_ms=4) for number in range(3)]
    assert len({ring_of(order) for order in permutations(some)}) == 1


def test_a_site_that_moved_begins_anew():
    held = ring_of([Probe(at=NOON, state="ok")])
    moved = with_probe(held, Probe(at=NOON + HOUR, state="ok"), project="p", url="https://new/")
    assert len(moved.ring) == 1


def test_uptime_is_of_checks_and_unknown_ones_are_not_good():
    some = [Probe(at=NOON - number * DAY, state="ok") for number in range(9)]
    some += [Probe(at=NOON - HOUR, state="failed"), Probe(at=NOON - 2 * HOUR, state="unknown")]
    told = {item.days: item for item in uptimes(ring_of(some).days, NOON)}
    assert [(d, u.checks, u.good, u.unknown) for d, u in told.items()] == [
        (1, 3, 1, 1), (7, 9, 7, 1), (30, 11, 9, 1), (90, 11, 9, 1)
    ]  # fmt: skip
    assert told[1].percent == 33.33
    assert uptimes((), NOON)[0].percent is None


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_less_than_all_is_never_a_hundred_percent(good, checks):
    told = percent(min(good, checks), checks)
    assert (told == 100) == (good >= checks)


def test_failing_since():
    def at(*states):
        return [Probe(at=NOON + n * HOUR, state=state) for n, state in enumerate(states)]

    assert failing_since(at("failed", "ok", "unknown", "failed")) == NOON + 2 * HOUR
    assert failing_since(at("failed", "settling")) is None
    assert failing_since(at("failed")) == NOON
    assert failing_since([]) is None


def test_what_lies_in_the_future_is_not_believed():
    held = ring_of([Probe(at=NOON, state="ok"), Probe(at=NOON + 3650 * DAY, state="failed")])
    seen = believable(held, NOON + HOUR)
    assert [probe.state for probe in seen.ring] == ["ok"]
    assert len(seen.days) == 1


@pytest.mark.parametrize(
    ("kinds", "answered", "state"),
    [
        ([], True, "ok"),
        (["settling"], True, "settling"),
        (["throttled", "settling"], True, "settling"),
        (["settling", "stale"], True, "failed"),
        (["unreachable"], True, "failed"),
        (["unreachable"], False, "unknown"),
        (["unreachable", "late"], False, "unknown"),
        (["certificate"], False, "failed"),
        (["clock"], True, "unknown"),
        (["clock", "status"], True, "failed"),
    ],
)
def test_states(kinds, answered, state):
    assert state_of([trouble(kind) for kind in kinds], answered=answered) == state


def test_exit_codes():
    assert CODES == {"ok": 0, "settling": 75, "failed": 1, "unknown": 4}


@pytest.mark.parametrize(
    ("every", "age", "late"),
    [(24, 36, False), (24, 37, True), (1, 2, False), (1, 2.1, True), (6, 9, False), (6, 9.1, True)],
)
def test_a_scan_is_late_after_half_as_long_again(every, age, late):
    assert is_late(NOON - age * HOUR, every * HOUR, NOON) == late


def check(state, *kinds, **change):
    facts = {"url": HERE["url"], "at": NOON, "rounds": 3, "asked": 9}
    return Check(state=state, troubles=tuple(map(trouble, kinds)), **(facts | change))


def test_alarms_are_one_of_each_kind_with_all_of_its_troubles():
    told = alarms(check("failed", "status", "stale", "late", "behind", "bytes"))
    assert [(it.failure, it.exit_code) for it in told] == [
        ("status-failed", 1), ("status-stale", 1), ("scan-late", 1)
    ]  # fmt: skip
    assert told[0].why == "index.json: status\nindex.json: bytes"
    assert told[0].remedy == "mend status; mend bytes"
    assert HERE["url"] in told[0].what
    assert {type(it) for it in told} == {FailedError}


def test_nothing_is_alerted_that_is_well_or_passes():
    assert alarms(check("ok")) == alarms(check("settling", "settling")) == ()
    (unseen,) = alarms(check("unknown", "unreachable"))
    assert (type(unseen), unseen.exit_code) == (UnknownError, 4)


def test_a_probe_keeps_kinds_and_no_words():
    seen = check("failed", "status", "status", "late", latency=Latency(median_ms=3, worst_ms=9))
    assert probe_of(seen) == Probe(
        at=NOON, state="failed", latency_ms=3, troubles=("late", "status")
    )
