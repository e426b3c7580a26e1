"""Lighthouse: 100 in all four categories, on each page, as a slow phone sees it."""

import json
import os
import subprocess

import pytest
from chrome import ARGUMENTS, missing, program

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PAGES = ["index.html", "findings.html", "releases.html", "dashboard.html"]
ATTEMPTS = 3
"""Only performance is measured rather than looked up; a busy machine spoils it, and never helps."""


@pytest.mark.parametrize("name", PAGES)
def test_all_are_a_hundred(served, tmp_path, name):
    lighthouse = os.environ.get("LIGHTHOUSE") or missing("no Lighthouse: nox -s browser, with npm")
    for _ in range(ATTEMPTS):
        scores = judged(lighthouse, served("rich") + name, tmp_path / "report.json")
        if scores == dict.fromkeys(CATEGORIES, 100):
            return
    assert scores == dict.fromkeys(CATEGORIES, 100)


def judged(lighthouse, address, report):
    flags = " ".join(("--headless=new", *ARGUMENTS))
    subprocess.run(
        [
            lighthouse, address, "--quiet", "--output=json", f"--output-path={report}",
            f"--chrome-flags={flags}", f"--only-categories={','.join(CATEGORIES)}",
        ],
        check=True, timeout=120,
        env={**os.environ, "CHROME_PATH": program("chromium"), "CI": "1"},
    )  # fmt: skip
    categories = json.loads(report.read_bytes())["categories"]
    return {name: round(100 * categories[name]["score"]) for name in CATEGORIES}
