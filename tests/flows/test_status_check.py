"""``status.check`` on sites that are served on loopback, over plain HTTP and over TLS."""

import json
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit import commit, git, warden
from status_worlds import NOW, finding, world

from release.adapters.clock import Clock
from release.adapters.git import Git
from release.adapters.ledger import Ledger
from release.adapters.workspace import open_workspace
from release.errors import TryAgainError
from release.flows.context import Context
from release.flows.heartbeat import replace_heartbeat
from release.flows.scan import _newer
from release.model.base import decode, encode
from release.model.heartbeat import Heartbeat
from release.model.monitoring import Probes
from status_site.monitor.check import Patience, check, lines, own_address, record
from status_site.site import Handler
from status_site.site_files import site_files
from status_site.status import SecurityStatus

PYPROJECT = """
[build-system]
requires = []
build-backend = "none"
[project]
name = "paperboy"
version = "1.2.3"
dependencies = []
"""
AT = (NOW + timedelta(hours=1)).isoformat()
QUICK = Patience(rounds=3, spacing=0)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def context_of(project, at=AT):
    told = []
    return Context(open_workspace(project), Clock(at), told.append)


def whole_site():
    documents = world(finding())
    return site_files(documents, SecurityStatus.from_documents(documents))


class Site(ThreadingHTTPServer):
    """A server of files that misbehaves as told: ``wrong`` maps a path to what to do each time."""

    def __init__(self, files):
        self.files, self.wrong, self.asked = files, {}, []
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.lstrip("/")
        self.server.asked.append(path)
        left = self.server.wrong.get(path, [])
        trouble = left.pop(0) if left else None
        if trouble == "cut":
            self.close_connection = True
            return
        self.send_response(trouble or (200 if path in self.server.files else 404))
        kinds = Handler.extensions_map
        kind = next((kinds[end] for end in kinds if end and path.endswith(end)), "text/plain")
        data = self.server.files.get(path, b"")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def running(site):
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


@pytest.fixture
def site():
    with running(Site(whole_site())) as server:
        yield server


def test_all_is_well_at_one_look_and_every_file_was_asked_for(project, site):
    seen = check(context_of(project), site.url, QUICK)
    assert (seen.state, seen.rounds, seen.troubles) == ("ok", 1, ())
    assert set(site.asked) >= set(site.files)
    assert seen.asked == len(site.files)
    assert seen.build_id == json.loads(site.files["index.json"])["build_id"]
    assert (seen.scan_date, seen.valid_until) == (NOW, NOW + timedelta(hours=48))
    assert seen.latency.worst_ms >= seen.latency.median_ms >= 0


