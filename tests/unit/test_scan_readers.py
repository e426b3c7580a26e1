"""Readers of other tools' reports: what each makes of a report, whole, odd and damaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from report_sweep import HTML, harms, is_clean, look, misread

from release.model.base import encode
from release.model.snapshot import Snapshot, Word
from release.record.carry import carry_forward
from release.scan.join import join
from release.scan.readers.code import Source, line_digest, path_of
from release.scan.readers.reading import Dependency, Reading, dependency, failed, merge, told
from release.scan.readers.table import READERS, format_of, read
from release.scan.silence import vanished_code, word_of_file

VULN = {"id": "PYSEC-1", "fix_versions": ["3.0", "2.0", "1.0"], "aliases": ["CVE-1", "GHSA-1"]}
PIP_AUDIT = {
    "dependencies": [
        {"name": "Jinja2", "version": "1.0", "vulns": [VULN]},
        {"name": "idna", "version": "3.7", "vulns": []},
        {"name": "own", "skip_reason": "not on the index"},
    ],
    "fixes": [],
}


def issue(line: str = "assert x", at: int = 5, **other: Any) -> dict[str, Any]:
    return {
        "filename": "./src/a.py",
        "test_id": "B101",
        "issue_severity": "LOW",
        "issue_text": "Use of assert",
        "line_number": at,
        "code": f"{at - 1} before\n{at} {line}\n{at + 1} after\n",
    } | other


def bandit(*issues: dict[str, Any], low: int | None = None, **other: Any) -> dict[str, Any]:
    counted = len(issues) if low is None else low
    files = {"./src/a.py": {"SEVERITY.LOW": counted}, "./src/b.py": {"SEVERITY.LOW": 0}}
    return {"errors": [], "metrics": {"_totals": {}, **files}, "results": list(issues)} | other


def match(lines: str = "  run(cmd)\n", at: int = 7, rule: str = "py.run") -> dict[str, Any]:
    extra = {"message": "A shell.", "severity": "ERROR", "lines": lines, "fingerprint": str(at)}
    return {"check_id": rule, "path": "a.py", "start": {"line": at, "col": 1}, "extra": extra}


def semgrep(*matches: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"results": list(matches), "errors": [], "paths": {"scanned": ["a.py", "b.py"]}} | other


def result(text: str | None = "x = eval(y)", **other: Any) -> dict[str, Any]:
    region = {"startLine": 3} | ({"snippet": {"text": text}} if text else {})
    where = {"artifactLocation": {"uri": "src/a.py"}, "region": region}
    return {
        "ruleId": "R1",
        "message": {"text": "Bad."},
        "locations": [{"physicalLocation": where}],
    } | other


def sarif(*results: dict[str, Any], rules: Sequence[Any] = (), **run: Any) -> dict[str, Any]:
    driver = {"name": "My Tool", "rules": list(rules)}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(results)} | run],
    }


RECORD = {
    "id": "GHSA-1",
    "modified": "2026-01-01T00:00:00Z",
    "aliases": ["CVE-1"],
    "summary": "A hole.",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


def osv_scanner(*records: dict[str, Any], ecosystem: str = "PyPI") -> dict[str, Any]:
    package = {"name": "Jinja2", "version": "1.0", "ecosystem": ecosystem}
    listed = {"package": package, "vulnerabilities": list(records)}
    return {"results": [{"source": {"path": "uv.lock"}, "packages": [listed]}]}


UV_AUDIT = {
    "schema": {"version": "preview"},
    "summary": {"audited_packages": 9, "vulnerabilities": 1, "adverse_statuses": 0},
    "vulnerabilities": [
        {
            "dependency": {"name": "Jinja2", "version": "1.0"},
            "id": "PYSEC-1",
            "aliases": ["CVE-1"],
            "fix_versions": ["2.0"],
            "summary": "A hole.",
            "description": None,
        }
    ],
    "adverse_statuses": [],
}
VALUE = "fc8c5eb194806e31a213f073131e73b0012a0fb5"
SECRET = {"type": "AWS Access Key", "filename": "a.py", "hashed_secret": VALUE, "line_number": 2}
DETECT_SECRETS = {
    "version": "1.5.0",
    "plugins_used": [{"name": "AWSKeyDetector"}],
    "results": {"a.py": [SECRET]},
}
FULL = {
    "pip-audit": PIP_AUDIT,
    "bandit": bandit(issue()),
    "semgrep": semgrep(match()),
    "sarif": sarif(result(), artifacts=[{"location": {"uri": "src/a.py"}}]),
    "osv-scanner": osv_scanner(RECORD),
    "uv-audit": UV_AUDIT,
    "detect-secrets": DETECT_SECRETS,
}


def scan(form: str, report: Any) -> Snapshot:
    return look(form, json.dumps(report).encode())


def state(form: str, report: Any) -> tuple[str, str]:
    (scanner,) = scan(form, report).scanners.values()
    return scanner.state, "; ".join(gap.reason for gap in scanner.skipped) or scanner.detail


class Files:
    """A project's files."""

    def __init__(self, **files: str) -> None:
        self._files = {name.replace("__", "/") + ".py": text for name, text in files.items()}
        self.paths = frozenset(self._files)

    def lines(self, path: str, /) -> Sequence[str] | None:
        return self._files[path].splitlines() if path in self._files else None


