"""Other tools' reports, lying in a folder, through to the decision."""

import json
from pathlib import Path

import pytest
from kit import advise, commit, make_project, warden

ROOT = Path(__file__).parents[2]
CODE = 'import hashlib\n\nKEY = "AKIAIOSFODNN7EXAMPLA"\nSUM = hashlib.md5(b"x")\n'


def vulnerable(name="jinja2", version="1.0", identifier="PYSEC-1", aliases=("CVE-1",)):
    vuln = {"id": identifier, "fix_versions": ["2.0"], "aliases": list(aliases)}
    return {"name": name, "version": version, "vulns": [vuln]}


def clean(name, version="1.0"):
    return {"name": name, "version": version, "vulns": []}


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder


def put(reports, *dependencies, name="pip-audit.json"):
    (reports / name).write_text(json.dumps({"dependencies": dependencies, "fixes": []}))


def look(project, reports, *words):
    return warden(project, "release.scan", "--from", str(reports), *words)


def kinds(project):
    changes = warden(project, "release.changes").document["changes"]
    return [(change["kind"], change["key"], change["cause"]) for change in changes]


def test_reports_are_read_in_place_of_asking_and_resolving(project, reports):
    put(reports, vulnerable(), clean("idna"))
    ran = look(project, reports)
    assert ran.code == 0, ran.err
    assert set(ran.document["scanners"]) == {"pip-audit"}
    assert ran.document["scanners"]["pip-audit"]["covered"] == ["idna==1.0", "jinja2==1.0"]
    (finding,) = ran.document["findings"]
    assert (finding["key"], finding["severity"]) == ("CVE-1@jinja2", "unknown")
    assert [r["verdict"] for r in ran.document["reach"]] == ["unknown"]
    assert kinds(project) == [("new", "CVE-1@jinja2", None)]
    decided = warden(project, "release.decide")  # what users get was not resolved
    assert (decided.code, decided.document["action"]) == (4, "unknown")


def test_an_upgrade_is_told_and_the_same_again_changes_nothing(project, reports):
    put(reports, vulnerable(), clean("idna"))
    look(project, reports)
    put(reports, clean("jinja2", "2.0"), clean("idna"))
    assert look(project, reports).code == 0
    told = [("resolved", "CVE-1@jinja2", "upgraded")]
    assert kinds(project) == told
    look(project, reports)
    assert kinds(project) == told


def test_a_broken_report_is_unknown_and_loses_nothing_and_a_missing_one_too(project, reports):
    put(reports, vulnerable())
    (reports / "bandit.json").write_text('{"errors": [], "metrics": {"a.py": {}}, "results": []}')
    look(project, reports)
    (reports / "pip-audit.json").write_text("<html>502</html>")
    ran = look(project, reports)
    assert ran.code == 4
    scanners = ran.document["scanners"]
    assert (scanners["pip-audit"]["state"], scanners["bandit"]["state"]) == ("failed", "ok")
    assert scanners["pip-audit"]["detail"] in ran.err
    assert kinds(project) == []
    assert "CVE-1" in (project / "security/findings/SECURITY_FINDINGS.md").read_text()
    (reports / "pip-audit.json").unlink()
    ran = look(project, reports, "--no-record")
    assert ran.code == 4
    assert ran.document["scanners"]["pip-audit"]["state"] == "absent"


def test_a_scanner_is_required_until_a_person_retires_it(project, reports):
    put(reports, clean("idna"))
    put_sarif(reports, result(4, startLine=4))
    look(project, reports)
    (reports / "codeql.sarif").unlink()
    assert look(project, reports).code == 4
    ran = look(project, reports, "--forget-scanner", "sarif:codeql")
    assert (ran.code, list(ran.document["scanners"])) == (0, ["pip-audit"]), ran.err
    ((kind, key, cause),) = kinds(project)
    assert (kind, key.partition("@")[0], cause) == ("resolved", "weak-hash", "out-of-scope")
    assert look(project, reports).code == 0


def test_what_is_no_report_is_passed_over_and_what_cannot_be_opened_has_failed(project, reports):
    put(reports, clean("idna"))
    (reports / "coverage.json").write_text("{}")
    (reports / "bandit.json").mkdir()
    ran = look(project, reports)
    assert (ran.code, ran.document["scanners"]["bandit"]["state"]) == (4, "failed")
    assert "passed over coverage.json" in ran.err


def test_several_reports_of_one_scanner_are_one(project, reports):
    put(reports, vulnerable(), name="pip-audit-311.json")
    put(reports, vulnerable(version="1.1"), clean("idna"), name="pip-audit-312.json")
    ran = look(project, reports)
    covered = ran.document["scanners"]["pip-audit"]["covered"]
    assert covered == ["idna==1.0", "jinja2==1.0", "jinja2==1.1"]
    assert [finding["version"] for finding in ran.document["findings"]] == ["1.1"]


def test_much_less_coverage_waits_for_a_second_report_or_a_person(project, reports):
    put(reports, vulnerable(), *(clean(f"p{n}") for n in range(4)))
    look(project, reports)
    put(reports, *(clean(f"p{n}") for n in range(3)))
    assert look(project, reports).code == 4
    assert kinds(project) == []
    assert look(project, reports, "--accept-coverage").code == 0
    assert kinds(project) == [("resolved", "CVE-1@jinja2", "package-gone")]


def test_advisories_and_reports_together_join_their_findings(project, reports, tmp_path):
    advisories = advise(tmp_path / "advisories", "plain-thing")
    put(reports, vulnerable("plain-thing", "1.0.0", "PYSEC-2026-plain-thing", ("CVE-7",)))
    ran = look(project, reports, "--advisories", str(advisories))
    assert ran.code == 0, ran.err
    assert set(ran.document["scanners"]) == {"osv", "pip-audit"}
    (finding,) = ran.document["findings"]
    assert finding["scanners"] == ["osv", "pip-audit"]
    assert finding["affects"] == {"candidate": ["1.0.0"]}
    assert finding["ids"] == ["CVE-7", "PYSEC-2026-plain-thing"]


def result(line, **region):
    where = {"artifactLocation": {"uri": "file:///ci/build/app.py"}, "region": region}
    return {
        "ruleId": "weak-hash",
        "message": {"text": f"weak, in line {line}"},
        "locations": [{"physicalLocation": where}],
    }


def put_sarif(reports, *results):
    tool = {"driver": {"name": "CodeQL"}}
    log = {"version": "2.1.0", "runs": [{"tool": tool, "results": results}]}
    (reports / "codeql.sarif").write_text(json.dumps(log))


def test_a_line_of_ours_is_known_again_and_resolved_when_it_is_rewritten(project, reports):
    (project / "app.py").write_text(CODE)
    commit(project)
    put_sarif(reports, result(4, startLine=4))
    (finding,) = look(project, reports).document["findings"]
    assert finding["path"] == "app.py"
    (project / "app.py").write_text("# a comment\n\n" + CODE)
    commit(project)
    put_sarif(reports, result(6, startLine=6))
    assert [f["key"] for f in look(project, reports).document["findings"]] == [finding["key"]]
    put_sarif(reports)
    assert look(project, reports).code == 4  # it turned empty
    look(project, reports)
    assert [kind for kind, *_ in kinds(project)] == ["unexplained"]
    (project / "app.py").write_text(CODE.replace("md5", "sha256"))
    commit(project)
    look(project, reports)
    assert kinds(project) == [("resolved", finding["key"], "upgraded")]
