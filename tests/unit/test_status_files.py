"""The static API: each file against the schema or the rules of its form, and all as one build."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

import feedparser
import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from lxml import etree
from openapi_spec_validator import OpenAPIV31SpecValidator
from openvex_rules import read_vex
from status_worlds import NOW, WHERE, closure, finding, receipt, world
from watching import watching

from release.model.acceptance import Acceptance
from release.model.delta import Delta, DeltaFinding
from release.model.history import History, Span, Story
from release.model.record import Sighting, Tracked
from release.model.snapshot import Gap, Pin, Reach, Scanner
from status_site import schemas
from status_site.badges import GREEN, Badge, as_svg, badges
from status_site.documents import Documents
from status_site.names import key_name, version_name
from status_site.pipelines import _Counted
from status_site.publish import Folder, bring
from status_site.site_files import site_files
from status_site.status import FailedUpdate, SecurityStatus
from status_site.timeline import LONGEST

HOSTILE = "\"'><script>alert(1)</script>&\x00\x1b[31m\u202e\ufffe]]>{{ color }}../../x"
DAY = timedelta(days=1)


def pin(name, version="1.0", **change):
    return Pin(name=name, version=version, **({"pythons": ("3.11",), "extras": ("",)} | change))


def pinned(*pins, gaps=()):
    return msgspec.structs.replace(closure("published", gaps=gaps), pins=pins)


def tracked(item, **change):
    return Tracked(finding=item, **({"sightings": {"osv": Sighting(state="open")}} | change))


def story(item, *spans, state="open", **change):
    facts = {"kind": "dependency", "package": item.package, "ids": item.ids}
    return Story(
        key=item.key, severity=item.severity, state=state, first_seen=item.first_seen,
        spans=spans, **(facts | change),
    )  # fmt: skip


def full_world():
    """One of everything."""
    held = finding("urllib3/CVE-2023-43804", fixed_in=("2.0",), scope="extra", extras=("http",))
    gone = finding("jinja2/CVE-2024-1", "critical", first_seen=NOW - 20 * DAY)
    let = finding("idna/CVE-2024-2", "low")
    resolved = {"osv": Sighting(state="resolved", cause="upgraded")}
    accepted = Acceptance(owner="ann", reason="not used", expires=NOW.date() + 9 * DAY)
    took = DeltaFinding(
        key=gone.key, package="jinja2", ids=gone.ids, severity="critical", was=("3.1.2",)
    )
    delta = Delta(project="paperboy", since="1.2.2", version="1.2.3", fixed=(took,))
    documents = world(
        held,
        reach=(Reach(key=held.key, package="urllib3", ids=(), verdict="blocked-by-us"),),
        closures=(
            pinned(
                pin("urllib3", "1.26.15", via=("paperboy",)),
                pin("jinja2", "3.1.3", via=("paperboy",), pythons=("3.11", "3.12")),
                pin("markupsafe", "2.1", via=("jinja2",)),
                gaps=(Gap(name="odd", reason="sdists only"),),
            ),
            closure("candidate"),
        ),
        receipts=(receipt("1.2.2", at=NOW - 40 * DAY), receipt(at=NOW - 5 * DAY, delta=delta)),
    )
    record = msgspec.structs.replace(
        documents.record,
        tracked=(
            tracked(held),
            tracked(gone, sightings=resolved, resolved_at=NOW - 5 * DAY),
            tracked(let, accepted=accepted),
        ),
    )
    history = History(
        **WHERE,
        as_of=NOW,
        stories=(
            story(held, Span(opened=NOW - 9 * DAY)),
            story(
                gone,
                Span(opened=NOW - 20 * DAY, closed=NOW - 5 * DAY, cause="upgraded"),
                state="resolved",
            ),
            story(let, Span(opened=NOW - 9 * DAY, closed=NOW - 3 * DAY, cause="suppressed"),
                  state="accepted", accepted=accepted.told),
        ),
    )  # fmt: skip
    changed = {"record": record, "history": history}
    return Documents(
        **{name: getattr(documents, name) for name in documents.__dataclass_fields__} | changed
    )


def hostile_world():
    """Whatever others may choose is hostile."""
    bad = HOSTILE
    item = finding(
        f"x/{bad}", summary=bad, ids=(bad,), package=bad, version=bad, url=f"https://x/{bad}",
        affects={"published": (bad,)}, fixed_in=(bad,), extras=(bad,), source=(bad,),
    )  # fmt: skip
    published = msgspec.structs.replace(
        pinned(pin(bad, bad, via=("paperboy", bad)), gaps=(Gap(name=bad, reason=bad),)), version=bad
    )
    return world(
        item,
        closures=(published,),
        scanners={bad: Scanner(state="failed", detail=bad), "osv": Scanner(state="ok")},
        receipts=(receipt(bad), receipt()),
    )


def made(documents):
    status = SecurityStatus.from_documents(documents)
    return status, site_files(documents, status)


WORLDS = {"full": full_world, "hostile": hostile_world, "empty": world, "never": Documents}


@pytest.fixture(params=WORLDS)
def site(request):
    return made(WORLDS[request.param]())


@cache
def validator(name):
    schema = json.loads((files("status_site") / "schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(
        {**schema, "$ref": f"#/$defs/{name}"}, format_checker=FormatChecker()
    )


DEFINED = {
    r"index\.json": "SecurityStatus",
    r"history\.json": "StatusHistory",
    r"build\.json": "BuildFiles",
    r"monitoring\.json": "StatusMonitoring",
    r"metrics\.json": "StatusMetrics",
    r"findings/.*": "FindingStatus",
    r"releases/.*": "ReleaseStatus",
    r"badges/.*\.json": "Badge",
}


def test_every_document_is_as_the_schema_says(site):
    _, made_ = site
    checked = 0
    for pattern, name in DEFINED.items():
        for file in (file for file in made_ if re.fullmatch(pattern, file)):
            validator(name).validate(json.loads(made_[file]))
            checked += 1
    assert checked >= 7


def test_the_schema_refuses_what_is_wrong():
    index = json.loads(made(full_world())[1]["index.json"])
    for name, wrong in {"security_grade": "E", "findings": [{}], "scan_date": 3}.items():
        assert not validator("SecurityStatus").is_valid({**index, name: wrong})
        assert not validator("SecurityStatus").is_valid(
            {key: value for key, value in index.items() if key != name}
        )


def test_the_published_schema_is_the_one_of_the_classes():
    published = (files("status_site") / "schema.json").read_bytes()
    assert published == schemas.schema(), "run: python -m status_site.schemas"


def build_id_in(name, data):
    """The build id that a file carries, wherever its form has room for it."""
    if name.endswith(".html"):
        return re.search(rb'<meta name="build-id" content="(\w+)">', data)[1].decode()
    if name.endswith((".xml", ".svg")):
        told = [e.text for e in ET.fromstring(data).iter() if e.tag.endswith(("build-id", "data"))]
        return told[0].removeprefix("build-id ")
    document = json.loads(data)
    if name == "vex.json":
        return document["tooling"].rpartition(" ")[2]
    if name.startswith("sbom/"):
        told = {it["name"]: it["value"] for it in document["metadata"]["properties"]}
        return told["release-warden:build-id"]
    if name == "schema.json":
        return document["$comment"].rpartition(" ")[2]
    return document["info"]["x-build-id"] if name == "openapi.json" else document["build_id"]


def test_every_file_carries_the_build_id(site):
    status, made_ = site
    for name, data in made_.items():
        if not re.fullmatch(r"badges/.*\.json", name):
            assert build_id_in(name, data) == status.build_id, name


def test_the_build_binds_every_file(site):
    _, made_ = site
    told = json.loads(made_["build.json"])["files"]
    assert set(told) == set(made_) - {"build.json"}
    assert len(set(told.values())) == len(told)


def test_same_documents_same_bytes():
    assert made(full_world())[1] == made(full_world())[1]


def test_file_names_are_safe(site):
    _, made_ = site
    for name in made_:
        assert re.fullmatch(r"(?:[a-z]+/)?[A-Za-z0-9][A-Za-z0-9@~.-]{0,199}", name), name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("CVE-2023-43804@urllib3", "CVE-2023-43804@urllib3"),
        ("GHSA-v845-jxx5-vc9f@urllib3", "GHSA-v845-jxx5-vc9f@urllib3"),
        ("../../etc/passwd", "etc-passwd~"),
        ("CVE-2023-1@Urllib3", "cve-2023-1-urllib3~"),
        ("", "x~"),
        ("\udcff", "x~"),
    ],
)
def test_names_of_findings(key, name):
    assert key_name(key).startswith(name)
    assert ("~" in key_name(key)) == name.endswith("~")


@pytest.mark.parametrize(("version", "kept"), [("1.2.3rc1", True), ("1!2.0", False), ("..", False)])
def test_names_of_versions(version, kept):
    assert (version_name(version) == version) == kept


@given(st.lists(st.text(max_size=30) | st.from_regex(r"[A-Za-z]+-\w+@\w+"), unique=True))
def test_no_two_keys_share_a_name_whatever_the_case(keys):
    assert len({key_name(key).casefold() for key in keys}) == len(keys)
    assert len({version_name(key).casefold() for key in keys}) == len(keys)


SHIELDS = {"schemaVersion", "label", "message", "color", "isError", "cacheSeconds"}


def test_badges_are_as_shields_wants_them(site):
    status, made_ = site
    for name in badges(status):
        badge = json.loads(made_[f"badges/{name}.json"])
        assert badge.keys() == SHIELDS  # one key more, and shields.io shows an error
        assert badge["schemaVersion"] == 1
        assert badge["label"]
        assert badge["message"].strip()
        assert badge["cacheSeconds"] >= 300


def test_badges_tell_the_day_of_the_scan():
    shown = badges(SecurityStatus.from_documents(full_world()))
    assert {name: badge.message for name, badge in shown.items()} == {
        "grade": "unknown · 2026-11-23",
        "vulnerabilities": "at least 1 · 2026-11-23",
        "last-scan": "2026-11-23",
        "release": "1.2.3 · 2026-11-23",
    }
    clean = badges(SecurityStatus.from_documents(world()))
    assert clean["grade"].message == "A · 2026-11-23"
    assert clean["vulnerabilities"].message == "none known · 2026-11-23"
    assert {badge.color for badge in clean.values()} == {"brightgreen"}


def failing_worlds():
    run = msgspec.structs.replace(world().run, outcome="error", exit_code=1)
    late = msgspec.structs.replace(world().run, at=NOW + 3 * DAY)
    early = msgspec.structs.replace(world().run, at=NOW - 3 * DAY)
    return {
        "never": Documents(),
        "a scanner failed": world(scanners={"osv": Scanner(state="failed")}),
        "a scanner is missing": world(scanners={}),
        "a package was missed": world(missed=("urllib3",)),
        "stale": world(run=late),
        "from the future": world(run=early),
        "no record": world(record=None),
        "not resolved": world(closures=()),
        "the last run failed": world(run=run),
    }


@pytest.mark.parametrize("name", failing_worlds())
def test_no_badge_is_green_on_failure(name):
    status = SecurityStatus.from_documents(failing_worlds()[name])
    for badge in badges(status).values():
        assert badge.color not in GREEN
        assert "none known" not in badge.message or badge.message.endswith("last run failed")
    updated = SecurityStatus.from_documents(world()).failed(FailedUpdate(at=NOW, why="x"))
    assert {badge.message for badge in badges(updated).values()} == {
        "stale · 2026-11-23 · update failed",
        "2026-11-23 · update failed",
        "1.2.3 · 2026-11-23 · update failed",
    }
    assert {badge.color for badge in badges(updated).values()} == {"lightgrey"}
    assert all(badge.is_error for badge in badges(updated).values())


def test_a_picture_says_what_it_shows(site):
    status, made_ = site
    for name, badge in badges(status).items():
        root = ET.fromstring(made_[f"badges/{name}.svg"])
        assert root.get("role") == "img"
        title = next(e for e in root.iter() if e.tag.endswith("title"))
        assert title.text == f"{badge.label}: {badge.message}"
        tags = {e.tag.rpartition("}")[2] for e in root.iter()}
        assert tags == {"svg", "title", "metadata", "clipPath", "rect", "g", "path", "text"}


def test_hostile_text_in_a_picture_is_text():
    badge = Badge(label="<b>", message='"><script>', color="red", is_error=True)
    assert b"<script" not in as_svg(badge, "0")


ATOM = "{http://www.w3.org/2005/Atom}"
GRAMMAR = etree.RelaxNG(file=str(Path(__file__).parents[1] / "atom.rng"))


def test_the_feed_is_atom_by_its_grammar(site):
    """RELAX NG, by libxml2."""
    _, made_ = site
    GRAMMAR.assertValid(etree.fromstring(made_["feed.xml"]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<title>", b"<title><b>bold</b>"),
        (b"<updated>2026-", b"<updated>26-"),
        (b"<id>urn:", b"<id>uri:"),
        (b"<author>", b"<editor/><author>"),
        (b' rel="self"', b' rel="self" colour="red"'),
        (b"<content", b"<summary/><summary/><content"),
    ],
)
def test_the_grammar_refuses_what_is_wrong(old, new):
    data = made(full_world())[1]["feed.xml"]
    assert old in data
    assert not GRAMMAR.validate(etree.fromstring(data.replace(old, new, 1)))


def test_the_feed_is_atom(site):
    """What RFC 4287 demands of a feed and of an entry beyond its grammar (4.1.1, 4.1.2)."""
    _, made_ = site
    root = ET.fromstring(made_["feed.xml"])
    for one in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(one.findall(ATOM + name)) == 1
        assert one.findtext(f"{ATOM}id").startswith("urn:uuid:")
        assert datetime.fromisoformat(one.findtext(f"{ATOM}updated")).utcoffset() is not None
        alternates = [e for e in one.findall(f"{ATOM}link") if e.get("rel") == "alternate"]
        assert len(alternates) == 1
        assert alternates[0].get("href") in made_
    assert root.find(f"{ATOM}author/{ATOM}name").text
    ids = [e.text for e in root.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))


def test_the_feed_is_read_by_a_reader():
    read = feedparser.parse(made(full_world())[1]["feed.xml"])
    assert not read.bozo
    assert [entry.title for entry in read.entries] == [
        "Closed: CVE-2024-2 in idna",
        "Released 1.2.3",
        "Closed: CVE-2024-1 in jinja2",
        "Open: CVE-2023-43804 in urllib3 (high)",
        "Open: CVE-2024-2 in idna (low)",
        "Open: CVE-2024-1 in jinja2 (critical)",
        "Released 1.2.2",
    ]
    assert read.entries[1].content[0].value == "It takes 1 finding from its users."


def test_the_feed_is_bounded():
    items = [finding(f"p{n}/{n}", first_seen=NOW - n * DAY) for n in range(80)]
    read = feedparser.parse(made(world(*items))[1]["feed.xml"])
    assert len(read.entries) == 50
    assert read.feed.updated == read.entries[0].updated == "2026-11-23T12:00:00Z"


def test_the_sbom_is_cyclonedx():
    for documents in (full_world(), hostile_world(), world()):
        _, made_ = made(documents)
        (data,) = (data for name, data in made_.items() if name.startswith("sbom/"))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None


def test_the_sbom_tells_what_users_get():
    told = json.loads(made(full_world())[1]["sbom/1.2.3.cdx.json"])
    assert [part["purl"] for part in told["components"]] == [
        "pkg:pypi/jinja2@3.1.3",
        "pkg:pypi/markupsafe@2.1",
        "pkg:pypi/urllib3@1.26.15",
    ]
    needs = {item["ref"]: item.get("dependsOn", []) for item in told["dependencies"]}
    assert needs["pkg:pypi/paperboy@1.2.3"] == ["pkg:pypi/jinja2@3.1.3", "pkg:pypi/urllib3@1.26.15"]
    assert needs["pkg:pypi/jinja2@3.1.3"] == ["pkg:pypi/markupsafe@2.1"]
    gaps = [it["value"] for it in told["metadata"]["properties"] if it["name"].endswith("gap")]
    assert gaps == ["odd: sdists only"]


def test_the_project_among_its_own_packages_is_one_part():
    own = (pin("paperboy", "1.2.3"), pin("a", via=("paperboy",)), pin("A", via=("paperboy",)))
    documents = world(closures=(pinned(*own),))
    first, second = (made(documents)[1]["sbom/1.2.3.cdx.json"] for _ in range(2))
    assert first == second
    assert [part["purl"] for part in json.loads(first)["components"]] == ["pkg:pypi/a@1.0"]


def test_a_package_at_two_versions_has_two_parts():
    two = (
        pin("a", "1", via=("paperboy",)),
        pin("a", "2", via=("paperboy",), pythons=("3.12",)),
        pin("b", "1", via=("a",)),
    )
    told = json.loads(made(world(closures=(pinned(*two),)))[1]["sbom/1.2.3.cdx.json"])
    needs = {item["ref"]: item.get("dependsOn", []) for item in told["dependencies"]}
    assert needs["pkg:pypi/a@1"] == ["pkg:pypi/b@1"]
    assert needs["pkg:pypi/a@2"] == []


def test_links_lead_to_files(site):
    status, made_ = site
    assert set(status.links.values()) <= set(made_)
    assert ("vex" in status.links) == ("vex.json" in made_)


def test_without_a_statement_there_is_no_vex():
    """OpenVEX's schema: ``statements`` has ``minItems`` 1."""
    for documents in (world(), world(finding(affects={"candidate": ("2",)}))):
        assert "vex.json" not in made(documents)[1]


