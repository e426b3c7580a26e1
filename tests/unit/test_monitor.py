"""What is wrong with a published site: every kind of trouble, and a whole site without any."""

import json
from datetime import timedelta
from email.utils import format_datetime

import pytest
from status_worlds import NOW, finding, world

from release.adapters.web import Answer, Silence
from release.errors import UsageError
from release.model.base import encode
from release.watch.verdict import state_of
from status_site.badges import badges
from status_site.monitor.badge import read_badge
from status_site.monitor.endpoints import MOST, address, base_of, endpoints
from status_site.monitor.judge import Expected, Seen, judge
from status_site.schemas import BuildFiles
from status_site.site_files import site_files
from status_site.status import FailedUpdate, SecurityStatus

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS = {"json": "application/json", "svg": "image/svg+xml", "html": "text/html", "xml": "text/xml"}
OLD = NOW - 9 * DAY
EXPECTED = Expected(now=NOW + HOUR, every=DAY, project="paperboy", scanned=NOW)


def files_of(documents=None, change=None):
    documents = documents or world(finding())
    status = SecurityStatus.from_documents(documents)
    if change:
        status = change(status)
    return site_files(documents, status)


def answers(files, *, written=OLD):
    headers = {"date": http(NOW + HOUR), "last-modified": http(written)}
    return {
        path: Answer(path, 200, KINDS[path.rpartition(".")[2]], data, headers=headers, seconds=0.01)
        for path, data in files.items()
    }


def http(moment):
    return format_datetime(moment, usegmt=True)


def seen(held, **change):
    build = held.get("build.json")
    told = Seen(held, endpoints(None), **change)
    return Seen(held, endpoints(told.build if build else None), **change)


def kinds(held, expected=EXPECTED, **change):
    found = judge(seen(held, **change), expected)
    assert all(one.what and one.remedy for one in found)
    return {(one.kind, one.path) for one in found}


def with_answer(path, **change):
    held = answers(files_of())
    return {**held, path: held[path]._replace(**change)}


def test_a_whole_site_has_no_trouble():
    assert kinds(answers(files_of())) == set()
    told = seen(answers(files_of()))
    assert (told.latency.median_ms, told.latency.worst_ms) == (10, 10)


@pytest.mark.parametrize(
    ("path", "change", "kind"),
    [
        ("history.json", {"status": 404}, "status"),
        ("index.html", {"status": 500}, "status"),
        ("feed.xml", {"status": 429}, "throttled"),
        ("history.json", {"kind": "text/html"}, "type"),
        ("badges/grade.svg", {"kind": "text/plain"}, "type"),
        ("index.html", {"kind": "application/octet-stream"}, "type"),
    ],
)
def test_what_a_server_does_wrong(path, change, kind):
    assert kinds(with_answer(path, **change)) == {(kind, path)}


@pytest.mark.parametrize("path", ["history.json", "index.html", "feed.xml", "badges/release.svg"])
def test_no_byte_may_differ(path):
    data = answers(files_of())[path].content
    assert kinds(with_answer(path, content=data + b" ")) == {("bytes", path)}


@pytest.mark.parametrize("data", [b"", b"{}", b"<html>", b'{"schema": "release-warden/status/1"}'])
def test_what_is_not_as_its_schema_says(data):
    for path in ("index.json", "history.json", "monitoring.json", "releases/1.2.3.json"):
        assert ("schema", path) in kinds(with_answer(path, content=data))
    assert ("schema", "build.json") in kinds(with_answer("build.json", content=data))
    assert ("schema", "openapi.json") not in kinds(with_answer("openapi.json", content=b"{}"))
    assert ("schema", "openapi.json") in kinds(with_answer("openapi.json", content=b"<html>"))


BADGE = {"schemaVersion": 1, "label": "x", "message": "A · 2026-11-23", "color": "red"}


@pytest.mark.parametrize(
    "change",
    [{"message": ""}, {"extra": 1}, {"schemaVersion": 2}, {"color": ""}, {"cacheSeconds": -1},
     {"isError": "no"}, {"message": "A"}],
)  # fmt: skip
def test_what_shields_would_refuse_or_does_not_tell_the_day(change):
    data = json.dumps(BADGE | change).encode()
    assert ("badge", "badges/grade.json") in kinds(with_answer("badges/grade.json", content=data))


def test_our_own_badges_are_badges():
    for badge in badges(SecurityStatus.from_documents(world())).values():
        assert read_badge(encode(badge)).message == badge.message


def test_a_green_badge_without_a_grade():
    held = files_of(world(scanners={}))
    held["badges/grade.json"] = json.dumps(BADGE | {"color": "green"}).encode()
    assert ("badge", "badges/grade.json") in kinds(answers(held))


def mixed(written):
    """A cache that has kept some files of the build before."""
    old, new = answers(files_of(world())), answers(files_of(), written=written)
    return {**new, "index.json": old["index.json"], "history.json": old["history.json"]}


