"""Which gates were red, by nox's own report."""

from __future__ import annotations

import json

import pytest

from release.flows.gates import _red

GATES = ("lint", "tests", "audit")


def report(**results):
    sessions = [{"name": name, "result": result} for name, result in results.items()]
    return json.dumps({"result": 0, "sessions": sessions})


@pytest.mark.parametrize(
    ("text", "red"),
    [
        (report(lint="success", tests="success", audit="failed"), ("audit",)),
        (report(lint="success", tests="skipped", audit="failed"), ("audit",)),
        (report(lint="failed", tests="success", audit="failed"), ("lint", "audit")),
        (report(lint="success", tests="aborted", audit="success"), ("tests",)),
        (report(lint="success", audit="failed"), ("tests", "audit")),
        (report(lint="success", tests="success", audit="success"), GATES),
        (report(), GATES),
        ("{", GATES),
        ("[]", GATES),
    ],
)
def test_only_what_is_said_to_be_green_is(tmp_path, text, red):
    (tmp_path / "nox.json").write_text(text)
    assert _red(tmp_path / "nox.json", GATES) == red


def test_without_a_report_every_gate_is_red(tmp_path):
    assert _red(tmp_path / "nox.json", GATES) == GATES


def test_one_red_interpreter_makes_a_gate_red(tmp_path):
    sessions = [{"name": "tests", "result": "success"}, {"name": "tests", "result": "failed"}]
    (tmp_path / "nox.json").write_text(json.dumps({"sessions": sessions}))
    assert _red(tmp_path / "nox.json", ("tests",)) == ("tests",)