def test_every_reader_is_swept():
    assert FULL.keys() == READERS.keys()


@pytest.mark.parametrize("form", FULL)
def test_no_damage_reads_as_resolved_or_clean(form):
    data = json.dumps(FULL[form]).encode()
    known = carry_forward(None, look(form, data))
    assert known.open
    damaged = list(harms(data, steps=25))
    assert len(damaged) > 60
    wrong = [h for h, d in damaged if misread(form, known, d) or is_clean(form, known, d)]
    assert wrong == []


@pytest.mark.parametrize("form", FULL)
@pytest.mark.parametrize("data", [b"", b" ", HTML, b"null", b"[1", b"{}", b"\xff\xfe", b"[" * 9999])
def test_what_is_no_report_has_failed_with_a_reason(form, data):
    (scanner,) = look(form, data).scanners.values()
    assert scanner.state == "failed"
    assert scanner.detail
    assert not scanner.covered


@pytest.mark.parametrize("form", FULL)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_hides_nothing(form, encoding):
    text = json.dumps(FULL[form])
    assert look(form, text.encode(encoding)) == look(form, text.encode())


@pytest.mark.parametrize("form", FULL)
def test_the_same_report_twice_changes_nothing(form):
    first = carry_forward(None, scan(form, FULL[form]))
    assert encode(carry_forward(first, scan(form, FULL[form]))) == encode(first)


def test_a_pip_audit_report_is_read():
    seen = scan("pip-audit", PIP_AUDIT)
    scanner, (found,) = seen.scanners["pip-audit"], seen.findings
    assert (scanner.state, scanner.covered) == ("partial", ("idna==3.7", "jinja2==1.0"))
    assert [(gap.name, gap.reason) for gap in scanner.skipped] == [("own", "not on the index")]
    assert (found.key, found.ids) == ("CVE-1@jinja2", ("CVE-1", "GHSA-1", "PYSEC-1"))
    assert (found.severity, found.fixed_in) == ("unknown", ("2.0", "3.0"))


def test_both_shapes_of_pip_audit_say_the_same():
    assert scan("pip-audit", PIP_AUDIT["dependencies"]) == scan("pip-audit", PIP_AUDIT)


@pytest.mark.parametrize("report", [[], {"dependencies": []}])
def test_a_pip_audit_of_nothing_is_partial(report):
    assert state("pip-audit", report) == ("partial", "it audited no package")


def test_a_skipped_package_stays_as_it_was():
    known = carry_forward(None, scan("pip-audit", PIP_AUDIT))
    skipped = [
        {"name": "Jinja2", "skip_reason": "x"},
        {"name": "idna", "version": "3.7", "vulns": []},
    ]
    after = carry_forward(known, scan("pip-audit", skipped))
    assert [f.key for f in after.open] == ["CVE-1@jinja2"]
    assert "jinja2" in after.scanners["pip-audit"].unknown


def test_an_upgraded_package_is_resolved():
    known = carry_forward(None, scan("pip-audit", PIP_AUDIT["dependencies"][:2]))
    later = [{"name": "jinja2", "version": "2.0", "vulns": []}, PIP_AUDIT["dependencies"][1]]
    (item,) = carry_forward(known, scan("pip-audit", later)).tracked
    assert item.sightings["pip-audit"].cause == "upgraded"


def test_what_vanishes_at_its_version_is_unexplained():
    known = carry_forward(None, scan("pip-audit", PIP_AUDIT["dependencies"][:2]))
    later = [{"name": "jinja2", "version": "1.0", "vulns": []}, PIP_AUDIT["dependencies"][1]]
    (item,) = carry_forward(known, scan("pip-audit", later)).tracked
    assert item.sightings["pip-audit"].state == "unexplained"


