"""The Invoke collection ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context as Shell
from invoke.tasks import task

from release.adapters import progress
from release.pipelines import COMMON

if TYPE_CHECKING:
    from pathlib import Path

    from release.flows.console import Outcome
    from release.flows.context import Context
    from status_site.publish import Destination


@task(help=COMMON | {"output": "where the site goes (default: security-status/ of the project)"})
def build(_: Shell, project: str = ".", json: bool = False, at: str = "", output: str = "") -> None:
    """Write security-status/index.json and index.html from what the ledger knows.

    For example:
      release-warden status.build --output public/security-status
    """
    from release.flows import console

    def body(context: Context) -> Outcome:
        return _build(context, output)

    console.run("status.build", body, project=project, at=at, json=json, watched=True)


@task(
    help=COMMON
    | {
        "to": "a folder of plain files, or s3://BUCKET/PREFIX",
        "dry_run": "tell what would be written and removed there, and change nothing there",
    }
)
def publish(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    dry_run: bool = False,
) -> None:
    """Build the site, and bring it to a folder of plain files or to a bucket.

    For example:
      release-warden status.publish --to public
      release-warden status.publish --to s3://my-bucket/security-status
    """
    from release.flows import console

    def body(context: Context) -> Outcome:
        return _publish(context, to, dry_run=dry_run)

    console.run("status.publish", body, project=project, at=at, json=json, watched=not dry_run)


@task(help={"project": COMMON["project"], "port": "the port (default: any that is free)"})
def serve(_: Shell, project: str = ".", port: int = 0) -> None:
    """Build the site and show it on this machine, until Ctrl-C.

    For example:
      release-warden status.serve --port 8000
    """
    from release.flows import console
    from status_site.site import serve_site

    def body(context: Context) -> Outcome:
        outcome = _build(context, "")
        serve_site(context.workspace.root, port, context.tell)
        return outcome

    console.run("status.serve", body, project=project, at="", json=False)


@task(
    positional=["url"],
    help=COMMON
    | {
        "url": "where the site is served (default: status-url of the configuration, else in a job "
        "where Pages serves its repository)",
        "record": "keep what was seen in the ledger; --no-record only looks",
        "tries": "how often to look before a failure is believed",
        "spacing": "seconds between two looks",
    },
)
def check(
    _: Shell,
    url: str | None = None,
    project: str = ".",
    json: bool = False,
    at: str = "",
    record: bool = True,
    tries: int = 3,
    spacing: int = 10,
) -> None:
    """Look at the published site: whole, of one build, fresh, and as its schema says.

    Exit 1: it is not; 75: it was published just now, look again; 4: nothing answered.

    For example:
      release-warden status.check
      release-warden status.check https://paperboy.example/security-status --no-record
    """
    from release.flows import console

    def body(context: Context) -> Outcome:
        return _check(context, url or "", keep=record, tries=tries, spacing=spacing)

    console.run("status.check", body, project=project, at=at, json=json)


@task(
    help={
        "project": COMMON["project"],
        "json": COMMON["json"],
        "url": "where the site is served (default: status-url of the configuration)",
        "readme": "the file (default: README.md of the project)",
        "dry_run": "show what would stand there, and change nothing",
    }
)
def badges(
    _: Shell,
    project: str = ".",
    json: bool = False,
    url: str = "",
    readme: str = "",
    dry_run: bool = False,
) -> None:
    """Keep the badges of the README between its two markers.

    For example:
      release-warden status.badges --url https://paperboy.example/security-status
    """
    from pathlib import Path

    from release.flows import console
    from status_site.site import write_badges

    def body(context: Context) -> Outcome:
        workspace = context.workspace
        place = Path(readme).absolute() if readme else workspace.root / "README.md"
        result = write_badges(place, url or workspace.config.status_url or "", dry_run=dry_run)
        done = "would change" if dry_run else "changed"
        text = (
            f"{place.name} {done}:\n{result.text}"
            if result.changed
            else f"{place.name} is as it should be"
        )
        return console.Outcome(result, text)

    console.run("status.badges", body, project=project, at="", json=json)


CHECKED = {
    "ok": "readers get the whole site, of one build, and fresh",
    "settling": "it was published just now, and is not everywhere yet",
    "failed": "readers do not get what they should",
    "unknown": "what readers get cannot be told from here, and unknown is not well",
}
"""What the state of a check means."""


def _build(context: Context, output: str) -> Outcome:
    """Lay the ledger's documents out, and build the site of them."""
    from pathlib import Path

    from release.errors import DocumentError
    from release.flows.after_run import refresh
    from release.flows.console import Outcome
    from release.flows.endings import Ending
    from status_site.build import FOLDER, mark_failed
    from status_site.site import build_site
    from status_site.store import check_unclaimed

    workspace, now = context.workspace, context.clock.now()
    folder = Path(output).absolute() if output else workspace.root / FOLDER
    _check_beside(workspace.root, folder)
    if output:
        check_unclaimed(folder)
    try:
        refresh(context, context.place.name)
    except DocumentError as error:
        mark_failed(folder, error, now)
        raise
    built = build_site(workspace.root, folder, now)
    status = built.status
    text = (
        f"{status.project or context.metadata.normalized_name}: "
        f"grade {status.security_grade or 'withheld'}, "
        f"{status.vulnerability_summary.total} open finding(s)\n{built.folder / 'index.html'}"
    )
    withheld = "the site gives no grade: something is unknown, too old or failed, and it says what"
    means = "the site says what is known, until its time is over"
    shown = "status.publish brings it to its readers; status.serve shows it here"
    ending = Ending(
        means if status.security_grade else withheld,
        shown if status.scan_date else "release.scan looks at what users get, and writes it anew",
    )
    return Outcome(status, text, ending=ending)


