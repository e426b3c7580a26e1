"""Every alert and every class of failure has its runbook, and no runbook is of nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from release.errors import Failure
from release.model.alerts import AlertKind

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_alert_has_a_runbook_that_says_what_it_means_and_what_to_do():
    alerts = PAGE.partition("## Alerts")[2].partition("## Classes")[0]
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", alerts, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(get_args(AlertKind))
    for name, text in sections.items():
        for part in ("Means", "Look", "Do", "Over when"):
            assert f"**{part}:**" in text, (name, part)


def test_every_class_of_failure_has_an_anchor():
    anchors = set(re.findall(r'<a id="([a-z]+)"></a>', PAGE))
    kinds = set(get_args(Failure)) - set(get_args(AlertKind))
    assert anchors == kinds
