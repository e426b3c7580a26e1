"""``SecurityStatus.from_documents``: what is said, and what is not."""

import json
from datetime import timedelta

import msgspec
import pytest
from status_worlds import NOW, OSV, WHERE, closure, decision, finding, receipt, world

from release.model.base import decode, encode
from release.model.decision import Reason
from release.model.heartbeat import Heartbeat, Run
from release.model.history import History
from release.model.receipt import ReceiptFile
from release.model.record import Sighting, Tracked
from release.model.release import Release
from release.model.snapshot import Edit, Gap, Reach, Scanner
from status_site.badges import badges
from status_site.documents import Documents
from status_site.status import NOT_PUBLIC, SecurityStatus

MUST = {
    "schema",
    "schema_version",
    "last_updated",
    "scan_date",
    "valid_until",
    "project",
    "vulnerability_summary",
    "findings",
    "security_grade",
    "grade_deductions",
    "days_since_last_vulnerability",
    "remediation_status",
    "scanners",
    "releases",
    "links",
}


def status(*findings, **documents):
    return SecurityStatus.from_documents(world(*findings, **documents))


def test_a_clean_project():
    clean = status()
    assert clean.security_grade == "A"
    assert clean.remediation_status == "none-needed"
    assert clean.days_since_last_vulnerability is None
    assert (clean.project, clean.version, clean.basis) == ("paperboy", "1.2.3", "published")
    assert clean.scan_date == NOW
    assert clean.valid_until == NOW + timedelta(hours=48)
    assert not clean.unknown


def test_the_fields_for_machines():
    page = json.loads(encode(status(finding(), decision=decision())))
    assert page.keys() >= MUST
    assert page["schema"] == "release-warden/status/1"
    assert page["vulnerability_summary"] == {
        "total": 1, "critical": 0, "high": 1, "medium": 0, "low": 0, "unknown": 0,
    }  # fmt: skip
    assert page["scanners"]["osv"] == {
        "state": "ok", "required": True, "covered": 2, "skipped": 0,
        "database_date": "2026-11-23T12:00:00Z", "detail": "",
    }  # fmt: skip
    assert page["last_decision"]["reasons"][0]["rule"] == "nothing-to-ship"
    assert page["last_decision"]["next"] == ""
    assert page["grade_deductions"] == [
        {
            "severity": "high", "exposure": "every-install", "fix": "none", "count": 1,
            "points": 24, "reason": "1 high finding, at 24 points each",
        }
    ]  # fmt: skip


def test_it_can_be_read_back():
    made = status(finding())
    assert decode(SecurityStatus, encode(made)) == made


def test_users_get_what_reaches_the_published_release():
    only_head = finding("new/1", affects={"candidate": ("2",)})
    gone_at_head = finding("old/1", affects={"published": ("1",)})
    shown = status(only_head, gone_at_head)
    assert [(item.key, item.versions, item.fixed_at_head) for item in shown.findings] == [
        ("old/1", ("1",), True)
    ]


def test_nothing_that_is_open_vanishes_when_the_published_release_was_not_resolved():
    published = finding("old/1", "critical", affects={"published": ("1",)})
    shown = status(published, finding("new/1", affects={"candidate": ("2",)}), closures=())
    assert shown.basis == "candidate"
    assert {item.key for item in shown.findings} == {"old/1", "new/1"}
    assert shown.security_grade is None


def test_before_the_first_release_the_basis_is_head():
    shown = status(finding(), closures=(closure("candidate", "0.1"),), receipts=())
    assert (shown.basis, shown.version, shown.security_grade) == ("candidate", "0.1", "C")


@pytest.mark.parametrize("scope", ["floor", "dev"])
def test_what_users_do_not_get_is_not_counted(scope):
    assert status(finding(scope=scope)).vulnerability_summary.total == 0


def test_resolved_findings_are_not_shown_but_remembered():
    resolved = Tracked(
        finding=finding(), sightings={"osv": Sighting(state="resolved", cause="upgraded")}
    )
    documents = world()
    record = msgspec.structs.replace(documents.record, tracked=(resolved,))
    shown = status(record=record)
    assert not shown.findings
    assert shown.days_since_last_vulnerability == 9


def test_an_unexplained_finding_stays():
    odd = Tracked(finding=finding(), sightings={"osv": Sighting(state="unexplained")})
    record = msgspec.structs.replace(world().record, tracked=(odd,))
    assert status(record=record).vulnerability_summary.total == 1


