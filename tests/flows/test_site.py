"""The site on a real disk and over real HTTP."""

import hashlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from filelock import FileLock
from status_worlds import NOW, finding, lay_out, world

from release.errors import DocumentError, FailedError, ProjectError, TryAgainError, UsageError
from status_site import store
from status_site.build import after_run, build
from status_site.site import build_site, serve_site, server
from status_site.store import CURRENT
from status_site.unseen import FUTURE


@pytest.fixture
def project(tmp_path):
    lay_out(world(finding()), tmp_path / ".release" / "run" / "documents")
    return tmp_path


def documents_of(project):
    return project / ".release" / "run" / "documents"


def files(folder):
    """All that is served, path to content."""
    top = (folder / CURRENT).resolve()
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


def test_both_files_carry_the_build_id(project):
    built = build_site(project)
    assert built.folder == project / "security-status"
    assert {"index.json", "index.html", "feed.xml", "badges/grade.svg"} < set(built.written)
    page = json.loads((built.folder / "index.json").read_text())
    assert page["build_id"] == built.status.build_id
    assert f'name="build-id" content="{page["build_id"]}"' in (
        built.folder / "index.html"
    ).read_text("utf-8")
    assert set(files(built.folder)) == set(built.written)
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


def test_compiled_templates_are_kept_and_rubbish_among_them_does_no_harm(project):
    def built():
        argv = [sys.executable, "-P", "-m", "release.flows.plugins", documents_of(project)]
        subprocess.run(argv, check=True, cwd=project)
        return files(project / "security-status")

    fresh = built()
    kept = sorted((project / ".release" / "cache" / "pages").iterdir())
    assert kept
    assert built() == fresh
    kept[0].write_bytes(b"rubbish")
    kept[1].write_bytes(kept[1].read_bytes()[:-100])
    assert built() == fresh


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
def test_an_unreadable_document_leaves_the_last_good_status_marked_as_stale(project, broken):
    folder = build_site(project).folder
    before = files(folder)
    good = (documents_of(project) / "record.json").read_bytes()
    (documents_of(project) / "record.json").write_bytes(broken)
    with pytest.raises(DocumentError):
        build_site(project, now=NOW)
    marked = json.loads((folder / "index.json").read_bytes())
    assert marked["failed_update"]["at"] == "2026-11-23T12:00:00Z"
    assert marked["security_grade"] is None
    assert marked["build_id"] == json.loads(before["index.json"])["build_id"]
    assert marked["findings"] == json.loads(before["index.json"])["findings"]
    assert json.loads((folder / "badges" / "grade.json").read_bytes())["color"] == "red"
    assert b"the last update of this page failed" in (folder / "index.html").read_bytes()
    whole(folder)
    (documents_of(project) / "record.json").write_bytes(good)
    build_site(project)
    assert files(folder) == before


def test_nothing_is_marked_where_nothing_was_served(project):
    (documents_of(project) / "record.json").write_bytes(b"{")
    with pytest.raises(DocumentError):
        build_site(project)
    assert not (project / "security-status" / "index.json").exists()


def there(folder):
    """All that lies in a folder, hidden or not, path to content."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def whole(folder):
    """Assert that what is served is one build, and give back its id."""
    told = json.loads((folder / "build.json").read_bytes())
    assert {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in told["files"]
    } == told["files"]
    assert json.loads((folder / "index.json").read_bytes())["build_id"] == told["build_id"]
    return told["build_id"]


def worlds(folder, count=2):
    """Folders of documents that differ."""
    held = [finding(), finding("jinja2/CVE-1", "medium", affects={"published": ("1",)})]
    return [lay_out(world(*held[:number]), folder / f"world-{number}") for number in range(count)]


CHILD = """
import os, sys
from pathlib import Path
from status_site import store
from status_site.build import build

left = int(sys.argv[3])

