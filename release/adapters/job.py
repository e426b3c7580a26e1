"""The door to the CI service's job: what it asks of us, what we tell it and the jobs after it.

What is told may hold other people's words: a reason, a branch, an advisory's summary. None of them
can become an output, a heading or a command to the runner (GitHub's "Workflow commands" page).
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from release.adapters import process
from release.adapters.web import LOOPBACK
from release.errors import UsageError

ASKED = "RELEASE_WARDEN_"
"""What the names of the variables begin with that a job gives to its stage."""
COMMAND = re.compile(r"^(\s*)::|##\[", re.MULTILINE)
"""How a line begins that the runner obeys, and the older form, which it obeys anywhere in one."""
FENCE = re.compile(r"`{3,}")
LONGEST = 200_000
"""Characters of one text in the summary: the service drops one of more than a mebibyte."""
TOKEN, SERVER = "GITHUB_TOKEN", "GITHUB_SERVER_URL"


def asked(name: str) -> str:
    """What the job asks of its stage; empty if nothing.

    A workflow's inputs come in by the environment only: pasted into a command they could be one.

    :param name: such as ``bump`` for ``RELEASE_WARDEN_BUMP``.
    """
    return process.variable(ASKED + name.upper()) or ""


def set_outputs(**values: str) -> None:
    """Set outputs of the job, where its service wants them in a file (GitHub, Forgejo, Gitea).

    :param values: name and value.
    :raises UsageError: a value has more than one line, and could set other outputs.
    """
    named = process.variable("GITHUB_OUTPUT")
    if not named:
        return
    for name, value in values.items():
        if len(value.splitlines()) > 1 or value.endswith(("\n", "\r")):
            raise UsageError(
                f"the output {name} has more than one line", remedy="give a value of one line"
            )
    with Path(named).open("a", encoding="utf-8") as sink:
        sink.writelines(f"{name}={value}\n" for name, value in values.items())


def summarize(title: str, text: str) -> None:
    """Add to the page that the service shows of this job.

    :param title: our own words.
    :param text: shown as it stands: nothing in it is a heading, a link or an image.
    """
    named = process.variable("GITHUB_STEP_SUMMARY")
    if not named or not text.strip():
        return
    text = text.strip() if len(text) <= LONGEST else text[:LONGEST].rstrip() + "\n…"
    longest = max((len(run) for run in FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    with Path(named).open("a", encoding="utf-8") as sink:
        sink.write(f"### {title}\n\n{fence}text\n{text}\n{fence}\n\n")


def harmless(text: str) -> str:
    """The text for a log that a runner reads: no line of it is a command.

    ``::set-output`` at the start of an advisory's line would set an output of the step.
    """
    if not process.variable("GITHUB_ACTIONS"):
        return text
    return COMMAND.sub(lambda found: found[0].replace("::", ": :").replace("##", "# #"), text)


def page() -> str:
    """The address of this run's page at the CI service; empty where it tells of none."""
    server, project = process.variable(SERVER), process.variable("GITHUB_REPOSITORY")
    run = process.variable("GITHUB_RUN_ID")
    return f"{server}/{project}/actions/runs/{run}" if server and project and run else ""


def pages() -> str:
    """Where GitHub Pages serves the job's repository; empty outside of a job of github.com.

    By GitHub's "Types of GitHub Pages sites": ``OWNER.github.io`` is at the top of its host, any
    other repository below its name there. A domain of one's own is answered by a redirect.
    """
    owner, _, name = (process.variable("GITHUB_REPOSITORY") or "").lower().partition("/")
    if not name or process.variable(SERVER) != "https://github.com":
        return ""
    host = f"{owner}.github.io"
    return f"https://{host}/" if name == host else f"https://{host}/{name}/"


@contextmanager
def folded(title: str) -> Iterator[None]:
    """Around what others say on stderr: GitHub's log folds it away under a title.

    :param title: our own words.
    """
    if not process.variable("GITHUB_ACTIONS"):
        yield
        return
    _say(f"::group::{title}")
    try:
        yield
    finally:
        _say("::endgroup::")


def _say(command: str) -> None:
    sys.stderr.write(f"{command}\n")
    sys.stderr.flush()


@contextmanager
def credential_for(address: str) -> Iterator[tuple[str, ...]]:
    """Options for git under which it shows the job's token to the job's own server, and no other.

    The token is in no argument list and in no child's environment: git's ``store`` helper reads it
    from a file that only this user can, and that is gone afterwards.

    :param address: of the remote.
    """
    server, token = process.variable(SERVER) or "", process.variable(TOKEN)
    parts = urlsplit(server)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not token or not safe or not address.startswith(f"{server.rstrip('/')}/"):
        yield ()
        return
    with tempfile.TemporaryDirectory(prefix="release-warden-") as folder:
        file = Path(folder, "credential")
        file.touch(mode=0o600)
        file.write_text(
            f"{parts.scheme}://x-access-token:{quote(token, safe='')}@{parts.netloc}\n", "utf-8"
        )
        yield ("-c", "credential.helper=", "-c", f"credential.helper=store --file='{file}'")


def is_blind(address: str) -> bool:
    """Whether a job without a token is asking its own server.

    :param address: of the remote.
    """
    server = process.variable(SERVER)
    own = bool(server) and address.startswith(f"{(server or '').rstrip('/')}/")
    return own and not process.variable(TOKEN)


JOBS = "RELEASE_WARDEN_JOBS"


def results() -> dict[str, str] | None:
    """How the jobs before this one ended, by name; ``None`` where no workflow tells of them.

    ``RELEASE_WARDEN_JOBS`` holds GitHub's ``toJSON(needs)``: by job its result and its outputs.

    :raises UsageError: it is no such thing.
    """
    told = process.variable(JOBS)
    if not told:
        return None
    try:
        jobs = msgspec.json.decode(told, type=dict[str, _Job])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{JOBS} does not tell of jobs", why=str(error), remedy="set it to toJSON(needs)"
        ) from error
    return {name: one.result for name, one in sorted(jobs.items())}


class _Job(msgspec.Struct, frozen=True):
    result: str = ""
