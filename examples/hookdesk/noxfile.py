"""hookdesk's gate."""

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """The unit tests, with the newest dependencies."""
    session.install("--upgrade", "-e", ".")  # what users would get today
    session.run("python", "-m", "unittest", "discover", "--start-directory", "tests")