def test_the_vex_is_openvex(site):
    _, made_ = site
    if "vex.json" in made_:
        read_vex(made_["vex.json"])


def test_the_vex_names_the_build():
    status, made_ = made(full_world())
    told = read_vex(made_["vex.json"])
    assert told["tooling"] == f"release-warden, build-id {status.build_id}"
    assert {it["vulnerability"]["name"]: it["status"] for it in told["statements"]} == {
        "CVE-2023-43804": "affected", "CVE-2024-1": "fixed", "CVE-2024-2": "affected",
    }  # fmt: skip


def test_the_openapi_is_valid_where_it_lies(tmp_path):
    _, made_ = made(full_world())
    for name in ("openapi.json", "schema.json"):
        (tmp_path / name).write_bytes(made_[name])
    told = json.loads(made_["openapi.json"])
    uri = (tmp_path / "openapi.json").as_uri()
    OpenAPIV31SpecValidator(told, base_uri=uri).validate()


def test_the_openapi_describes_every_file(site):
    _, made_ = site
    told = json.loads(made_["openapi.json"])
    patterns = {re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) for path in told["paths"]}
    for name in made_:
        if name != "openapi.json":
            assert any(re.fullmatch(pattern, f"/{name}") for pattern in patterns), name
    references = re.findall(r'"schema\.json#/\$defs/(\w+)"', made_["openapi.json"].decode())
    assert set(references) == {*DEFINED.values()} <= set(json.loads(made_["schema.json"])["$defs"])


