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
STAGE = "only one stage of it: check, build, record, upload, prove or finish"
DIGEST = "what the stage before told as its digest"
DRY_RUN = "stop between thinking and acting, and tell every problem that can be seen"


@task(
    help=COMMON
    | {
        "from_": "a folder of other tools' reports, read in place of asking and resolving",
        "advisories": ADVISORIES,
        "record": "carry the record forward; --no-record only looks",
        "accept_coverage": "believe a report that covers much less than the last one",
        "forget_scanner": "a scanner that is no longer used: the record waits for it no longer",
    }
)
def scan(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    from_: str = "",
    advisories: str = "",
    record: bool = True,
    accept_coverage: bool = False,
    forget_scanner: str = "",
) -> None:
    """Look at what users get, and carry the record forward (exit 4: something is unknown).

    For example:
      release-warden release.scan
      release-warden release.scan --no-record               only look
      release-warden release.scan --advisories osv-all.zip  without the network
      release-warden release.scan --from reports            what other tools have found
      release-warden release.scan --forget-scanner bandit   it is not used any more
    """
    from release.flows import console, tasks
    from release.flows.scan import Sources

    def body(context: Context) -> Outcome:
        sources = Sources(advisories or None, from_ or None)
        return tasks.scan(context, sources, record, accept_coverage, forget_scanner)

    console.run("release.scan", body, project=project, at=at, json=json, watched=record)


@task(
    help=COMMON
    | {
        "since": "last-scan, last-release, or a commit of the project (default: last-scan)",
        "until": "a commit of the project (default: the newest scan)",
    }
)
def changes(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    since: str = "",
    until: str = "",
) -> None:
    """What changed, by default by the last recorded scan.

    For example:
      release-warden release.changes
      release-warden release.changes --since last-release
      release-warden release.changes --since v1.4.0 --until HEAD~3
      release-warden release.changes --json | jq '.changes[].kind'
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.changes(context, since, until)

    console.run("release.changes", body, project=project, at=at, json=json)


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
    from release.flows.auto import Request

    def body(context: Context) -> Outcome:
        return tasks.publish(context, Request(bump, reason), dry_run=True)

    console.run("release.plan", body, project=project, at=at, json=json, to=to)


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
        "artifacts": "a folder of archives built elsewhere, to be released instead of a build",
        "stage": STAGE,
        "digest": DIGEST,
        "less_provenance": "why this release may lack the attestations that the last one had",
        "yes": "do not ask, also where somebody could be asked",
        "abandon": "give the unfinished release up, for this reason; nothing else is done",
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
    artifacts: str = "",
    stage: str = "",
    digest: str = "",
    less_provenance: str = "",
    yes: bool = False,
    abandon: str = "",
) -> None:
    """Release by hand: plan, gates, build, verify, seal, upload, confirm, prove, tag.

    For example:
      release-warden release.publish --dry-run            every problem, nothing done
      release-warden release.publish --bump minor --reason "A new parser."
      release-warden release.publish                      again: it goes on from where it was
      release-warden release.publish --stage build --digest 5f70...   as a job of its own
      release-warden release.publish --abandon "It can never be uploaded."
    """
    from pathlib import Path

    from release.flows import console, tasks
    from release.flows.auto import Request

    def body(context: Context) -> Outcome:
        if abandon:
            return tasks.abandon(context, abandon)
        supplied = Path(artifacts).resolve() if artifacts else None
        request = Request(bump, reason, yes, less_provenance, supplied)
        if stage:
            return tasks.publish_stage(context, request, stage, digest)
        return tasks.publish(context, request, dry_run=dry_run)

    console.run("release.publish", body, project=project, at=at, json=json, to=to, releases=True)


@task(
    help=COMMON
    | {
        "to": TO,
        "advisories": ADVISORIES,
        "dry_run": DRY_RUN,
        "stage": STAGE,
        "digest": DIGEST,
    }
)
def auto(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    advisories: str = "",
    dry_run: bool = False,
    stage: str = "",
    digest: str = "",
) -> None:
    """Scan, decide, and release if and only if it is owed.

    For example:
      release-warden release.auto --dry-run
      release-warden release.auto --json > outcome.json     for a CI job
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        if stage:
            return tasks.auto_stage(context, advisories or None, stage, digest)
        return tasks.auto(context, advisories or None, dry_run=dry_run)

    console.run("release.auto", body, project=project, at=at, json=json, to=to, releases=True)


@task(
    help=COMMON
    | {"to": TO, "rebuild": "write into the ledger what index and tags have and it lacks"}
)
def reconcile(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    rebuild: bool = False,
) -> None:
    """Git, remote, index, forge and ledger side by side, and the one next safe command.

    Exit 3: a person has to look; 75: something is half-done; 4: something did not answer.

    For example:
      release-warden release.reconcile
      release-warden release.reconcile --rebuild      the ledger was lost, or began later
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.reconcile(context, rebuild)

    console.run("release.reconcile", body, project=project, at=at, json=json, to=to)


@task(
    help=COMMON
    | {
        "version_": "the version to be yanked",
        "to": TO,
        "reason": "why, as users will read it",
        "watch": "look until it is true, for so many seconds (default: 600)",
    },
    optional=["watch"],
)
def yank(
    _: Shell,
    version_: str,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    reason: str = "",
    watch: str | None = None,
) -> None:
    """Prepare all that a person needs to yank a release, and see whether it is yanked.

    For example:
      release-warden release.yank 1.4.1 --reason "It loses data on Windows."
      release-warden release.yank 1.4.1                 is it true yet?
      release-warden release.yank 1.4.1 --watch 300     until it is; exit 75 if it is not
    """
    from release.flows import console, tasks
    from release.flows.yank import Asked

    def body(context: Context) -> Outcome:
        return tasks.yank(context, Asked(version_, reason, tasks.seconds(watch)))

    console.run("release.yank", body, project=project, at=at, json=json, to=to, watched=True)


@task(help=COMMON | {"decision": "a file, the digest of a decision, or a ref of the ledger"})
def replay(_: Shell, decision: str, project: str = ".", json: bool = False, at: str = "") -> None:
    """Decide again on the inputs that the ledger kept (exit 1: another decision comes of them).

    For example:
      release-warden release.decide --json > decision.json
      release-warden release.replay decision.json
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.replay(context, decision)

    console.run("release.replay", body, project=project, at=at, json=json)


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


