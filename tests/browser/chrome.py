"""Where the browser is, and how it is started."""

import os
from shutil import which

import pytest

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing(what):
    """Skip, but not where it has to be there.

    :param what: what is missing, and how to get it.
    """
    (pytest.fail if "CI" in os.environ else pytest.skip)(what)


def program(name):
    """Where Chromium is."""
    return which(name) or missing(f"there is no {name}: apt-get install {name}")