def counted(where, name):
    work = getattr(where, name)
    def step(what, *args, **kwargs):
        global left
        if isinstance(what, int) or str(what).startswith(sys.argv[2]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
        return work(what, *args, **kwargs)
    setattr(where, name, step)

for name in ("open", "symlink_to", "replace", "mkdir", "chmod", "unlink"):
    counted(Path, name)
for name in ("open", "write", "fsync", "fchmod"):
    counted(os, name)
build(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def killed_at(step, documents, site):
    command = [sys.executable, "-c", CHILD, str(documents), str(site), str(step)]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_killed_at_every_write_one_whole_state_is_served(tmp_path):
    """Killed before each of its steps in turn: what is served is the one state or the other."""
    old, new = worlds(tmp_path)
    site = tmp_path / "site"
    ids = [build(folder, site).status.build_id for folder in (new, old)]
    seen, step = set(), 0
    while killed_at(step, new, site) == -signal.SIGKILL:
        seen.add(whole(site))
        build(old, site)
        step += 17
    assert seen <= set(ids)
    assert step > 60
    assert whole(site) == ids[0]
    build(old, site)
    assert len([path for path in (site / ".builds").iterdir() if path.is_dir()]) == 2


def test_killed_while_the_first_site_is_written_the_next_build_makes_it_whole(tmp_path):
    folder = worlds(tmp_path)[1]
    site = tmp_path / "site"
    for step in (3, 70):
        assert killed_at(step, folder, site) == -signal.SIGKILL
    built = build(folder, site)
    assert whole(site) == built.status.build_id
    assert (site / ".gitignore").read_text() == "*\n"


def test_no_room_leaves_what_was_served(tmp_path):
    """A real limit of the operating system: no file may grow beyond 8 kB."""
    old, new = worlds(tmp_path)
    site = tmp_path / "site"
    build(old, site)
    before = files(site)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        with pytest.raises(FailedError, match="could not be written") as caught:
            build(new, site)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "too large" in caught.value.why
    assert files(site) == before
    whole(site)
    assert len([path for path in (site / ".builds").iterdir() if path.is_dir()]) == 1
    build(new, site)
    assert files(site) != before


def test_a_web_server_can_read_it_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        build(worlds(tmp_path)[1], tmp_path / "site")
    finally:
        os.umask(before)
    top = (tmp_path / "site" / CURRENT).resolve()
    for path in (top.parent, top, *top.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_a_folder_in_the_way_is_told(tmp_path):
    (tmp_path / "site" / "badges").mkdir(parents=True)
    with pytest.raises(FailedError, match="could not be written") as caught:
        build(worlds(tmp_path)[0], tmp_path / "site")
    assert caught.value.why.endswith(": badges")


def test_a_copy_without_links_stays_as_it_is_until_it_is_deleted(tmp_path):
    """As ``cp -rL`` makes it: folders cannot be exchanged in one step, so they are not touched."""
    old, new = worlds(tmp_path)
    build(old, tmp_path / "site")
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "site", copy, symlinks=False)
    before = there(copy)
    with pytest.raises(FailedError, match="lost its links") as caught:
        build(new, copy)
    assert ".current, badges, releases, sbom" in caught.value.why
    assert f"delete {copy}" in caught.value.remedy
    assert there(copy) == before
    whole(copy)
    shutil.rmtree(copy)
    built = build(new, copy)
    assert whole(copy) == built.status.build_id


def test_links_that_became_small_files_are_links_again(tmp_path):
    """As unzip by a program that knows no links leaves them: files that hold where each led."""
    old, new = worlds(tmp_path)
    site = tmp_path / "site"
    build(old, site)
    for link in [path for path in site.iterdir() if path.is_symlink()]:
        target = str(link.readlink())
        link.unlink()
        link.write_text(target)
    built = build(new, site)
    assert whole(site) == built.status.build_id
    assert len([path for path in (site / ".builds").iterdir() if path.is_dir()]) == 1


def test_two_builders_and_a_reader(tmp_path):
    """While two builders replace each other's state, a reader never sees half of one."""
    folders = worlds(tmp_path)
    site = tmp_path / "site"
    build(folders[0], site)
    loop = "import sys; from pathlib import Path; from status_site.build import build\n"
    loop += "for _ in range(8): build(Path(sys.argv[1]), Path(sys.argv[2]))"
    builders = [
        subprocess.Popen([sys.executable, "-c", loop, str(folder), str(site)]) for folder in folders
    ]
    seen = set()
    while any(builder.poll() is None for builder in builders):
        top = (site / CURRENT).resolve()  # a reader that follows the link once
        with suppress(FileNotFoundError):  # two builds later its folder is gone
            seen.add(whole(top))
    assert [builder.returncode for builder in builders] == [0, 0]
    assert seen
    assert whole(site)


def test_a_site_of_the_earlier_layout_is_taken_over(project):
    folder = project / "security-status"
    folder.mkdir()
    for name in ("index.json", "index.html"):
        (folder / name).write_text("{}")
    build_site(project)
    assert whole(folder)


def test_a_lost_file_is_mended(project):
    folder = build_site(project).folder
    (folder / "history.json").resolve().write_bytes(b"")
    (folder / "feed.xml").unlink()
    assert build_site(project).written == ("history.json",)
    assert build_site(project).written == ()
    whole(folder)


@pytest.mark.parametrize("damage", [b"", b"{}", b"no json"])
def test_a_damaged_site_is_written_anew_and_hides_no_other_trouble(project, damage):
    folder = build_site(project).folder
    for name in ("build.json", "index.json"):
        (folder / name).resolve().write_bytes(damage)
    good = (documents_of(project) / "record.json").read_bytes()
    (documents_of(project) / "record.json").write_bytes(b"{")
    with pytest.raises(DocumentError, match="record"):
        build_site(project)
    (documents_of(project) / "record.json").write_bytes(good)
    assert "index.json" in build_site(project).written
    whole(folder)


def test_a_builder_that_holds_the_folder_too_long(project, monkeypatch):
    folder = build_site(project).folder
    monkeypatch.setattr(store, "LOCK_PATIENCE", 0.1)
    with (
        FileLock(folder / store.BUILDS / "lock"),
        pytest.raises(TryAgainError, match="another run"),
    ):
        build_site(project)
    whole(folder)


def test_a_clock_that_jumped_ahead_gives_no_grade_for_years(project):
    later = world(at=NOW + timedelta(days=3650))
    lay_out(later, documents_of(project))
    assert build_site(project, now=NOW).status.grade_caps[0].reason == FUTURE
    lay_out(world(), documents_of(project))
    assert build_site(project, now=NOW).status.security_grade == "A"
    assert build_site(project, now=NOW + timedelta(days=3)).status.security_grade is None
    assert build_site(project, now=NOW).status.security_grade == "A"


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
        inner = f"/.builds/{(folder / CURRENT).readlink().name}/index.json"
        for hidden in ("/.gitignore", "/%2egitignore", "/nothing", "/badges/", inner):
            assert get(port, hidden)[0] == 404
        for hidden in ("/.current/index.json", "/../pyproject.toml"):
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
