"""What people read and write: SECURITY_FINDINGS.md and remediation-plans.yml."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from ruamel.yaml import YAML
from test_record_carry import calls, many
from worlds import ADDED, NOON, finding, reach, scanner, snapshot

from release.errors import DocumentError
from release.model.record import Coverage, Record, Sighting, Tracked
from release.record.carry import carry_forward
from release.record.findings_page import render_findings
from release.record.remediation import update_plans

LATER = NOON + timedelta(days=1)
HELD = finding(fixed_in=("2.0",), summary="A sandbox leaks", url="https://osv.dev/CVE-1")
KNOWN = carry_forward(None, snapshot(HELD))
GONE = carry_forward(
    KNOWN, snapshot(taken_at=LATER, scanners={"osv": scanner("jinja2==2.0")}, closures=())
)
BACK = carry_forward(GONE, snapshot(HELD))
REACH = (reach(HELD),)


def test_the_page_of_one_finding():
    assert (
        render_findings(KNOWN, REACH)
        == """\
# Security findings of demo

Rendered from the record of the scans; edits are overwritten. Dates are UTC.

## What is unknown

Nothing: every scanner covered all that it was given.

## Summary

| severity | users get | not released | oldest versions | development | own code |
|---|---|---|---|---|---|
| critical | 0 | 0 | 0 | 0 | 0 |
| high | 1 | 0 | 0 | 0 | 0 |
| unknown | 0 | 0 | 0 | 0 | 0 |
| medium | 0 | 0 | 0 | 0 | 0 |
| low | 0 | 0 | 0 | 0 | 0 |

## What users get

A fresh install of the latest release gets these.

### high: jinja2 CVE-1

