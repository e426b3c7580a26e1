"""The gates and doors of Release Warden. Words after -- go to pytest, or to the door's task."""

import sys
from pathlib import Path

import nox

# A bare `nox` does not put the noxfile's folder on the path, and our gates lie beside it.
sys.path.insert(0, str(Path(__file__).parent))

from release import gates
from release.gates import Gate, door

nox.needs_version = ">=2026.8.10"  # the first with -j
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.download_python = "never"  # a CI matrix asks with NOX_DOWNLOAD_PYTHON=auto
nox.options.error_on_missing_interpreters = False  # an absent Python is skipped, in CI too

TABLE = (
    # Gates: they do the work themselves.
    Gate("lint", "ruff's rules and format, and who may import whom", gates.lint, default=True),
    Gate("types", "mypy, strict", gates.types, default=True),
    Gate("tests", "pytest; another Python: --force-python 3.12", gates.tests, default=True),
    Gate("audit", "what we ship, seen by our own scanner", gates.audit),
    Gate("sast", "bandit on our own code", gates.sast),
    Gate("workflows", "zizmor, actionlint, schema; act runs them", gates.workflows),
    Gate("infrastructure", "cfn-lint and checkov on the templates", gates.infrastructure),
    Gate("browser", "the site's pages in Chromium: CSP, axe, Lighthouse", gates.browser),
    Gate("docs", "the pages as a site: links hold, commands run", gates.docs),
    Gate("proofs", "kills, storms and mutants: half an hour; -- --sample: minutes", gates.proofs),
    Gate(
        "bench",
        "time, beside peers and aims; only growth is red",
        gates.bench,
        parallel=False,
    ),
    # Doors: each installs the project, runs one Invoke task and exits with its code.
    Gate("build", "build this project's archives", door("release.build"), parallel=False),
    Gate("verify", "check the archives against the plan", door("release.verify"), parallel=False),
    Gate("publish", "release this project", door("release.publish"), parallel=False),
    Gate("auto", "release this project if one is owed", door("release.auto"), parallel=False),
    Gate("status", "write the status site", door("status.build"), parallel=False),
    Gate("monitor", "look at the published site", door("status.check"), parallel=False),
    Gate("alert", "tell people what is wrong", door("release.alert"), parallel=False),
    Gate("mirror", "copy the remote's refs", door("release.mirror"), parallel=False),
    Gate("demo", "replay an example package's story", door("demo"), parallel=False),
)

gates.register(TABLE)
