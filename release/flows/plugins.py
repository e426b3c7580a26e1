"""The plug-ins that read the documents of a run, as a process of their own.

This module imports next to nothing: after every run it is started anew.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

GROUP = "release_warden.after_run"


def main(folder: str) -> None:
    """Load each plug-in and hand it the folder."""
    for entry in entry_points(group=GROUP):
        entry.load()(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])
