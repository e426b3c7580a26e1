"""A decision in words: the explanation, and the evidence of each rule."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from worlds import (
    ADDED,
    FREED,
    closure,
    evidence,
    finding,
    reach,
    release,
    scanner,
    snapshot,
)

from release.config import Policy
from release.decide.engine import ReleaseAutomationEngine
from release.decide.explain import explain
from release.model.decision import Reason
from release.model.snapshot import Edit, Gap

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


TEN = tuple(f"CVE-{n}" for n in range(10))


def test_the_explanation_of_many_findings():
    """Worst first; whatever is missing is left out; long lists are cut, long lines wrapped."""
    scan = snapshot(
        finding("CVE-1@jinja2", severity="low", ids=TEN, fixed_in=TEN),
        finding("CVE-2@jinja2", severity="medium", affects={}),
        finding("CVE-3@jinja2", severity="critical", affects=ADDED, version="2.0", ids=()),
        finding("CVE-4@jinja2", severity="critical", affects={"published": TEN}),
        finding("CVE-5@jinja2", affects={"candidate": TEN}),
    )
    gone = finding("CVE-0@gone", ids=TEN)
    told = reach(gone, witness="a long word " * 10, blocker="a requirement " * 8)
    wide = Edit(requirement="jinja2 " * 15, becomes="flask " * 20)
    decision = replace(
        ENGINE.decide(evidence(scan)),
        reach=(
            replace(told, edit=(wide,)),
            *(reach(item, "no-fix") for item in scan.findings),
            replace(reach(gone, "unknown"), key="bare@flask", package="flask"),
        ),
        reasons=(Reason(rule="r", why="w " * 50, keys=("CVE-9@x",), evidence="e " * 50),),
        next="",
    )
    assert explain(decision, scan).partition("\nFindings\n")[2] == EXPLAINED
    assert ("w " * 44).strip() + "\n    w w" in explain(decision, scan)
    assert "    evidence: " + ("e " * 41).strip() + "\n      e e" in explain(decision, scan)


EXPLAINED = """\
  jinja2 2.0: critical, CVE-3@jinja2
    users do not get it; HEAD has 2.0
    no-fix: no fixed version can be installed
  jinja2 1.0: critical, CVE-4
    users get CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more; HEAD does not have it
    no-fix: no fixed version can be installed
  jinja2 1.0: high, CVE-5
    users do not get it; HEAD has CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more
    no-fix: no fixed version can be installed
  jinja2 1.0: medium, CVE-2
    in what users get and in HEAD
    no-fix: no fixed version can be installed
  jinja2 1.0: low, CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more, fixed in CVE-0, CVE-1, CVE-2,
    CVE-3, CVE-4 and 5 more
    users get 1.0; HEAD has 1.0
    no-fix: no fixed version can be installed
  gone: CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more
    blocked-by-us: a requirement of ours holds the vulnerable version
    held by: a requirement a requirement a requirement a requirement a requirement a requirement
      a requirement a requirement
      - jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2 jinja2
        jinja2 jinja2 jinja2
      + flask flask flask flask flask flask flask flask flask flask flask flask flask flask
        flask flask flask flask flask flask
    witness: a long word a long word a long word a long word a long word a long word a long word
      a long word a long word a long word
  CVE-9@x
  flask: CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more
    unknown: the resolver could not tell

Unknown
  nothing: every scanner covered all that it was given
