"""One kill of the many in ``tests/proofs/test_crash_points.py``: stored, and not yet answered."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys

import pytest
from harness import left_running, project_in
from killed import ACTS
from kit import git, warden

from release.testing.hostile_index import after_store

WORDS = ("release.publish", "--to")


def test_killed_between_the_store_and_the_answer(hostile_index, tmp_path, monkeypatch):
    monkeypatch.setenv("TWINE_USERNAME", hostile_index.username)
    monkeypatch.setenv("TWINE_PASSWORD", hostile_index.password)
    project = project_in(tmp_path)
    words = (*WORDS, hostile_index.upload_url)
    argv = [sys.executable, "-P", "-m", "release", *words, "--project", str(project)]
    running = []
    shoot = after_store(lambda: os.killpg(running[0].pid, signal.SIGKILL))
    hostile_index.misbehave("upload", shoot)
    with (tmp_path / "said").open("wb") as said:
        running.append(subprocess.Popen(argv, stderr=said, start_new_session=True))
        assert running[0].wait(120) == -signal.SIGKILL, (tmp_path / "said").read_text()
    assert len(hostile_index.files) == 1
    ran = warden(project, *words)
    assert ran.code == 0, ran.err
    refs = git(project, "for-each-ref", "--format=%(refname)").split()
    (release,) = [ref for ref in refs if "/releases/" in ref]
    manifest = json.loads(git(project, "show", f"{release}:manifest.json"))
    assert hostile_index.files == {file["name"]: file["sha256"] for file in manifest["files"]}
    assert sorted(hostile_index.uploads) == sorted(hostile_index.files), "each was sent once"
    assert git(project, "rev-parse", "v1.0.0^{commit}") == manifest["commit"]
    assert left_running(project) == []


@pytest.mark.parametrize("where", ACTS.values(), ids=ACTS)
def test_the_acts_around_which_the_proof_kills_are_where_it_looks(where):
    module, name = where.split(":")
    assert callable(getattr(importlib.import_module(module), name))
