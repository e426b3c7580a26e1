"""Figures out of documents: what is counted, and that nothing is claimed of what is not known."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from test_record_history import Past, returning
from worlds import NOON, finding

from release.flows.figures import of_metrics
from release.flows.prometheus import as_prometheus
from release.model.base import encode
from release.model.heartbeat import Heartbeat
from release.model.history import History, Response
from release.model.metrics import Exposure, Metrics, Spread
from release.model.monitoring import ProbeDay, Probes
from release.model.release import Release
from release.model.runs import KEPT, Ran, Runs, Update
from release.model.seal import Entry, Journal
from release.watch.metrics import Seen, metrics, spread, until_today

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


def test_an_index_that_does_not_answer_is_a_failed_attempt_and_a_refused_plan_is_none():
    early = ran(1, exit_code=75, failure="network", retries=3)
    refused = ran(2, exit_code=3, failure="policy")
    found = figures(early, refused, ran(3), ran(4, "release.scan", exit_code=75)).publishing
    assert (found.attempts, found.failed, found.retries) == (1, {"network": 1}, 3)


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
    assert found.last_whole_at == NOON, "the second saw nothing"


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


@pytest.mark.parametrize(
    ("facts", "exposed"),
    [
        ({}, True),
        ({"scope": "extra", "affects": {"published": ("1.0",)}}, True),
        ({"scope": "floor", "affects": {"floor": ("1.0",)}}, False),
        ({"scope": "dev", "affects": {"dev": ("1.0",)}}, False),
        ({"affects": {"candidate": ("1.0",)}}, False),
    ],
)
def test_exposed_is_who_gets_it_and_nobody_to_what_only_head_or_a_floor_holds(facts, exposed):
    past = Past().scan(0, finding(published_at=NOON, **facts))
    found = figures(history=past.history(9), record=past.record, now=NOON + 9 * 24 * HOUR)
    assert (found.exposure.open is not None) is exposed


@pytest.mark.parametrize(("scope", "counted"), [("runtime", 1), ("floor", 0), ("dev", 0)])
def test_what_users_do_not_get_owes_no_remedy(scope, counted):
    past = Past().scan(0, finding(scope=scope, affects={scope: ("1.0",)}))
    found = figures(history=past.history(1), record=past.record, now=NOON + 24 * HOUR)
    assert sum(one.open for one in found.response) == counted


def test_what_is_not_known_has_no_sample():
    samples = list(text_string_to_metric_families(as_prometheus(figures())))
    names = {family.name for family in samples}
    assert not {n for n in names if "last_" in n or "findings" in n}
    measured = {n for n in names if "seconds" in n}
    assert measured == {"release_warden_ci_seconds", "release_warden_ci_seconds_30d"}
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
    step = [("project", "demo"), ("repository", "shop"), ("stat", "p95"), ("step", "build")]
    assert read[("release_warden_publish_step_seconds", *step)] == 2.5
    refused = [("outcome", "refused"), *both, ("source", 'a"b\\\n')]
    assert read[("release_warden_credential_uses", *refused)] == 1


def rich():
    """Figures of which each is known."""
    past = returning()
    early = replace(past.record.tracked[0].finding, published_at=NOON, fix_available_at=NOON)
    record = replace(past.record, tracked=(replace(past.record.tracked[0], finding=early),))
    beat = Heartbeat(project="demo", repository="shop", commit="c", taken_at=NOON, scanners={})
    journal = Journal(entries=(Entry(step="build", at=NOON, seconds=2.5),))
    runs = (
        ran(1, ci=True, steps={"upload": 1.0}, credential="aws", update=Update(seconds=0.7)),
        ran(2, exit_code=1, failure="auth", steps={"upload": 1.0}, credential="aws"),
        ran(3, "status.build", exit_code=1, failure="document"),
        ran(4, "release.scan", scanners={"osv": "ok"}),
    )
    probe = ProbeDay(day=NOON.date(), checks=4, good=3, unknown=1)
    probes = Probes(project="demo", url="https://x.example", days=(probe,))
    history = replace(past.history(31), releases=(release(1), release(2, "abandoned")))
    found = metrics(
        Seen(Runs(project="demo", ran=runs), history, (journal,), record, beat, probes),
        NOON + 24 * HOUR,
    )
    spans = Spread(count=2, median=3.0, p95=4.0, most=5.0)
    high = Response(
        severity="high", sla_days=30, open=1, overdue=1, remedied=2, within=1, mttr_days=2.0
    )
    exposure = Exposure(ended=spans, since_fix=spans, open=spans)
    return replace(found, exposure=exposure, response=(high,))


UNTOLD = ("as_of", "days", "age_hours", "percent")
"""Of a moment the age follows, of counts the share; days one by one are for the site."""


def leaves(value, path=()):
    """Every number and moment of a document, by its path."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield from leaves(held, (*path, name))
    elif isinstance(value, list | tuple):
        for number, held in enumerate(value):
            yield from leaves(held, (*path, number))
    elif isinstance(value, int | float) or (path and str(path[-1]).endswith(("_at", "since"))):
        yield path