- Severity: high
- Ids: `CVE-1`
- Package: `jinja2` at `1.0` (the latest release), `1.0` (HEAD)
- Scanner: `osv`
- Discovered: 2026-11-23
- Published: unknown
- Description: A sandbox leaks
- Impact: it comes with a plain install on Python 3.11
- Reference: <https://osv.dev/CVE-1>
- Fixed in: `2.0`
- Remediation: a requirement of ours holds the vulnerable version (`jinja2<2`); \
replace jinja2&lt;2 by jinja2&gt;=2.0
"""
    )


def test_the_page_puts_the_unknown_first_and_the_rest_where_it_belongs():
    world = snapshot(
        finding("CVE-2@jinja2", affects=ADDED, severity="low"),
        finding("CVE-3@jinja2", scope="floor"),
        finding("CVE-4@jinja2", scope="dev"),
        finding("B608@demo", kind="code", scope="code", path="demo/secret_place.py"),
    )
    record = carry_forward(carry_forward(None, world), replace(world, scanners={}))
    page = render_findings(record, ())
    order = ["## What is unknown", "- `osv` is absent. It has no word on `jinja2`.", "## Summary"]
    order += ["| high | 0 | 0 | 1 | 1 | 1 |", "| low | 0 | 1 | 0 | 0 | 0 |"]
    order += ["Nothing is known to be open.", "## Not released", "CVE-2"]
    order += ["## With the oldest permitted versions", "CVE-3", "## In the development", "CVE-4"]
    assert [page.index(part) for part in order] == sorted(page.index(part) for part in order)
    assert "secret_place" not in page
    assert "B608" not in page


def test_the_page_of_a_record_without_a_scan_claims_nothing():
    assert "everything is unknown" in render_findings(replace(KNOWN, scanners={}), ())


def test_resolved_findings_are_told_with_cause_and_bounded():
    assert "- 2026-11-24: high: jinja2 CVE-1, upgraded (now at 2.0)" in render_findings(GONE, ())
    many = snapshot(*(finding(f"CVE-{n}@jinja2", suppressed=True) for n in range(80)))
    page = render_findings(carry_forward(None, many), ())
    assert page.count("suppressed (") == 50
    assert "The last 50 of 80." in page


def test_the_page_of_a_finding_of_which_little_is_known():
    bare = finding(ids=(), affects={}, published_at=NOON, severity="unknown", scanners=("a", "b"))
    record = carry_forward(None, snapshot(bare, scanners={"osv": scanner(state="ok")}))
    silent = Sighting(state="unexplained", evidence="e" * 301)
    item = replace(record.tracked[0], sightings={"a": silent, "b": Sighting(state="open")})
    page = render_findings(replace(record, tracked=(item,)), ())
    assert page.partition("gets these.\n\n")[2] == (
        "### unknown: jinja2 CVE-1&#64;jinja2\n\n"
        "- Severity: unknown\n- Ids: \n- Package: `jinja2` at `1.0`\n- Scanner: `a`, `b`\n"
        "- Discovered: 2026-11-23\n- Published: 2026-11-23\n- Description: none given\n"
        "- Impact: it comes with a plain install on Python 3.11\n"
        "- Reference: none given\n- Fixed in: no release\n- Remediation: none known\n"
        f"- Unexplained by `a`: {'e' * 299}…\n"
    )


@pytest.mark.parametrize(
    ("verdict", "fixed_in", "told"),
    [
        (None, ("2.0", "3.0"), "use jinja2 2.0 or later"),
        ("no-fix", (), "no fixed version can be installed"),
        ("installable-fix", ("2.0",), "a fresh install can avoid it; use jinja2 2.0 or later"),
    ],
)
def test_what_can_be_done_is_told(verdict, fixed_in, told):
    item = finding(fixed_in=fixed_in)
    known = (reach(item, verdict),) if verdict else ()
    page = render_findings(carry_forward(None, snapshot(item)), known)
    assert f"- Remediation: {told}\n" in page


def test_the_page_counts_and_names_what_is_unknown():
    many = tuple(f"p{n:02}" for n in range(51))
    named = ", ".join(f"`{name}`" for name in many[:50])
    scanners = {
        "all": Coverage(state="failed", unknown=("*",)),
        "many": Coverage(state="ok", unknown=many),
        "fine": Coverage(state="ok"),
    }
    two = snapshot(HELD, finding("CVE-2@jinja2", score=5.0))
    page = render_findings(replace(carry_forward(None, two), scanners=scanners), ())
    assert page.partition("## What is unknown\n\n")[2].partition("## Summary")[0] == (
        "- `all` is failed. It has no word on everything.\n"
        f"- `many` is ok. It has no word on {named} and 1 more.\n\n"
        "What was known of these stands as it was; nothing of it counts as clean.\n\n"
    )
    assert "| high | 2 | 0 | 0 | 0 | 0 |" in page
    assert "- Severity: high (5)\n" in page
    bare = render_findings(Record(project="demo", repository="local"), ())
    assert "## What is unknown\n\nNo scanner has spoken yet: everything is unknown.\n\n" in bare
    assert bare.endswith("## What users get\n\nNothing is known to be open.\n")


def test_own_code_and_secrets_appear_as_counts_only():
    own = snapshot(
        finding("B1@demo", kind="code", scope="runtime", path="x.py"),
        finding("B2@demo", kind="dependency", scope="code", path="x.py"),
    )
    page = render_findings(carry_forward(None, own), ())
    assert "| high | 0 | 0 | 0 | 0 | 2 |" in page
    assert "demo B" not in page
    gone = snapshot(finding("B1@demo", kind="code", scope="code", suppressed=True))
    assert "Resolved" not in render_findings(carry_forward(None, gone), ())


def test_own_code_is_named_where_the_project_says_so_and_secrets_never():
    own = snapshot(
        finding("B1@demo", kind="code", scope="code", path="demo/x.py", summary="<b>eval</b>"),
        finding("S1@demo", kind="secret", scope="code", path="y.py"),
    )
    page = render_findings(carry_forward(None, own), (), own_code=True)
    line = "- high: `B1` in `demo/x.py`: &lt;b&gt;eval&lt;/b&gt; (2026-11-23)\n"
    assert f"## In the project's own code\n\n{line}" in page
    assert "S1" not in page
    assert "own code\n\n-" not in render_findings(KNOWN, (), own_code=True)


def resolved_on(*days, evidence=("now at 2.0",)):
    sightings = {
        str(n): Sighting(state="resolved", cause="upgraded", evidence=text)
        for n, text in enumerate(evidence)
    }
    return replace(
        KNOWN,
        tracked=tuple(
            Tracked(
                finding=finding(f"CVE-{n:02}@jinja2"),
                sightings=sightings,
                resolved_at=NOON + timedelta(days=day),
            )
            for n, day in enumerate(days)
        ),
    )


def test_resolved_findings_are_told_newest_first_by_every_scanner():
    page = render_findings(resolved_on(0, 2, 2, 1, evidence=("e" * 201, "f")), ())
    causes = f"upgraded ({'e' * 199}…); upgraded (f)"
    assert page.partition("## Resolved\n\n")[2].splitlines() == [
        f"- 2026-11-25: high: jinja2 CVE-01, {causes}",
        f"- 2026-11-25: high: jinja2 CVE-02, {causes}",
        f"- 2026-11-24: high: jinja2 CVE-03, {causes}",
        f"- 2026-11-23: high: jinja2 CVE-00, {causes}",
    ]
    fifty = render_findings(resolved_on(*[0] * 50), ())
    assert fifty.partition("## Resolved\n\n")[2].count("\n") == 50
    assert "## Resolved\n\nThe last 50 of 51.\n\n- " in render_findings(resolved_on(*[0] * 51), ())


HOSTILE = st.text(
    alphabet=st.sampled_from(list("<>&|`*_[]()#\\!~\n\r\x1b\u202e\u2028@:/ abhtps.")), max_size=80
)


@settings(max_examples=150, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_advisory_text_becomes_markup(summary, url, name):
    harmless = finding("k@jinja2", ids=("CVE-1",), summary="x", url="x")
    hostile = finding(
        "k@jinja2", ids=(name,), summary=summary, url=f"javascript:{url}", package=f"j{name}"
    )
    page, plain = (
        render_findings(carry_forward(None, snapshot(item, closures=())), ())
        for item in (hostile, harmless)
    )
    assert page.count("\n") == plain.count("\n") == len(page.splitlines())
    assert "\x1b" not in page
    text = "\n".join(line for line in page.splitlines() if "`" not in line)
    assert "<" not in text
    assert "://" not in text


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_same_findings_same_bytes(chance):
    world = [finding(f"CVE-{n}@jinja2", severity="low") for n in range(6)]
    one = carry_forward(None, snapshot(*world))
    other = carry_forward(None, snapshot(*chance.sample(world, 6)))
    assert render_findings(other, ()) == render_findings(one, ())


FRESH = """\
# Remediation plans, one for each finding in what this project installs.
# New plans are added and resolved ones closed by release.scan; everything else here is yours:
# owner, notes, comments, order and further keys stay as you write them.

