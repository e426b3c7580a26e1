"""What ``release.scan`` asks and thinks about advisories, over a list of pins, as one process.

``python benchmarks/pinned.py requirements.txt OSV-URL CACHE`` prints one weakness a line, and on
stderr the seconds that it took without the start of Python and the imports.
"""

import sys
import time
from pathlib import Path

from packaging.utils import canonicalize_name

from release.adapters.osv import open_source
from release.scan.findings import assess


def main(requirements: str, url: str, cache: str) -> None:
    start = time.perf_counter()
    lines = Path(requirements).read_text().split()
    pins = [(canonicalize_name(name), version) for name, _, version in map(split, lines)]
    found = open_source(None, url, Path(cache)).match(pins)
    judged = assess(found, pins)
    for weakness in judged.weaknesses:
        for version in sorted(weakness.versions):
            fixed = " ".join(map(str, weakness.fixed_in(version)))
            ids = " ".join(sorted(weakness.ids))
            print(weakness.package, version, weakness.rating.severity, ids, f"({fixed})")
    print(time.perf_counter() - start, file=sys.stderr)


def split(line: str) -> tuple[str, str, str]:
    return line.partition("==")


if __name__ == "__main__":
    main(*sys.argv[1:])
