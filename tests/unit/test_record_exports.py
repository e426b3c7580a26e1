"""OpenVEX 0.2 and SARIF 2.1: what the specifications demand, escaped, byte for byte the same."""

from __future__ import annotations

import json
import re
from datetime import date
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from msgspec.structs import replace
from openvex_rules import read_vex
from worlds import ADDED, FREED, NOON, finding, reach, scanner, snapshot

from release.model.acceptance import Acceptance, Vex
from release.model.openvex import purl
from release.model.record import Sighting
from release.model.snapshot import Word
from release.record.carry import carry_forward
from release.record.openvex import openvex
from release.record.sarif import sarif

KEY = "CVE-1@jinja2"
HELD = finding(ids=("CVE-1", "GHSA-1"), fixed_in=("2.0",), summary="A leak", url="https://x.y/1")
WORLD = snapshot(HELD, reach=(reach(HELD),))
KNOWN = carry_forward(None, WORLD)
ANN = Acceptance(owner="ann", reason="no templates", expires=date(2027, 1, 1))


def vex(record, scan=WORLD):
    """The document, once it was checked against OpenVEX 0.2.0."""
    document = read_vex(openvex(record, scan, NOON))
    assert document["timestamp"] == "2026-11-23T12:00:00Z"
    return document


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("@context",), "https://openvex.dev/ns/v0.0.1"),
        (("@id",), "no address"),
        (("timestamp",), "yesterday"),
        (("version",), 0),
        (("statements",), []),
        (("role",), "an unknown field"),
        (("statements", 0, "status"), "open"),
        (("statements", 0, "status"), "not_affected"),
        (("statements", 0, "action_statement"), ""),
        (("statements", 0, "products"), []),
        (("statements", 0, "products", 0, "@id"), "pkg:pypi/Demo@1.0"),
        (("statements", 0, "vulnerability", "name"), ""),
        (("statements", 0, "impact_statement"), "none"),
    ],
)
def test_the_rules_refuse_what_is_wrong(place, wrong):
    document = vex(KNOWN)
    at = document
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = wrong
    with pytest.raises(ValidationError):
        read_vex(json.dumps(document))


def only(record, scan=WORLD):
    (statement,) = vex(record, scan)["statements"]
    return statement


def test_an_open_finding_is_affected_with_what_to_do():
    statement = only(KNOWN)
    assert statement["status"] == "affected"
    assert "replace jinja2<2 by jinja2>=2.0" in statement["action_statement"]
    assert statement["vulnerability"] == {
        "name": "CVE-1",
        "aliases": ["GHSA-1"],
        "description": "A leak",
    }
    assert statement["products"] == [
        {"@id": "pkg:pypi/demo@1.0", "subcomponents": [{"@id": "pkg:pypi/jinja2@1.0"}]}
    ]
    bare = carry_forward(None, snapshot(finding()))
    assert only(bare, None)["action_statement"] == "no remedy is known yet"
    assert only(bare, None)["products"][0]["@id"] == "pkg:pypi/demo"


RESOLVED = [
    (snapshot(scanners={"osv": scanner("jinja2==2.0")}, closures=()), {"status": "fixed"}),
    (
        snapshot(
            words=(Word(key=KEY, ruling="withdrawn", evidence="w"),),
            scanners={"osv": scanner("jinja2==1.0")},
            closures=(),
        ),
        {"status": "not_affected", "impact_statement": "the advisory was withdrawn"},
    ),
    (
        snapshot(scanners={"osv": scanner("jinja2==1.0")}, closures=()),
        {"status": "under_investigation", "status_notes": "no longer reported, unexplained"},
    ),
    (
        snapshot(replace(HELD, suppressed=True)),
        {
            "status": "under_investigation",
            "status_notes": "suppressed in the project, which gives no reason",
        },
    ),
]


@pytest.mark.parametrize(("scan", "told"), RESOLVED)
def test_what_is_settled_says_how(scan, told):
    statement = only(carry_forward(KNOWN, scan))
    assert statement.items() >= told.items()


def test_a_package_that_is_gone_is_not_present():
    gone = snapshot(scanners={"osv": scanner("flask==1.0")}, closures=())
    record = carry_forward(carry_forward(KNOWN, gone), gone)
    assert only(record)["justification"] == "component_not_present"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (None, {"status": "affected"}),
        (Vex(action="restart"), {"status": "affected", "action_statement": "restart"}),
        (Vex(status="under_investigation"), {"status": "under_investigation"}),
        (
            Vex(status="not_affected", justification="vulnerable_code_not_present"),
            {"status": "not_affected", "justification": "vulnerable_code_not_present"},
        ),
        (Vex(status="not_affected", impact="none"), {"impact_statement": "none"}),
    ],
)
def test_an_acceptance_speaks_for_itself(word, told):
    record = carry_forward(KNOWN, WORLD, acceptances={KEY: replace(ANN, vex=word)})
    statement = only(record)
    assert statement.items() >= told.items()
    assert statement["status_notes"] == "accepted by ann until 2027-01-01: no templates"