def test_findings_in_own_code_are_counts_only():
    code = finding(
        "bandit/B602", "high", kind="code", scope="code", path="paperboy/send.py", affects={},
        summary="shell=True with our input",
    )  # fmt: skip
    secret = finding("detect/AWS", "critical", kind="secret", scope="code", affects={})
    why = Reason(rule="own-code", why="paperboy/send.py calls a shell", keys=(code.key,))
    shown = status(code, secret, decision=decision(reasons=(why,)))
    assert (shown.own_code.code, shown.own_code.secret) == (1, 1)
    assert (shown.vulnerability_summary.total, shown.security_grade) == (2, "F")
    text = encode(shown).decode()
    assert "send.py" not in text
    assert "shell=True" not in text
    assert "B602" not in text
    assert NOT_PUBLIC in text


def test_verdict_blocker_and_edit():
    edit = Edit(requirement="urllib3<1.26.16", becomes="urllib3<1.27")
    reach = Reach(
        key="urllib3/CVE-2023-43804", package="urllib3", ids=("CVE-2023-43804",),
        verdict="blocked-by-us", blocker="urllib3<1.26.16", edit=(edit,),
    )  # fmt: skip
    shown = status(finding(), reach=(reach,))
    assert shown.findings[0].verdict == "blocked-by-us"
    assert shown.findings[0].edit == (edit,)
    assert shown.remediation_status == "change-needed"


def test_a_verdict_is_found_by_any_id_and_is_unknown_otherwise():
    reach = Reach(
        key="other", package="urllib3", ids=("GHSA-x", "CVE-2023-43804"), verdict="no-fix"
    )
    shown = status(finding(), finding("jinja2/CVE-2023-43804"), reach=(reach,))
    assert {item.package: item.verdict for item in shown.findings} == {
        "urllib3": "no-fix",
        "jinja2": "unknown",
    }
    assert shown.remediation_status == "unknown"


@pytest.mark.parametrize(
    ("verdict", "action", "expected"),
    [
        ("installable-fix", "none", "upgrade-available"),
        ("blocked-upstream", "none", "waiting"),
        ("no-fix", "none", "waiting"),
        ("own-code", "none", "change-needed"),
        ("blocked-by-us", "hold", "change-needed"),
        ("blocked-by-us", "release", "release-owed"),
    ],
)
def test_who_has_to_move_next(verdict, action, expected):
    reach = Reach(key="urllib3/CVE-2023-43804", package="urllib3", ids=(), verdict=verdict)
    shown = status(finding(), reach=(reach,), decision=decision(action))
    assert shown.remediation_status == expected


@pytest.mark.parametrize(
    ("state", "fingerprint", "owed"),
    [("confirmed", "f", False), ("sealed", "f", True), ("confirmed", "another", True)],
)
def test_a_release_that_was_made_is_no_longer_owed(state, fingerprint, owed):
    """Scans come after it, and the last decision stays what it was."""
    made = Release(
        version="1.3", trigger="manual", fingerprint=fingerprint, state=state, sealed_at=NOW
    )
    history = History(**WHERE, as_of=NOW, releases=(made,), stories=())
    asked = decision("release", next="release.publish ships it")
    shown = status(finding(), decision=asked, history=history)
    assert (shown.remediation_status == "release-owed") == owed
    told = shown.last_decision
    assert (told.released, told.next_step) == (
        (None, "release.publish ships it") if owed else ("1.3", "")
    )


def run(task, outcome="ok", at=NOW):
    code = int(outcome == "error")
    return Run(**WHERE, task=task, outcome=outcome, exit_code=code, at=at)


def test_a_check_of_the_site_does_not_end_what_a_scan_left():
    """Else a failed scan would turn green again within the hour."""
    later = NOW + timedelta(minutes=5)
    shown = status(run=run("status.check", at=later), work=run("release.scan", "error"))
    assert (shown.last_run.task, shown.last_run.outcome) == ("release.scan", "error")
    assert {badge.color for badge in badges(shown).values()} == {"yellow"}
    newer = status(run=run("release.auto", at=later), work=run("release.scan", "error"))
    assert newer.last_run.task == "release.auto"
    assert status(run=run("status.publish", "error"), work=None).last_run is None


