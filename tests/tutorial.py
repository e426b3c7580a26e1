"""The tutorial's commands, and a shell that types them."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"


def tutorial() -> list[str]:
    """The blocks of the tutorial, in their order; together they are one script."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```tutorial\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(blocks: Iterable[str], folder: Path, timeout: float = 300) -> str:
    """Type blocks into a folder, and return all that was said.

    :raises AssertionError: a command failed.
    """
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    ran = subprocess.run(
        ["sh", "-ex"],
        input="\n".join(blocks),
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
