"""What is an alert, and that everybody hears of it once, and of its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_watch_metrics import EMPTY, HOUR, ran, release
from worlds import NOON

from release.model.alerts import Alert, Alerts, Standing
from release.model.heartbeat import Heartbeat
from release.model.history import Span, Story
from release.model.reconciliation import Reconciliation, VersionState
from release.model.runs import Runs, Update
from release.watch.alerts import World, alerts
from release.watch.notices import (
    KEPT_ONCE,
    MOST_A_DAY,
    REMIND,
    Delivery,
    after,
    due,
)

DAY = timedelta(days=1)
BEAT = Heartbeat(project="demo", repository="shop", commit="c", taken_at=NOON, scanners={})


def found(*runs, now=NOON, **other):
    facts = {
        "history": EMPTY,
        "heartbeat": BEAT,
        "reconciliation": None,
        "budget": 3,
        "jobs": {},
    }
    return alerts(World(Runs(project="demo", ran=runs), **(facts | other)), now)


def kinds(*runs, **other):
    return [alert.kind for alert in found(*runs, **other)]


SHIPPED = {"steps": {"upload": 1.0}, "version": "1.0"}


def test_the_last_attempt_to_publish_is_what_counts():
    failed = ran(1, exit_code=1, failure="network", **SHIPPED)
    assert kinds(failed) == ["publish-failed"]
    assert kinds(ran(1, exit_code=1, failure="auth", **SHIPPED)) == ["credential-failed"]
    assert kinds(failed, ran(2, **SHIPPED)) == []
    assert kinds(failed, ran(2, task="release.scan")) == ["publish-failed"]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("network", ["publish-failed"]),
        ("auth", ["credential-failed"]),
        ("policy", []),
        ("stopped", []),
    ],
)
def test_an_index_that_does_not_answer_fails_an_attempt_before_its_first_step(failure, told):
    early = ran(1, exit_code=75, failure=failure)
    assert kinds(early) == told
    assert kinds(early, ran(2)) == told, "a run with nothing to do publishes nothing"
    assert kinds(early, ran(2, **SHIPPED)) == []
    assert kinds(ran(1, task="release.scan", exit_code=75, failure=failure)) == []


def test_a_job_that_could_not_write_its_failure_down_is_told_by_the_workflow():
    (alert,) = found(ran(1, **SHIPPED), jobs={"check": "success", "upload": "failure"})
    assert (alert.kind, alert.what) == ("publish-failed", "a job of the release failed: upload")
    standing = (Standing(alert=alert, since=ran(1).at),)
    assert kinds(jobs={"upload": "success"}, standing=standing) == [], (
        "a run whose jobs all ended is its end"
    )


def test_who_hears_of_no_jobs_does_not_take_their_failure_for_over():
    """The monitor's workflow alerts, too, and knows nothing of a release's jobs."""
    (alert,) = found(ran(1, **SHIPPED), jobs={"upload": "failure"})
    standing = (Standing(alert=alert, since=ran(1).at),)
    unheard = {"jobs": None, "standing": standing}
    assert found(ran(1, **SHIPPED), **unheard) == (alert,)
    assert found(**unheard) == (alert,)
    assert found(ran(2, **SHIPPED), **unheard) == (), "a later attempt that ended is its end"
    failed = ran(2, exit_code=1, failure="network", **SHIPPED)
    assert [one.subject for one in found(failed, **unheard)] == ["publishing"]


def test_jobs_of_the_site_are_told_apart_from_those_of_a_release():
    (alert,) = found(jobs={"render": "success", "deploy": "failure"})
    assert (alert.key, alert.what) == (
        "status-failed:site-jobs",
        "a job of the status site failed: deploy",
    )
    (upload,) = found(jobs={"upload": "failure"})
    standing = tuple(Standing(alert=one, since=NOON) for one in (alert, upload))
    healthy = {"render": "success", "deploy": "success"}
    assert found(jobs=healthy, standing=standing) == (upload,), "the site's jobs end the site's"
    assert found(jobs={"upload": "success"}, standing=standing) == (alert,)
    assert found(jobs=healthy | {"upload": "success"}, standing=standing) == ()
    skipped = {"render": "skipped", "deploy": "cancelled"}
    assert found(jobs=skipped) == ()


def test_who_does_not_look_at_the_index_does_not_take_a_version_for_known():
    alert = Alert(kind="unknown-version", subject="9", what="it is there")
    standing = (Standing(alert=alert, since=NOON),)
    assert found(standing=standing) == (alert,)
    looked = Reconciliation(project="demo", repository="shop", as_of=NOON, state="clean")
    assert found(standing=standing, reconciliation=looked) == ()


@pytest.mark.parametrize("kind", ["status-failed", "status-stale", "scan-late"])
def test_the_last_check_of_the_site_is_what_counts(kind):
    bad = ran(1, task="status.check", exit_code=1, failure=kind)
    assert kinds(bad) == [kind]
    assert kinds(bad, ran(2, task="status.check")) == []


@pytest.mark.parametrize("task", ["status.build", "status.publish"])
def test_an_update_of_the_site_that_failed_stands_until_one_is_done(task):
    failed = ran(1, task=task, exit_code=75, failure="network")
    (alert,) = found(failed)
    assert (alert.key, alert.runbook) == (f"status-stale:{task}", "status-stale")
    assert "network" in alert.what
    assert kinds(failed, ran(2, task="status.check")) == ["status-stale"]
    assert kinds(failed, ran(2, task=task)) == []


def test_an_update_that_failed_after_a_run_stands_until_one_is_done():
    failed = ran(1, "release.scan", update=Update(seconds=1.0, failure="disk"))
    (alert,) = found(failed)
    assert (alert.key, alert.what.endswith(": disk")) == ("status-stale:update", True)
    assert kinds(failed, ran(2, "release.alert")) == ["status-stale"]
    assert kinds(failed, ran(2, "release.scan", update=Update(seconds=1.0))) == []
    assert kinds(failed, ran(2, "status.build")) == []


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (("ok", "failed"), []),
        (("failed", "ok"), []),
        (("failed", "partial"), ["scan-unknown"]),
        (("failed",), []),
        (("failed", "failed", "ok"), []),
    ],
)
def test_unknown_twice_is_an_alert_and_once_is_weather(states, told):
    scans = [ran(n, task="release.scan", scanners={"osv": s}) for n, s in enumerate(states)]
    assert kinds(*scans) == told


def test_what_is_not_required_may_fail():
    scans = [
        ran(n, task="release.scan", scanners={"osv": "ok", "bandit": "failed"}) for n in (1, 2)
    ]
    assert kinds(*scans) == []


def released(*hours, now=NOON, trigger="manual", actors=()):
    past = tuple(
        replace(release(0, trigger=trigger), version=f"1.{n}", sealed_at=NOON + hour * HOUR)
        for n, hour in enumerate(hours)
    )
    runs = [ran(n, version=f"1.{n}", actor=actor) for n, actor in enumerate(actors)]
    return found(*runs, history=replace(EMPTY, releases=past), now=now)


def test_a_burst_of_releases_is_unusual():
    assert released(-3, -2, -1) == ()
    (alert,) = released(-4, -3, -2, -1)
    assert (alert.kind, alert.subject) == ("unusual-release", "1.3")
    assert "4 releases within a day" in alert.what
    assert alert.once


def test_more_automatic_releases_than_the_budget_are_unusual():
    assert released(-144, -96, -48, trigger="security-auto") == ()
    (alert,) = released(-144, -96, -48, -1, trigger="security-auto")
    assert "4 automatic releases within a week, where 3 are allowed" in alert.what


def test_an_hour_at_which_none_was_ever_made_is_unusual_once_there_are_enough():
    usual = [-24 * day for day in range(12, 2, -1)]
    assert released(*usual, -2) == ()
    (alert,) = released(*usual, -12)
    assert "none was ever made around 00:00 UTC" in alert.what
    assert released(*usual[:5], -12) == ()
    assert released(*usual, -12, now=NOON + 3 * DAY) == (), "it is no news any more"


def test_somebody_who_never_released_before_is_unusual():
    (alert,) = released(-96, -72, -48, -1, actors=("ann", "ann", "bob", "eve"))
    assert "eve never released before" in alert.what
    assert released(-96, -72, -48, -1, actors=("ann", "ann", "bob", "bob")) == ()
    assert released(-96, -72, -1, actors=("ann", "ann", "eve")) == (), "too few to tell"


@pytest.mark.parametrize(("state", "word"), [("index-only", "ledger"), ("bytes-differ", "bytes")])
def test_a_version_that_is_not_ours_is_an_alert_until_somebody_took_note(state, word):
    version = VersionState(version="9.9", state=state, settled=False, next="look")
    seen = Reconciliation(
        project="demo", repository="shop", as_of=NOON, state=state, versions=(version,)
    )
    (alert,) = found(reconciliation=seen)
    assert (alert.kind, alert.subject) == ("unknown-version", "9.9")
    assert word in alert.what
    settled = replace(seen, versions=(replace(version, settled=True),))
    assert found(reconciliation=settled) == ()


def story(key, days, *, severity="high", open_for=0):
    since = NOON - open_for * DAY
    due_at = since + days * DAY
    return Story(
        key=key,
        kind="dependency",
        package="jinja2",
        ids=(key,),
        severity=severity,
        state="open",
        first_seen=since,
        spans=(Span(opened=since),),
        due=due_at,
        overdue=due_at < NOON,
    )


def test_the_last_fifth_of_a_findings_time_is_an_alert_one_a_severity():
    assert found(history=replace(EMPTY, stories=(story("A", 30, open_for=23),))) == ()
    near = (story("A", 30, open_for=24), story("B", 30, open_for=31), story("C", 7, open_for=1))
    (alert,) = found(history=replace(EMPTY, stories=near))
    assert (alert.kind, alert.subject) == ("sla-near", "high")
    assert alert.what == "2 high findings at the end of their time"
    assert alert.why.splitlines()[0].startswith("jinja2 B: due")
    assert alert.next_step.startswith("1 are overdue")


A = Alert(kind="publish-failed", subject="publishing", what="it failed")
ONCE = Alert(kind="unusual-release", subject="1.0", what="odd", once=True)
NOBODY = Alerts(project="demo")


def told(known, wrong, now, targets=("post",), trouble=""):
    notices = due(known, wrong, targets, now)
    deliveries = [Delivery(one, where="7", trouble=trouble) for one in notices]
    return [(one.event, one.target) for one in notices], after(known, wrong, deliveries, now)


def test_news_once_then_a_reminder_then_the_end():
    heard, known = told(NOBODY, [A], NOON)
    assert heard == [("new", "post")]
    assert told(known, [A], NOON + HOUR)[0] == []
    heard, known = told(known, [A], NOON + REMIND)
    assert heard == [("again", "post")]
    (notice,) = due(known, [], ("post",), NOON + REMIND + HOUR)
    assert (notice.event, notice.where) == ("over", "7")
    heard, known = told(known, [], NOON + REMIND + HOUR)
    assert (heard, known.standing) == ([("over", "post")], ())
    assert told(known, [A], NOON + 2 * REMIND)[0] == [("new", "post")], "it is a new one"


def test_who_could_not_be_told_is_told_later_and_that_is_written_down():
    _, known = told(NOBODY, [A], NOON, trouble="it is down")
    assert [(one.target, one.key, one.why) for one in known.undelivered] == [
        ("post", A.key, "it is down")
    ]
    heard, known = told(known, [A], NOON + HOUR)
    assert heard == [("new", "post")]
    _, known = told(known, [], NOON + 2 * HOUR, trouble="it is down")
    assert known.standing, "nobody knows yet that it is over"
    assert told(known, [], NOON + 3 * HOUR)[0] == [("over", "post")]


def test_what_was_over_before_anybody_heard_of_it_is_not_told():
    _, known = told(NOBODY, [A], NOON, trouble="it is down")
    heard, known = told(known, [], NOON + HOUR)
    assert (heard, known.standing) == ([], ())


def test_what_happened_once_is_told_once_and_never_over():
    heard, known = told(NOBODY, [ONCE], NOON)
    assert heard == [("new", "post")]
    for hours, wrong in ((1, [ONCE]), (100, []), (600, [])):
        heard, known = told(known, wrong, NOON + hours * HOUR)
        assert heard == []
    assert told(known, [], NOON + KEPT_ONCE)[1].standing == ()


def test_no_more_than_so_many_a_day_and_the_others_the_day_after():
    many = [replace(A, subject=str(n)) for n in range(30)]
    heard, known = told(NOBODY, many, NOON)
    assert len(heard) == MOST_A_DAY
    assert told(known, many, NOON + HOUR)[0] == []
    assert len(told(known, many, NOON + DAY)[0]) == 30 - MOST_A_DAY


@given(
    st.lists(
        st.tuples(
            st.frozensets(st.sampled_from("abc")),
            st.sets(st.sampled_from(["post", "chat"])),
        ),
        max_size=12,
    )
)
def test_each_target_hears_of_news_and_ends_in_turns(days):
    """Whatever goes wrong and whoever is down: never two news, nor an end without news."""
    known, open_at = NOBODY, set()
    for day, (subjects, down) in enumerate(days):
        wrong = [replace(A, subject=subject) for subject in sorted(subjects)]
        now = NOON + day * DAY
        deliveries = []
        for one in due(known, wrong, ("post", "chat"), now):
            key = (one.target, one.alert.key)
            trouble = "down" if one.target in down else ""
            assert (one.event == "new") == (key not in open_at)
            if not trouble:
                open_at = open_at - {key} if one.event == "over" else open_at | {key}
            deliveries.append(Delivery(one, trouble=trouble))
        known = after(known, wrong, deliveries, now)
        if not down:
            assert {key for _, key in open_at} == {alert.key for alert in wrong}
