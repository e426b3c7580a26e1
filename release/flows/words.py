"""What the tasks tell a person: plain text, never cut, in the order of what matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from release.adapters.terminal import room
from release.model.adoption import Adoption
from release.model.changes import Change, Changes
from release.model.fix import Fix
from release.model.handover import Handover, Output
from release.model.history import History, Response, Story
from release.model.plan import Plan
from release.model.receipt import Receipt
from release.model.reconciliation import Reconciliation, VersionState
from release.model.seal import Archives
from release.model.text import plain
from release.model.yank import Yank

if TYPE_CHECKING:
    from release.flows.alerts import Told
    from release.flows.scan import Scanned


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their content; at a terminal too narrow for that, a block a row.

    Nothing is ever cut.
    """
    listed = [tuple(row) for row in rows]
    wide, columns = _columns(header, listed), room()
    if columns is None or all(len(line) <= columns for line in wide.splitlines()):
        return wide
    return _blocks(header, listed)


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    grid = [tuple(header), *rows]
    widths = [max(len(row[column]) for row in grid) for column in range(len(header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in grid]
    return "\n".join(line.rstrip() for line in lines)


def _blocks(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    width = max(len(title) for title in header)
    blocks = [
        "\n".join(f"{title.ljust(width)}  {c}" for title, c in zip(header, row, strict=True))
        for row in rows
    ]
    return "\n\n".join(blocks)


def of_scan(scanned: Scanned) -> str:
    """Scanners, closures, open findings and changes."""
    snapshot, record = scanned.snapshot, scanned.record
    lines = [
        f"{snapshot.project.name} {snapshot.project.version} at {snapshot.project.commit[:12]}"
    ]
    for name, scanner in sorted(snapshot.scanners.items()):
        lines.append(f"{name}: {scanner.state}, {_packages(scanner.covered)}. {scanner.detail}")
    for closure in snapshot.closures:
        pythons = ", ".join(closure.pythons)
        lines.append(
            f"{closure.kind} {closure.version}: {_packages(closure.pins)} on Python {pythons}"
        )
    found = record.open
    lines.append(f"{len(found)} open finding(s)")
    if found:
        rows = [
            (f.severity, f.package, f.version, f.ids[0] if f.ids else f.key, " ".join(f.affects))
            for f in found
        ]
        lines.append(table(("severity", "package", "version", "id", "in"), rows))
    return "\n".join([*lines, of_changes(scanned.changes)])


def _packages(those: Sequence[object]) -> str:
    return f"{len(those)} package{'' if len(those) == 1 else 's'}"


def of_quiet(scanned: Scanned) -> str:
    """That no finding has changed, so that a run which does nothing says why; else empty."""
    if scanned.before is None or scanned.changes.changes:
        return ""
    return "No finding has changed since the scan before this one."


def of_changes(changes: Changes) -> str:
    """One line a change, and what is unknown."""
    lines = [
        f"{c.kind}: {c.package} {c.key} ({c.severity})" + (f", {c.cause}" if c.cause else "")
        for c in changes.changes
    ] or ["nothing changed"]
    return "\n".join([*lines, *(f"unknown to {u.scanner}: {u.package}" for u in changes.unknown)])


def of_plan(plan: Plan) -> str:
    """The plan as a person would check it, problems last."""
    lines = [
        f"{plan.project} {plan.version} -> {plan.repository}, from {plan.commit[:12]}",
        f"because: {plan.decision.rule}: {plan.decision.reasons[0].why}",
        f"tag: {plan.tag}",
        *(f"with {edit.becomes} instead of {edit.requirement}" for edit in plan.fix),
        f"gates: {', '.join(plan.gates) or plan.gates_note}",
        *(f"{w.gate} may be red until {w.expires:%Y-%m-%d} ({w.rule})" for w in plan.waivers),
        "edits: " + (", ".join(edit.path for edit in plan.edits) or "none"),
        table(
            ("step", "kind", "done", "afterwards"),
            [(s.name, s.kind, "yes" if s.done else "no", s.postcondition) for s in plan.steps],
        ),
        "notes:",
        *(f"  {line}" for line in plan.notes.splitlines()),
    ]
    lines += [
        f"note: {r.about}: {r.what}" + (f"; {r.next}" if r.next else "") for r in plan.remarks
    ]
    lines += [f"problem: {p.check}: {p.what}; {p.next}" for p in plan.problems]
    return "\n".join(lines + ([] if plan.problems else ["no problem can be seen beforehand"]))


def of_adoption(plan: Adoption) -> str:
    """What was found, and what becomes of each file; problems last."""
    facts = [(fact.about, fact.value, fact.evidence) for fact in plan.facts]
    rows = [(one.path, one.how, one.why) for one in plan.files]
    lines = [plan.project, table(("what", "found", "by"), facts)] if facts else [plan.project]
    lines += ["", table(("file", "", "why"), rows)] if rows else []
    lines += [f"ref to be deleted: {ref}" for ref in plan.refs]
    lines += [
        f"note: {r.about}: {r.what}" + (f"; {r.next}" if r.next else "") for r in plan.remarks
    ]
    lines += [f"problem: {p.check}: {p.what}; {p.next}" for p in plan.problems]
    return "\n".join(lines)


def of_handover(listed: Handover, output: Output) -> str:
    """What the next job needs to know."""
    files = [(f.name, f"{f.size:,} B", f.sha256) for f in listed.files]
    return "\n".join(
        [
            f"{listed.project} {listed.version}: {listed.stage} is done, see {output.folder}",
            table(("file", "size", "sha256"), files),
            f"digest: {output.digest}",
        ]
    )


def of_fix(fix: Fix) -> str:
    """The edit as a diff, and where it lies."""
    if not fix.edits:
        return "no edit of the project's requirements would free its users of anything known"
    lines = [fix.diff.rstrip(), "", f"it frees: {', '.join(fix.keys)}"]
    if fix.commit:
        lines.append(f"branch {fix.branch} stands on {fix.commit[:12]}; nothing was merged")
    lines += [f"pushed to {fix.remote}"] if fix.remote else []
    return "\n".join(lines + ([f"pull request: {fix.pull_request}"] if fix.pull_request else []))


def of_receipt(receipt: Receipt) -> str:
    """What arrived, with its hashes and the time by step."""
    files = [(f.name, f"{f.size:,} B", f.sha256) for f in receipt.files]
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in receipt.timings.items())
    return "\n".join(
        [
            f"{receipt.project} {receipt.version} is on {receipt.repository}, proved and tagged "
            f"{receipt.tag}",
            table(("file", "size", "sha256"), files),
            f"time: {times}",
        ]
    )


def of_archives(built: Archives) -> str:
    """Archives and what was checked of them."""
    files = [(f.name, f"{f.size:,} B", f.sha256) for f in built.files]
    head = f"{built.project} {built.version} from {built.commit[:12]}"
    return "\n".join([head, table(("file", "size", "sha256"), files), *built.checks])


def of_reconciliation(found: Reconciliation) -> str:
    """The five side by side, and what they do not agree on."""
    lines = [f"{found.project} on {found.repository}: {found.state}"]
    if found.versions:
        header = ("version", "state", "ledger", "index", "forge", "tag here", "at the remote")
        lines.append(table(header, [_side_by_side(one) for one in found.versions]))
    lines += [f"unknown: {one.part}: {one.why}" for one in found.unseen]
    lines += [f"{one.version}: {one.part}: {one.what}" for one in found.differences]
    return "\n".join(lines)


def _side_by_side(one: VersionState) -> tuple[str, ...]:
    same = sum(file.index is not None and file.index == file.ledger for file in one.files)
    there = sum(file.index is not None for file in one.files)
    yanked = " yanked" if there and all(f.yanked for f in one.files if f.index) else ""
    sealed = sum(file.ledger is not None for file in one.files)
    return (
        one.version,
        one.state,
        one.ledger or "-",
        f"{there} file(s), {same} of {sealed} as sealed{yanked}",
        str(sum(file.forge is not None for file in one.files) or "-"),
        (one.tag_here or "-")[:12],
        (one.tag_there or "-")[:12],
    )


def of_yank(yank: Yank) -> str:
    """How a yank stands, what a person does, and the draft of the advisory."""
    name = f"{yank.project} {yank.version}"
    instead = f"users get {yank.instead}" if yank.instead else "users get nothing"
    if yank.state == "done":
        return f"{name} is yanked on {yank.repository} ({plain(yank.reason, 300)}); {instead}"
    steps = [f"{number}. {step}" for number, step in enumerate(yank.steps, 1)]
    again = f"{len(steps) + 1}. run release.yank {yank.version} again: it looks whether it is true"
    return "\n".join(
        [f"{name} is not yanked yet; afterwards {instead}", *steps, again, "", yank.advisory]
    )


def of_history(history: History) -> str:
    """What became of each finding, response times, every change with its cause, every release."""
    lines = [f"{history.project} on {history.repository}"]
    if history.stories:
        header = ("severity", "package", "id", "state", "first seen", "last closed", "due")
        lines += ["", table(header, [_story(story) for story in history.stories])]
        header = ("severity", "within", "open", "overdue", "remedied", "in time", "mean time")
        lines += ["", table(header, [_response(item) for item in history.response])]
    lines += [""] if history.stories else []
    for scan in history.scans:
        lines.append(f"{scan.at:%Y-%m-%d %H:%M} scan of {scan.commit[:12]}")
        lines += [f"  {_change(change)}" for change in scan.changes]
    for item in history.releases:
        lines.append(f"{item.sealed_at:%Y-%m-%d %H:%M} {item.version} {item.trigger} {item.state}")
    return "\n".join(lines)


def _story(story: Story) -> tuple[str, ...]:
    closed = next((span.closed for span in reversed(story.spans) if span.closed), None)
    due = f"{story.due:%Y-%m-%d}{' overdue' if story.overdue else ''}" if story.due else ""
    return (
        story.severity,
        story.package,
        story.ids[0] if story.ids else story.key,
        story.state,
        f"{story.first_seen:%Y-%m-%d}" if story.first_seen else "",
        f"{closed:%Y-%m-%d}" if closed else "",
        due,
    )


def _response(item: Response) -> tuple[str, ...]:
    mean = "" if item.mttr_days is None else f"{item.mttr_days:g} days"
    counts = (item.open, item.overdue, item.remedied, item.within)
    return (item.severity, f"{item.sla_days} days", *map(str, counts), mean)


def _change(change: Change) -> str:
    why = ": ".join(word for word in (change.cause or "", change.evidence) if word)
    told = f"{change.kind}: {change.package} {change.key} ({change.severity})"
    return f"{told}, {plain(why, 300)}" if why else told


def of_alerts(told: Told, *, dry_run: bool) -> str:
    """What is wrong, and who was told of what."""
    lines = [f"{one.kind}: {one.what}" for one in told.wrong] or ["nothing is wrong"]
    verb = "would be told" if dry_run else "was told"
    for one in told.deliveries:
        notice = one.notice
        done = f"could not be told: {one.trouble}" if one.trouble else verb
        lines.append(f"{notice.target} {done}: {notice.event}: {notice.alert.what}")
    return "\n".join(lines)