def test_one_malformed_weakness_hides_no_other():
    package = {"name": "jinja2", "version": "1.0", "vulns": [VULN, {"id": 7}]}
    seen = scan("pip-audit", [package])
    assert [finding.key for finding in seen.findings] == ["CVE-1@jinja2"]
    assert seen.scanners["pip-audit"].covered == ()
    assert seen.scanners["pip-audit"].skipped[0].name == "jinja2"


def test_lines_that_shift_are_no_change():
    known = carry_forward(None, scan("bandit", bandit(issue(at=5), issue(at=9))))
    after = carry_forward(known, scan("bandit", bandit(issue(at=15), issue("  assert x", at=19))))
    assert encode(after) == encode(known)
    assert [f.key[-2:] for f in known.open][1] == ":2"


def test_a_line_that_is_no_longer_flagged_in_a_file_that_was_covered_is_resolved():
    known = carry_forward(None, scan("bandit", bandit(issue(), issue("assert y", at=9))))
    after = carry_forward(known, scan("bandit", bandit(issue())))
    gone = [item for item in after.tracked if not item.is_open]
    assert [item.sightings["bandit"].cause for item in gone] == ["upgraded"]


def test_a_file_that_bandit_could_not_look_at_is_a_gap():
    report = bandit(issue(), errors=[{"filename": "./src/b.py", "reason": "syntax error"}])
    scanner = scan("bandit", report).scanners["bandit"]
    assert (scanner.state, scanner.covered) == ("partial", ("./src/a.py",))
    assert scanner.skipped[0].name == "./src/b.py"


def test_findings_that_bandit_counts_and_leaves_out_are_not_resolved():
    known = carry_forward(None, scan("bandit", bandit(issue())))
    cut_down = scan("bandit", bandit(low=1))
    assert "./src/a.py==high" in cut_down.scanners["bandit"].covered
    after = carry_forward(known, cut_down)
    assert after.scanners["bandit"].state == "partial"
    assert len(after.open) == 1


def test_a_report_that_was_always_cut_down_settles_what_it_covers():
    high = issue(issue_severity="HIGH")
    report = bandit(high, low=1)
    report["metrics"]["./src/a.py"]["SEVERITY.HIGH"] = 1
    known = carry_forward(None, scan("bandit", report))
    assert known.scanners["bandit"].state == "ok"
    report = bandit(low=1)
    (item,) = carry_forward(known, scan("bandit", report)).tracked
    assert not item.is_open


@pytest.mark.parametrize("rule", ["B105", "B106", "B107"])
def test_nothing_of_a_password_is_kept(rule):
    text = "Possible hardcoded password: 'hunter2'"
    (found,) = scan(
        "bandit", bandit(issue("p = 'hunter2'", test_id=rule, issue_text=text))
    ).findings
    assert (found.kind, found.key, found.summary) == ("secret", f"{rule}@src/a.py", rule)
    assert b"hunter2" not in encode(found)
    assert line_digest("p = 'hunter2'").encode() not in encode(found)


@pytest.mark.parametrize(
    ("form", "report", "value"),
    [
        ("detect-secrets", DETECT_SECRETS, VALUE),
        ("semgrep", semgrep(match("k = 'v4lue'", rule="generic.secrets.aws")), "v4lue"),
        ("sarif", sarif(result("k = 'v4lue'", ruleId="aws-api-key")), "v4lue"),
    ],
)
def test_nothing_of_a_secret_is_kept(form, report, value):
    seen = scan(form, report)
    assert [finding.kind for finding in seen.findings] == ["secret"]
    assert value.encode() not in encode(seen)
    assert "#" not in seen.findings[0].key


def test_a_secret_that_a_person_called_none_is_suppressed():
    report = DETECT_SECRETS | {"results": {"a.py": [SECRET | {"is_secret": False}]}}
    assert [finding.suppressed for finding in scan("detect-secrets", report).findings] == [True]


def test_a_report_that_lists_only_what_it_flags_resolves_nothing_by_silence():
    known = carry_forward(None, scan("uv-audit", UV_AUDIT))
    silent = UV_AUDIT | {"summary": {"audited_packages": 9, "vulnerabilities": 0}}
    later = scan("uv-audit", silent | {"vulnerabilities": []})
    first = carry_forward(known, later)
    second = carry_forward(first, later)
    assert first.scanners["uv-audit"].state == "partial"
    assert second.tracked[0].sightings["uv-audit"].state == "unexplained"
    (item,) = carry_forward(known, later, accept_coverage=True).tracked
    assert not item.is_open