def test_only_what_users_of_the_release_get_is_stated():
    world = snapshot(
        HELD,
        finding("CVE-2@jinja2", affects=ADDED),
        finding("CVE-3@jinja2", affects=FREED),
        finding("CVE-4@jinja2", scope="dev"),
        finding("B1@demo", kind="code", scope="code", path="demo/x.py"),
        finding("S1@demo", kind="secret", scope="code", path="demo/y.py"),
    )
    record = carry_forward(None, world)
    names = [s["vulnerability"]["name"] for s in vex(record, world)["statements"]]
    assert names == ["CVE-1", "CVE-3"]
    unresolved = replace(world, closures=())
    names = [s["vulnerability"]["name"] for s in vex(record, unresolved)["statements"]]
    assert names == ["CVE-1", "CVE-2", "CVE-3"], "while the release is unknown nothing is left out"


def checked(data):
    """The document, once it has been checked against SARIF 2.1.0."""
    document = json.loads(data)
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert re.fullmatch(r"\d+\.\d", rule["properties"]["security-severity"])
        assert rule["shortDescription"]["text"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert not urlsplit(uri).scheme
        assert not uri.startswith("/")
        assert result["partialFingerprints"]["releaseWardenKey/v1"]
    return run


def test_open_findings_are_results_and_accepted_ones_suppressed():
    two = snapshot(HELD, finding("CVE-2@jinja2", severity="low", score=3.1), reach=(reach(HELD),))
    record = carry_forward(None, two, acceptances={"CVE-2@jinja2": ANN})
    run = checked(sarif(record, two, version="1"))
    high, low = run["results"]
    assert (high["level"], low["level"]) == ("error", "note")
    assert "suppressions" not in high
    assert low["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "accepted by ann until 2027-01-01: no templates",
        }
    ]
    scores = [r["properties"]["security-severity"] for r in run["tool"]["driver"]["rules"]]
    assert scores == ["7.0", "3.1"]
    assert run["tool"]["driver"]["rules"][0]["helpUri"] == "https://x.y/1"
    gone = carry_forward(KNOWN, snapshot(scanners={"osv": scanner("jinja2==2.0")}, closures=()))
    assert checked(sarif(gone, None, version="1"))["results"] == []


def test_own_code_is_named_only_when_asked_and_secrets_never():
    own = snapshot(
        finding("B1@demo", kind="code", scope="code", path="/demo/a b.py", url="javascript:1"),
        finding("S1@demo", kind="secret", scope="code", path="demo/y.py"),
    )
    record = carry_forward(None, own)
    assert checked(sarif(record, own, version="1"))["results"] == []
    run = checked(sarif(record, own, version="1", code=True))
    (result,) = run["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "demo/a%20b.py"}
    assert "helpUri" not in run["tool"]["driver"]["rules"][0]


def test_findings_that_share_an_id_share_a_rule_and_the_worst_speaks():
    pair = snapshot(
        finding("CVE-1@a", severity="low"), finding("CVE-1@b", severity="critical"), closures=()
    )
    run = checked(sarif(carry_forward(None, pair), pair, version="1"))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "9.0"
    assert len(run["results"]) == 2


SIGNS = list("<>[](){}0\\\n\r\x1b\u202e:/ ab@%\"'")
HOSTILE = st.text(alphabet=st.sampled_from(SIGNS), max_size=40)


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_advisory_text_becomes_a_link_a_placeholder_or_a_line(summary, name, package):
    item = finding("k@x", ids=(name or "i",), summary=summary, package=package or "p")
    world = snapshot(item, closures=())
    record = carry_forward(None, world)
    run = checked(sarif(record, world, version="1"))
    for text in (
        run["results"][0]["message"]["text"],
        run["tool"]["driver"]["rules"][0]["shortDescription"]["text"],
    ):
        assert not re.search(r"[\x00-\x1f\u2028\u202e]", text)
        assert not re.search(r"(?<!\\)(\\\\)*\[", text)
        assert not re.search(r"(?<!\{)(\{\{)*\{(?!\{)", text)
    statement = only(record, world)
    assert not re.search(r"[\x00-\x1f\u202e]", json.dumps(statement, ensure_ascii=False))


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_same_findings_same_bytes(chance):
    items = [finding(f"CVE-{n}@jinja2") for n in range(6)]
    one, other = snapshot(*items), snapshot(*chance.sample(items, 6))
    records = carry_forward(None, one), carry_forward(None, other)
    assert openvex(records[0], one, NOON) == openvex(records[1], other, NOON)
    assert sarif(records[0], one, version="1") == sarif(records[1], other, version="1")


def test_an_unexplained_finding_of_one_scanner_stays_affected_by_another():
    item = KNOWN.tracked[0]
    words = {"a": Sighting(state="unexplained"), "b": Sighting(state="open")}
    assert only(replace(KNOWN, tracked=(replace(item, sightings=words),)))["status"] == "affected"


@pytest.mark.parametrize(
    ("name", "version", "url"),
    [
        ("Foo_Bar", "1.0+cu118", "pkg:pypi/foo-bar@1.0%2Bcu118"),
        ("a/b?c#d", "1 2", "pkg:pypi/a%2Fb%3Fc%23d@1%202"),
        ("demo", "1!2.0", "pkg:pypi/demo@1%212.0"),
        ("x", "", "pkg:pypi/x"),
    ],
)
def test_package_urls(name, version, url):
    assert purl(name, version) == url