def test_a_job_looks_where_pages_serves_its_repository(project, monkeypatch):
    """So the workflow needs no address; one that is configured goes first."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "ann/paperboy")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    assert own_address(context_of(project)) == ""
    served = "\n[tool.release-warden.github]\npages = true\n"
    (project / "pyproject.toml").write_text(PYPROJECT + served)
    assert own_address(context_of(project)) == "https://ann.github.io/paperboy/security-status/"
    told = '\n[tool.release-warden]\nstatus-url = "https://a.example/s"\n'
    (project / "pyproject.toml").write_text(PYPROJECT + told + served)
    assert own_address(context_of(project)) == "https://a.example/s"


@pytest.mark.parametrize("trouble", [500, 503, "cut", 404])
def test_what_goes_away_is_not_believed(project, site, trouble):
    site.wrong = {"index.json": [trouble], "history.json": [trouble] * 2}
    seen = check(context_of(project), site.url, QUICK)
    assert (seen.state, seen.rounds) == ("ok", 3)


def test_what_stays_is_believed_and_all_told_at_once(project, site):
    site.wrong = {"history.json": [500] * 9, "feed.xml": ["cut"] * 9, "schema.json": [404] * 9}
    seen = check(context_of(project), site.url, QUICK)
    assert (seen.state, seen.rounds) == ("failed", 3)
    assert {(it.kind, it.path) for it in seen.troubles} == {
        ("status", "history.json"), ("unreachable", "feed.xml"), ("status", "schema.json")
    }  # fmt: skip
    text = "\n".join(lines(seen))
    assert "status: history.json: HTTP 500" in text
    assert text.count("next: publish the site again") == 1


def test_nothing_answers(project):
    with running(Site({})) as gone:
        url = gone.url
    seen = check(context_of(project), url, QUICK)
    assert (seen.state, seen.rounds) == ("unknown", 3)
    assert {it.kind for it in seen.troubles} == {"unreachable"}
    assert "refused" in seen.troubles[0].what.lower()


def test_an_empty_server(project):
    with running(Site({})) as empty:
        seen = check(context_of(project), empty.url, QUICK)
    assert seen.state == "failed"
    assert {it.kind for it in seen.troubles} == {"status"}


def probes(project):
    """The ring as the ledger has it."""
    shown = git(project, "show", "refs/release-warden/paperboy/heartbeat:probes.json")
    return decode(Probes, shown)


def test_the_task_keeps_checks_tells_the_site_and_raises_events(project, site):
    ran = warden(project, "status.check", site.url, "--spacing", "0", "--at", AT)
    assert (ran.code, ran.document["state"]) == (0, "ok")
    site.files.pop("feed.xml")
    late = (NOW + timedelta(days=3)).isoformat()
    ran = warden(project, "status.check", site.url, "--spacing", "0", "--at", late)
    assert (ran.code, ran.document["recorded"]) == (1, True)
    kept = probes(project)
    assert {probe.state for probe in kept.ring} == {"ok", "failed"}
    site_made = project / "security-status"
    index = json.loads((site_made / "index.json").read_text())
    assert index["monitoring"]["state"] == "failed"
    assert index["monitoring"]["troubles"] == ["late", "stale", "status"]
    whole = json.loads((site_made / "monitoring.json").read_text())
    assert [probe["state"] for probe in whole["ring"]] == [it.state for it in kept.ring]
    folder = project / ".release" / "run" / "events"
    events = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    assert {event["class"] for event in events} >= {"status-failed", "status-stale", "scan-late"}
    run = json.loads((project / ".release" / "run" / "documents" / "run.json").read_text())
    assert (run["task"], run["event"]["class"]) == ("status.check", "status-failed")
    again = warden(project, "status.check", site.url, "--no-record", "--tries", "1", "--at", AT)
    assert (again.code, again.document["recorded"], again.document["rounds"]) == (1, False, 1)
    assert probes(project) == kept


def test_only_the_configured_site_is_kept(project, site):
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'[tool.release-warden]\nstatus-url = "{site.url}"\n')
    commit(project)
    assert warden(project, "status.check", "--at", AT).document["recorded"]
    with running(Site(whole_site())) as other:
        seen = warden(project, "status.check", other.url, "--at", AT)
    assert (seen.code, seen.document["recorded"]) == (0, False)
    assert {probe.state for probe in probes(project).ring} == {"ok"}


def beat(at):
    return Heartbeat(
        project="paperboy", repository="local", commit="c" * 40, taken_at=at, scanners={}
    )


def scanned(context, at):
    def change(held, by_another):
        return _newer(beat(at), held, by_another)

    replace_heartbeat(context, {"heartbeat.json": change}, share=True)


def test_scans_and_checks_at_once_lose_nothing_of_each_other(project, site, tmp_path):
    """Clones that share a remote's ledger, each with what the other has not seen yet."""
    git(tmp_path, "clone", "--quiet", "--bare", str(project), "remote.git")
    clones = []
    for number in range(3):
        git(tmp_path, "clone", "--quiet", "remote.git", f"clone-{number}")
        clones.append(context_of(tmp_path / f"clone-{number}"))
    for context in clones:
        remote = open_workspace(context.workspace.root).git
        vars(context)["ledger"] = Ledger(remote, "paperboy", _remote(remote))
        context.ledger.fetch()
    seen = check(clones[0], site.url, QUICK)
    errors = []

    def work(act):
        try:
            act()
        except TryAgainError as error:
            errors.append(error)

    jobs = [
        lambda: record(clones[0], seen, share=True),
        lambda: scanned(clones[1], NOW + timedelta(hours=2)),
        lambda: scanned(clones[2], NOW + timedelta(hours=1)),
    ]
    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    there = Git(tmp_path / "remote.git")
    tip = "refs/release-warden/paperboy/heartbeat"
    assert decode(Probes, there.show(tip, "probes.json")).ring[0].state == "ok"
    assert decode(Heartbeat, there.show(tip, "heartbeat.json")).taken_at >= NOW
    assert there.run("rev-list", "--count", tip).stdout.strip() == "1"


