"""Lighthouse: 100 in all four categories, on each page, as a slow phone sees it.

Performance is measured in time, which is no gate's to judge: it is a proof, for a machine that
does nothing else (``nox -s browser -- -m proof``). The other three are looked up, and are the same
anywhere.
"""

import json
import os
import subprocess

import pytest
from chrome import ARGUMENTS, missing, program

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PAGES = ["index.html", "findings.html", "releases.html", "dashboard.html"]
SLOWDOWN, DESKTOP = 4.0, 1500
"""Lighthouse's slowdown of the processor, and the least index of a machine that it is meant for."""
ATTEMPTS = 3
"""Only performance is measured rather than looked up; a busy machine spoils it, and never helps."""


@pytest.mark.parametrize("name", PAGES)
def test_what_can_be_looked_up_is_a_hundred(served, tmp_path, name):
    report = judged(program_of(), served("rich") + name, tmp_path / "report.json", SLOWDOWN)
    scores = scores_of(report)
    assert scores == dict.fromkeys(CATEGORIES, 100) | {"performance": scores["performance"]}


@pytest.mark.proof
@pytest.mark.parametrize("name", PAGES)
def test_performance_is_a_hundred(served, tmp_path, name):
    slowdown = SLOWDOWN
    for _ in range(ATTEMPTS):
        report = judged(program_of(), served("rich") + name, tmp_path / "report.json", slowdown)
        scores = scores_of(report)
        if scores["performance"] == 100:
            return
        slowdown = calibrated(report["environment"]["benchmarkIndex"])
    assert scores["performance"] == 100


def program_of():
    return os.environ.get("LIGHTHOUSE") or missing("no Lighthouse: nox -s browser, with npm")


def calibrated(index):
    """The slowdown that makes a phone of this machine as it is, which others may be using.

    Lighthouse slows what it saw down fourfold, which presumes an idle desktop. On a busy machine it
    measures the phone and the load on top, so it is slowed down less there.

    :param index: Lighthouse's own measure of the machine, in the moment of the run.
    """
    return round(min(SLOWDOWN, max(1.0, SLOWDOWN * index / DESKTOP)), 2)


def judged(lighthouse, address, report, slowdown):
    flags = " ".join(("--headless=new", *ARGUMENTS))
    subprocess.run(
        [
            lighthouse, address, "--quiet", "--output=json", f"--output-path={report}",
            f"--chrome-flags={flags}", f"--only-categories={','.join(CATEGORIES)}",
            f"--throttling.cpuSlowdownMultiplier={slowdown}",
        ],
        check=True, timeout=120,
        env={**os.environ, "CHROME_PATH": program("chromium"), "CI": "1"},
    )  # fmt: skip
    return json.loads(report.read_bytes())


def scores_of(report):
    categories = report["categories"]
    return {name: round(100 * categories[name]["score"]) for name in CATEGORIES}
