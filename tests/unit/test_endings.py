"""What a run means and what is next: for every state that there is, and of what is known alone."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace
from status_worlds import decision, finding, receipt
from worlds import NOON

from release.flows import endings
from release.flows.endings import Ending
from release.flows.scan import Scanned
from release.model.adoption import Adoption
from release.model.alerts import Alert, Alerts
from release.model.changes import Changes
from release.model.decision import Action
from release.model.delta import Delta, DeltaFinding
from release.model.metrics import Metrics, Publishing
from release.model.monitoring import CheckState
from release.model.reconciliation import Reconciliation, ReleaseState, Unseen
from release.model.record import Coverage, Record, Sighting, Tracked
from status_site.pipelines import CHECKED

WHERE = {"project": "demo", "repository": "shop"}


def test_each_state_has_a_meaning():
    assert set(endings.DECIDED) == set(get_args(Action))
    assert set(endings.STATES) == set(get_args(ReleaseState))
    assert set(CHECKED) == set(get_args(CheckState))


def test_an_ending_is_two_lines_or_one_where_the_step_was_told():
    assert str(Ending("so", "do")) == "what it means: so\nnext: do"
    assert str(Ending("so", "")) == "what it means: so"


def scanned(*findings, state="ok"):
    tracked = tuple(
        Tracked(finding=one, sightings={"osv": Sighting(state="open")}) for one in findings
    )
    covered = {"osv": Coverage(state=state, covered=(), unknown=())}
    record = Record(**WHERE, scanners=covered, tracked=tracked)
    return Scanned(None, record, Changes(since="x", changes=(), unknown=()), None, ("osv",))


def test_a_scan_tells_what_users_get_and_unknown_is_not_clean():
    served = finding()
    ours = finding("jinja2/CVE-1", "low", affects={"candidate": ("3.1.2",)})
    assert endings.of_scan(scanned()).next == "nothing"
    assert endings.of_scan(scanned(served)).means == ("users get 1 known vulnerability: 1 high")
    assert "HEAD has 1 known vulnerability" in endings.of_scan(scanned(ours)).means
    assert "unknown is not clean" in endings.of_scan(scanned(state="partial")).means


@pytest.mark.parametrize("action", get_args(Action))
def test_a_decision_s_own_next_step_is_told_once(action):
    made = decision(action, next="do that")
    assert endings.of_decision(made, told=False).next == "do that"
    assert endings.of_decision(made, told=True).next == ""
    assert endings.of_decision(replace(made, next=""), told=True).next


def test_a_rehearsal_changes_nothing_for_users_and_a_release_does():
    assert "what users get is as before" in endings.of_receipt(receipt()).means
    fixed = DeltaFinding(key="urllib3/1", package="urllib3", ids=("CVE-1",), severity="high")
    real = receipt(
        repository="pypi",
        delta=Delta(project="demo", since="1.2.2", version="1.2.3", fixed=(fixed,)),
    )
    assert endings.of_receipt(real).means.endswith("brings 1.2.3, without CVE-1")
    assert "release.yank 1.2.3" in endings.of_receipt(real).next


def test_who_did_not_answer_is_asked_again():
    found = Reconciliation(
        **WHERE, as_of=NOON, state="unknown", unseen=(Unseen(part="index", why="x"),)
    )
    assert "unknown is not clean" in endings.of_reconciliation(found).means
    assert endings.of_reconciliation(found).next.startswith("release.reconcile again")


def test_figures_tell_first_what_needs_somebody():
    quiet = Metrics(**WHERE, as_of=NOON, runs=3)
    assert endings.of_metrics(quiet).next == "nothing"
    assert "nothing was measured" in endings.of_metrics(replace(quiet, runs=0)).means
    failed = replace(quiet, publishing=Publishing(attempts=3, succeeded=2))
    assert endings.of_metrics(failed).means == "1 of 3 attempts to publish failed"


def test_alerts_name_their_runbooks():
    from release.flows.alerts import Told

    wrong = tuple(Alert(kind="sla-near", subject=one, what="x") for one in ("high", "low"))
    told = Told(wrong, (), Alerts(project="demo"))
    assert endings.of_alerts(told) == ("2 thing(s) need somebody", "docs/operations.md#sla-near")


def test_adopting_and_taking_it_back_end_apart():
    plan = Adoption(project="demo", next=("look at it", "commit it"))
    done = endings.of_adoption(plan, dry_run=False, back=False)
    assert str(done).endswith("next: look at it\n      commit it")
    assert "nothing was changed" in endings.of_adoption(plan, dry_run=True, back=False).means
    assert "as it was before" in endings.of_adoption(plan, dry_run=False, back=True).means