def _check_beside(project: Path, folder: Path) -> None:
    """Refuse to lay a site over the project itself.

    :raises UsageError: the folder is the project's, or one around it.
    """
    from release.errors import UsageError

    if project.is_relative_to(folder.resolve()):
        remedy = "name a folder of the site's own, such as public"
        raise UsageError(f"{folder} holds the project itself", remedy=remedy)


def _publish(context: Context, to: str, *, dry_run: bool) -> Outcome:
    """Bring the site to its place; after an update that failed, the last good one, marked."""
    from release.errors import DocumentError
    from release.flows.console import Outcome
    from release.flows.endings import Ending
    from status_site.build import FOLDER
    from status_site.publish import Folder, destination, publish_site

    place = _Counted(destination(to))
    if isinstance(place.inner, Folder):
        _check_beside(context.workspace.root, place.inner.path)
    folder = context.workspace.root / FOLDER
    context.tell("writing the site ...")
    try:
        _build(context, "")
    except DocumentError:
        if not dry_run:
            _publish_marked(context, folder, to, place)
        raise
    context.tell(f"bringing it to {to} ...")
    done = publish_site(folder, to, place, dry_run=dry_run)
    would = "would be " if dry_run else ""
    text = f"{to}: {len(done.written)} file(s) {would}written, {len(done.removed)} {would}removed"
    means = f"readers get build {done.build_id[:12]}, with {_grade(done.grade)}"
    ending = Ending(means, "status.check looks at the site as they get it")
    if dry_run:
        ending = Ending("nothing was changed there", "the same command without --dry-run")
    return Outcome(done, text, ending=ending)


class _Counted:
    """A place, which tells whoever watches how much was written there."""

    def __init__(self, place: Destination) -> None:
        self.digests, self.digest, self.delete = place.digests, place.digest, place.delete
        self.inner = place
        self._written = 0

    def put(self, name: str, data: bytes, kind: str) -> None:
        """Write a file."""
        self.inner.put(name, data, kind)
        self._written += len(data)
        progress.moved("written", self._written, 0)


def _grade(grade: str | None) -> str:
    return f"grade {grade}" if grade else "the grade withheld"


def _publish_marked(context: Context, folder: Path, to: str, place: Destination) -> None:
    """Bring the last good status, marked, to its place; should that fail too, tell it only."""
    from release.errors import WardenError
    from status_site.publish import publish_site

    try:
        publish_site(folder, to, place)
    except WardenError as error:
        context.tell(f"nor could the last good status be published: {error.what}")


def _check(context: Context, url: str, *, keep: bool, tries: int, spacing: int) -> Outcome:
    """Look at the site; keep what was seen of the project's own one."""
    from release.adapters.terminal import in_ci
    from release.flows.console import Outcome
    from release.flows.endings import Ending
    from release.watch.verdict import CODES, alarms
    from status_site.monitor import check as monitor

    patience = monitor.Patience(max(1, tries), max(0, spacing))
    done = monitor.check(context, url or monitor.own_address(context), patience)
    keep = keep and monitor.is_ours(context, done)
    if keep:
        done = monitor.record(context, done, share=in_ci())
    text = "\n".join(line for line in monitor.lines(done) if not line.startswith("next: "))
    remedies = "; ".join(dict.fromkeys(trouble.remedy for trouble in done.troubles))
    ending = Ending(CHECKED[done.state], remedies or "nothing")
    code = CODES[done.state] or (CODES["settling"] if keep and not done.recorded else 0)
    repository = context.place.name if done.recorded else None
    raised = alarms(done) if keep else ()
    return Outcome(done, text, code, repository, alarms=raised, ending=ending)


collection = Collection("status", build, publish, serve, check, badges)
"""The tasks of the site."""
