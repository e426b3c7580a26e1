"""Chromium by Playwright, and every site on loopback.

Skipped with a reason where Playwright or Chromium is missing; in CI (``CI`` set) both have to be
there. ``nox -s browser`` installs the one, ``apt-get install chromium`` the other.
"""

import threading
from contextlib import ExitStack, contextmanager

import browser_sites as sites
import hostile_texts
import pytest
from chrome import ARGUMENTS, missing, program

from status_site.documents import Documents
from status_site.site import address, server

SITES = {
    "rich": lambda: sites.files_of(sites.rich()),
    "clean": lambda: sites.files_of(sites.clean()),
    "unsure": lambda: sites.files_of(sites.unsure()),
    "never-scanned": lambda: sites.files_of(Documents()),
    "failed-update": lambda: sites.failed(sites.rich()),
    "many": lambda: sites.files_of(sites.many()),
    "hostile": lambda: sites.files_of(sites.hostile(hostile_texts.MADE_UP)),
    "advisories": lambda: sites.files_of(sites.hostile(hostile_texts.real())),
}


@pytest.fixture(scope="session")
def chromium():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed: run nox -s browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The address of a site by its name; each is built and served at its first use."""
    known = {}
    with ExitStack() as stack:

        def serve(name):
            if name == "advisories" and not hostile_texts.real():
                pytest.skip("RELEASE_WARDEN_SHARED names no folder with advisories/PyPI-all.zip")
            if name not in known:
                folder = tmp_path_factory.mktemp(name)
                known[name] = stack.enter_context(running(written(folder, SITES[name]())))
            return known[name]

        yield serve


def written(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@contextmanager
def running(folder):
    with server(folder) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield address(site)
        finally:
            site.shutdown()
            thread.join()