def _remote(repository):
    from release.adapters.remote import Remote

    return Remote(repository, "origin")


def test_an_older_scan_does_not_replace_a_newer_one_that_came_meanwhile():
    newer, older = encode(beat(NOW)), beat(NOW - timedelta(hours=1))
    assert _newer(older, newer, True) == newer
    assert _newer(older, newer, False) == encode(older)
    assert _newer(older, b"{", True) == encode(older)
    assert _newer(beat(NOW), encode(older), True) == newer


def test_a_ring_that_cannot_be_read_begins_anew(project, site):
    context = context_of(project)
    replace_heartbeat(context, {"probes.json": lambda *_: b"{"}, share=False)
    seen = record(context, check(context, site.url, QUICK), share=False)
    assert seen.recorded
    assert len(probes(project).ring) == 1


class Pinged(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_good_check_is_told_outside_and_a_ping_that_fails_is_an_event(project, site):
    service = ThreadingHTTPServer(("127.0.0.1", 0), Pinged)
    service.asked, service.code = [], 200
    with running(service):
        url = f"http://127.0.0.1:{service.server_address[1]}/hc-0b5e-secret"
        words = ("status.check", site.url, "--spacing", "0", "--at", AT)
        assert warden(project, *words, RELEASE_WARDEN_HEARTBEAT_URL=url).code == 0
        assert service.asked == ["/hc-0b5e-secret"]
        service.code = 500
        ran = warden(project, *words, RELEASE_WARDEN_HEARTBEAT_URL=url)
        assert (ran.code, ran.document["state"]) == (0, "ok")
        assert len(service.asked) == 4
        site.files.pop("feed.xml")
        assert warden(project, *words, RELEASE_WARDEN_HEARTBEAT_URL=url).code == 1
        assert len(service.asked) == 4
    events = (project / ".release" / "run" / "events").glob("*.json")
    told = [event for path in events if (event := json.loads(path.read_text()))["step"] == "ping"]
    assert [(event["class"], event["why"]) for event in told] == [("network", "HTTP 500")]
    everything = ran.err + "".join(
        path.read_text(errors="replace") for path in (project / ".release").rglob("*.json")
    )
    assert "secret" not in everything


@contextmanager
def tls_site(folder, days):
    """The site over TLS, with a certificate of its own that holds for so many days."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and is not here")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", str(days), "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Site(whole_site())
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(certificate, key)
    server.socket = secure.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield server.url.replace("http:", "https:"), certificate


def test_over_tls(project, tmp_path, monkeypatch):
    with tls_site(tmp_path, 60) as (url, certificate):
        untrusted = check(context_of(project), url, Patience(1, 0))
        assert {it.kind for it in untrusted.troubles} == {"certificate"}
        assert untrusted.state == "failed"
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(certificate))
        now = datetime.now(UTC)
        seen = check(context_of(project, now.isoformat()), url, Patience(1, 0))
        assert seen.certificate.days_left in {59, 60}, "60 within the second that it was made in"
        assert "certificate" not in {it.kind for it in seen.troubles}
        later = (now + timedelta(days=51)).isoformat()
        seen = check(context_of(project, later), url, Patience(1, 0))
        assert "certificate" in {it.kind for it in seen.troubles}
