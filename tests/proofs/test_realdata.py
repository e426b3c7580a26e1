"""Real reports of other tools, whole and damaged, through the readers and the record.

They lie in ``realdata`` of the folder that RELEASE_WARDEN_SHARED names; nothing is copied here.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from report_sweep import harms, is_clean, look, misread

from release.model.base import encode
from release.model.snapshot import Snapshot
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector
from release.scan.advisories import Advisory, read_or_set_aside
from release.scan.readers.code import is_secret_rule
from release.scan.readers.table import READERS

SHARED = os.environ.get("RELEASE_WARDEN_SHARED", "")
ROOM = Path(SHARED, "realdata")
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(
        not SHARED or not ROOM.is_dir(),
        reason="RELEASE_WARDEN_SHARED names no folder with realdata",
    ),
]

FORMS = {
    "pip-audit": "pip-audit",
    "bandit": "bandit",
    "broken": "bandit",
    "sarif": "sarif",
    "osv-scanner": "osv-scanner",
    "defectdojo/pip_audit": "pip-audit",
    "defectdojo/bandit": "bandit",
    "defectdojo/osv_scanner": "osv-scanner",
    "defectdojo/sarif": "sarif",
    "defectdojo/semgrep": "semgrep",
}
"""Whose reports lie where. ``osv-schema`` and ``osv.dev`` hold advisories."""
NO_REPORTS = {"defectdojo/gitleaks", "defectdojo/cyclonedx", "defectdojo/openvex"}
"""Formats that have no reader: to every reader they are no report of its kind."""
EMPTY = {"empty.json", "empty_new.json", "no_vuln.json"}
"""Well-formed reports that looked at nothing."""


def reports() -> list[tuple[str, Path]]:
    if not SHARED or not ROOM.is_dir():
        return []
    return [
        (form, path) for folder, form in FORMS.items() for path in sorted((ROOM / folder).iterdir())
    ]


def named(one: tuple[str, Path]) -> str:
    return f"{one[1].parent.name}/{one[1].name}"


def scan(form: str, name: str) -> Snapshot:
    return look(form, (ROOM / name).read_bytes(), Path(name).stem)


def changes(form: str, *names: str) -> list[Counter[str]]:
    """What each report of a series changes, as counts of kinds."""
    known, found = None, []
    for name in names:
        after = carry_forward(known, scan(form, name))
        told = SecurityChangeDetector().compare(known, after)
        found.append(Counter(change.kind for change in told.changes))
        known = after
    return found


@pytest.mark.parametrize(("form", "path"), reports(), ids=map(named, reports()))
def test_each_file_yields_findings_or_a_reason_and_twice_nothing_changes(form, path):
    data = path.read_bytes()
    seen = look(form, data, path.stem)
    assert seen.scanners
    for scanner in seen.scanners.values():
        if scanner.state == "failed":
            assert scanner.detail
            assert not scanner.covered
        if scanner.state == "partial":
            assert all(gap.reason for gap in scanner.skipped)
            assert scanner.skipped
    first = carry_forward(None, seen)
    second = carry_forward(first, look(form, data, path.stem))
    assert encode(first) == encode(second)
    assert SecurityChangeDetector().compare(first, second).changes == ()


@pytest.mark.parametrize("path", sorted((ROOM / "broken").glob("*")), ids=lambda path: path.name)
def test_what_is_broken_is_unknown(path):
    (scanner,) = look("bandit", path.read_bytes()).scanners.values()
    assert scanner.state == "failed"


@pytest.mark.parametrize("folder", sorted(NO_REPORTS))
def test_other_formats_are_no_report_to_any_reader(folder):
    for path in sorted((ROOM / folder).iterdir()):
        for form in READERS:
            states = {s.state for s in look(form, path.read_bytes()).scanners.values()}
            assert states <= {"failed", "partial"}, (path.name, form)


@pytest.mark.parametrize("folder", ["osv-schema", "osv.dev"])
def test_advisories_are_read_or_set_aside(folder):
    for path in sorted((ROOM / folder).iterdir()):
        record = read_or_set_aside(path.read_bytes(), origin=path.name)
        assert isinstance(record, Advisory) or record.reason


def test_every_folder_is_looked_at():
    inner = {f"defectdojo/{path.name}" for path in (ROOM / "defectdojo").iterdir()}
    outer = {path.name for path in ROOM.iterdir() if path.is_dir()} - {"defectdojo"}
    assert inner | outer == {*FORMS, *NO_REPORTS, "osv-schema", "osv.dev"}


def flagged(name: str) -> Counter[tuple[str, str, str]]:
    """Rule, path and flagged text by our own eyes; of rules about passwords only rule and path."""
    found: Counter[tuple[str, str, str]] = Counter()
    for issue in msgspec.json.decode((ROOM / name).read_bytes())["results"]:
        number = f"{issue['line_number']} "
        lines = [line for line in issue["code"].splitlines() if line.startswith(number)]
        text = lines[0].removeprefix(number).split("#nosec")[0].split("# nosec")[0].strip()
        secret = issue["test_id"] in {"B105", "B106", "B107"}
        path = issue["filename"].replace("\\", "/")
        found[issue["test_id"], path, "" if secret else text] += 1
    return found


OAUTHLIB = tuple(f"bandit/oauthlib-{n}.json" for n in ("0-3", "1-13", "2-13"))


def test_the_bandit_series_says_what_the_flagged_text_implies():
    told = changes("bandit", *OAUTHLIB)
    texts = [flagged(name) for name in OAUTHLIB]
    for number, (before, after) in enumerate(pairwise(texts), start=1):
        assert told[number]["new"] == (after - before).total()
        assert told[number]["resolved"] == (before - after).total()


def test_a_bandit_report_that_leaves_findings_out_resolves_none_of_them():
    before = carry_forward(None, scan("bandit", "bandit/xai-0-100.json"))
    cut_down = scan("bandit", "bandit/xai-1-after-fixes-2.json")
    after = carry_forward(before, cut_down)
    assert after.scanners["bandit"].state == "partial"
    assert "leaves out 90" in cut_down.scanners["bandit"].detail
    low = {f.key for f in before.open if f.severity == "low"}
    gone = {item.finding.key for item in after.tracked if not item.is_open}
    texts = flagged("bandit/xai-0-100.json") - flagged("bandit/xai-1-after-fixes-2.json")
    assert not gone & low
    assert gone <= {f.key for f in before.open if (f.ids[0], f.path) in {t[:2] for t in texts}}


@pytest.mark.parametrize(
    "names",
    [
        ("semgrep_version_1_30_0_line_26.json", "semgrep_version_1_30_0_line_27.json"),
        (
            "close_old_findings_report_line31.json",
            "close_old_findings_report_second_run_line24.json",
            "close_old_findings_report_third_run_different_unique_id.json",
        ),
    ],
)
def test_in_the_semgrep_series_only_lines_shift(names):
    first, *later = changes("semgrep", *(f"defectdojo/semgrep/{name}" for name in names))
    assert first.total() == first["new"] > 0
    assert all(not counts for counts in later)


CI = "osv-scanner/internal__ci__testdata__vulns__test-vuln-results-{}.json"
ORACLE = "osv-scanner/internal__ci____snapshots____vulnerability_result_diff_test.snap"
PAIRS = {
    "new_has_one_less_vuln": ("b", "a"),
    "new_vuln_and_packages": ("c", "b"),
    "old_package_replaced_with_new_package": ("c", "d"),
    "old_vuln_and_packages_gone": ("b", "c"),
    "same_everything": ("a", "a"),
    "same_packages_but_with_one_moved": ("a", "a-1"),
    "same_packages_with_new_vuln": ("a", "b"),
}
"""What each case of the oracle compares, by its answer and its name."""


def oracle(case: str) -> set[tuple[str, str]]:
    """What is new in a case, as (package, id)."""
    text = (ROOM / ORACLE).read_text(encoding="utf-8")
    answer = text.partition(f"[TestDiffVulnerabilityResults/{case} - 1]\n")[2].partition("\n---")[0]
    return {
        (package["package"]["name"], record["id"])
        for result in msgspec.json.decode(answer)["results"]
        for package in result["packages"]
        for record in package.get("vulnerabilities", ())
    }


@pytest.mark.parametrize("case", PAIRS)
def test_the_diff_oracle_of_osv_scanner_agrees(case):
    """What it calls new is new here, unless it is another id of a weakness that was known."""
    old, new = (scan("osv-scanner", CI.format(name)) for name in PAIRS[case])
    before = carry_forward(None, old)
    told = SecurityChangeDetector().compare(before, carry_forward(before, new)).changes
    ours = {(c.package.partition(":")[2], i) for c in told if c.kind == "new" for i in c.ids}
    known = {i for finding in old.findings for i in finding.ids}
    theirs = {(name, i) for name, i in oracle(case) if i not in known}
    assert theirs <= ours
    assert {i for _, i in oracle(case)} - known == {i for _, i in ours} & {i for _, i in theirs}
    assert bool(ours) == bool(theirs)
    assert not [change for change in told if change.kind == "resolved"]


def test_an_alias_that_osv_scanner_counts_apart_is_one_weakness_here():
    """GHSA-c3h9-896r-86jm, which its oracle tells as new, is an alias of GO-2021-0053."""
    _, told = changes("osv-scanner", CI.format("a"), CI.format("b"))
    assert told == Counter({"updated": 1})
    seen = scan("osv-scanner", CI.format("b")).findings
    assert any({"GHSA-c3h9-896r-86jm", "GO-2021-0053"} <= set(finding.ids) for finding in seen)


def test_pip_audit_series_settle_what_was_upgraded():
    steps = ("0-13vulns", "1-4vulns", "2-1vuln", "3-0vulns")
    names = [f"pip-audit/gw2optimizer-{step}.json" for step in steps]
    told = changes("pip-audit", *names)
    assert told[0]["new"] == len(scan("pip-audit", names[0]).findings)
    assert all(not counts["new"] for counts in told[1:])
    assert sum(c["resolved"] + c["unexplained"] for c in told) == told[0]["new"]


def test_no_value_of_a_secret_is_kept():
    for form, path in reports():
        for finding in look(form, path.read_bytes()).findings:
            if finding.kind == "secret":
                assert "#" not in finding.key
                assert is_secret_rule(finding.summary) or finding.summary == finding.ids[0]


def test_no_damage_reads_as_resolved_or_clean(sample, capsys):
    """Every file, cut at every percent, each key dropped, each type swapped, and the rest."""
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    chosen = reports()[::9] if sample else reports()
    for form, path in chosen:
        data = path.read_bytes()
        full = look(form, data, path.stem)
        if not full.findings:
            continue
        known = carry_forward(None, full)
        for harm, damaged in harms(data, steps=20 if sample else 100):
            counted[form] += 1
            lost = misread(form, known, damaged)
            if lost or is_clean(form, known, damaged):
                wrong.append(f"{named((form, path))}: {harm}: {lost[:3]}")
    with capsys.disabled():
        print(f"\n{counted.total()} damaged reports: {dict(counted)}; misread: {len(wrong)}")
    assert wrong == []
