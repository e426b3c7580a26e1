"""Figures out of documents: what is counted, and that nothing is claimed of what is not known."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from test_record_history import returning
from worlds import NOON

from release.flows.figures import of_metrics
from release.flows.prometheus import as_prometheus
from release.model.heartbeat import Heartbeat
from release.model.history import History
from release.model.metrics import Spread
from release.model.release import Release
from release.model.runs import KEPT, Ran, Runs
from release.model.seal import Entry, Journal
from release.watch.metrics import Seen, metrics, spread

HOUR = timedelta(hours=1)
EMPTY = History(project="demo", repository="shop")


def ran(number=0, task="release.publish", **other):
    facts = {"run": str(number), "at": NOON + number * HOUR, "seconds": 60.0, "exit_code": 0}
    return Ran(task=task, **(facts | other))


def figures(*runs, history=EMPTY, now=NOON + 24 * HOUR, journals=(), record=None, heartbeat=None):
    book = Runs(project="demo", ran=runs)
    return metrics(Seen(book, history, journals, record, heartbeat), now)


def release(day, state="confirmed", trigger="manual"):
    at = NOON - day * 24 * HOUR
    return Release(version="1", trigger=trigger, fingerprint="f", state=state, sealed_at=at)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_spread_holds_values_that_occurred(values):
    found = spread(values)
    rounded = {round(value, 3) for value in values}
    assert found.count == len(values)
    assert {found.median, found.p95, found.most} <= rounded
    assert found.median <= found.p95 <= found.most == max(rounded)


def test_the_spread_is_nearest_rank():
    assert spread(range(1, 21)) == Spread(count=20, median=10, p95=19, most=20)
    assert spread([]) is None


def test_the_jobs_of_one_workflow_are_one_attempt_that_fails_with_any_of_them():
    jobs = [
        ran(1, run="a", steps={"gates": 1.0}),
        ran(2, run="a", steps={"build": 1.0}),
        ran(3, run="b", steps={"build": 1.0}, retries=2),
        ran(4, run="b", steps={"upload": 1.0}, exit_code=1, failure="auth", credential="aws"),
        ran(5, run="c", steps={"upload": 1.0}, exit_code=1, credential="aws"),
        ran(6, run="d", task="release.auto", scanners={"osv": "ok"}),
    ]
    found = figures(*jobs).publishing
    assert (found.attempts, found.succeeded, found.retries) == (3, 1, 2)
    assert found.failed == {"auth": 1, "unknown": 1}
    assert found.seconds == Spread(count=1, median=120, p95=120, most=120)
    assert (found.credentials["aws"].served, found.credentials["aws"].refused) == (1, 1)


def test_steps_are_those_of_the_journals_that_succeeded():
    lines = [("build", 2.0), ("upload-failed", 9.0), ("upload", 1.0), ("receipt", 0.0)]
    entries = tuple(Entry(step=step, at=NOON, seconds=seconds) for step, seconds in lines)
    found = figures(journals=(Journal(entries=entries), Journal(entries=entries[:1])))
    assert {name: one.count for name, one in found.publishing.steps.items()} == {
        "build": 2,
        "upload": 1,
    }


def test_releases_by_state_and_trigger_within_thirty_days():
    past = (release(1), release(2, trigger="security-auto"), release(40), release(0, "abandoned"))
    found = figures(history=replace(EMPTY, releases=past), now=NOON).releases
    assert found.by_state == {"confirmed": 3, "abandoned": 1}
    assert found.by_trigger == {"manual": 2, "security-auto": 1}
    assert (found.last_30_days, found.last_at) == (2, NOON - 24 * HOUR)


def test_scans_by_scanner_and_state_and_how_old_the_last_one_is():
    beat = Heartbeat(project="demo", repository="shop", commit="c", taken_at=NOON, scanners={})
    scans = [ran(n, "release.scan", scanners={"osv": s}) for n, s in enumerate(("ok", "failed"))]
    found = figures(*scans, ran(3), heartbeat=beat, now=NOON + 6 * HOUR).scanning
    assert (found.scans, found.outcomes) == (2, {"osv": {"ok": 1, "failed": 1}})
    assert (found.last_at, found.age_hours) == (NOON, 6.0)


def test_minutes_are_those_of_ci_alone():
    old = ran(0, at=NOON - 60 * 24 * HOUR, ci=True)
    found = figures(old, ran(1, ci=True), ran(2, task="release.scan", ci=True), ran(3)).ci
    assert (found.total, found.last_30_days) == (3.0, 2.0)
    assert found.by_task == {"release.publish": 2.0, "release.scan": 1.0}


def test_exposure_counts_from_the_publication_to_the_remedy():
    past = returning()
    tracked = past.record.tracked[0]
    early = replace(tracked.finding, published_at=NOON - 24 * HOUR)
    record = replace(past.record, tracked=(replace(tracked, finding=early),))
    history = past.history(31)
    found = figures(history=history, record=record, now=NOON + 31 * 24 * HOUR).exposure
    is_open = history.stories[0].state == "open"
    assert (found.open is not None, found.ended is not None) == (is_open, not is_open)
    days = (found.open or found.ended).median
    last = history.stories[0].spans[-1].closed or NOON + 31 * 24 * HOUR
    assert days == (last - (NOON - 24 * HOUR)) / (24 * HOUR)
    assert found.since_fix is None


def test_what_is_not_known_has_no_sample():
    samples = list(text_string_to_metric_families(as_prometheus(figures())))
    names = {family.name for family in samples}
    assert not {n for n in names if "last_" in n or "findings" in n or "seconds" in n}
    text = of_metrics(figures())
    assert "none yet" in text
    assert "overdue" not in text


def test_prometheus_reads_every_sample_with_its_labels():
    journal = Journal(entries=(Entry(step="build", at=NOON, seconds=2.5),))
    found = figures(
        ran(1, exit_code=1, failure="auth", steps={"upload": 1.0}, credential='a"b\\\n'),
        journals=(journal,),
        history=replace(EMPTY, releases=(release(1),)),
    )
    read = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(as_prometheus(found))
        for sample in family.samples
    }
    both = [("project", "demo"), ("repository", "shop")]
    failed = ("release_warden_publish_failed", ("class", "auth"), *both)
    assert read[failed] == 1
    step = [("project", "demo"), ("quantile", "0.95"), ("repository", "shop"), ("step", "build")]
    assert read[("release_warden_publish_step_seconds", *step)] == 2.5
    refused = [("outcome", "refused"), *both, ("source", 'a"b\\\n')]
    assert read[("release_warden_credential_uses", *refused)] == 1


@given(st.permutations(range(6)))
def test_the_book_is_in_order_whoever_writes_first(order):
    book = Runs(project="demo")
    for number in order:
        book = book.with_run(ran(number))
    assert [one.run for one in book.ran] == [str(n) for n in range(6)]


def test_the_book_has_an_end():
    full = Runs(project="demo", ran=tuple(ran(n) for n in range(KEPT)))
    more = full.with_run(ran(KEPT))
    assert len(more.ran) == KEPT
    assert (more.ran[0].run, more.ran[-1].run) == ("1", str(KEPT))