def test_another_scanner_that_covers_the_package_vouches_for_its_upgrade():
    known = carry_forward(None, scan("uv-audit", UV_AUDIT))
    other = [{"name": "jinja2", "version": "2.0", "vulns": []}]
    silent = {"summary": {"audited_packages": 9, "vulnerabilities": 0}, "vulnerabilities": []}
    seen, full = scan("uv-audit", UV_AUDIT | silent), scan("pip-audit", other)
    later = replace(seen, scanners=seen.scanners | full.scanners)
    (item,) = carry_forward(carry_forward(known, later), later).tracked
    assert item.sightings["uv-audit"].cause == "upgraded"


def test_uv_audit_has_to_list_what_it_counts():
    report = UV_AUDIT | {"summary": {"audited_packages": 9, "vulnerabilities": 2}}
    assert state("uv-audit", report) == ("partial", "it counts 2, but lists 1")
    report = UV_AUDIT | {"summary": {"audited_packages": 0, "vulnerabilities": 1}}
    assert state("uv-audit", report) == ("partial", "it audited no package")


def test_an_osv_scanner_report_is_rated_and_keyed_like_an_advisory():
    (found,) = scan("osv-scanner", osv_scanner(RECORD)).findings
    assert (found.key, found.severity, found.score) == ("CVE-1@jinja2", "critical", 9.8)
    assert found.fixed_in == ("2.0",)


def test_a_package_of_another_ecosystem_is_another_package():
    (found,) = scan("osv-scanner", osv_scanner(RECORD, ecosystem="npm")).findings
    assert found.package == "npm:Jinja2"


def test_of_a_record_that_cannot_be_read_the_id_is_kept():
    seen = scan("osv-scanner", osv_scanner({"id": "GHSA-9"}))
    assert [finding.ids for finding in seen.findings] == [("GHSA-9",)]
    assert seen.scanners["osv-scanner"].state == "partial"


@pytest.mark.parametrize(
    ("score", "severity"),
    [("9.8", "critical"), ("7.0", "high"), ("4", "medium"), ("0.1", "low"), ("much", "medium")],
)
def test_the_security_severity_of_sarif_is_a_string(score, severity):
    rule = {"id": "R1", "properties": {"security-severity": score}}
    (found,) = scan("sarif", sarif(result(), rules=[rule])).findings
    assert found.severity == severity


@pytest.mark.parametrize(
    ("suppressions", "suppressed"),
    [
        ([], False),
        ([{"kind": "inSource"}], True),
        ([{"kind": "external", "status": "accepted"}], True),
        ([{"kind": "external", "status": "underReview"}], False),
        ([{"kind": "external"}, {"kind": "external", "status": "rejected"}], False),
    ],
)
def test_a_suppression_counts_only_when_it_is_accepted(suppressions, suppressed):
    (found,) = scan("sarif", sarif(result(suppressions=suppressions))).findings
    assert found.suppressed is suppressed


@pytest.mark.parametrize("other", [{"kind": "pass"}, {"baselineState": "absent"}])
def test_a_result_that_tells_no_weakness_is_none(other):
    assert scan("sarif", sarif(result(**other))).findings == ()


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"invocations": [{"executionSuccessful": False}]}, "failed"),
        ({"results": None}, "failed"),
        ({"invocations": [{"executionSuccessful": True}]}, "ok"),
        (
            {
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": "it broke"}}
                        ],
                    }
                ]
            },
            "partial",
        ),
    ],
)
def test_a_sarif_run_that_went_wrong_says_so(run, expected):
    assert state("sarif", sarif(result(), **run))[0] == expected


def test_each_run_of_a_log_is_a_scanner():
    log = sarif(result())
    log["runs"].append(log["runs"][0] | {"tool": {"driver": {"name": "Other"}}})
    assert set(scan("sarif", log).scanners) == {"sarif:my-tool", "sarif:other"}
    assert state("sarif", {"version": "2.1.0", "runs": []}) == ("failed", "it holds no run")


def test_a_line_that_is_not_quoted_is_read_from_the_project():
    source = Source("demo", Files(src__a="one\ntwo\nx = eval(y)\n"))
    quoted = scan("sarif", sarif(result())).findings
    ((reading),) = read("sarif", json.dumps(sarif(result(None))).encode(), source)
    assert [f.key for f in reading.findings] == [f.key for f in quoted]


