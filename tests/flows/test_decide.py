"""Decisions on a real ledger, index, resolver and nox: held, waived, released, replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import commit, git, make_project, refs, warden
from leaf_index import advise, served_leaf

from release.adapters.clock import Clock
from release.adapters.repository import open_repository
from release.adapters.workspace import open_workspace
from release.errors import WardenError
from release.flows import carry as carrying
from release.flows.auto import NO_REQUEST, publish
from release.flows.auto import auto as carry_on
from release.flows.context import Context
from release.flows.past import changes_since
from release.flows.replay import replay
from release.model.base import decode, digest, encode
from release.model.record import Record

LEDGER = "refs/release-warden/plain-thing"
OFF = {"RELEASE_WARDEN_AUTOMATIC": "off"}
RED_AUDIT = """\
import nox

@nox.session(venv_backend="none")
def tests(session):
    session.log("green")

@nox.session(venv_backend="none")
def audit(session):
    session.error("a hole that no release mends")
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package index on loopback with two releases of ``leaf``."""
    with served_leaf(tmp_path_factory.mktemp("index"), "1.0", "2.0") as url:
        yield url


@pytest.fixture
def advisories(tmp_path: Path) -> Path:
    folder = tmp_path / "advisories"
    advise(folder, "X-0", "elsewhere", "LOW", {"introduced": "0"})
    return folder


@pytest.fixture
def project(tmp_path: Path, index: str) -> Path:
    made = make_project(tmp_path / "project")
    rewrite(made, "dependencies = []", 'dependencies = ["leaf<2"]')
    with (made / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.release-warden]\nindex-url = "{index}"\ngates = []\n')
    commit(made, "a dependency")
    return made


def rewrite(project: Path, old: str, new: str) -> None:
    path = project / "pyproject.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def auto(project: Path, advisories: Path, *words: str, **env: str) -> Any:
    return warden(project, "release.auto", "--advisories", str(advisories), *words, **env)


def rules(document: Any) -> list[str]:
    return [reason["rule"] for reason in document["reasons"]]


def context(project: Path) -> Context:
    return Context(open_workspace(project), Clock(), lambda _: None)


def test_from_a_hold_to_a_waived_release_and_back_again(project, advisories, tmp_path):
    """One package's story; every decision in it can be replayed at its end."""
    first = git(project, "rev-parse", "HEAD")
    assert warden(project, "release.publish", "--reason", "The first.").code == 0
    advise(advisories, "X-1", "leaf", "HIGH", {"introduced": "0"}, {"fixed": "2.0"})

    held = auto(project, advisories)
    assert (held.code, held.document["action"]) == (0, "hold"), held.err
    assert rules(held.document)[0] == "nothing-to-ship"
    tips = git(project, "for-each-ref", f"{LEDGER}/history", f"{LEDGER}/decisions")
    decided = warden(project, "release.decide")
    assert decided.document["reasons"] == held.document["reasons"]
    assert git(project, "for-each-ref", f"{LEDGER}/history", f"{LEDGER}/decisions") == tips

    rewrite(project, "leaf<2", "leaf>=2")
    rewrite(project, "gates = []", 'gates = ["tests", "audit"]')
    (project / "noxfile.py").write_text(RED_AUDIT)
    commit(project, "mended")
    off = auto(project, advisories, **OFF)
    assert (off.code, rules(off.document)[0]) == (0, "kill-switch"), off.err
    assert off.document["reasons"][0]["evidence"] == "RELEASE_WARDEN_AUTOMATIC=off"

    released = auto(project, advisories)
    assert released.code == 0, released.err
    assert rules(released.document) == ["removes-critical-high-or-unknown", "waived-gate"]
    assert released.document["receipt"]["version"] == "1.0.1"
    seal = f"{LEDGER}/local/releases/1.0.1"
    (waiver,) = json.loads(git(project, "show", f"{seal}:manifest.json"))["waivers"]
    assert (waiver["gate"], waiver["since"], waiver["rule"]) == ("audit", "1.0.1", "waived-gate")
    plan = json.loads(git(project, "show", f"{seal}:plan.json"))
    assert plan["waivers"] == [waiver]
    journal = json.loads(git(project, "show", f"{seal}:journal.json"))["entries"]
    told = next(entry["detail"] for entry in journal if entry["step"] == "gates")
    assert told == f"tests green; audit red and waived until {waiver['expires'][:10]} (waived-gate)"

    before = refs(project, LEDGER)
    rewrite(project, 'gates = ["tests", "audit"]', 'gates = ["tests"]')
    commit(project, "without the audit")
    same = warden(project, "release.publish")
    assert (same.code, same.document["error"]) == (3, "identical"), same.err
    assert "the very content of 1.0.1" in same.document["what"]
    assert refs(project, LEDGER) == before

    here, path = context(project), tmp_path / "decision.json"
    for ran in (held, off, released):
        path.write_text(ran.out)
        fields = json.loads(encode(replay(here, str(path))))
        assert fields == {name: ran.document[name] for name in fields}
    assert replay(here, seal).trigger == "security-auto"
    assert replay(here, f"{LEDGER}/local/releases/1.0.0").reasons[0].evidence == "The first."
    assert replay(here, digest(replay(here, seal))[:9]) == replay(here, seal)

    path.write_text(held.out.replace('"rule": "nothing-to-ship"', '"rule": "nothing-owed"'))
    forged = warden(project, "release.replay", str(path))
    assert (forged.code, forged.document["error"]) == (1, "replay")
    assert '+      "rule": "nothing-to-ship",' in forged.document["why"]

    since = warden(project, "release.changes", "--since", first)
    assert since.document["since"] == first_record(project)
    assert [(c["kind"], c["cause"]) for c in since.document["changes"]] == [
        ("resolved", "upgraded")
    ]
    assert changes_since(here, "last-release").changes == changes_since(here, first).changes
    assert changes_since(here, first, "HEAD~1").changes == changes_since(here, first).changes
    assert changes_since(here, "HEAD").changes == ()  # the newest scanned ancestor
    assert changes_since(here, "local/v1.0.1").changes == ()


