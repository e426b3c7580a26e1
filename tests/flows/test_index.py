"""The index client and the upload, against real servers on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kit import make_wheel
from watching import watching

from release.adapters import index as index_module
from release.adapters import upload as upload_module
from release.adapters import web as web_door
from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository, is_empty, locate, open_repository
from release.adapters.upload import check_metadata, confirm, missing, upload
from release.errors import (
    RepositoryError,
    TryAgainError,
    UnreachableError,
    VerificationError,
)
from release.model.listing import IndexFile
from release.ship.archives import describe
from release.ship.ownership import Attester

JSON = "application/vnd.pypi.simple.v1+json"
SILENT = 0


@dataclass
class Site:
    """A server that answers what the test says; ``answers`` by path are used up, the last stays."""

    url: str = ""
    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: bytes | str, kind: str = JSON, status: int = 200) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.answers.setdefault(path, []).append((status, {"Content-Type": kind}, data))


@contextmanager
def site() -> Iterator[Site]:
    told = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.seen.append((self.path, dict(self.headers)))
            queue = told.answers.get(self.path) or [(404, {}, b"")]
            status, headers, body = queue.pop(0) if len(queue) > 1 else queue[0]
            if status == SILENT:
                self.close_connection = True
                time.sleep(0.5)
                return
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as told:
        yield told


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Repository]:
    with open_repository("local", tmp_path) as repository:
        yield repository


def listing(*files: Mapping[str, object], version: str = "1.1") -> str:
    return json.dumps({"meta": {"api-version": version}, "name": "a", "files": files})


def test_reads_json(web: Site) -> None:
    digest = "0" * 64
    web.put(
        "/simple/my-pkg/",
        listing(
            {
                "filename": "my_pkg-1.0-py3-none-any.whl",
                "url": "../../files/my_pkg-1.0-py3-none-any.whl#x=y",
                "hashes": {"sha256": digest},
                "size": 7,
                "upload-time": "2026-11-23T12:00:00.5Z",
                "yanked": "broken",
                "requires-python": ">=3.8",
                "core-metadata": {"sha256": "abc"},
                "provenance": None,
            },
            {"filename": "my_pkg-2.0.tar.gz", "url": "https://elsewhere.example/x", "hashes": {}},
        ),
    )
    first, second = SimpleIndex(f"{web.url}/simple").files("My.Pkg")
    assert first.url == f"{web.url}/files/my_pkg-1.0-py3-none-any.whl"
    assert first.metadata_url == f"{first.url}.metadata#sha256=abc"
    assert (first.sha256, first.size, first.yanked) == (digest, 7, True)
    assert first.upload_time
    assert first.upload_time.isoformat() == "2026-11-23T12:00:00.500000+00:00"
    assert (second.url, second.sha256, second.yanked) == (
        "https://elsewhere.example/x", None, False,
    )  # fmt: skip


def test_reads_html(web: Site) -> None:
    page = """<!DOCTYPE html><html><body><h1>Links</h1><a href="/">back</a>
    <a href="/f/a-1.0-py3-none-any.whl#sha256=11" data-requires-python="&gt;=3.8"
       data-dist-info-metadata="sha256=22" data-yanked>a-1.0-py3-none-any.whl</a><br/>
    <a href="../f/a-1.0%2Blocal.tar.gz" data-core-metadata="true">a-1.0+local.tar.gz</a>
    </body></html>"""
    web.put("/simple/a/", page, "text/html; charset=utf-8")
    wheel, sdist = SimpleIndex(f"{web.url}/simple/").files("a")
    assert (wheel.sha256, wheel.yanked, wheel.requires_python) == ("11", True, ">=3.8")
    assert wheel.metadata_url == f"{web.url}/f/a-1.0-py3-none-any.whl.metadata#sha256=22"
    assert (sdist.name, sdist.sha256, sdist.yanked) == ("a-1.0+local.tar.gz", None, False)
    assert sdist.metadata_url == f"{web.url}/simple/f/a-1.0%2Blocal.tar.gz.metadata"


def test_an_unknown_project_has_no_files_and_no_listing(web: Site) -> None:
    index = SimpleIndex(f"{web.url}/simple/")
    assert (index.files("nobody"), index.listing("nobody")) == ((), None)
    web.put("/simple/empty/", listing())
    assert (index.files("empty"), index.listing("empty")) == ((), ())


@pytest.mark.parametrize("html", [False, True])
def test_who_published_a_file_is_read_from_its_provenance(web: Site, html: bool) -> None:
    where, name = f"{web.url}/integrity/a", "a-1.0.tar.gz"
    if html:
        anchor = f'<a href="/f/{name}" data-provenance="{where}">{name}</a>'
        web.put("/simple/a/", f"<html><body>{anchor}</body></html>", "text/html")
    else:
        file = {"filename": name, "url": f"/f/{name}", "hashes": {}, "provenance": where}
        web.put("/simple/a/", listing(file))
    (listed,) = SimpleIndex(f"{web.url}/simple/").files("a")
    assert (listed.provenance, listed.provenance_url) == (True, where)
    publisher = {"kind": "GitHub", "repository": "o/n", "workflow": "r.yml", "environment": None}
    told = {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": []}]}
    web.put("/integrity/a", json.dumps(told))
    assert SimpleIndex(web.url).attester(listed) == Attester("o/n", "r.yml", None)


@pytest.mark.parametrize(
    ("body", "understood"),
    [
        ('{"version": 1, "attestation_bundles": []}', True),
        ('{"attestation_bundles": [{"publisher": {"kind": "GitLab", "x": 1}}]}', True),
        ('{"version": 1}', False),
        ("<html>", False),
    ],
)
def test_provenance_of_others_is_nobodys_and_rubbish_is_none(
    web: Site, body: str, understood: bool
) -> None:
    web.put("/p", body)
    file = IndexFile(name="a-1.0.tar.gz", url=f"{web.url}/f", provenance_url=f"{web.url}/p")
    assert SimpleIndex(web.url).attester(IndexFile(name="a-1.0.tar.gz", url="x")) is None
    if understood:
        assert SimpleIndex(web.url).attester(file) is None
        return
    with pytest.raises(UnreachableError, match="no provenance"):
        SimpleIndex(web.url).attester(file)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("<html><body><a href='/login'>Log in</a></body></html>", "text/html", 200),
        ("<html><body>Welcome to the hotel</body></html>", "text/html", 200),
        ("{}", JSON, 200),
        ('{"meta": {"api-version": "1.0"}, "files": [{"filename": 1}]}', JSON, 200),
        (listing()[:-3], JSON, 200),
        (listing(version="2.0"), JSON, 200),
        ("hello", "text/plain", 200),
        ("", JSON, 200),
        ("no", "text/html", 403),
        ("no", "text/html", 401),
    ],
)
def test_rubbish_is_not_an_empty_listing(web: Site, body: str, kind: str, status: int) -> None:
    web.put("/simple/a/", body, kind, status)
    with pytest.raises(UnreachableError):
        SimpleIndex(f"{web.url}/simple/").files("a")


def test_nobody_there(web: Site) -> None:
    url = web.url
    with pytest.raises(UnreachableError, match="did not answer"):
        SimpleIndex(f"{url.rpartition(':')[0]}:9/simple/").files("a")


def test_busy_servers_are_asked_again(web: Site) -> None:
    web.put("/simple/a/", "busy", status=503)
    web.answers["/simple/a/"].append((429, {"Retry-After": "1"}, b""))
    web.put("/simple/a/", listing())
    started = time.monotonic()
    assert SimpleIndex(f"{web.url}/simple/").files("a") == ()
    assert time.monotonic() - started >= 1
    assert len(web.seen) == 3


def test_servers_that_stay_broken_are_unreachable(web: Site) -> None:
    web.put("/simple/a/", "broken", status=500)
    with pytest.raises(UnreachableError, match="did not answer") as caught:
        SimpleIndex(f"{web.url}/simple/").files("a")
    assert "HTTP 500" in caught.value.why
    assert len(web.seen) == 3


def test_a_torn_answer_is_no_answer(web: Site) -> None:
    web.answers["/simple/a/"] = [
        (200, {"Content-Type": JSON, "Content-Length": "9999"}, listing().encode())
    ]
    with pytest.raises(UnreachableError):
        SimpleIndex(f"{web.url}/simple/").files("a")


def test_a_dripping_answer_ends(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    web.put("/simple/a/", listing())
    monkeypatch.setattr(web_door, "DEADLINE", -1.0)
    with pytest.raises(UnreachableError, match="did not answer") as caught:
        SimpleIndex(f"{web.url}/simple/").files("a")
    assert "no end after" in caught.value.why


def test_confirmations_ask_past_caches(web: Site) -> None:
    web.put("/simple/a/", listing())
    SimpleIndex(f"{web.url}/simple/", fresh=True).files("a")
    SimpleIndex(f"{web.url}/simple/").files("a")
    assert [headers.get("Cache-Control") for _, headers in web.seen] == ["no-cache", None]


def test_a_credential_in_the_address_is_sent_and_shown_nowhere(web: Site) -> None:
    file = {"filename": "a-1.0.tar.gz", "url": "a-1.0.tar.gz", "hashes": {}}
    web.put("/simple/a/", listing(file))
    url = web.url.replace("http://", "http://me:s3cret@")
    index = SimpleIndex(f"{url}/simple/")
    (found,) = index.files("a")
    assert web.seen[0][1]["Authorization"].startswith("Basic ")
    assert "s3cret" not in found.url + index.url
    with pytest.raises(UnreachableError) as caught:
        index.download(found)
    assert "s3cret" not in str(caught.value)


def test_other_bytes_than_listed_are_refused(web: Site) -> None:
    listed = {"filename": "a-1.0.tar.gz", "url": "a-1.0.tar.gz", "hashes": {"sha256": "00"}}
    web.put("/simple/a/", listing(listed))
    web.put("/simple/a/a-1.0.tar.gz", b"evil", "application/gzip")
    index = SimpleIndex(f"{web.url}/simple/")
    with pytest.raises(RepositoryError, match="other bytes"):
        index.download(index.files("a")[0])


@pytest.mark.parametrize("separate", [True, False])
def test_metadata(web: Site, tmp_path: Path, separate: bool) -> None:
    path = make_wheel(tmp_path)
    file = {"filename": path.name, "url": path.name, "hashes": {}, "core-metadata": True}
    web.put("/simple/tiny/", listing(file))
    web.put(f"/simple/tiny/{path.name}", path.read_bytes(), "application/zip")
    if separate:
        web.put(f"/simple/tiny/{path.name}.metadata", "Name: separate\n", "text/plain")
    index = SimpleIndex(f"{web.url}/simple/")
    text = index.metadata(index.files("tiny")[0])
    assert ("Name: separate" in text) is separate
    assert ("Name: tiny" in text) is not separate


def test_the_public_indexes_are_known() -> None:
    real, rehearsal = index_module.pypi_simple_url(), index_module.testpypi_simple_url()
    assert real.endswith("/simple/")
    assert rehearsal.endswith("/simple/")
    assert real != rehearsal


def test_upload_and_confirm(
    local: Repository, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_wheel(tmp_path / "dist")
    archive = describe(path.name, path.read_bytes())
    index = SimpleIndex(local.simple_url, fresh=True)
    assert missing(index, "tiny", [archive]) == (archive,)
    upload(local, [path])
    (file,) = confirm(index, "tiny", [archive], patience=10)
    assert (file.name, file.sha256, file.size) == (path.name, archive.sha256, archive.size)
    assert "Name: tiny" in index.metadata(file)
    assert missing(index, "tiny", [archive]) == ()
    assert not is_empty(locate("local"), tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "", "twine's talk is noise while all goes well"
    assert local.source.credential().password.reveal() not in err


def test_who_watches_sees_the_bytes_go_out_and_come_in(local: Repository, tmp_path: Path) -> None:
    path = make_wheel(tmp_path / "dist", f"x = {os.urandom(1 << 20).hex()!r}")
    archive = describe(path.name, path.read_bytes())
    with watching() as seen:
        upload(local, [path])
    sent = [(done, whole) for name, done, whole in seen.bytes if name == path.name]
    assert len(sent) > 5, "piece by piece"
    assert sent == sorted(sent)
    assert sent[-1][0] == sent[-1][1] > archive.size
    with watching() as seen:
        confirm(SimpleIndex(local.simple_url, fresh=True), "tiny", [archive], patience=10)
    came = [(done, whole) for name, done, whole in seen.bytes if name == path.name]
    assert came[0][0] < came[-1][0] == archive.size
    assert {whole for _, whole in came} <= {archive.size, 0}


def test_who_watches_hears_why_it_waits_in_our_own_words(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "LISTING_LAG", 0.1)
    monkeypatch.setattr(upload_module, "ATTEMPTS", 2)
    web.put("/simple/tiny/", "busy", "text/plain", 503)
    web.put("/simple/tiny/", listing())
    web.put("/legacy/", "a canary in the words of the index", "text/plain", 502)
    with watching() as seen, pytest.raises(TryAgainError):
        upload(remote(web), [make_wheel(tmp_path)])
    reasons = [why for _, why in seen.waited]
    assert reasons[0] == "127.0.0.1: HTTP 503"
    assert set(reasons[1:]) == {"not listed yet", "HTTP 502"}
    assert all(seconds > 0 for seconds, _ in seen.waited)
    assert "canary" not in str(seen)


def test_equal_bytes_are_done_already(
    local: Repository, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_wheel(tmp_path / "dist")
    upload(local, [path])
    confirm(
        SimpleIndex(local.simple_url), "tiny", [describe(path.name, path.read_bytes())], patience=10
    )
    capfd.readouterr()
    upload(local, [path])
    assert "Uploading" not in capfd.readouterr().err


def test_different_bytes_are_refused_and_nothing_is_uploaded(
    local: Repository, tmp_path: Path
) -> None:
    ours = make_wheel(tmp_path / "ours", "x = 1")
    sdist = tmp_path / "ours" / "tiny-1.0.tar.gz"
    sdist.write_bytes(b"never looked at")
    theirs = make_wheel(tmp_path / "theirs", "x = 2")
    index = SimpleIndex(local.simple_url)
    upload(local, [theirs])
    confirm(index, "tiny", [describe(theirs.name, theirs.read_bytes())], patience=10)
    with pytest.raises(RepositoryError, match="other bytes under the name"):
        upload(local, [ours, sdist])
    assert [file.name for file in index.files("tiny")] == [theirs.name]
    with pytest.raises(RepositoryError, match="other bytes under the name"):
        confirm(index, "tiny", [describe(ours.name, ours.read_bytes())], patience=10)


def test_a_wrong_credential(local: Repository, tmp_path: Path) -> None:
    wrong = replace(local, source=Given(Credential("uploader", "wr0ng-passw0rd")))
    with pytest.raises(RepositoryError, match="refused") as caught:
        upload(wrong, [make_wheel(tmp_path / "dist")])
    assert "credential" in caught.value.remedy
    assert "wr0ng-passw0rd" not in str(caught.value)


def test_what_is_not_there_in_time_is_tried_again_later(local: Repository) -> None:
    archive = describe("tiny-1.0.tar.gz", b"x")
    with pytest.raises(TryAgainError, match="not seen on the index yet"):
        confirm(SimpleIndex(local.simple_url), "tiny", [archive], patience=0.2)


def remote(web: Site) -> Repository:
    return Repository(
        "far", f"{web.url}/simple/", f"{web.url}/legacy/", Given(Credential("me", "s3cret"))
    )


def listed(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return listing({"filename": path.name, "url": path.name, "hashes": {"sha256": digest}})


def test_a_lost_answer_leads_to_no_second_upload(web: Site, tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    web.put("/simple/tiny/", listing())
    web.put("/simple/tiny/", listing())
    web.put("/simple/tiny/", listed(path))
    web.answers["/legacy/"] = [(200, {"Content-Length": "99"}, b"")]  # it dies while answering
    upload(remote(web), [path])
    assert [path for path, _ in web.seen].count("/legacy/") == 1


def test_a_name_that_exists_but_is_not_listed_yet(web: Site, tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    web.put("/simple/tiny/", listing())
    web.put("/simple/tiny/", listing())
    web.put("/simple/tiny/", listed(path))
    web.put("/legacy/", "File already exists", "text/plain", 400)
    upload(remote(web), [path])
    assert [path for path, _ in web.seen].count("/legacy/") == 1


def test_refusals_are_told_in_the_words_of_the_index(web: Site, tmp_path: Path) -> None:
    web.put("/simple/tiny/", listing())
    web.put("/legacy/", "Filename was used before, said s3cret", "text/plain", 400)
    with pytest.raises(RepositoryError, match="far refused") as caught:
        upload(remote(web), [make_wheel(tmp_path)])
    assert "Filename was used before, said ***" in caught.value.why


def test_a_server_that_stays_broken(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "LISTING_LAG", 0.1)
    monkeypatch.setattr(upload_module, "ATTEMPTS", 2)
    web.put("/simple/tiny/", listing())
    web.put("/legacy/", "broken", "text/plain", 502)
    with pytest.raises(TryAgainError, match="did not arrive") as caught:
        upload(remote(web), [make_wheel(tmp_path)])
    assert "HTTP 502" in caught.value.why


def test_a_silent_server_is_left(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "LISTING_LAG", 0.1)
    monkeypatch.setattr(upload_module, "ATTEMPTS", 1)
    monkeypatch.setattr(upload_module, "TIMEOUT", (1.0, 0.2))
    web.put("/simple/tiny/", listing())
    web.answers["/legacy/"] = [(SILENT, {}, b"")]
    with pytest.raises(TryAgainError, match="did not arrive"):
        upload(remote(web), [make_wheel(tmp_path)])


def test_files_of_two_projects_are_no_release(local: Repository, tmp_path: Path) -> None:
    other = tmp_path / "other-1.0.tar.gz"
    other.write_bytes(b"x")
    with pytest.raises(VerificationError, match="not those of one project"):
        upload(local, [make_wheel(tmp_path), other])


def test_check_metadata(tmp_path: Path) -> None:
    assert check_metadata([make_wheel(tmp_path / "good", readme="Good\n====\n\nText.\n")]) == ()
    warnings = check_metadata([make_wheel(tmp_path / "bare")])
    assert any("`long_description` missing" in warning for warning in warnings)
    with pytest.raises(VerificationError) as caught:
        check_metadata([make_wheel(tmp_path / "bad", readme="`broken <x\n\n:nope:`a`\n")])
    assert "syntax errors in markup" in caught.value.why
