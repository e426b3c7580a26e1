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
    users get 1.0 on Python 3.11; HEAD has 1.0
    blocked-by-us: a requirement of ours holds the vulnerable version
    held by: jinja2<2
      - jinja2<2
      + jinja2>=2.0
    witness: jinja2 2.0 resolves

Unknown
  nothing: every scanner covered all that it was given

Next
  run release.fix, or edit pyproject.toml: replace 'jinja2<2' by 'jinja2>=2.0'; commit, then run
  release.auto
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
  8 in all: 2 critical, 1 high, 1 medium, 1 low; 1 blocked-by-us, 5 no-fix, 1 unknown
  CVE-9@x
  jinja2 2.0: critical, CVE-3@jinja2
    users do not get it; HEAD has 2.0 on Python 3.11
    no-fix: no fixed version can be installed
  jinja2 1.0: critical, CVE-4
    users get CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more on Python 3.11; HEAD does not have it
    no-fix: no fixed version can be installed
  jinja2 1.0: high, CVE-5
    users do not get it; HEAD has CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more on Python 3.11
    no-fix: no fixed version can be installed
  jinja2 1.0: medium, CVE-2
    in what users get and in HEAD on Python 3.11
    no-fix: no fixed version can be installed
  jinja2 1.0: low, CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more, fixed in CVE-0, CVE-1, CVE-2,
    CVE-3, CVE-4 and 5 more
    users get 1.0 on Python 3.11; HEAD has 1.0
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
  flask: CVE-0, CVE-1, CVE-2, CVE-3, CVE-4 and 5 more
    unknown: the resolver could not tell

Unknown
  nothing: every scanner covered all that it was given
"""


def many(count: int):
    """Findings of many packages, three verdicts in turn; every second of a package is alike."""
    ways = ("blocked-by-us", "no-fix", "installable-fix")
    ranks = ("low", "critical", "unknown", "medium", "high")
    found = [
        finding(f"CVE-{n:04}@p{n // 6}", severity=ranks[n % 5], extras=("web",))
        for n in range(count)
    ]
    told = tuple(reach(one, ways[n % 3]) for n, one in enumerate(found))
    scan = snapshot(*found, reach=told)
    return explain(ENGINE.decide(evidence(scan)), scan)


def test_findings_in_one_situation_are_told_once():
    told = many(6).partition("\nFindings\n")[2]
    assert told.startswith(
        "  6 in all: 1 critical, 1 high, 1 unknown, 1 medium, 2 low; "
        "2 blocked-by-us, 2 installable-fix,\n    2 no-fix\n"
        "  p0 1.0: medium, 2 findings, CVE-0003, CVE-0000\n"
        "    users get 1.0 on Python 3.11 with the extra web; HEAD has 1.0\n"
        "    blocked-by-us: a requirement of ours holds the vulnerable version\n"
        "    held by: jinja2<2\n      - jinja2<2\n      + jinja2>=2.0\n"
        "    witness: jinja2 2.0 resolves\n"
        "  p0 1.0: critical, 2 findings, CVE-0001, CVE-0004\n"
    )
    assert told.count("held by:") == 1


@pytest.mark.parametrize("count", [1, 30, 2000])
def test_an_explanation_is_read_in_one_sitting_however_much_was_found(count):
    told = many(count)
    assert len(told.splitlines()) < 260
    assert len(told) < 16_000
    assert max(map(len, told.splitlines())) < 100
    assert told.index("blocked-by-us: ") < (told + "no-fix: ").index("no-fix: ")


def test_what_is_left_out_is_counted():
    told = many(2000)
    assert "  And in brief\n  p" in told
    assert " finding" in told.partition("And in brief\n")[2].splitlines()[0]
    lines = told.splitlines()
    left = next(int(line.split()[1]) for line in lines if line.startswith("  and "))
    full = sum(
        int(line.partition(" findings")[0].split()[-1]) if " findings, " in line else 1
        for line in lines
        if line.startswith("  p") and ": " in line
    )
    assert full + left == 2000


def test_many_gaps_are_counted():
    gaps = tuple(Gap(name=f"g{n}", reason="?") for n in range(70))
    scan = snapshot(closures=(closure("published", []), closure("candidate", [], gaps=gaps)))
    told = explain(ENGINE.decide(evidence(scan)), scan)
    assert "  g59 (candidate): ?\n  and 10 more\n" in told


def test_many_edits_are_counted():
    edits = tuple(Edit(requirement=f"p{n:02}<2", becomes=f"p{n:02}>=2") for n in range(12))
    scan = snapshot(HELD, reach=(reach(HELD, edit=edits),))
    told = explain(ENGINE.decide(evidence(scan)), scan)
    assert "      + p09>=2\n      and 2 more edits\n" in told


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
    decision = ENGINE.by_hand(bump="patch", reason="x\x1b[2J " * 200, config="c")
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
        f"run release.fix, or edit pyproject.toml: replace {told} and 1 more; "
        "commit, then run release.auto"
    )
