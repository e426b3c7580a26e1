"""The OSV API client against a server on loopback; archives and folders of records."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from osv_server import CUT, DRIP, HANG, Osv, Trouble, osv_api

from release.adapters import web
from release.adapters.osv import api as osv_api_room
from release.adapters.osv import archive as archive_room
from release.adapters.osv import cache as cache_room
from release.adapters.osv import open_source
from release.adapters.osv.api import OsvApi
from release.adapters.osv.archive import OsvArchive
from release.adapters.osv.cache import RecordCache
from release.errors import UnreachableError, UsageError
from release.scan.source import Found


def record(id_: str, package: str = "thing", **other: Any) -> dict[str, Any]:
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
    }
    raw = {"id": id_, "modified": f"2026-01-{len(id_):02}T00:00:00Z", "affected": [affected]}
    return raw | other


def write(folder: Path, *records: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for one in records:
        (folder / f"{one['id']}.json").write_text(json.dumps(one))
    return folder


def ids(found: Found) -> list[str]:
    return [one.id for one in found.advisories]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses and patience cut short; what is paused for and how often stays."""
    monkeypatch.setattr(web, "TIMEOUT", (0.5, 0.3))
    monkeypatch.setattr(web, "DEADLINE", 0.3)
    monkeypatch.setattr(web, "pause", lambda attempt, asked: 0.01)


@pytest.mark.parametrize(
    "settings", [{}, {"page": 1}, {"page": 2}, {"page": 2, "token_first": True}]
)
def test_every_page_is_read(tmp_path: Path, settings: dict[str, Any]) -> None:
    folder = write(
        tmp_path, *(record(f"P-{n}") for n in range(5)), record("Q-1", "other"), record("R", "far")
    )
    with osv_api(folder, **settings) as api:
        found = OsvApi(api.url).match([("thing", "1"), ("other", "1"), ("none", "1"), ("far", "2")])
    assert ids(found) == ["P-0", "P-1", "P-2", "P-3", "P-4", "Q-1"]
    assert found.damaged == ()
    assert all(path == "/v1/querybatch" for path in api.paths("POST"))


def test_each_thing_is_asked_once(tmp_path: Path) -> None:
    with osv_api(write(tmp_path, record("P-1"), record("P-2"))) as api:
        source = OsvApi(api.url + "/")
        for _ in range(2):
            assert ids(source.match([("thing", "1")])) == ["P-1", "P-2"]
        assert ids(source.lookup(["P-1", "CVE-unheard"])) == ["P-1"]
        assert ids(source.lookup(["CVE-unheard"])) == []
        assert api.paths("POST") == ["/v1/querybatch"]
        assert sorted(api.paths("GET")) == [f"/v1/vulns/{n}" for n in ("CVE-unheard", "P-1", "P-2")]
        source.match([("thing", "1"), ("thing", "1.5")])
        assert [queries for how, _, queries, _ in api.seen if how == "POST"] == [1, 1]


def test_a_batch_holds_a_thousand(tmp_path: Path) -> None:
    with osv_api(write(tmp_path, record("P-1"))) as api:
        found = OsvApi(api.url).match([("thing", f"1.{n}") for n in range(2001)])
    assert ids(found) == ["P-1"]
    assert [queries for how, _, queries, _ in api.seen if how == "POST"] == [1000, 1000, 1]


def test_a_withdrawn_record_is_hidden_from_queries_and_told_on_lookup(tmp_path: Path) -> None:
    gone = record("P-1", withdrawn="2026-02-02T00:00:00Z")
    with osv_api(write(tmp_path, gone, record("P-22"))) as api:
        source = OsvApi(api.url)
        assert ids(source.match([("thing", "1")])) == ["P-22"]
        (one,) = source.lookup(["P-1"]).advisories
        assert one.withdrawn == datetime(2026, 2, 2, tzinfo=UTC)
        assert source.database_date == datetime(2026, 1, 4, tzinfo=UTC)


def test_a_listed_record_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    write(tmp_path, record("P-1"), record("P-2"), record("P-3"))
    with osv_api(tmp_path) as api:
        del api.raw["P-1"]
        api.raw["P-2"] = b'{"id": "P-2", "modified": 3}'
        found = OsvApi(api.url).match([("thing", "1")])
    assert ids(found) == ["P-3"]
    assert {one.name: one.packages for one in found.damaged} == {"P-1": {"thing"}, "P-2": {"thing"}}