def test_a_finding_has_a_file_open_or_not():
    status, made_ = made(full_world())
    told = {name: json.loads(data) for name, data in made_.items() if name.startswith("findings/")}
    states = {page["finding"]["package"]: page["state"] for page in told.values()}
    assert states == {"urllib3": "open", "jinja2": "resolved", "idna": "accepted"}
    assert all(finding.file in told for finding in status.findings)
    (gone,) = (page for page in told.values() if page["state"] == "resolved")
    assert gone["spans"][0]["cause"] == "upgraded"
    assert status.accepted == 1
    assert status.vulnerability_summary.total == 1


def test_findings_of_own_code_have_no_file_and_no_entry():
    code = finding("rule@paperboy/send.py", kind="code", scope="code", path="send.py", affects={})
    _, made_ = made(world(code))
    assert not [name for name in made_ if name.startswith("findings/")]
    assert not [name for name, data in made_.items() if b"send.py" in data]


def test_which_version_should_i_be_on():
    _, made_ = made(full_world())
    old, new = (json.loads(made_[f"releases/1.2.{patch}.json"]) for patch in (2, 3))
    assert (old["use"], old["is_latest"], old["known"]) == ("1.2.3", False, False)
    assert old["advice"].startswith("Upgrade to 1.2.3, which removes 1 known finding.")
    assert [item["ids"] for item in old["fixed_since"]] == [["CVE-2024-1"]]
    assert old["security_grade"] is None
    assert (new["use"], new["is_latest"], new["known"]) == ("1.2.3", True, True)
    assert [item["key"] for item in new["fixes"]] == ["jinja2/CVE-2024-1"]
    assert not new["fixed_since"]


