"""A run that is killed at any moment, run again, ends where an unhindered run would have ended."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import left_running, tree
from kit import git, make_project, served, warden

pytestmark = pytest.mark.proof

STEPS = ("commit", "build", "verify", "seal", "upload", "confirm", "prove", "tag")
EVERY = 0.05
"""Seconds between the moments of the sweep."""
RELEASES = "refs/release-warden/plain-thing/local/releases"


def start(project: Path) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a shell or a CI runner starts it."""
    argv = [sys.executable, "-P", "-m", "release", "release.publish", "--project", str(project)]
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # In CI a step is one line, at its end.
        env={name: value for name, value in os.environ.items() if name != "CI"},
    )


def kill(child: subprocess.Popen[str], *, whole: bool) -> None:
    """SIGKILL the run's group; ``whole``: its descendants too, as a machine that goes down."""
    doomed = tree(child.pid) if whole else set()
    os.killpg(child.pid, signal.SIGKILL)
    for pid in doomed - {child.pid}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    child.communicate()


def ledger(project: Path, name: str) -> dict:
    """A document of the one release."""
    return json.loads(git(project, "show", f"{RELEASES}/1.0.0:{name}.json"))


def is_confirmed(project: Path) -> bool:
    """Whether the killed run had done everything but to say so."""
    sealed = git(project, "for-each-ref", RELEASES)
    return bool(sealed) and ledger(project, "journal")["state"] == "confirmed"


def assert_converges(project: Path, head: str) -> None:
    """Run again: there is one release, its bytes are the sealed ones, and nothing is left over."""
    if not is_confirmed(project):
        ran = warden(project, "release.publish")
        assert ran.code == 0, ran.err
        assert ran.document["version"] == "1.0.0"
    assert git(project, "for-each-ref", "--format=%(refname)", RELEASES) == f"{RELEASES}/1.0.0"
    again = warden(project, "release.publish", "--bump", "1.0.0")
    assert again.code == 3, "the version is taken: a second release of it is refused"
    manifest = ledger(project, "manifest")
    hashes = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert served(project) == hashes
    receipt = ledger(project, "receipt")
    assert {file["name"]: file["sha256"] for file in receipt["files"]} == hashes
    assert receipt["seal"] == manifest["seal"]
    assert git(project, "tag", "--list") == "local/v1.0.0"
    assert git(project, "rev-parse", "local/v1.0.0^{commit}") == manifest["commit"]
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "status", "--porcelain") == ""
    git(project, "fsck", "--no-dangling")
    assert left_running(project) == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each step is killed both ways; a sample takes every third case."""
    if "whole" in metafunc.fixturenames:
        both = itertools.product(STEPS, ("group", "machine"))
        every = 3 if metafunc.config.getoption("--sample") else 1
        cases = list(both)[::every]
        ids = [f"{step}, {victim}" for step, victim in cases]
        metafunc.parametrize(("step", "whole"), [(s, v == "machine") for s, v in cases], ids=ids)


def test_killed_when_a_step_begins(tmp_path, step, whole):
    project = make_project(tmp_path / "project")
    head = git(project, "rev-parse", "HEAD")
    child = start(project)
    assert any(line.startswith((f"{step} ...", f"{step}: ")) for line in child.stderr)
    kill(child, whole=whole)
    assert_converges(project, head)


def test_killed_every_fifty_milliseconds(tmp_path, sample, capsys):
    """Until a run ends before it is killed; in turn its group only, and its descendants too."""
    step = 0.5 if sample else EVERY
    survived = 0
    for number in itertools.count(1):
        project = make_project(tmp_path / f"project{number}")
        head = git(project, "rev-parse", "HEAD")
        child = start(project)
        try:
            child.communicate(timeout=number * step)
        except subprocess.TimeoutExpired:
            kill(child, whole=number % 2 == 0)
            assert_converges(project, head)
            survived += 1
        else:
            break
    with capsys.disabled():
        print(f"\nkilled {survived} runs, one every {step:g} s of a run: all ended alike")
    assert survived >= 3