def test_two_builds_are_a_failure_once_caches_had_their_time():
    assert {kind for kind, _ in kinds(mixed(written=NOW))} == {"build"}
    just_now = mixed(written=NOW + HOUR - timedelta(minutes=5))
    assert kinds(just_now) == {("settling", "")}
    assert state_of(judge(seen(just_now), EXPECTED), answered=True) == "settling"
    timeless = {path: it._replace(headers={}) for path, it in just_now.items()}
    assert {kind for kind, _ in kinds(timeless)} == {"build"}


def test_the_same_build_scanned_again_is_bound_by_its_digests():
    later = answers(files_of(world(finding(), at=NOW + HOUR / 2)))
    held = {**answers(files_of()), "index.json": later["index.json"]}
    assert kinds(held) == {("bytes", "index.json")}


def test_freshness():
    held = answers(files_of())

    def at(hours, scanned=None, every=24):
        told = Expected(
            now=NOW + hours * HOUR, every=every * HOUR, project="paperboy", own_clock=False,
            scanned=None if scanned is None else NOW + scanned * HOUR,
        )  # fmt: skip
        return {kind for kind, _ in kinds(held, told)}

    assert at(36) == set()
    assert at(37) == {"late"}
    assert at(49) == {"stale", "late"}
    assert at(37, scanned=36) == {"behind"}
    assert at(37, scanned=0) == {"late"}
    assert at(7, every=4) == {"late"}
    assert at(-1) == {"stale"}


def test_a_site_without_a_word_and_scans_that_stopped():
    held = {path: Silence(path, "refused") for path in answers(files_of())}
    told = judge(seen(held), Expected(now=NOW + 40 * HOUR, every=DAY, scanned=NOW))
    assert {one.kind for one in told} == {"unreachable", "late"}
    assert state_of(told, answered=seen(held).answered) == "unknown"


def test_never_scanned_and_failed_updates():
    empty = files_of(world(heartbeat=None, record=None))
    assert {"stale"} == {kind for kind, _ in kinds(answers(empty))}
    failed = files_of(change=lambda it: it.failed(FailedUpdate(at=NOW, why="record.json")))
    assert kinds(answers(failed)) == {("update-failed", "")}


def test_another_projects_site():
    other = Expected(now=NOW + HOUR, every=DAY, project="other")
    assert kinds(answers(files_of()), other) == {("project", "")}


def test_a_wrong_clock_says_nothing_of_freshness():
    wrong = Expected(now=NOW + 90 * DAY, every=DAY, project="paperboy")
    assert kinds(answers(files_of()), wrong) == {("clock", "")}
    told = judge(seen(answers(files_of())), wrong)
    assert state_of(told, answered=True) == "unknown"


@pytest.mark.parametrize(
    ("life", "left", "bad"),
    [(90, 15, False), (90, 13, True), (6, 2, False), (6, 0.9, True), (365, -1, True)],
)
def test_certificates(life, left, bad):
    until = NOW + HOUR + left * DAY
    found = kinds(answers(files_of()), certificate=(until - life * DAY, until))
    assert found == ({("certificate", "")} if bad else set())


def test_an_untrusted_certificate():
    held = {"index.json": Silence("index.json", "self-signed", untrusted=True)}
    told = judge(seen(held), EXPECTED)
    assert [one.kind for one in told] == ["certificate"]
    assert state_of(told, answered=False) == "failed"


def test_slow():
    held = {path: it._replace(seconds=2.5) for path, it in answers(files_of()).items()}
    assert kinds(held) == {("slow", "")}


def test_endpoints_are_bounded_and_odd_names_are_not_asked_for():
    names = [f"findings/CVE-2024-{n}@p.json" for n in range(2000)]
    odd = ["../x", "//evil.example/x", "http://evil.example/", "a/b/c", ".git", "a b"]
    build = BuildFiles(build_id="b", scan_date=None, files=dict.fromkeys([*names, *odd], "0"))
    told = endpoints(build)
    assert len(told.paths) == MOST
    assert told.left_out == 2000 + 13 - MOST
    assert set(told.odd) == set(odd)
    assert {path for path in told.paths if "/" not in path} >= {"history.json", "feed.xml"}
    assert kinds({"build.json": answers({"build.json": encode(build)})["build.json"]}) >= {
        ("schema", "build.json")
    }


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://x/", "https://", "https://me:pw@x.example/", "https://x/?a=1", "x.example",
        "https://[::1", "https://x.example:99999/", "https://x y.example/",
        "https://me:pw@x y.example/?a=1",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url):
    with pytest.raises(UsageError) as caught:
        base_of(url)
    assert "pw" not in str(caught.value)


def test_addresses():
    for file in ("", "/", "/index.html", "/index.json"):
        assert base_of(f"https://x.example/s{file}") == "https://x.example/s/"
    assert address("https://x/", "findings/a@b~c.json") == "https://x/findings/a@b~c.json"
