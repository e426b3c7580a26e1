"""The bench tells what it measured and what it could not; only a change in growth fails it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import __main__ as bench
from benchmarks import growth
from benchmarks.result import Result, Unmeasured

SLOW = Result("slow", "s", 9.0, 1.0)
STEEP = Result("steep", "the largest exponent", 2.0, 1.5, binding=True)


@pytest.fixture
def parts(monkeypatch):
    """The parts of the bench, none to begin with."""
    found = {}
    monkeypatch.setattr(bench, "PARTS", found)
    return found


def test_time_fails_nothing(parts, capsys):
    parts["time"] = lambda _: iter([SLOW])
    bench.main([])
    assert "| slow | 9 s | 1 s | **no** |" in capsys.readouterr().out


def test_growth_fails(parts):
    parts["growth"] = lambda _: iter([STEEP])
    with pytest.raises(SystemExit) as ended:
        bench.main([])
    assert ended.value.code == 1


def test_what_could_not_be_measured_says_why_and_the_rest_goes_on(parts, capsys, tmp_path):
    def refuse(_):
        raise Unmeasured("there is no nginx\nat all")

    parts |= {"served": refuse, "time": lambda _: iter([SLOW])}
    bench.main(["--json", str(tmp_path / "figures.json")])
    out = capsys.readouterr().out
    assert "| served | not measured: there is no nginx |  |  |" in out
    assert "| slow |" in out
    told = json.loads((tmp_path / "figures.json").read_text())
    assert told["schema"] == bench.SCHEMA
    served, slow = told["results"]
    assert (served["value"], served["why"], served["met"]) == (None, "there is no nginx", None)
    assert (slow["value"], slow["met"], slow["binding"]) == (9.0, False, False)


def test_the_table_replaces_what_stands_between_the_marks():
    page = f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n"
    assert bench.written(page, "new") == f"before\n{bench.BEGIN}\n\nnew\n\n{bench.END}\nafter\n"


def test_the_page_has_the_marks():
    page = bench.PAGE.read_text()
    assert bench.written(page, "new") != page


def test_the_steepest_is_named():
    found = [{"flat": 1.0, "steep": 1.0, "tiny": 0.0}, {"flat": 10.0, "steep": 100.0, "tiny": 0.0}]
    name, power = growth.steepest((10, 100), found, ["flat", "steep", "tiny"])
    assert (name, power) == ("steep", pytest.approx(2.0))
    assert power > growth.BOUND


def test_no_archive_of_advisories_is_no_failure():
    (told,) = bench.measured("scan", bench.Asked(archive=None))
    assert told.value is None
    assert "no archive of advisories" in told.why


def test_record_and_decide_have_rows_of_each_size_and_an_aim_at_one(monkeypatch):
    names = ("record and compare", "decide", "digests of its inputs")
    grown = [dict.fromkeys(names, float(size)) for size in (1, 10, 100)]
    monkeypatch.setattr(bench, "_grown", lambda *_: grown)
    told = list(bench.PARTS["record"](bench.Asked()))
    for size in ("1,000", "10,000", "100,000"):
        assert {f"record and compare {size} findings", f"decision of {size} findings"} <= {
            one.name for one in told
        }
    assert [one.name for one in told if one.limit == 0.05] == ["decision of 10,000 findings"]


def test_the_table_names_the_machine():
    told = bench.document([SLOW], (0.0, 0.0))
    assert told["machine"]["processor"]
    assert told["machine"]["processor"] in bench.table(told).splitlines()[-1]