def test_a_busy_server_is_asked_again_when_it_says(tmp_path: Path) -> None:
    busy = [
        Trouble(429, {"Retry-After": "1"}),
        Trouble(503, {"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}),
    ]
    with osv_api(write(tmp_path, record("P-1")), troubles=busy) as api:
        assert ids(OsvApi(api.url).match([("thing", "1")])) == ["P-1"]
    moments = [moment for *_, moment in api.seen]
    assert moments[1] - moments[0] >= 1.0
    assert len(moments) == 4


def test_a_retry_after_without_reason_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "LONGEST_PAUSE", 0.05)
    busy = [Trouble(429, {"Retry-After": "86400"})]
    with osv_api(write(tmp_path, record("P-1")), troubles=busy) as api:
        assert ids(OsvApi(api.url).match([("thing", "1")])) == ["P-1"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [500, 502, 504, 429, HANG, CUT])
def test_trouble_that_passes_is_outlived_and_trouble_that_stays_is_unknown(
    tmp_path: Path, status: int
) -> None:
    folder = write(tmp_path, record("P-1"))
    with osv_api(folder, troubles=[Trouble(status)] * (web.ATTEMPTS - 1)) as api:
        assert ids(OsvApi(api.url).match([("thing", "1")])) == ["P-1"]
    with osv_api(folder, troubles=[Trouble(status)] * web.ATTEMPTS) as api:
        with pytest.raises(UnreachableError, match="did not answer"):
            OsvApi(api.url).match([("thing", "1")])
        assert len(api.seen) == web.ATTEMPTS


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(200, {"Content-Type": "text/html"}, b"<html>captive portal</html>"),
        Trouble(200, body=b""),
        Trouble(200, body=b"null"),
        Trouble(200, body=b"{}"),
        Trouble(200, body=b'{"results": []}'),
        Trouble(200, body=b'{"results": [{}, {}]}'),
        Trouble(200, body=b'{"results": [{"vulns": [{"modified": "2024"}]}]}'),
        Trouble(200, body=b'{"results": [{"vulns": "none"}]}'),
        Trouble(200, body=b'{"results": [{"vulns": null}]}'),
        Trouble(200, body=b'{"results": [null]}'),
        Trouble(204),
        Trouble(400),
        Trouble(403),
        Trouble(404),
    ],
)
def test_rubbish_is_unknown_and_never_clean(tmp_path: Path, trouble: Trouble) -> None:
    with osv_api(write(tmp_path, record("P-1")), troubles=[trouble]) as api:
        source = OsvApi(api.url)
        with pytest.raises(UnreachableError):
            source.match([("thing", "1")])
        assert ids(source.match([("thing", "1")])) == ["P-1"]  # a failure is not remembered


def test_details_that_fail_are_unknown(tmp_path: Path, quick: None) -> None:
    with osv_api(write(tmp_path, record("P-1"))) as api:
        source = OsvApi(api.url)
        hits, api.hits = api.hits, _then(api, Trouble(403))  # type: ignore[method-assign]
        with pytest.raises(UnreachableError, match="no OSV answer"):
            source.match([("thing", "1")])
        api.hits = hits  # type: ignore[method-assign]
        assert ids(source.match([("thing", "1")])) == ["P-1"]


def _then(api: Osv, *troubles: Trouble) -> Any:
    def hits(query: dict[str, Any]) -> dict[str, Any]:
        api.troubles += troubles
        return Osv.hits(api, query)

    return hits


def test_pages_without_end_are_rubbish(tmp_path: Path) -> None:
    with (
        osv_api(write(tmp_path, record("P-1")), endless=True) as api,
        pytest.raises(UnreachableError) as caught,
    ):
        OsvApi(api.url).match([("thing", "1")])
    assert "100 pages" in caught.value.why
    assert len(api.seen) == osv_api_room.MOST_PAGES


@pytest.mark.usefixtures("quick")
def test_nobody_there_is_unknown() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:\d+ did not answer"):
            OsvApi(url).match([("thing", "1")])


@pytest.mark.usefixtures("quick")
def test_an_answer_that_drips_for_ever_is_given_up(tmp_path: Path) -> None:
    drips = [Trouble(DRIP)] * web.ATTEMPTS
    with (
        osv_api(write(tmp_path, record("P-1")), troubles=drips) as api,
        pytest.raises(UnreachableError, match="did not answer"),
    ):
        OsvApi(api.url).match([("thing", "1")])