plans:
  - key: CVE-1@jinja2
    package: jinja2
    ids:
      - CVE-1
    severity: high
    discovered: 2026-11-23
    status: open
    proposed: replace jinja2<2 by jinja2>=2.0
    owner: null
    notes: ''
"""


def test_a_new_finding_gets_a_plan_and_a_second_scan_changes_nothing():
    assert update_plans(None, KNOWN, REACH) == FRESH
    assert update_plans(FRESH, KNOWN, ()) == FRESH


@pytest.mark.parametrize(
    ("held", "known", "proposed"),
    [
        (finding(fixed_in=("2.0", "3.0")), (), "use jinja2 2.0 or later"),
        (finding(fixed_in=("2.0",)), (reach(HELD, "no-fix"),), "use jinja2 2.0 or later"),
        (finding(), (), "none known"),
        (finding(), (reach(HELD, "no-fix"),), "none known"),
    ],
)
def test_a_plan_proposes_what_is_known_to_help(held, known, proposed):
    (plan,) = plans_in(update_plans(None, carry_forward(None, snapshot(held)), known))
    assert plan["proposed"] == proposed


def plans_in(text):
    return YAML(typ="safe").load(text)["plans"]


def test_the_days_that_a_record_does_not_know_are_left_open():
    undated = replace(KNOWN.tracked[0], finding=replace(HELD, first_seen=None))
    text = update_plans(None, replace(KNOWN, tracked=(undated,)), ())
    (plan,) = plans_in(text)
    assert plan["discovered"] is None
    done = replace(GONE.tracked[0], resolved_at=None, sightings={"osv": Sighting(state="resolved")})
    (plan,) = plans_in(update_plans(text, replace(GONE, tracked=(done,)), ()))
    assert plan["status"] == "closed"
    assert {"cause", "closed"}.isdisjoint(plan)


def test_a_new_plan_stands_as_deep_as_those_before_it():
    deep = "plans:\n    - key: CVE-0@flask\n      status: accepted\n"
    added = "".join(f"  {line}\n" for line in FRESH.partition("plans:\n")[2].splitlines())
    assert update_plans(deep, KNOWN, REACH) == deep + added.replace("  - CVE-1\n", "- CVE-1\n")
    blank = replace(HELD, package="a" * 6000)
    (plan,) = plans_in(update_plans(deep, carry_forward(None, snapshot(blank)), ()))[1:]
    assert plan["package"] == "a" * 999 + "…"


def test_a_word_that_says_status_elsewhere_in_the_line_stays():
    text = "plans:\n  - key: CVE-1@jinja2\n    status: open  # status: open since May\n"
    assert "status: closed  # status: open since May\n" in update_plans(text, GONE, ())


def test_what_is_written_anew_keeps_quotes_long_lines_and_words():
    text = f"plans: [{{key: 'CVE-1@jinja2', status: \"open\", notes: {'long ' * 90}end}}]\n"
    anew = update_plans(text, GONE, ())
    assert "key: 'CVE-1@jinja2'" in anew
    assert anew.count("\n") == 1


def test_what_would_break_when_changed_by_hand_is_written_anew():
    text = "plans:\n  - key: CVE-1@jinja2\n    status: &s open\n    also: *s\n"
    (plan,) = plans_in(update_plans(text, GONE, ()))
    assert (plan["status"], plan["also"]) == ("closed", "open")


def test_what_is_written_anew_keeps_its_depth():
    text = "plans:\n  - key: CVE-1@jinja2\n    more:\n      a: {b: 1}\n    status: open\nafter: x\n"
    assert update_plans(text, GONE, ()) == text.replace(
        "status: open\n", "status: closed\n    cause: upgraded\n    closed: 2026-11-24\n"
    )


def test_plans_that_are_no_plans_are_left_alone():
    text = "plans:\n  - {note: no key}\n  - 3\n"
    assert update_plans(text, GONE, ()) == text


def test_words_without_a_document_keep_their_place():
    text = "\n\n  # only words\n\n\n"
    nothing = replace(KNOWN, tracked=())
    assert update_plans(text, nothing, ()) == "\n\n  # only words\n\nplans: []\n"


def test_with_nothing_found_the_file_is_there_and_valid():
    text = update_plans(None, replace(KNOWN, tracked=()), ())
    assert text.endswith("\nplans: []\n")
    assert YAML(typ="safe").load(text) == {"plans": []}
    assert update_plans(text, replace(KNOWN, tracked=()), ()) == text
    assert update_plans(text, KNOWN, REACH) == FRESH


WRITTEN = """\
# ours, do not touch
version:   2     # spaces matter