@task(
    help=COMMON
    | {
        "to": TO,
        "deep": "ask servers for what they show to us alone; what stays unseen then counts",
        "mint": "with --deep: let the index mint a real upload token, and throw it away",
    }
)
def doctor(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    deep: bool = False,
    mint: bool = False,
) -> None:
    """What would stand in the way of a release, all of it at once, and what a person clicks.

    Exit 3: something has to be mended; 4: something could not be seen that has to be.

    For example:
      release-warden release.doctor
      release-warden release.doctor --to pypi           before you set it
      release-warden release.doctor --deep --mint       in the job that uploads
    """
    from release.flows import console, tasks
    from release.flows.doctor import Asked

    def body(context: Context) -> Outcome:
        return tasks.doctor(context, Asked(deep, mint))

    console.run("release.doctor", body, project=project, at=at, json=json, to=to)


@task(
    help=COMMON
    | {
        "dry_run": "show the plan, and change nothing",
        "undo": "take back what it wrote, and the ledger's refs",
        "yes": "do not ask, also where somebody could be asked",
    }
)
def init(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    dry_run: bool = False,
    undo: bool = False,
    yes: bool = False,
) -> None:
    """Adopt a project: gates that fit it, doors, configuration; what is there is kept and merged.

    For example:
      release-warden release.init --dry-run   what it finds, and what it would write
      release-warden init
      release-warden init --undo         as it was before; the ledger goes too
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.init(context, dry_run=dry_run, back=undo, sure=yes)

    console.run("release.init", body, project=project, at=at, json=json)


@task(help=COMMON)
def history(_: Shell, project: str = ".", json: bool = False, at: str = "") -> None:
    """Every recorded change and every release, newest first.

    For example:
      release-warden release.history
      release-warden release.history --json | jq '.releases[0].version'
    """
    from release.flows import console, tasks

    console.run("release.history", tasks.history, project=project, at=at, json=json)


@task(help=COMMON | {"to": TO, "dry_run": "tell what is wrong and who would be told; tell nobody"})
def alert(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    dry_run: bool = False,
) -> None:
    """Look at what is wrong, and tell the configured targets what is new, and what is over.

    Exit 75: somebody could not be told; the next run tries again.

    For example:
      release-warden release.alert --dry-run
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.alert(context, dry_run=dry_run)

    console.run("release.alert", body, project=project, at=at, json=json, to=to)


@task(help=COMMON | {"to": TO, "format": "table, or prometheus (its text format)"})
def metrics(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    format: str = "table",  # noqa: A002 - it is the flag's name
) -> None:
    """Figures about releases, scans, findings and runs, out of the ledger.

    For example:
      release-warden release.metrics
      release-warden release.metrics --json | jq '.publishing.failed'
      release-warden release.metrics --format prometheus > release-warden.prom
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.metrics(context, format)

    console.run("release.metrics", body, project=project, at=at, json=json, to=to)


@task(
    help=COMMON
    | {
        "format": "markdown, csv, vex (OpenVEX 0.2) or sarif (SARIF 2.1)",
        "output": "the file to write (default: print it)",
    }
)
def report(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    format: str = "markdown",  # noqa: A002 - it is the flag's name
    output: str = "",
) -> None:
    """The record for others: a compliance report, or an export; --json prints the history.

    For example:
      release-warden release.report --format csv --output findings.csv
      release-warden release.report --format vex > openvex.json
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.report(context, format, output or None)

    console.run("release.report", body, project=project, at=at, json=json)


@task(
    help=COMMON
    | {
        "write": "write them instead of comparing",
        "lock": "write them, and lock the newest tools that their jobs install",
    }
)
def workflows(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    write: bool = False,
    lock: bool = False,
) -> None:
    """Compare the GitHub workflows with what the configuration says (exit 3: they differ).

    For example:
      release-warden release.workflows            the difference
      release-warden release.workflows --write    after a change of the configuration
      release-warden release.workflows --lock     newer tools in .github/release-tools.txt
    """
    from release.flows import console, tasks

    def body(context: Context) -> Outcome:
        return tasks.workflows(context, write=write, relock=lock)

    console.run("release.workflows", body, project=project, at=at, json=json)


@task(help=COMMON)
def mirror(_: Shell, project: str = ".", json: bool = False, at: str = "") -> None:
    """Copy the remote's refs beside the repository, for steps of a job that hold no token.

    The workflows of a private repository run it; what reads the copy is told so by
    RELEASE_WARDEN_MIRROR.

    For example:
      release-warden release.mirror
    """
    from release.flows import console, tasks

    console.run("release.mirror", tasks.mirror, project=project, at=at, json=json)


collection = Collection(
    "release",
    scan,
    changes,
    decide,
    plan,
    build,
    verify,
    publish,
    auto,
    fix,
    reconcile,
    yank,
    doctor,
    replay,
    history,
    report,
    workflows,
    mirror,
    metrics,
    alert,
    init,
)
"""The tasks in the order of the chain."""
