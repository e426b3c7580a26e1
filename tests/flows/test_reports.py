"""Other tools' reports, lying in a folder or made by scanners that run, through to the decision."""

import json
import os
import subprocess
import sysconfig
import threading
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kit import Ran, advise, commit, make_project, warden

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


def configure(project, *lines):
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n".join(["\n[tool.release-warden]", *lines, ""]))


def scan(project, tmp_path, *words):
    advisories = advise(tmp_path / "advisories", "elsewhere")
    return warden(project, "release.scan", "--advisories", str(advisories), *words)


def test_bandit_and_detect_secrets_run_on_what_is_committed(project, tmp_path):
    (project / "app.py").write_text(CODE)
    (project / "tests").mkdir()
    (project / "tests" / "test_app.py").write_text("assert True\n")
    configure(project, 'scanners = ["osv", "bandit", "detect-secrets"]')
    commit(project)
    (project / "app.py").write_text("")
    ran = scan(project, tmp_path)
    assert ran.code == 0, ran.err
    scanners = ran.document["scanners"]
    assert {name: told["state"] for name, told in scanners.items()} == {
        "osv": "ok",
        "bandit": "ok",
        "detect-secrets": "ok",
    }
    assert "./app.py" in scanners["detect-secrets"]["covered"]
    assert "./tests/test_app.py" not in scanners["bandit"]["covered"]
    found = {(f["ids"][0], f["kind"], f["path"], f["scope"]) for f in ran.document["findings"]}
    assert ("B324", "code", "app.py", "code") in found
    assert ("AWS Access Key", "secret", "app.py", "code") in found
    assert "AKIA" not in ran.out
    commit(project)
    assert scan(project, tmp_path).code == 0
    assert {kind for kind, *_ in kinds(project)} == {"resolved"}


class Query(BaseHTTPRequestHandler):
    """``POST /v1/query`` for pip-audit: one package is vulnerable."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        affected = [{"package": {"ecosystem": "PyPI", "name": name}, "versions": ["1.0.0"]}]
        record = {"id": "PYSEC-9", "modified": "2026-01-01T00:00:00Z", "affected": affected}
        body = json.dumps({"vulns": [record]} if name == "plain-thing" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def osv():
    with ThreadingHTTPServer(("127.0.0.1", 0), Query) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pip_audit_is_asked_about_what_ships(project, tmp_path, osv):
    configure(project, 'scanners = ["osv", "pip-audit"]', f'osv-url = "{osv}"')
    commit(project)
    ran = scan(project, tmp_path)
    told = ran.document["scanners"]["pip-audit"]
    assert (told["state"], told["covered"]) == ("ok", ["plain-thing==1.0.0"]), told
    assert [f["ids"] for f in ran.document["findings"]] == [["PYSEC-9"]]


def test_a_scanner_that_fails_says_why_and_leaves_the_others_alone(project, tmp_path):
    configure(project, 'scanners = ["osv", "pip-audit"]', 'osv-url = "http://127.0.0.1:9"')
    commit(project)
    ran = scan(project, tmp_path)
    assert ran.document["scanners"]["osv"]["state"] == "ok"
    told = ran.document["scanners"]["pip-audit"]
    assert (told["state"], ran.code) == ("failed", 0)
    assert "exited with 1" in told["detail"]


def test_a_required_scanner_that_fails_is_unknown(project, tmp_path):
    lines = 'scanners = ["osv", "bandit"]', '[tool.release-warden.policy]\nrequired = ["bandit"]'
    configure(project, *lines)
    for file in project.glob("*.py"):
        file.write_text("def (:\n")
    commit(project)
    project.joinpath("plain_backend.py").write_text("")
    ran = scan(project, tmp_path)
    assert ran.document["scanners"]["bandit"]["state"] == "partial"
    assert ran.code == 4


PAGE = (ROOT / "docs" / "scanners.md").read_text(encoding="utf-8")
DOCUMENTED = PAGE.partition("```python\n")[2].partition("```")[0]
CRASH = """

def crash(task):
    import os
    raise SystemExit("it fell over: " + os.environ.get("SECRET", "nothing to see"))
"""


@pytest.fixture(scope="module")
def plugged(tmp_path_factory):
    """A Python with our packages, and a package that brings two scanners."""
    folder = tmp_path_factory.mktemp("plugged")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    scripts = {"base": str(folder / "env"), "platbase": str(folder / "env")}
    site = Path(sysconfig.get_path("purelib", vars=scripts))
    (site / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    (site / "theirs.py").write_text(DOCUMENTED + CRASH)
    info = site / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    points = "[release_warden.scanners]\ntheirs = theirs:scan\nfalls = theirs:crash\n"
    (info / "entry_points.txt").write_text(points)
    return folder / "env" / "bin" / "python"


def test_third_parties_scan_in_a_process_of_their_own(project, tmp_path, plugged):
    (project / "app.py").write_text("get(url, verify=False)\n")
    configure(project, 'scanners = ["osv", "theirs", "falls"]')
    commit(project)
    advisories = advise(tmp_path / "advisories", "elsewhere")
    words = ["release.scan", "--json", "--project", project, "--advisories", advisories]
    scripts = sysconfig.get_path("scripts")
    done = subprocess.run(
        [plugged, "-P", "-m", "release", *words],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"SECRET": "x", "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    scanners = ran.document["scanners"]
    assert scanners["theirs"]["state"] == "ok", scanners
    assert "./app.py" in scanners["theirs"]["covered"]
    (found,) = ran.document["findings"]
    assert (found["ids"], found["scanners"], found["path"]) == (["no-verify"], ["theirs"], "app.py")
    assert scanners["falls"]["state"] == "failed"
    assert "it fell over: nothing to see" in scanners["falls"]["detail"]
