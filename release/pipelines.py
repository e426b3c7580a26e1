"""The Invoke collection ``release``: each task is one pipeline of :mod:`release.flows`.

Rooms are imported where a task runs, so that listing the tasks stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context as Shell
from invoke.tasks import task

if TYPE_CHECKING:
    from release.flows.console import Outcome
    from release.flows.context import Context

COMMON = {
    "project": "the project's folder (default: here)",
    "json": "print exactly one JSON document on stdout",
    "at": "set the clock, as 2026-11-23T12:00:00Z",
}
ADVISORIES = "an OSV archive, a folder of OSV records, or an archive's address (default: the API)"
TO = "the repository to release to (default: as configured)"
DRY_RUN = "stop between thinking and acting, and tell every problem that can be seen"


@task(
    help=COMMON
    | {
        "advisories": ADVISORIES,
        "record": "carry the record forward; --no-record only looks",
        "accept_coverage": "believe a report that covers much less than the last one",
    }
)
def scan(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    advisories: str = "",
    record: bool = True,
    accept_coverage: bool = False,
) -> None:
    """Look at what users get, and carry the record forward (exit 4: something is unknown).

    For example:
      release-warden release.scan
      release-warden release.scan --no-record               only look
      release-warden release.scan --advisories osv-all.zip  without the network
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.scan(context, advisories or None, record, accept_coverage)

    console.run("release.scan", body, project=project, at=at, json=json)


@task(help=COMMON)
def changes(_: Shell, project: str = ".", json: bool = False, at: str = "") -> None:
    """What the last recorded scan changed.

    For example:
      release-warden release.changes
      release-warden release.changes --json | jq '.changes[].kind'
    """
    from release.flows import console, tasks

    console.run("release.changes", tasks.changes, project=project, at=at, json=json)


@task(help=COMMON | {"explain": "tell every finding's verdict, blocker and edit"})
def decide(
    _: Shell, project: str = ".", json: bool = False, at: str = "", explain: bool = False
) -> None:
    """Whether a release is owed, and by which rule (exit 4: unknown).

    For example:
      release-warden release.decide --explain
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.decide(context, explain)

    console.run("release.decide", body, project=project, at=at, json=json)


@task(help=COMMON | {"to": TO, "bump": "patch, minor, major or a version", "reason": "why"})
def plan(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    bump: str = "",
    reason: str = "",
) -> None:
    """What a release by hand would do; nothing is changed.

    For example:
      release-warden release.plan --bump minor
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.publish(context, to or None, bump, reason, dry_run=True)

    console.run("release.plan", body, project=project, at=at, json=json)


@task(help=COMMON | {"output": "where the archives go (default: dist/ of the project)"})
def build(_: Shell, project: str = ".", json: bool = False, at: str = "", output: str = "") -> None:
    """Build sdist and wheel of HEAD from a fresh clone; nothing is sealed.

    For example:
      release-warden release.build --output /tmp/archives
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.build(context, output or None)

    console.run("release.build", body, project=project, at=at, json=json)


@task(help=COMMON | {"artifacts": "the folder of the archives (default: dist/ of the project)"})
def verify(
    _: Shell, project: str = ".", json: bool = False, at: str = "", artifacts: str = ""
) -> None:
    """Check the archives of HEAD: metadata, contents, and that they install and import.

    For example:
      release-warden release.build && release-warden release.verify
      release-warden release.verify --artifacts /tmp/archives
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.verify(context, artifacts or None)

    console.run("release.verify", body, project=project, at=at, json=json)


@task(
    help=COMMON
    | {
        "to": TO,
        "bump": "patch, minor, major or a version (default: HEAD's if free, else patch)",
        "reason": "why, for the notes",
        "dry_run": DRY_RUN,
    }
)
def publish(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    bump: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> None:
    """Release by hand: plan, gates, build, verify, seal, upload, confirm, prove, tag.

    For example:
      release-warden release.publish --dry-run            every problem, nothing done
      release-warden release.publish --bump minor --reason "A new parser."
      release-warden release.publish                      again: it goes on from where it was
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.publish(context, to or None, bump, reason, dry_run=dry_run)

    console.run("release.publish", body, project=project, at=at, json=json, repository=to)


@task(help=COMMON | {"to": TO, "advisories": ADVISORIES, "dry_run": DRY_RUN})
def auto(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    advisories: str = "",
    dry_run: bool = False,
) -> None:
    """Scan, decide, and release if and only if it is owed.

    For example:
      release-warden release.auto --dry-run
      release-warden release.auto --json > outcome.json     for a CI job
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.auto(context, to or None, advisories or None, dry_run=dry_run)

    console.run("release.auto", body, project=project, at=at, json=json, repository=to)


@task(
    help=COMMON
    | {
        "advisories": ADVISORIES,
        "floors": "also raise lower bounds above releases that are known to be vulnerable",
        "dry_run": "show the edit, checked, and change nothing",
    }
)
def fix(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    advisories: str = "",
    floors: bool = False,
    dry_run: bool = False,
) -> None:
    """Edit the requirements so that users are freed, on a branch of its own (exit 3: cannot).

    For example:
      release-warden release.fix --dry-run       the diff
      release-warden release.fix                 the branch; working tree and main stay as they are
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.fix(context, advisories or None, floors, dry_run=dry_run)

    console.run("release.fix", body, project=project, at=at, json=json)


@task(help=COMMON)
def history(_: Shell, project: str = ".", json: bool = False, at: str = "") -> None:
    """Every recorded change and every release, newest first.

    For example:
      release-warden release.history
      release-warden release.history --json | jq '.releases[0].version'
    """
    from release.flows import console, tasks

    console.run("release.history", tasks.history, project=project, at=at, json=json)


collection = Collection(
    "release", scan, changes, decide, plan, build, verify, publish, auto, fix, history
)
"""The tasks in the order of the chain."""