@pytest.mark.usefixtures("quick")
def test_an_answer_beyond_reason_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "LARGEST", 1000)
    huge = Trouble(200, body=b'{"results": [{}], "padding": "' + b"x" * 2000 + b'"}')
    with (
        osv_api(write(tmp_path, record("P-1")), troubles=[huge]) as api,
        pytest.raises(UnreachableError, match="did not answer"),
    ):
        OsvApi(api.url).match([("thing", "1")])


@pytest.mark.usefixtures("quick")
def test_waiting_in_line_is_no_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DEADLINE", 20)
    write(tmp_path, *(record(f"P-{n}") for n in range(300)))
    with osv_api(tmp_path) as api:
        found = OsvApi(api.url).match([("thing", "1")])
        assert len(found.advisories) == len({*api.paths("GET")}) == 300


@pytest.mark.usefixtures("quick")
def test_a_server_in_trouble_is_left_in_peace(tmp_path: Path) -> None:
    write(tmp_path, *(record(f"P-{n}") for n in range(300)))
    with osv_api(tmp_path) as api:
        source = OsvApi(api.url)
        api.hits, hits = _then(api, *[Trouble(503)] * 1000), api.hits  # type: ignore[method-assign]
        with pytest.raises(UnreachableError, match="did not answer"):
            source.match([("thing", "1")])
        assert len(api.paths("GET")) <= 2 * web.ATTEMPTS * web.CONNECTIONS
        api.troubles, api.hits = [], hits  # type: ignore[method-assign]
        assert len(source.match([("thing", "1")]).advisories) == 300


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy_is_asked_for_what_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for one in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(one, raising=False)
    with osv_api(write(tmp_path, record("P-1"))) as api:
        monkeypatch.setenv(name, api.url)
        api.raw["http://osv.invalid/v1/vulns/P-1"] = api.raw["P-1"]  # as a proxy is asked
        assert ids(OsvApi("http://osv.invalid").match([("thing", "1")])) == ["P-1"]
        assert api.seen[0][1] == "http://osv.invalid/v1/querybatch"


def test_details_are_fetched_once_for_each_modified(tmp_path: Path) -> None:
    folder, cache = write(tmp_path / "db", record("P-1"), record("P-22")), tmp_path / "c" / "osv"
    with osv_api(folder) as api:
        for _ in range(3):
            assert ids(OsvApi(api.url, cache).match([("thing", "1")])) == ["P-1", "P-22"]
        assert len(api.paths("GET")) == 2
    changed = record("P-1", summary="news", modified="2026-09-09T00:00:00Z")
    with osv_api(write(folder, changed)) as api:
        one, _ = OsvApi(api.url, cache).match([("thing", "1")]).advisories
        assert one.summary == "news"
        assert api.paths("GET") == ["/v1/vulns/P-1"]
        (now,) = OsvApi(api.url, cache).lookup(["P-1"]).advisories
        assert now.summary == "news"
        assert len(api.paths("GET")) == 2  # a word on an id is never an old one


@pytest.mark.parametrize("damage", ["rubbish", "empty", "torn", "a folder", "another record"])
def test_a_damaged_cache_costs_time_and_no_answer(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "osv"
    with osv_api(write(tmp_path / "db", *(record(f"P-{n}") for n in range(9)))) as api:
        asked = [("thing", "1")]
        expected = OsvApi(api.url, cache).match(asked)
        whole = cache.read_bytes()
        if damage == "another record":
            with contextlib.closing(sqlite3.connect(cache)) as database, database:
                database.execute("UPDATE records SET data = '{}' WHERE id = 'P-1'")
                database.execute("UPDATE records SET data = X'7B7D' WHERE id = 'P-2'")
        elif damage == "a folder":
            cache.unlink()
            cache.mkdir()
        else:
            cache.write_bytes({"rubbish": b"x" * 5000, "empty": b"", "torn": whole[:6000]}[damage])
        for _ in range(2):
            assert OsvApi(api.url, cache).match(asked) == expected
        if damage != "a folder":
            before = len(api.paths("GET"))
            assert OsvApi(api.url, cache).match(asked) == expected
            assert len(api.paths("GET")) == before


def test_a_record_that_nobody_can_read_is_not_kept(tmp_path: Path) -> None:
    with osv_api(write(tmp_path / "db", record("P-1"))) as api:
        whole, api.raw["P-1"] = api.raw["P-1"], b"<html>"
        assert OsvApi(api.url, tmp_path / "osv").match([("thing", "1")]).damaged
        api.raw["P-1"] = whole
        assert ids(OsvApi(api.url, tmp_path / "osv").match([("thing", "1")])) == ["P-1"]


def test_an_answer_about_another_record_is_set_aside(tmp_path: Path) -> None:
    with osv_api(write(tmp_path, record("P-1"), record("Q-1", "other"))) as api:
        api.raw["P-1"] = api.raw["Q-1"]
        found = OsvApi(api.url).match([("thing", "1")])
    assert ids(found) == []
    (aside,) = found.damaged
    assert (aside.name, aside.reason) == ("P-1", "the answer is about Q-1")
    assert aside.packages == {"thing", "other"}


def test_the_cache_is_bounded_and_forgets_what_is_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_room, "MOST_RECORDS", 5)
    monkeypatch.setattr(cache_room, "LARGEST_RECORD", 10)
    cache = RecordCache(tmp_path / "osv")
    for number in range(20):
        cache.write({f"P-{number}": ("m", b"data"), "huge": ("m", b"x" * 11)})
    wanted = {f"P-{number}": "m" for number in range(20)} | {"huge": "m"}
    assert sorted(cache.read(wanted)) == ["P-15", "P-16", "P-17", "P-18", "P-19"]
    assert cache.read({"P-19": "another"}) == {}