def changed(found, path):
    """The same figures, but for one."""
    told = msgspec.to_builtins(found)
    holder = told
    for name in path[:-1]:
        holder = holder[name]
    old = holder[path[-1]]
    holder[path[-1]] = old + 1 if isinstance(old, int | float) else "2001-01-01T00:00:00Z"
    return msgspec.convert(told, Metrics)


FIGURES = [
    path
    for path in leaves(msgspec.to_builtins(rich()))
    if path[0] not in UNTOLD and path[-1] not in UNTOLD and path[1:] != ("seconds", "count")
]


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: ".".join(map(str, path)))
def test_every_figure_is_in_the_document_the_table_and_prometheus(path):
    found = rich()
    other = changed(found, path)
    assert encode(other) != encode(found)
    assert as_prometheus(other) != as_prometheus(found)
    if path[-1] != "good":  # the table tells its share
        assert of_metrics(other) != of_metrics(found)


def test_there_are_figures_of_every_kind():
    assert {path[0] for path in FIGURES} == {
        "since", "runs", "releases", "publishing", "scanning", "status", "exposure", "response",
        "ci",
    }  # fmt: skip


def test_updates_of_the_site_are_those_after_runs_and_those_by_themselves():
    after = Update(seconds=0.5)
    found = figures(
        ran(1, "release.scan", update=after),
        ran(2, "release.scan", update=Update(seconds=9.0, failure="tool")),
        ran(3, "status.build", seconds=1.5),
        ran(4, "status.publish", exit_code=1, failure="auth"),
        ran(5, "status.check", exit_code=1, failure="status-stale"),
        ran(6, "release.reconcile"),
    ).status
    assert (found.updates, found.succeeded) == (4, 2)
    assert found.failed == {"tool": 1, "auth": 1}
    assert found.seconds == Spread(count=2, median=0.5, p95=1.5, most=1.5)
    assert found.last_at == NOON + 3 * HOUR


def test_the_site_tells_of_checks_up_to_the_last_day_and_of_no_window_without_any():
    days = tuple(
        ProbeDay(day=(NOON - back * 24 * HOUR).date(), checks=10, good=good, unknown=0)
        for back, good in ((20, 10), (1, 9), (0, 0))
    )
    probes = Probes(project="demo", url="https://x.example", days=days)
    seen = Seen(Runs(project="demo"), EMPTY, (), None, None, probes)
    now = metrics(seen, NOON).status.uptime
    assert [(one.days, one.percent) for one in now] == [(1, 0), (7, 45), (30, 63.33), (90, 63.33)]
    shown = until_today(seen, NOON).status.uptime
    assert [(one.days, one.percent) for one in shown] == [(7, 90), (30, 95), (90, 95)]


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
