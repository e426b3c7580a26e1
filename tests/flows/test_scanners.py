"""Scanners that run as part of a scan: ours, and those of third parties."""

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


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


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
    changes = warden(project, "release.changes").document["changes"]
    assert {change["kind"] for change in changes} == {"resolved"}


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
