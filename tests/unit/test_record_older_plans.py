"""Plans of the older layout: migrated once, with every word that people wrote."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from worlds import finding, snapshot

from release.errors import DocumentError
from release.record.carry import carry_forward
from release.record.older_plans import is_older
from release.record.remediation import update_plans

KNOWN = carry_forward(None, snapshot(finding(ids=("CVE-1", "GHSA-1"))))

OLD = """\
# ask Ann before you touch this
metadata:
  version: "1.0"
  last_updated: 2025-01-01   # by hand
findings:
  # the first
  - finding_id: ghsa-1
    package: Jinja2
    severity: high
    status: in_progress  # since May
    planned_action: upgrade   # soon
    assigned_to: ann
    notes: |
      two
      lines
    target_date: 2025-03-01
    custom: {a: 1}
  - id: CVE-9
    package_name: Gone_Package
    status: Resolved
  - just words
extra: kept
"""


def plans_in(text):
    return YAML(typ="safe").load(text)["plans"]


def test_the_older_layout_becomes_ours_and_nothing_is_lost():
    assert is_older(OLD)
    text = update_plans(OLD, KNOWN, ())
    assert not is_older(text)
    assert update_plans(text, KNOWN, ()) == text
    first, second, third = plans_in(text)
    assert first["key"] == "CVE-1@jinja2"
    assert first["finding_id"] == "ghsa-1"
    assert (first["status"], first["former_status"]) == ("open", "in_progress")
    assert (first["owner"], first["proposed"]) == ("ann", "upgrade")
    assert (second["key"], second["status"]) == ("CVE-9@gone-package", "closed")
    assert third == {"notes": "just words"}
    for words in ("# ask Ann before", "# by hand", "# the first", "# since May", "# soon"):
        assert words in text
    assert YAML(typ="safe").load(text)["metadata"]["version"] == "1.0"
    assert YAML(typ="safe").load(text)["extra"] == "kept"


@pytest.mark.parametrize(
    ("text", "plans"),
    [
        ("findings:\n  CVE-1: {owner: x, assigned_to: y}\n", [("CVE-1@jinja2", "x")]),
        ("findings:\n  CVE-7: words\n", [("CVE-7", None), ("CVE-1@jinja2", None)]),
        ("findings: []\nmetadata: {}\n", [("CVE-1@jinja2", None)]),
        ("findings:\nmetadata: {}\n", [("CVE-1@jinja2", None)]),
        ("findings: # none\nmetadata: {}\n", [("CVE-1@jinja2", None)]),
        ('"findings":\n  - {id: CVE-1, key: mine}\n', [("CVE-1@jinja2", None)]),
        ("findings:\n  - {id: CVE-1@jinja2, owner: z}\n", [("CVE-1@jinja2", "z")]),
        (
            "findings:\n  - {cve: 1, package: jinja2}\n",
            [("1@jinja2", None), ("CVE-1@jinja2", None)],
        ),
    ],
)
def test_other_forms_of_it_are_read(text, plans):
    found = plans_in(update_plans(text, KNOWN, ()))
    assert [(plan["key"], plan.get("owner")) for plan in found] == plans


def test_what_ours_would_overwrite_keeps_a_name_of_its_own():
    (plan,) = plans_in(update_plans("findings:\n  - {id: CVE-1, key: mine}\n", KNOWN, ()))
    assert plan["former_key"] == "mine"
    (plan,) = plans_in(
        update_plans("findings:\n  CVE-1: {owner: x, assigned_to: y, assignee: z}\n", KNOWN, ())
    )
    assert (plan["owner"], plan["assigned_to"], plan["assignee"]) == ("x", "y", "z")


@pytest.mark.parametrize("text", ["findings: 3\n", "findings: [\n", "findings: {}\n- a\n"])
def test_a_broken_one_is_refused(text):
    with pytest.raises(DocumentError):
        update_plans(text, KNOWN, ())


@pytest.mark.parametrize("text", ["plans: []\nfindings: []\n", "# findings:\n", " findings: x\n"])
def test_ours_is_not_taken_for_the_older_one(text):
    assert not is_older(text)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=30)
OLDER = st.dictionaries(
    st.sampled_from(
        ["id", "finding_id", "package", "status", "assigned_to", "assignee", "owner", "notes",
         "created", "created_date", "planned_action", "proposed", "key", "x"]
    ),
    WORDS,
    max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(OLDER, min_size=1, max_size=3))
def test_every_value_survives(plans):
    sink = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False  # in flow style it writes {x: ?0}, which it cannot read itself
    yaml.dump({"metadata": {"v": 1}, "findings": plans}, sink)
    found = plans_in(update_plans(sink.getvalue(), KNOWN, ()))
    for old, new in zip(plans, found, strict=False):
        assert set(old.values()) <= set(new.values())