plans:
# the old one
- {key: CVE-0@flask, status: accepted,   owner: "ann"}

-   key: CVE-1@jinja2       # Ann's
    owner: 'ann'
    notes: >
      a folded
      text
    status: open   # really
    workaround: plain text
      over two lines
    due: 2026-12-24
- nonsense
# the end
"""

CLOSED = WRITTEN.replace(
    "    status: open   # really\n",
    "    status: closed   # really\n    cause: upgraded\n    closed: 2026-11-24\n",
)


def test_a_plan_is_closed_and_reopened_and_nothing_else_moves():
    assert update_plans(WRITTEN, KNOWN, ()) == WRITTEN
    assert update_plans(WRITTEN, GONE, ()) == CLOSED
    assert update_plans(CLOSED, GONE, ()) == CLOSED
    assert update_plans(CLOSED, BACK, ()) == WRITTEN


def test_a_new_plan_is_added_behind_what_people_wrote():
    more = carry_forward(KNOWN, snapshot(HELD, finding("CVE-2@jinja2")))
    text = update_plans(WRITTEN, more, ())
    assert text.startswith(WRITTEN)
    assert [plan["key"] for plan in YAML(typ="safe").load(text)["plans"] if plan != "nonsense"] == [
        "CVE-0@flask",
        "CVE-1@jinja2",
        "CVE-2@jinja2",
    ]


def test_unknown_leaves_the_plans_alone():
    unknown = carry_forward(KNOWN, snapshot(scanners={}, closures=()))
    assert update_plans(WRITTEN, unknown, ()) == WRITTEN


def test_what_a_person_closed_stays_closed():
    text = WRITTEN.replace("status: open", "status: closed")
    assert update_plans(text, KNOWN, ()) == text


def test_windows_line_ends_stay():
    text = WRITTEN.replace("\n", "\r\n")
    assert update_plans(text, GONE, ()) == CLOSED.replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "plans: [{key: CVE-1@jinja2, status: open, owner: ann}]\n",
        "plans:\n  - key: CVE-1@jinja2\n    status: open\n    owner: ann\nafter: kept\n",
        "plans:\n  - key: CVE-1@jinja2\n    owner: ann\n",
        "plans:\n  - key: CVE-1@jinja2\n    owner: ann\n    status:\n      open\n",
        "plans:\n  - status: open\n    key: CVE-1@jinja2\n    owner: ann",
    ],
)
def test_other_forms_are_closed_too(text):
    plan = YAML(typ="safe").load(update_plans(text, GONE, ()))["plans"][0]
    assert (plan["status"], plan["cause"], plan["owner"]) == ("closed", "upgraded", "ann")
    assert str(plan["closed"]) == "2026-11-24"


@pytest.mark.parametrize("text", ["", "# only words\n"])
def test_a_file_without_a_document_is_begun(text):
    assert update_plans(text, KNOWN, REACH).startswith(text)
    assert "plans:\n  - key: CVE-1@jinja2" in update_plans(text, KNOWN, REACH)


@pytest.mark.parametrize(
    "text",
    ["plans: [", "- a\n", "plans: 3\n", "a: b: c\n", "a: 1\na: 2\n", "d: 2026-13-45\n", "[" * 500],
    ids=["cut", "list", "number", "colons", "twice", "date", "deep"],
)
def test_a_corrupt_file_is_refused_not_overwritten(text):
    with pytest.raises(DocumentError) as caught:
        update_plans(text, KNOWN, ())
    error = caught.value
    assert error.what == "remediation-plans.yml cannot be read"
    assert error.why
    assert len(error.why) <= 300
    assert error.remedy.startswith("it is kept under another name")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "it is no mapping"),
        ("plans: 3\n", "'plans' is no list"),
    ],
)
def test_a_refusal_says_what_is_wrong(text, why):
    with pytest.raises(DocumentError) as caught:
        update_plans(text, KNOWN, ())
    assert caught.value.why == why


def test_the_projects_own_code_gets_no_public_plan():
    code = carry_forward(None, snapshot(finding("B608@demo", kind="code", scope="code")))
    assert update_plans(None, code, ()).endswith("plans: []\n")


def test_a_refusal_is_short():
    twice = f"{'k' * 400}: 1\n{'k' * 400}: 2\n"
    with pytest.raises(DocumentError) as caught:
        update_plans(twice, KNOWN, ())
    assert len(caught.value.why) == 300


def test_the_work_on_plans_grows_with_their_number_and_no_faster():
    """Counted, not timed, as a predecessor needed 72 s for a hundred."""

    def work(count):
        known = carry_forward(None, many(count, "a"))
        gone = carry_forward(known, many(count - count // 2, "a"), accept_coverage=True)
        text = update_plans(None, known, ())
        assert update_plans(text, gone, ()).count("status: closed") == count // 2

    assert calls(lambda: work(80)) < 9 * calls(lambda: work(10))
