"""The site on a real disk and over real HTTP."""

import http.client
import json
import os
import re
import signal
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from status_worlds import NOW, finding, lay_out, world

from release.errors import DocumentError, FailedError, ProjectError, UsageError
from status_site import build as building
from status_site.build import after_run, build
from status_site.site import build_site, serve_site, server


@pytest.fixture
def project(tmp_path):
    lay_out(world(finding()), tmp_path / ".release" / "run" / "documents")
    return tmp_path


def documents_of(project):
    return project / ".release" / "run" / "documents"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_both_files_carry_the_build_id(project):
    built = build_site(project)
    assert built.folder == project / "security-status"
    assert built.written == ("index.json", "index.html")
    page = json.loads((built.folder / "index.json").read_text())
    assert page["build_id"] == built.status.build_id
    assert f'name="build-id" content="{page["build_id"]}"' in (
        built.folder / "index.html"
    ).read_text("utf-8")
    assert set(files(built.folder)) == {"index.json", "index.html", ".gitignore"}
    assert (built.folder / "index.html").stat().st_mode & 0o777 == 0o644


def test_unchanged_documents_leave_every_byte(project):
    before = files(build_site(project).folder)
    again = build_site(project)
    assert again.written == ()
    assert files(again.folder) == before


def test_an_unchanged_scan_changes_the_freshness_and_nothing_else(project):
    first = build_site(project).status
    lay_out(world(finding(), at=NOW + timedelta(hours=3)), documents_of(project))
    second = build_site(project).status
    assert second.valid_until == NOW + timedelta(hours=51)
    assert second.build_id == first.build_id


def test_after_run_builds_into_the_project(project):
    after_run(documents_of(project))
    assert (project / "security-status" / "index.html").exists()


def test_an_adopters_own_gitignore_stays(project):
    ours = project / "security-status" / ".gitignore"
    ours.parent.mkdir()
    ours.write_text("drafts/\n")
    build_site(project)
    assert ours.read_text() == "drafts/\n"


def test_before_any_run(tmp_path):
    with pytest.raises(ProjectError, match="nothing to show") as caught:
        build_site(tmp_path)
    assert "release.scan" in caught.value.remedy
    assert not (tmp_path / "security-status").exists()


@pytest.mark.parametrize("broken", [b"", b"{", b"<html>", b'{"schema":"release-warden/record/2"}'])
def test_an_unreadable_document_leaves_the_site(project, broken):
    folder = build_site(project).folder
    before = files(folder)
    (documents_of(project) / "record.json").write_bytes(broken)
    with pytest.raises(DocumentError):
        build_site(project)
    assert files(folder) == before


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_whole(project, monkeypatch, fails):
    folder = build_site(project).folder
    before = files(folder)
    lay_out(world(), documents_of(project))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((building.os, "fsync") if fails == "fsync" else (Path, "replace")), full)
    with pytest.raises(FailedError, match="could not be written") as caught:
        build_site(project)
    assert "No space left" in caught.value.why
    assert files(folder) == before


def test_killed_between_the_files_each_alone_is_true(project, monkeypatch):
    folder = build_site(project).folder
    before = files(folder)
    documents = lay_out(world(), documents_of(project))
    put = building._put
    monkeypatch.setattr(
        building, "_put", lambda path, data: path.suffix == ".json" and put(path, data)
    )
    build(documents, folder)
    assert json.loads((folder / "index.json").read_bytes())["security_grade"] == "A"
    assert (folder / "index.html").read_bytes() == before["index.html"]
    monkeypatch.undo()
    assert build(documents, folder).written == ("index.html",)


@contextmanager
def running(folder):
    with server(folder) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site.server_address[1]
        finally:
            site.shutdown()
            thread.join()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_served_over_http(project):
    folder = build_site(project).folder
    with running(folder) as port:
        status, headers, body = get(port, "/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert headers["Cache-Control"] == "no-cache"
        assert body == (folder / "index.html").read_bytes()
        status, headers, body = get(port, "/index.json")
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert json.loads(body)["security_grade"] == "C"
        for hidden in ("/.gitignore", "/%2egitignore", "/nothing", "/../pyproject.toml"):
            assert get(port, hidden)[0] == 404


def test_what_is_served_follows_the_documents(project):
    folder = build_site(project).folder
    with running(folder) as port:
        lay_out(world(), documents_of(project))
        build_site(project)
        assert json.loads(get(port, "/index.json")[2])["security_grade"] == "A"


def test_a_taken_port(project):
    folder = build_site(project).folder
    with running(folder) as port, pytest.raises(UsageError, match=f"port {port}"):
        server(folder, port)
    with pytest.raises(UsageError, match="port 70000"):
        server(folder, 70_000)


def test_serve_tells_its_address_and_ends_with_ctrl_c(project):
    told = []

    def tell(line):
        told.append(line)
        port = int(re.search(r":(\d+)/", line)[1])
        threading.Thread(target=visit, args=(port,)).start()

    def visit(port):
        told.append(get(port, "/index.json")[0])
        os.kill(os.getpid(), signal.SIGINT)

    serve_site(project, 0, tell)
    assert told[1] == 200