def test_a_release_after_the_last_scan_is_the_one_to_be_on_though_nobody_looked():
    newer = receipt("1.2.10", at=NOW + timedelta(minutes=1))
    _, made_ = made(world(receipts=(receipt(), newer)))
    told = json.loads(made_["releases/1.2.10.json"])
    assert (told["is_latest"], told["known"], told["security_grade"]) == (True, False, None)
    assert told["advice"] == "This is the latest release; what it brings is not fully known."
    assert json.loads(made_["releases/1.2.3.json"])["use"] == "1.2.10"


def test_a_maintained_branch_does_not_fix_what_is_newer():
    took = DeltaFinding(key="k", package="p", ids=("CVE-9",), severity="high")
    branch = receipt(
        "1.1.9", delta=Delta(project="p", since="1.1.8", version="1.1.9", fixed=(took,))
    )
    _, made_ = made(world(receipts=(receipt(at=NOW - 20 * DAY), branch)))
    assert json.loads(made_["releases/1.2.3.json"])["fixed_since"] == []


def days(documents):
    return json.loads(made(documents)[1]["history.json"])["days"]


def test_history_day_by_day():
    told = {day["day"]: day for day in days(full_world())}
    assert next(iter(told)) == "2026-10-14"
    assert list(told)[-1] == "2026-11-23"
    assert len(told) == 41
    counts = {day: told[day]["open"] for day in told}
    assert counts["2026-11-02"]["total"] == 0
    assert counts["2026-11-03"] == {
        "total": 1, "critical": 1, "high": 0, "medium": 0, "low": 0, "unknown": 0,
    }  # fmt: skip
    assert counts["2026-11-17"]["total"] == 3
    assert counts["2026-11-18"]["total"] == 2
    assert counts["2026-11-23"]["total"] == 1
    assert (told["2026-11-18"]["closed"], told["2026-11-18"]["releases"]) == (1, ["1.2.3"])
    assert told["2026-11-14"]["opened"] == 2


