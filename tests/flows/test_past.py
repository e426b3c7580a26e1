"""What was known of a commit, out of a ledger with many entries; and two scans compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kit import git, make_project
from worlds import FREED, closure, finding, scanner, snapshot

from release.adapters.clock import Clock
from release.adapters.git import Git
from release.adapters.ledger import documents
from release.adapters.workspace import open_workspace
from release.flows.context import Context
from release.flows.past import changes_since
from release.model.base import digest
from release.model.snapshot import Gap, Project, Word
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENTRIES = 120


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with commits of which every second was scanned, each scan with another finding."""
    folder = make_project(tmp_path_factory.mktemp("past") / "project")
    here = Context(open_workspace(folder), Clock(), lambda _: None)
    grown, last = Git(folder), here.workspace.commit
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    commits, record, tip = [last], None, None
    scan_tree: dict[str, bytes] = {}
    for number in range(ENTRIES):
        at = NOON + number * timedelta(hours=1)
        last = grown.commit(tree, parents=(last,), message=f"work {number}", at=at)
        commits.append(last)
        if number % 2:
            continue
        found = finding(f"CVE-{number}@jinja2", ids=(f"CVE-{number}",))
        scan = snapshot(
            found,
            project=Project(name="plain-thing", version="1.0.0", commit=last),
            taken_at=at,
            words=(Word(key=f"CVE-{number - 2}@jinja2", ruling="withdrawn", evidence="w"),),
        )
        record = carry_forward(record, scan) if number < 6 else record
        scan_tree = documents(record=record, snapshot=scan)
        tip = here.ledger.store(
            scan_tree, message=f"scan of {last[:12]}", at=at, parents=(tip,) if tip else ()
        )
    grown.move(here.ledger.ref("history"), tip, old=None)
    git(folder, "reset", "--quiet", "--soft", last)
    return here, commits


def counted(here, monkeypatch, ask):
    """The answer, and how many gits it took."""
    runs = []
    real = Git.run
    monkeypatch.setattr(Git, "run", lambda self, *args, **more: (
        runs.append(args), real(self, *args, **more))[1])  # fmt: skip
    return ask(), len(runs)


@pytest.mark.parametrize("place", [1, 3, 5, ENTRIES // 2, ENTRIES - 1])
def test_a_commit_is_found_by_as_many_gits_wherever_it_lies(project, monkeypatch, place):
    here, commits = project
    found, runs = counted(here, monkeypatch, lambda: changes_since(here, commits[place]))
    assert runs <= 14
    kinds = {(change.key, change.kind) for change in found.changes}
    if place == 1:
        assert kinds == {("CVE-4@jinja2", "new"), ("CVE-0@jinja2", "resolved")}
    elif place >= 5:
        assert kinds == set()


def test_a_commit_that_was_not_scanned_is_taken_as_its_nearest_ancestor(project):
    here, commits = project
    assert changes_since(here, commits[2]) == changes_since(here, commits[1])
    assert changes_since(here, commits[4]) == changes_since(here, commits[3])


def test_two_commits_are_compared(project):
    here, commits = project
    told = changes_since(here, commits[1], commits[3]).changes
    assert {(c.key, c.kind, c.cause) for c in told} == {
        ("CVE-2@jinja2", "new", None),
        ("CVE-0@jinja2", "resolved", "withdrawn"),
    }


def compare(before, after, **other):
    return SecurityChangeDetector().compare_snapshots(before, after, **other)


ONE = finding()
GONE = Word(key=ONE.key, ruling="withdrawn", evidence="withdrawn")
UPGRADED = snapshot(
    scanners={"osv": scanner("jinja2==2.0")},
    closures=(closure("published", ["jinja2==2.0"]), closure("candidate", ["jinja2==2.0"])),
)


@pytest.mark.parametrize(
    ("before", "after", "kind", "cause"),
    [
        (snapshot(), snapshot(ONE), "new", None),
        (snapshot(ONE), UPGRADED, "resolved", "upgraded"),
        (snapshot(ONE), snapshot(words=(GONE,)), "resolved", "withdrawn"),
        (snapshot(ONE), snapshot(finding(suppressed=True)), "resolved", "suppressed"),
        (snapshot(ONE), snapshot(), "unexplained", None),
        (snapshot(finding(severity="low")), snapshot(ONE), "worsened", None),
        (snapshot(ONE), snapshot(finding(severity="low")), "eased", None),
        (snapshot(ONE), snapshot(finding(fixed_in=("2.0",))), "fix-available", None),
        (snapshot(ONE), snapshot(finding(affects=FREED)), "updated", None),
    ],
)
def test_two_scans_compared(before, after, kind, cause):
    found = compare(before, after)
    assert [(c.kind, c.cause) for c in found.changes] == [(kind, cause)]
    assert found.since == digest(before)


def test_a_later_scan_that_was_blind_resolves_nothing():
    blind = snapshot(scanners={"osv": scanner(state="failed")})
    assert compare(snapshot(ONE), blind).changes == ()
    skipped = (Gap(name="jinja2", reason="no answer"),)
    silent = snapshot(scanners={"osv": scanner(state="partial", skipped=skipped)})
    told = compare(snapshot(ONE), silent)
    assert told.changes == ()
    assert [item.package for item in told.unknown]