"""


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
    assert "\nUnknown\n  everything: there was no scan\n" in told
    assert "\x1b" not in told


def test_the_explanation_is_wrapped_between_words():
    """Requirements and commands are full of hyphens, and are broken at none of them."""
    gaps = (Gap(name="a", reason="ab-cdef " * 30), Gap(name="b", reason="y" * 3000))
    osv = {"osv": scanner(state="failed"), "two": scanner(state="failed", skipped=gaps)}
    scan = snapshot(scanners=osv, closures=(closure("published", []), closure("candidate", [])))
    decision = replace(ENGINE.decide(evidence(scan)), next="ab-cdef " * 30)
    told = explain(decision, scan)
    lines = told.splitlines()
    assert "  osv is failed" in lines
    at = next(n for n, line in enumerate(lines) if line.startswith("  two has no word on a"))
    assert lines[at] == ("  two has no word on a: " + "ab-cdef " * 9).rstrip()
    assert lines[at + 1] == ("    " + "ab-cdef " * 11).rstrip()
    assert lines[-3:] == [("  " + "ab-cdef " * count).rstrip() for count in (11, 11, 8)]
    assert told.count("y") == 1999 - len("two has no word on b: ") + "".join(lines[:at]).count("y")


@pytest.mark.parametrize("name", ["CVE-1", "CVE-" + "1" * 300, "CVE\x1b[2J\u202e"])
def test_the_explanation_fits_a_terminal_and_cannot_steer_it(name):
    held = finding("k@jinja2", ids=(name,), package="jinja2" + "x" * 150)
    scan = snapshot(held, reach=(reach(held, witness="w" * 400),))
    told = explain(ENGINE.decide(evidence(scan)), scan)
    assert max(map(len, told.splitlines())) < 100
    assert "\x1b" not in told
    assert "\u202e" not in told


TWELVE = [finding(f"CVE-{n:02}@{'j' * 90}", ids=(), severity="low") for n in range(12)]
GAPS = tuple(Gap(name=f"p{n:02}", reason="?") for n in range(12))


def settled_by(scan, *past, **policy):
    decision = ReleaseAutomationEngine(Policy(**policy)).decide(evidence(scan, *past))
    return decision.reasons[0].rule, decision.reasons[0].evidence


def test_the_evidence_of_each_rule_is_told_in_words():
    freed = snapshot(finding(affects=FREED))
    mark = ENGINE.decide(evidence(freed)).fingerprint
    assert [
        settled_by(snapshot()),
        settled_by(snapshot(closures=(closure("candidate", []),))),
        settled_by(freed, automatic=False),
        settled_by(freed, release("1.1", fingerprint=mark)),
        settled_by(freed, releases_per_week=0),
        settled_by(freed, release("1.1"), release("1.2"), releases_per_week=2),
        settled_by(
            snapshot(finding(affects=FREED, severity="low")), release("1.1", weight="minor")
        ),
    ] == [
        ("nothing-owed", "nothing that users get is known to be vulnerable"),
        ("first-release-is-a-persons", "the index lists no release of it"),
        ("kill-switch", "policy.automatic = false"),
        ("fingerprint-spent", f"{mark[:12]} was shipped as 1.1"),
        ("weekly-budget-spent", "0 in seven days: the budget is 0"),
        ("weekly-budget-spent", "2 in seven days: 1.1, 1.2"),
        ("minor-budget-spent", "1.1 within 7 days"),
    ]


def test_long_evidence_is_cut_and_counted():
    _, evidence_ = settled_by(snapshot(*TWELVE))
    names = (f"low {'j' * 79}… {item.key}" for item in TWELVE[:10])
    assert evidence_ == ", ".join(names) + " and 2 more"
    gaps = closure("published", ["jinja2==1.0"], gaps=GAPS), closure("candidate", ["jinja2==2.0"])
    _, evidence_ = settled_by(snapshot(closures=gaps))
    assert evidence_ == ", ".join(f"p{n:02} (published): ?" for n in range(10)) + " and 2 more"


def test_the_next_step_names_fifty_edits():
    edits = tuple(Edit(requirement=f"p{n:02}<2", becomes=f"p{n:02}>=2") for n in range(51))
    scan = snapshot(HELD, reach=(reach(HELD, edit=edits),))
    told = ", ".join(f"'p{n:02}<2' by 'p{n:02}>=2'" for n in range(50))
    assert ENGINE.decide(evidence(scan)).next == (
        f"edit pyproject.toml: replace {told} and 1 more; commit, then run release.auto"
    )