def test_switched_off_it_does_not_even_carry_on_what_is_sealed(tmp_path, advisories, monkeypatch):
    class KilledError(Exception):
        pass

    def die(*_):
        raise KilledError

    project, told = make_project(tmp_path / "project"), []
    here = Context(open_workspace(project), Clock(), told.append)
    with open_repository("local", project) as repository:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(carrying.STEPS, "upload", die)
            with pytest.raises(KilledError):
                publish(here, repository, NO_REQUEST, dry_run=False)
        tip = git(project, "rev-parse", f"{LEDGER}/local/releases/1.0.0")
        monkeypatch.setenv("RELEASE_WARDEN_AUTOMATIC", "of")  # misspelt is off too
        held = carry_on(here, repository, advisories=str(advisories), dry_run=False)
        assert held.shipment is None
        assert git(project, "rev-parse", f"{LEDGER}/local/releases/1.0.0") == tip
        assert "1.0.0 is sealed and waits for release.publish: automatic is off" in told
        monkeypatch.setenv("RELEASE_WARDEN_AUTOMATIC", "on")
        done = carry_on(here, repository, advisories=str(advisories), dry_run=False)
    assert done.shipment
    assert done.shipment.resumed
    assert git(project, "tag") == "local/v1.0.0"


def first_record(project: Path) -> str:
    first = git(project, "rev-list", "--max-parents=0", f"{LEDGER}/history")
    return digest(decode(Record, git(project, "show", f"{first}:record.json")))


def test_a_red_audit_still_stops_what_improves_nothing(project):
    rewrite(project, "gates = []", 'gates = ["tests", "audit"]')
    (project / "noxfile.py").write_text(RED_AUDIT)
    commit(project)
    ran = warden(project, "release.publish", "--reason", "a feature")
    assert (ran.code, ran.document["what"]) == (3, "a gate is red: audit"), ran.err


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("release.changes", "--since", "nowhere"), 2, "there is no commit 'nowhere'"),
        (("release.changes", "--since", "last-release"), 4, "nothing was released to local yet"),
        (("release.changes", "--since", "HEAD~1"), 4, "was ever scanned"),
        (("release.replay", "nowhere"), 2, "there is no decision 'nowhere'"),
        (("release.replay", "HEAD"), 2, "there is no decision 'HEAD'"),
        (("release.replay", "abcdef0"), 2, "there is no decision 'abcdef0'"),
    ],
)
def test_what_there_is_not(scanned, words, code, what):
    task, *_, wanted = words
    body = replay if task == "release.replay" else changes_since
    with pytest.raises(WardenError) as caught:
        body(context(scanned), wanted)
    assert caught.value.exit_code == code
    assert what in caught.value.what
    assert caught.value.remedy


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without a release, of which only the second commit was scanned."""
    folder = tmp_path_factory.mktemp("scanned")
    made = make_project(folder / "project")
    (made / "more.txt").write_text("x")
    commit(made)
    advise(folder / "advisories", "X-0", "elsewhere", "LOW", {"introduced": "0"})
    ran = warden(made, "release.scan", "--advisories", str(folder / "advisories"))
    assert ran.code == 0, ran.err
    return made


def test_a_decision_of_another_ledger_cannot_be_replayed(scanned, tmp_path):
    decided = warden(scanned, "release.decide")
    other = json.loads(decided.out)
    other["inputs"]["record"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(other))
    ran = warden(scanned, "release.replay", str(tmp_path / "other.json"))
    assert (ran.code, ran.document["error"]) == (4, "unknown"), ran.err
    (tmp_path / "same.json").write_text(decided.out)
    same = warden(scanned, "release.replay", str(tmp_path / "same.json"))
    assert same.out == decided.out
