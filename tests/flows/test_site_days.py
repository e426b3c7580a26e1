"""What a scan adds to the site beyond what it found: the grade of its day, and figures."""

from __future__ import annotations

import json

from kit import make_project, warden
from leaf_index import advise

FRESH = {
    "last_updated", "scan_date", "valid_until", "last_run", "days_since_last_vulnerability",
    "monitoring",
}  # fmt: skip
MORNING, NOON, TOMORROW = (f"2026-11-{at}:00Z" for at in ("23T08:00", "23T12:00", "24T08:00"))


def scanned(project, at, advisories):
    done = warden(project, "release.scan", "--at", at, "--advisories", str(advisories))
    assert done.code == 0, done.err
    served = project / "security-status"
    named = json.loads((served / "build.json").read_bytes())["files"]
    return {name: (served / name).read_bytes() for name in (*named, "build.json")}


def lasting(data):
    return {name: told for name, told in json.loads(data).items() if name not in FRESH}


def test_a_second_scan_of_a_day_adds_nothing_but_freshness_and_the_next_day_its_grade(tmp_path):
    project = make_project(tmp_path / "project")
    known = tmp_path / "advisories"
    known.mkdir()
    advise(known, "X-1", "elsewhere", "CRITICAL", {"introduced": "0"})
    first, second = (scanned(project, at, known) for at in (MORNING, NOON))
    assert first.keys() == second.keys()
    for name in ("index.json", "history.json", "metrics.json", "monitoring.json", "schema.json"):
        assert lasting(first[name]) == lasting(second[name]), name
    assert first["metrics.json"] == second["metrics.json"]
    day = json.loads(second["history.json"])["days"][-1]
    assert (day["day"], day["grade"]) == ("2026-11-23", "A")
    assert json.loads(second["index.json"])["security_grade"] == "A"
    assert json.loads(second["metrics.json"])["metrics"]["scanning"]["scans"] == 0

    third = scanned(project, TOMORROW, known)
    days = json.loads(third["history.json"])["days"]
    assert [(one["day"], one["grade"]) for one in days[-2:]] == [
        ("2026-11-23", "A"),
        ("2026-11-24", "A"),
    ]
    assert json.loads(third["metrics.json"])["metrics"]["scanning"]["scans"] == 2
    assert (
        json.loads(third["index.json"])["build_id"] == json.loads(first["index.json"])["build_id"]
    )
