"""The tests of the rooms that decide notice nearly every change of their code (mutmut)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
COPIED = ("release", "status_site", "tests", "pyproject.toml")
ROOMS = ("decide", "record")
SAMPLE = "release.decide.rules.*"
FLOOR = 0.97
"""The share to be noticed; docs/testing.md tells what the others are."""
KILLED = {1, 3}
"""What mutmut writes down for a mutant that a test noticed: pytest failed, or it broke."""
SURVIVED = 0


def mutate(folder: Path, *names: str) -> None:
    """Run mutmut on a copy of the project, on one core."""
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    mutmut = Path(sysconfig.get_path("scripts"), "mutmut")
    ran = subprocess.run(
        [mutmut, "run", "--max-children", "1", *names],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def results(folder: Path) -> dict[str, int]:
    """Each mutant that was tried, with what came of it."""
    found: dict[str, int] = {}
    for room in ROOMS:
        for meta in (folder / "mutants" / "release" / room).glob("*.meta"):
            codes = json.loads(meta.read_text())["exit_code_by_key"]
            found |= {name: code for name, code in codes.items() if code is not None}
    return found


def test_nearly_every_mutant_is_noticed(tmp_path, sample, capsys):
    mutate(tmp_path, *([SAMPLE] if sample else []))
    codes = results(tmp_path)
    counts = Counter(codes.values())
    killed = sum(counts[code] for code in KILLED)
    survivors = sorted(name for name, code in codes.items() if code not in KILLED)
    with capsys.disabled():
        print(f"\n{len(codes)} mutants, {killed} killed, {counts[SURVIVED]} survived")
        print(*survivors, sep="\n")
    assert len(codes) > (100 if sample else 2000)
    assert killed >= FLOOR * len(codes)