def test_without_the_line_an_older_finding_there_is_left_alone():
    known = carry_forward(None, scan("sarif", sarif(result())))
    after = carry_forward(known, scan("sarif", sarif(result(None))))
    assert {f.key for f in known.open} < {f.key for f in after.open}
    assert any("#unlined" in f.key for f in after.open)


def word(line: str, path: str = "src__a") -> Word | None:
    known = carry_forward(None, scan("sarif", sarif(result())))
    (finding,) = vanished_code(known, ())
    return word_of_file(finding, Files(**{path: line}))


@pytest.mark.parametrize(
    ("line", "path", "ruling", "cause"),
    [
        ("x = eval(y)", "src__a", "still-affected", None),
        ("  x = eval(y)  # nosec B307", "src__a", "suppressed", "suppressed"),
        ("x = int(y)", "src__a", "rewritten", "upgraded"),
        ("x = int(y)", "src__b", "gone", "package-gone"),
    ],
)
def test_the_file_has_the_first_word_on_a_silence(line, path, ruling, cause):
    told_word = word(line, path)
    assert told_word is not None
    assert told_word.ruling == ruling
    known = carry_forward(None, scan("sarif", sarif(result())))
    silent = replace(scan("sarif", sarif()), words=(told_word,))
    (item,) = carry_forward(known, silent, accept_coverage=True).tracked
    assert item.sightings["sarif:my-tool"].cause == cause
    assert item.is_open is (cause is None)


def test_a_file_of_that_name_elsewhere_says_nothing():
    assert word("x = int(y)", "lib__a") is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("./src/a.py", "src/a.py"),
        ("src\\a.py", "src/a.py"),
        ("file:///ci/build/src/a.py", "src/a.py"),
        ("/ci/build/src/a.py", "src/a.py"),
        ("/ci/build/other.py", "/ci/build/other.py"),
        ("C:\\build\\src\\a.py", "src/a.py"),
        ("file:///ci/my%20src/z.py", "/ci/my src/z.py"),
    ],
)
def test_paths_of_other_machines_are_found_in_the_project(text, path):
    assert path_of(text, Files(src__a="")) == path


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("pip-audit.json", "pip-audit"),
        ("pip-audit-py311.json", "pip-audit"),
        ("bandit_report.json", "bandit"),
        ("osv-scanner.json", "osv-scanner"),
        ("osv.json", "osv-scanner"),
        ("codeql.sarif", "sarif"),
        ("bandit.sarif.json", "sarif"),
        ("uv-audit.json", "uv-audit"),
        ("detect-secrets.json", "detect-secrets"),
        ("coverage.json", None),
    ],
)
def test_a_report_is_known_by_its_name(name, form):
    assert format_of(name) == form


def test_several_reports_of_one_scanner_are_one_and_the_worst_state_wins():
    one = told("pip-audit", [], ["a==1"])
    other = told("pip-audit", [], ["b==1"], selective=True)
    (both,) = merge([one, other, failed("pip-audit", "it is empty")])
    assert (both.scanner.state, both.scanner.covered) == ("failed", ("a==1", "b==1"))
    assert (both.scanner.selective, both.scanner.detail) == (True, "it is empty")


def of(scanner: str, *ids: str, version: str = "1.0") -> Reading:
    return told(scanner, [dependency(scanner, Dependency("thing", version, ids))], [])


def joined(*readings: Reading) -> list[tuple[str, tuple[str, ...]]]:
    found = join(finding for one in readings for finding in one.findings)
    return [(finding.key, finding.scanners) for finding in found]


def test_two_scanners_words_on_one_weakness_are_one_finding():
    readings = of("pip-audit", "PYSEC-1", "CVE-1"), of("uv-audit", "GHSA-1", "PYSEC-1")
    expected = [("CVE-1@thing", ("pip-audit", "uv-audit"))]
    assert joined(*readings) == joined(*reversed(readings)) == expected
    assert len(joined(of("pip-audit", "PYSEC-1"), of("uv-audit", "PYSEC-2"))) == 2


def test_all_versions_that_several_reports_saw_are_kept():
    old, new = of("pip-audit", "PYSEC-1"), of("pip-audit", "PYSEC-1", version="10.0")
    (found,) = join([*old.findings, *new.findings])
    assert found.version == "10.0"
    assert found.affects == dict.fromkeys(("published", "candidate"), ("1.0", "10.0"))
