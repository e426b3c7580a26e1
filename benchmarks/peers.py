"""The environment of the peers: what a release, or gates, would be run with instead.

Its packages are the dependency group ``bench`` of pyproject.toml; uv installs them once.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks.result import Unmeasured

ROOT = Path(__file__).parents[1]


def ready(folder: Path) -> Path:
    """The environment, made where it is not there yet.

    :raises Unmeasured: it cannot be made here, as without a network.
    """
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    needs: list[str] = groups["bench"]
    place = folder / hashlib.sha256("\n".join(needs).encode()).hexdigest()[:12]
    stamp = place / ".installed"
    if not stamp.exists():
        uv = Path(sys.executable).with_name("uv")
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, place)
        python = place / "bin" / "python"
        _run(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *needs)
        stamp.touch()
    return place


def _run(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unmeasured(f"the peers cannot be installed: {done.stderr.strip()[-300:]}")