def test_history_is_bounded_and_remembers_what_was_open_before():
    old = finding(first_seen=NOW - 5 * 365 * DAY)
    told = days(world(old))
    assert len(told) == LONGEST
    assert {day["open"]["high"] for day in told} == {1}
    assert sum(day["opened"] for day in told) == 0


def test_history_that_a_wrong_clock_wrote_ends_with_the_scan():
    told = days(world(finding(first_seen=NOW + 400 * DAY)))
    assert [day["day"] for day in told][-1] == "2026-11-23"
    assert told[-1]["open"]["total"] == 1


def test_what_only_head_has_is_no_history():
    told = days(world(finding(affects={"candidate": ("2",)})))
    assert {day["open"]["total"] for day in told} == {0}


def test_response_times():
    status, _ = made(full_world())
    (critical,) = (it for it in status.response_times if it.severity == "critical")
    assert (critical.remedied, critical.within, critical.mean_days) == (1, 0, 15.0)
    (low,) = (it for it in status.response_times if it.severity == "low")
    assert (low.remedied, low.mean_days) == (0, None)  # an acceptance is no remedy


def test_days_and_due():
    shown = SecurityStatus.from_documents(
        world(
            finding(
                first_seen=NOW - 31 * DAY, published_at=NOW - 40 * DAY,
                fix_available_at=NOW - 29 * DAY - timedelta(hours=23), fixed_in=("2",),
            )
        )
    ).findings[0]  # fmt: skip
    assert shown.days_since_discovery == 31
    assert shown.days_since_publication == 40
    assert shown.days_since_fix == 29
    assert (shown.fix, shown.overdue, shown.due) == ("new", True, NOW - DAY)


def test_fifty_findings_are_small():
    import gzip

    items = [
        finding(
            f"CVE-2024-{n}@package-{n}", "medium", summary=f"{n}: what an advisory says " * 5,
            fixed_in=(f"1.{n}",), ids=(f"CVE-2024-{n}", f"GHSA-xxxx-{n:04}-yyyy"),
        )
        for n in range(50)
    ]  # fmt: skip
    _, made_ = made(world(*items))
    assert len(gzip.compress(made_["index.json"])) < 10_000
    assert all(len(made_[name]) < 100_000 for name in made_ if name.endswith(".html"))


def test_who_watches_sees_how_much_of_a_site_was_written(tmp_path):
    with watching() as seen:
        bring({"index.json": b"x" * 30, "badges/grade.json": b"y" * 12}, _Counted(Folder(tmp_path)))
    assert seen.bytes == [("written", 12, 0), ("written", 42, 0)]
    assert (tmp_path / "index.json").read_bytes() == b"x" * 30
