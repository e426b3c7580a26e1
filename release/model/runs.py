"""The book of runs: how each of the last runs went, for figures about the workflows themselves."""

from __future__ import annotations

from msgspec.structs import replace

from release.errors import Failure
from release.model.base import Document, Instant, Noun
from release.model.snapshot import State

KEPT = 1000
"""How many runs the book holds: at eight a day those of four months."""
SITE_JOBS = frozenset({"render", "deploy"})
"""The jobs that write the status site in CI, and bring it to its readers."""
DEPLOYED = "status.deploy"
"""What the book calls their work; it is no task of ours."""


class Update(Noun, frozen=True, kw_only=True):
    """How the status site was brought up to date: in how many seconds, or what it failed of."""

    seconds: float
    failure: Failure | None = None


class Ran(Noun, frozen=True, kw_only=True):
    """One run of one task; in CI each job of a workflow's run is one.

    ``run`` is the CI service's id of the run, or a random one. ``failure`` is the kind of what went
    wrong. ``seconds`` is how long it took, 0 where nobody measured that, ``steps`` how long each
    step, of a release or of a scan; ``retries`` how often a server was asked again. ``credential``
    is the source whose credential an upload used, ``version`` what was being released, ``actor``
    who let a CI service run it. ``scanners`` are their states, where it scanned. ``update`` is that
    of the status site after the run, where one followed it.
    """

    run: str
    task: str
    at: Instant
    seconds: float
    exit_code: int
    stage: str = ""
    repository: str = ""
    ci: bool = False
    failure: Failure | None = None
    version: str = ""
    actor: str = ""
    steps: dict[str, float] = {}
    retries: int = 0
    credential: str = ""
    scanners: dict[str, State] = {}
    update: Update | None = None


class Runs(Document, frozen=True, kw_only=True):
    """The last runs, oldest first: at most :data:`KEPT`."""

    project: str
    ran: tuple[Ran, ...] = ()

    def with_run(self, ran: Ran) -> Runs:
        """The book with one more run, and without the oldest where there is no room.

        Of two that began in the same second the one told last is the later.
        """
        held = sorted((*self.ran, ran), key=lambda one: one.at)
        return replace(self, ran=tuple(held[-KEPT:]))
