"""Anyone can recompute the grade from ``index.json`` alone: the script of the docs agrees."""

import json
import re
import runpy
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from status_worlds import NOW, finding, world

from release.decide.grade import BY_SEVERITY
from release.model.base import encode
from release.model.snapshot import Reach
from status_site.documents import Documents
from status_site.status import FailedUpdate, SecurityStatus

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "examples" / "grade.py"

AGES = st.one_of(st.none(), st.integers(-2, 200))
ONE = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(BY_SEVERITY),
        "kind": st.sampled_from(["dependency", "dependency", "code", "secret"]),
        "scope": st.sampled_from(["runtime", "extra"]),
        "fixed_in": st.sampled_from([(), ("9",)]),
        "first_seen": AGES,
        "fix_available_at": AGES,
        "verdict": st.sampled_from(["installable-fix", "no-fix", None]),
    }
)


def held(number, facts):
    facts = dict(facts)
    verdict = facts.pop("verdict")
    for name in ("first_seen", "fix_available_at"):
        age = facts[name]
        facts[name] = None if age is None else NOW - timedelta(days=age, hours=1)
    item = finding(f"p{number}/{number}", **facts)
    reach = Reach(key=item.key, package=item.package, ids=item.ids, verdict=verdict or "unknown")
    return item, reach


def status(drawn, **documents):
    pairs = [held(number, facts) for number, facts in enumerate(drawn)]
    reach = tuple(reach for _, reach in pairs)
    return SecurityStatus.from_documents(world(*(f for f, _ in pairs), reach=reach, **documents))


def recomputed(made, folder, monkeypatch, capsys):
    path = folder / "index.json"
    path.write_bytes(encode(made))
    monkeypatch.setattr(sys, "argv", ["grade.py", str(path)])
    runpy.run_path(str(SCRIPT))
    told = capsys.readouterr().out.strip()
    return None if told == "none" else told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawn=st.lists(ONE, max_size=12), scanned=st.booleans())
def test_the_script_agrees(drawn, scanned, tmp_path, monkeypatch, capsys):
    made = status(drawn, **({} if scanned else {"scanners": {}}))
    assert recomputed(made, tmp_path, monkeypatch, capsys) == made.security_grade


WORST_FIRST = [None, "F", "D", "C", "B", "A"]


@settings(deadline=None)
@given(
    drawn=st.lists(ONE, min_size=1, max_size=8),
    place=st.integers(0, 7),
    field=st.sampled_from(["first_seen", "fix_available_at", "verdict"]),
)
def test_what_is_not_known_of_a_finding_never_makes_the_grade_better(drawn, place, field):
    at = place % len(drawn)
    drawn[at] |= {"fixed_in": ("9",)}  # without a fix there is no age of one to be unknown
    unknown = [*drawn[:at], drawn[at] | {field: None}, *drawn[at + 1 :]]
    ranks = [WORST_FIRST.index(status(some).security_grade) for some in (unknown, drawn)]
    assert ranks[0] <= ranks[1]


@settings(deadline=None)
@given(st.lists(ONE, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_one_finding_less_is_never_worse_and_order_never_matters(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    assert status(shuffled).security_grade == status(drawn).security_grade
    ranks = [WORST_FIRST.index(status(some).security_grade) for some in (drawn, drawn[1:])]
    assert ranks[0] <= ranks[1]


def test_the_script_knows_what_withholds_a_grade(tmp_path, monkeypatch, capsys):
    never = SecurityStatus.from_documents(Documents())
    failed = status([]).failed(FailedUpdate(at=NOW, why="the ledger cannot be read"))
    for made in (never, failed):
        assert recomputed(made, tmp_path, monkeypatch, capsys) is None


def test_the_script_is_short():
    lines = SCRIPT.read_text("utf-8").splitlines()
    work = [line for line in lines if line and not line.startswith(("import", "from", '"""'))]
    assert len(work) <= 20


def examples():
    """The rows of the worked examples in docs/status.md."""
    text = (ROOT / "docs" / "status.md").read_text("utf-8")
    table = text.partition("<!-- worked examples -->")[2].partition("<!-- end -->")[0]
    return re.findall(r"^\| `(.*?)` \|.*\| (\d+) \| (\w) \|$", table, re.M)


@pytest.mark.parametrize(("facts", "points", "letter"), examples())
def test_the_worked_examples(facts, points, letter):
    drawn = []
    for severity, *words in (item.split() for item in facts.split(", ") if item != "nothing"):
        told = dict(word.split("=") for word in words)
        drawn.append(
            {
                "severity": severity,
                "first_seen": int(told.get("seen", 1)),
                "fix_available_at": int(told["fixed"]) if "fixed" in told else None,
                "scope": told.get("scope", "runtime"),
                "verdict": told.get("verdict"),
            }
        )
    made = status(drawn)
    assert (made.grade_points, made.security_grade) == (int(points), letter)


def test_there_are_worked_examples():
    assert len(examples()) >= 8


def test_the_formula_is_in_the_document(tmp_path):
    page = json.loads(encode(status([])))
    assert page["formula_version"] == 2
    assert page["formula"]["overdue_days"]["critical"] == 7
