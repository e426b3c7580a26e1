"""A release that drops a vulnerable package, and the runs after it, on real closures."""

import json
from pathlib import Path

import fix_world
from fix_world import LEDGER, warn
from kit import commit, git, warden

shelf, osv_server, osv = fix_world.shelf, fix_world.osv_server, fix_world.osv
template, project = fix_world.template, fix_world.project


def drop(project: Path, line: str) -> None:
    """A requirement goes."""
    path = project / "pyproject.toml"
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, ""))
    commit(project, "dropped")


def record(project: Path) -> dict:
    return json.loads(git(project, "show", f"{LEDGER}/history:record.json"))


def said(known: dict) -> dict:
    """What is known of the finding that users got."""
    found = (item for item in known["tracked"] if item["finding"]["key"] == "PYSEC-2026-1@safe")
    return next(found)["sightings"]["osv"]


def test_the_run_after_a_release_that_dropped_a_package_knows_that_it_is_gone(project, osv):
    """One of three packages goes: that much less is covered, and rightly."""
    warn(osv, "PYSEC-2026-1", "safe", "9")
    assert warden(project, "release.auto").document["action"] == "none"
    drop(project, "  'safe' ,\n")
    released = warden(project, "release.auto")
    assert (released.code, released.document["action"]) == (0, "release"), released.err
    assert "local/v1.0.1" in git(project, "tag").split()
    after = warden(project, "release.auto")
    assert (after.code, after.document["action"]) == (0, "none"), after.err
    known = record(project)
    assert known["scanners"]["osv"]["state"] == "ok"
    assert (said(known)["state"], said(known)["cause"]) == ("resolved", "package-gone")
    status = json.loads((project / "security-status" / "index.json").read_text())
    assert status["security_grade"] == "A"


def test_while_a_closure_is_not_whole_what_left_it_is_unknown(project, osv):
    """The package may stand behind what could not be resolved."""
    warn(osv, "PYSEC-2026-1", "safe", "9")
    assert warden(project, "release.auto").code == 0
    drop(project, "  'safe' ,\n")
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace('"lib>=1, <2"', '"lib>=1, <2", "not-there"'))
    commit(project, "needs what nobody has")
    assert warden(project, "release.scan").code == 4
    assert said(record(project))["state"] == "open"
