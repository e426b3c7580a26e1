"""The worked examples of docs/how-it-decides.md, each decided."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from worlds import ADDED, FREED, NOON, closure, evidence, finding, reach, release, scanner, snapshot

from release.config import Overrides, Policy
from release.decide import rules
from release.decide.engine import ReleaseAutomationEngine
from release.decide.facts import Evidence
from release.decide.posture import LastRelease
from release.decide.rules import PRESETS
from release.model.acceptance import Acceptance
from release.model.decision import Decision
from release.model.finding import Finding
from release.model.snapshot import Snapshot, Word
from release.record.acceptance import marked
from release.record.carry import carry_forward
from release.record.changes import SecurityChangeDetector

PAGE = (Path(__file__).parents[2] / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^\| (.+) \| (\w+) \| `([\w-]+)` \|$",
    PAGE.partition("## Worked examples")[2].partition("\n## ")[0],
    re.MULTILINE,
)
YESTERDAY = NOON - timedelta(days=1)


def decided(known: Evidence, **policy: object) -> Decision:
    return ReleaseAutomationEngine(Policy(**policy)).decide(known)


def removes(severity: str, *more: Finding, **other: object) -> Snapshot:
    return snapshot(finding(severity=severity, affects=FREED), *more, **other)


def adds(severity: str) -> Finding:
    return finding("CVE-9@jinja2", severity=severity, affects=ADDED, version="2.0")


def stays(verdict: str, severity: str = "high") -> Snapshot:
    held = finding(severity=severity)
    return snapshot(held, reach=(reach(held, verdict),))


def spent() -> Decision:
    once = decided(evidence(removes("high")))
    return decided(evidence(removes("high"), release("1.1", fingerprint=once.fingerprint)))


def accepted() -> Decision:
    ann = Acceptance(owner="ann", reason="only in tests", expires=date(2027, 1, 1))
    scan = stays("no-fix")
    record = carry_forward(None, scan, acceptances={finding().key: ann})
    known = dataclasses.replace(evidence(scan), snapshot=marked(scan, record), record=record)
    return decided(known)


def since(then: Snapshot, now: Snapshot) -> Decision:
    before = carry_forward(None, then)
    known = evidence(now, before=before)
    changes = SecurityChangeDetector().compare(before, known.record)
    last = LastRelease(before, (), changes)
    return decided(dataclasses.replace(known, last=last), preset="posture")


WITHDRAWN = snapshot(words=(Word(key=finding().key, ruling="withdrawn", evidence="so"),))
FAILED = {"osv": scanner(state="failed")}
UNRELEASED = (closure("candidate", ["jinja2==2.0"]),)
ASIDE = (finding(scope="floor"), finding("CVE-2@jinja2", scope="dev"))

MADE: tuple[Callable[[], Decision], ...] = (
    lambda: decided(evidence(snapshot(closures=UNRELEASED))),
    lambda: decided(evidence(removes("critical"))),
    lambda: decided(evidence(removes("unknown"))),
    lambda: decided(evidence(removes("critical", adds("high")))),
    lambda: decided(evidence(removes("high", adds("high")))),
    lambda: decided(evidence(removes("medium"))),
    lambda: decided(
        evidence(removes("medium"), release("1.1", weight="minor", sealed_at=YESTERDAY))
    ),
    lambda: decided(evidence(removes("high"), *(release(f"1.{n}") for n in range(3)))),
    lambda: decided(evidence(removes("high")), automatic=False),
    lambda: decided(dataclasses.replace(evidence(removes("high")), identical="1.0")),
    spent,
    lambda: decided(evidence(removes("high", scanners=FAILED))),
    lambda: decided(evidence(stays("blocked-by-us"))),
    lambda: decided(evidence(stays("blocked-upstream"))),
    lambda: decided(evidence(stays("installable-fix"))),
    lambda: decided(evidence(stays("no-fix", "critical"))),
    accepted,
    lambda: decided(evidence(snapshot(*ASIDE))),
    lambda: decided(evidence(snapshot())),
    lambda: since(snapshot(), stays("no-fix")),
    lambda: since(stays("no-fix"), WITHDRAWN),
    lambda: since(stays("no-fix", "critical"), stays("no-fix", "medium")),
    lambda: decided(evidence(removes("medium")), rules=Overrides(removes_medium_or_low="hold")),
    lambda: decided(evidence(stays("no-fix", "critical")), rules=Overrides(status_only="block")),
)
"""One for each row, in the page's order."""


@pytest.mark.parametrize(
    ("row", "made"), list(zip(EXAMPLES, MADE, strict=True)), ids=[row[0] for row in EXAMPLES]
)
def test_it_is_decided_as_the_page_says(row, made):
    decision = made()
    assert (decision.action, decision.rule) == row[1:]


def test_there_is_an_example_of_every_rule():
    named = {rule.name for preset in PRESETS.values() for rule in preset}
    assert {rule for _, _, rule in EXAMPLES} == named


def test_the_rule_that_is_shown_as_code_is_the_one_that_is_there():
    function, made = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0].split("\n\n\n")
    code = Path(rules.__file__).read_text(encoding="utf-8")
    there = next(rule for rule in rules.OWED if rule.name == "status-only")
    assert function in code
    assert re.findall(r'"(.+)"', made) == [there.name, there.says, there.action, there.next]
