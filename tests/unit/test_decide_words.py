"""A decision in words: the explanation and the release notes."""

from __future__ import annotations

import pytest
from worlds import (
    FREED,
    closure,
    evidence,
    finding,
    reach,
    scanner,
    snapshot,
)

from release.config import Policy
from release.decide.engine import ReleaseAutomationEngine
from release.decide.explain import explain
from release.decide.notes import notes
from release.model.snapshot import Gap
from release.record.changes import SecurityChangeDetector

ENGINE = ReleaseAutomationEngine(Policy())
HOSTILE = "<script>x</script> | `a`\n## Heading [l](http://e.vil) @all \x1b[31m\u202e"
HELD = finding(fixed_in=("2.0",), score=7.5, summary=HOSTILE)
BLOCKED = snapshot(HELD, reach=(reach(HELD),))


def test_the_explanation_of_a_hold():
    assert (
        explain(ENGINE.decide(evidence(BLOCKED)), BLOCKED)
        == """\
Hold: a release would help, but not now or not from this commit.

Why
  nothing-to-ship: An edit of our own requirements would free users of findings, and HEAD lacks
    it.
    evidence: high jinja2 CVE-1

Findings
  jinja2 1.0: high (7.5), CVE-1, fixed in 2.0
    users get 1.0; HEAD has 1.0
    blocked-by-us: a requirement of ours holds the vulnerable version
    held by: jinja2<2
      - jinja2<2
      + jinja2>=2.0
    witness: jinja2 2.0 resolves

Unknown
  nothing: every scanner covered all that it was given

Next
  edit pyproject.toml: replace 'jinja2<2' by 'jinja2>=2.0'; commit, then run release.auto
"""
    )


def test_the_explanation_names_what_is_unknown():
    gap = (Gap(name="docker (>4)", reason="no wheel"),)
    scan = snapshot(
        scanners={"osv": scanner(state="failed", detail="no answer", skipped=gap)},
        closures=(closure("published", [], gaps=gap), closure("candidate", [])),
    )
    told = explain(ENGINE.decide(evidence(scan)), scan)
    assert told.startswith("Unknown: ")
    assert "  osv is failed: no answer\n" in told
    assert "  docker (>4) (published): no wheel\n" in told
    assert "  osv has no word on docker (>4): no wheel\n" in told


def test_the_explanation_of_a_persons_release_needs_no_scan():
    decision = ENGINE.by_hand(
        bump="patch", reason="x\x1b[2J " * 200, snapshot=None, record=None, config="c"
    )
    told = explain(decision, None)
    assert told.startswith("Yes: a person asked")
    assert "there was no scan" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("name", ["CVE-1", "CVE-" + "1" * 300, "CVE\x1b[2J\u202e"])
def test_the_explanation_fits_a_terminal_and_cannot_steer_it(name):
    held = finding("k@jinja2", ids=(name,), package="jinja2" + "x" * 150)
    scan = snapshot(held, reach=(reach(held, witness="w" * 400),))
    told = explain(ENGINE.decide(evidence(scan)), scan)
    assert max(map(len, told.splitlines())) < 100
    assert "\x1b" not in told
    assert "\u202e" not in told


def written(*findings, **other):
    scan = snapshot(*findings, **other)
    return notes(ENGINE.decide(evidence(scan)), scan, "1.0.1", "2026-11-23")


def test_the_notes_of_a_security_release():
    text = written(
        finding(affects=FREED, summary="It <b>leaks</b>"), finding("CVE-2@jinja2", severity="low")
    )
    assert text == (
        "### Security\n\n"
        "- `jinja2`: a fresh install no longer gets `CVE-1` (high): It &lt;b&gt;leaks&lt;/b&gt;\n\n"
        "Release 1.0.1 of 2026-11-23 was made automatically, "
        "by the rule removes-critical-high-or-unknown.\n"
    )


def test_hostile_text_is_no_markup_in_the_notes():
    text = written(finding(affects=FREED, summary=HOSTILE))
    line = text.splitlines()[2]
    assert "<script>" not in text
    assert "http://" not in text
    assert "@all" not in text
    assert r"\| \`a\` \#\# Heading \[l\]\(http&#58;//e.vil\)" in line


def test_the_notes_of_a_persons_release():
    decision = ENGINE.by_hand(
        bump="minor", reason="A *new* door", snapshot=None, record=None, config="c"
    )
    text = notes(decision, None, "1.1.0", "2026-11-23")
    assert text == "### Changed\n\n- A \\*new\\* door\n"


def test_the_notes_tell_what_was_settled_otherwise():
    gone = finding(suppressed=True)
    before, after = evidence(snapshot(finding())), evidence(snapshot(gone))
    changes = SecurityChangeDetector().compare(before.record, after.record)
    decision = ENGINE.decide(after)
    text = notes(decision, after.snapshot, "1.0.1", "2026-11-23", changes=changes)
    assert text == "### Advisories settled otherwise\n\n- `jinja2` `CVE-1`: suppressed\n"


def test_two_thousand_findings_stay_readable():
    pins = [f"p{n % 1000}==1.0" for n in range(2000)]
    held = [finding(f"CVE-{n}@p{n % 1000}", affects=FREED, summary="x" * 500) for n in range(2000)]
    text = written(
        *held,
        scanners={"osv": scanner(*pins)},
        closures=(closure("published", set(pins)), closure("candidate", [])),
    )
    assert "and 900 more packages" in text
    assert len(text.encode()) < 60_000