WRITER = """
import sys
from pathlib import Path
from release.adapters.osv.cache import RecordCache
cache, name = RecordCache(Path(sys.argv[1])), sys.argv[2]
print("up", flush=True)
for number in range(int(sys.argv[3])):
    cache.write({f"{name}-{number}-{k}": ("m", b"x" * 2000) for k in range(20)})
"""


def test_runs_share_the_cache_and_may_be_killed(tmp_path: Path) -> None:
    file = tmp_path / "osv"

    def writer(name: str, rounds: int) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", WRITER, str(file), name, str(rounds)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE)

    with writer("A", 20) as first, writer("B", 20) as second, writer("C", 10**6) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        first.wait()
        second.wait()
        killed.kill()
    wanted = {f"{name}-{n}-{k}": "m" for name in "AB" for n in range(20) for k in range(20)}
    assert set(RecordCache(file).read(wanted)) == set(wanted)
    assert set(RecordCache(file).read({"C-0-0": "m"})) <= {"C-0-0"}


@pytest.mark.usefixtures("quick")
def test_an_archive_stands_in_for_an_api_that_does_not_answer(tmp_path: Path) -> None:
    archive = write(tmp_path / "records", record("P-1"))
    dead = "http://127.0.0.1:9"
    source = open_source(None, dead, tmp_path / "cache", archive=str(archive))
    assert source.detail == dead
    assert ids(source.match([("thing", "1")])) == ["P-1"]
    assert ids(source.lookup(["P-1"])) == ["P-1"]
    assert source.detail == f"records, because {dead} gave no answer"
    assert source.database_date == datetime(2026, 1, 3, tzinfo=UTC)
    empty = open_source(None, dead, tmp_path / "cache", archive=str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no advisories at"):
        empty.match([("thing", "1")])
    (tmp_path / "torn.zip").write_bytes(b"PK")
    torn = open_source(None, dead, tmp_path / "cache", archive=str(tmp_path / "torn.zip"))
    with pytest.raises(UnreachableError, match="the archive in its place is no help"):
        torn.match([("thing", "1")])


@pytest.mark.usefixtures("quick")
def test_two_databases_never_share_the_answers_of_a_scan(tmp_path: Path) -> None:
    archive = write(tmp_path / "records", record("P-1"), record("P-old"))
    with osv_api(write(tmp_path / "db", record("P-1"))) as api:
        source = open_source(None, api.url, tmp_path / "cache", archive=str(archive))
        assert ids(source.match([("thing", "1")])) == ["P-1"]
        api.troubles += [Trouble(500)] * web.ATTEMPTS
        with pytest.raises(UnreachableError):
            source.lookup(["P-old"])
        assert source.detail == api.url


@pytest.mark.usefixtures("quick")
def test_an_archive_that_was_fetched_once_serves_without_a_network(tmp_path: Path) -> None:
    packed(tmp_path / "all.zip", members(record("P-1")))
    cache = tmp_path / "cache"
    with osv_api(tmp_path / "empty") as api:
        api.raw["all.zip"] = (tmp_path / "all.zip").read_bytes()
        address = f"{api.url}/v1/vulns/all.zip"
        api.troubles = [Trouble(500)] * web.ATTEMPTS
        first = open_source(None, api.url, cache, archive=address)
        assert ids(first.match([("thing", "1")])) == ["P-1"]
    again = open_source(None, api.url, cache, archive=address)
    assert ids(again.match([("thing", "1")])) == ["P-1"]
    with pytest.raises(UnreachableError):  # who names it on the command line wants it as it is now
        open_source(address, api.url, cache)


MALFORMED = (("bad.json", b"{"), ("PYSEC-7.json", b'{"id": 7, "affected": []}'))


def packed(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def members(*records: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [(f"{one['id']}.json", json.dumps(one).encode()) for one in records]


@pytest.mark.parametrize("kind", ["folder", "zip", "http"])
def test_an_archive_a_folder_and_an_address_give_the_same(tmp_path: Path, kind: str) -> None:
    given = [*members(record("P-1"), record("Q-1", "Other")), *MALFORMED, ("notes.txt", b"no")]
    nested = [*given, *((f"deep/er/{name}", data) for name, data in members(record("P-2")))]
    for name, data in nested:
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(data)
    archive = packed(tmp_path / "all.zip", nested)
    with osv_api(tmp_path / "empty") as api:
        api.raw["all.zip"] = archive.read_bytes()
        where = {
            "folder": f"{tmp_path}/f",
            "zip": str(archive),
            "http": f"{api.url}/v1/vulns/all.zip",
        }
        source = open_source(where[kind], "http://unused.invalid", tmp_path / "cache")
    found = source.match([("thing", "1"), ("other", "1"), ("none", "1")])
    assert sorted(ids(found)) == ["P-1", "P-2", "Q-1"]
    assert sorted(one.name for one in found.damaged) == ["PYSEC-7.json", "bad.json"]
    assert source.database_date == datetime(2026, 1, 3, tzinfo=UTC)
    assert [one.name for one in source.lookup(["PYSEC-7", "P-1"]).damaged] == ["PYSEC-7.json"]


def test_of_a_record_told_twice_the_later_counts() -> None:
    old = record("P-1", modified="2026-01-01T00:00:00Z", summary="old")
    new = record("P-1", modified="2026-05-01T00:00:00Z", summary="new")
    for told in ([old, new], [new, old]):
        source = OsvArchive((f"{n}.json", json.dumps(one).encode()) for n, one in enumerate(told))
        assert [one.summary for one in source.match([("thing", "1")]).advisories] == ["new"]


@pytest.mark.parametrize("content", [[], [("readme.txt", b"hello")], list(MALFORMED)])
def test_a_database_without_records_is_unknown_and_never_clean(
    tmp_path: Path, content: list[tuple[str, bytes]]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in content:
        (folder / name).write_bytes(data)
    for where in (folder, packed(tmp_path / "all.zip", content)):
        with pytest.raises(UnreachableError, match="no OSV record that can be read"):
            open_source(str(where), "http://unused.invalid", tmp_path)


@pytest.mark.parametrize("damage", ["torn", "rubbish", "html", "flipped", "encrypted"])
def test_a_damaged_archive_is_unknown(tmp_path: Path, damage: str) -> None:
    path = packed(tmp_path / "all.zip", members(*(record(f"P-{n}") for n in range(50))))
    data = bytearray(path.read_bytes())
    if damage == "torn":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[40:140] = bytes(byte ^ 0xFF for byte in data[40:140])
    elif damage == "encrypted":
        directory = data.index(b"PK\x01\x02")
        data[6] |= 1
        data[directory + 8] |= 1
    else:
        data = bytearray(b"<html>" if damage == "html" else b"PK\x03\x04" + bytes(99))
    path.write_bytes(data)
    with pytest.raises(UnreachableError, match=r"all\.zip is no archive of OSV records"):
        open_source(str(path), "http://unused.invalid", tmp_path)


def test_an_archive_beyond_reason_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "all.zip", members(record("P-1")))
    monkeypatch.setattr(archive_room, "LARGEST_ARCHIVE", 100)
    monkeypatch.setattr(web, "LARGEST", 100)
    with pytest.raises(UnreachableError, match="no archive"):
        open_source(str(path), "http://unused.invalid", tmp_path)
    with osv_api(tmp_path / "none") as api:
        api.raw["all.zip"] = path.read_bytes()
        with pytest.raises(UnreachableError, match="did not answer"):
            open_source(f"{api.url}/v1/vulns/all.zip", "http://unused.invalid", tmp_path)


def test_an_archive_that_is_not_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no advisories at"):
        open_source(str(tmp_path / "nowhere"), "http://unused.invalid", tmp_path)
    with osv_api(tmp_path) as api, pytest.raises(UnreachableError, match="no archive of advisori"):
        open_source(f"{api.url}/v1/vulns/all.zip", "http://unused.invalid", tmp_path)
    assert not list(tmp_path.glob("advisories-*"))