def test_never_scanned():
    shown = SecurityStatus.from_documents(Documents())
    assert (shown.scan_date, shown.valid_until, shown.security_grade) == (None, None, None)
    assert shown.remediation_status == "unknown"
    assert [cap.reason for cap in shown.grade_caps] == ["not scanned yet"]


def test_a_heartbeat_without_a_record_is_no_clean_bill():
    assert status(record=None).security_grade is None


@pytest.mark.parametrize(
    ("scanners", "package", "reason"),
    [
        ({}, None, "it did not run"),
        ({"osv": Scanner(state="failed", detail="HTTP 503")}, None, "HTTP 503"),
        ({"osv": Scanner(state="failed")}, None, "it failed"),
        ({"osv": Scanner(state="absent")}, None, "it did not run"),
        ({"osv": Scanner(state="partial")}, None, "it saw only a part"),
        ({"osv": Scanner(state="partial", skipped=(Gap(name="x", reason="odd"),))}, "x", "odd"),
    ],
)
def test_a_required_scanner_that_did_not_see_all_withholds_the_grade(scanners, package, reason):
    shown = status(scanners=scanners)
    assert shown.security_grade is None
    assert shown.remediation_status == "unknown"
    assert [(item.package, item.reason) for item in shown.unknown] == [(package, reason)]


def test_an_optional_scanner_that_failed_is_named_and_the_grade_stands():
    shown = status(scanners={"osv": OSV, "bandit": Scanner(state="failed", detail="timed out")})
    assert shown.security_grade == "A"
    assert [(item.scanner, item.required) for item in shown.unknown] == [("bandit", False)]


def test_the_heartbeat_says_what_is_required():
    heartbeat = Heartbeat(
        **WHERE, commit="c", taken_at=NOW, scanners={"osv": OSV}, required=("osv", "bandit")
    )
    assert status(heartbeat=heartbeat).security_grade is None


def test_a_package_without_a_word_withholds_the_grade():
    shown = status(missed=("urllib3==2.0",))
    assert shown.security_grade is None
    assert shown.unknown[0].package == "urllib3==2.0"


def test_a_gap_in_what_users_get_withholds_the_grade():
    gap = Gap(name="docker-compose", reason="sdists only")
    published = status(closures=(closure("published", gaps=(gap,)), closure("candidate")))
    candidate = status(closures=(closure("published"), closure("candidate", gaps=(gap,))))
    assert (published.security_grade, candidate.security_grade) == (None, "A")


def test_a_release_after_the_last_scan_is_unknown_until_the_next():
    newer = receipt("1.2.4", at=NOW + timedelta(minutes=1))
    shown = status(receipts=(receipt(), newer))
    assert shown.security_grade is None
    assert shown.unknown[0].package == "paperboy==1.2.4"
    assert [item.version for item in shown.releases] == ["1.2.4", "1.2.3"]
    assert shown.last_updated == NOW + timedelta(minutes=1)


def test_a_yanked_newest_release_is_no_doubt():
    shown = status(receipts=(receipt("1.2.4", at=NOW - timedelta(days=1)), receipt()))
    assert shown.security_grade == "A"


def test_an_old_scan_has_no_grade():
    documents = world()
    for hours, letter in ((48, "A"), (49, None)):
        run = msgspec.structs.replace(documents.run, at=NOW + timedelta(hours=hours))
        assert status(run=run).security_grade == letter


def test_only_addresses_that_the_world_can_reach():
    here = ReceiptFile(name="a.whl", sha256="0", size=1, url="http://127.0.0.1:4000/a.whl")
    shown = status(
        finding(url="javascript:alert(1)"),
        receipts=(receipt(files=(here,)), receipt("9", repository="elsewhere")),
    )
    assert shown.findings[0].url is None
    assert [file.url for item in shown.releases for file in item.files] == [None]


def test_worst_first_whatever_the_order():
    items = [finding(f"p{n}/{n}", s) for n, s in enumerate(("low", "critical", "unknown", "high"))]
    shown = [[f.severity for f in status(*order).findings] for order in (items, items[::-1])]
    assert shown == [["critical", "high", "unknown", "low"]] * 2


def test_the_build_id_knows_content_and_no_clock():
    later = NOW + timedelta(hours=1)
    one, other = status(finding()), status(finding(), at=later)
    assert other.scan_date == later
    assert one.build_id == other.build_id
    assert len(one.build_id) == 64
    assert one.build_id != status().build_id
