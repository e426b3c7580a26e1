"""The demonstration: a small package lives through an advisory, on real embedded parts.

Real resolver, real index, real ledger, real site; the advisories lie in a folder beside this file.
Everything happens below ``.release/demo/``, which is made anew at each run.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from release.errors import FailedError, WardenError

if TYPE_CHECKING:
    from release.adapters.git import Git

HERE = Path(__file__).parent
STAGE = HERE.parent / ".release" / "demo"
PROJECT = STAGE / "hookdesk"
LATER = "PYSEC-2023-221.json"
"""The advisory that is not known yet when the story begins."""

Row = dict[str, Any]


@task
def demo(_: Context) -> None:
    """Replay a package's past: a first release, an advisory, its mending, and silence."""
    try:
        play()
    except WardenError as error:
        from rich.markup import escape

        say(f"[red]error:[/] {escape(str(error))}")
        raise Exit(code=error.exit_code) from error


def play() -> None:
    """The story, step by step."""
    started = time.perf_counter()
    git = set_the_stage()
    rows = [
        publish("first release, by a person"),
        auto("a quiet day"),
        auto(
            "an advisory appears", before=lambda: shutil.copy2(HERE / "advisories" / LATER, known())
        ),
    ]
    edit = [item for reach in rows[-1]["decision"]["reach"] for item in reach["edit"]]
    rows += [
        auto("the edit is committed", before=lambda: mend(git, edit)),
        auto("one more run"),
    ]
    check(rows)
    summary = [
        {key: row[key] for key in ("step", "action", "rule", "verdict", "version")} for row in rows
    ]
    (STAGE / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    show(rows, time.perf_counter() - started)


def known() -> Path:
    """The advisories that the world knows at this moment of the story."""
    return STAGE / "advisories"


def set_the_stage() -> Git:
    """Copy the example to a repository of its own, with the advisories of the day before."""
    from release.adapters.git import Git

    if STAGE.exists():
        shutil.rmtree(STAGE)
    STAGE.mkdir(parents=True)
    (STAGE.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    shutil.copytree(
        HERE / "hookdesk", PROJECT, ignore=shutil.ignore_patterns("__pycache__", ".nox")
    )
    shutil.copytree(HERE / "advisories", known(), ignore=shutil.ignore_patterns(LATER))
    git = Git(PROJECT)
    git.run("init", "--quiet", "--initial-branch=main")
    commit(git, "Hookdesk as its author left it")
    return git


def commit(git: Git, message: str) -> None:
    """Commit everything, as the package's maintainer."""
    git.run("add", "--all")
    who = ("-c", "user.name=A Maintainer", "-c", "user.email=maintainer@example.org")
    git.run(*who, "commit", "--quiet", "--message", message)


def mend(git: Git, edit: list[dict[str, str]]) -> None:
    """Make the edit that the decision offered, and commit it."""
    import tomlkit
    from packaging.requirements import Requirement

    pyproject = PROJECT / "pyproject.toml"
    document = tomlkit.parse(pyproject.read_text(encoding="utf-8"))
    dependencies = document["project"]["dependencies"]  # type: ignore[index]
    becomes = [(Requirement(item["requirement"]), item["becomes"]) for item in edit]
    for place, written in enumerate(dependencies):  # type: ignore[arg-type]
        for requirement, new in becomes:
            if Requirement(str(written)) == requirement:
                dependencies[place] = new  # type: ignore[index,call-overload]
    pyproject.write_text(tomlkit.dumps(document), encoding="utf-8")
    commit(git, "Lift the cap that held a vulnerable Werkzeug")


def publish(step: str) -> Row:
    """Release by hand."""
    receipt = warden(step, "release.publish", "--reason", "The first release.")
    return row(step, "release", "a-person-asked", None, receipt["version"], None)


def auto(step: str, before: Any = None) -> Row:
    """Let policy decide, after something happened."""
    if before:
        before()
    decision = warden(step, "release.auto", "--advisories", str(known()))
    verdicts = [reach["verdict"] for reach in decision["reach"]]
    receipt = decision.get("receipt") or {}
    rule = decision["reasons"][0]["rule"]
    verdict = verdicts[0] if verdicts else None
    return row(step, decision["action"], rule, verdict, receipt.get("version"), decision)


def row(
    step: str,
    action: str,
    rule: str,
    verdict: str | None,
    version: str | None,
    decision: Row | None,
) -> Row:
    """One row of the table at the end."""
    return {
        "step": step, "action": action, "rule": rule, "verdict": verdict, "version": version,
        "decision": decision,
    }  # fmt: skip


def warden(step: str, *words: str) -> Row:
    """Run one task as a user would, and read its document."""
    from release.adapters import process

    say(f"\n[bold]{step}[/]\n$ release-warden {' '.join(words)}".replace(str(STAGE), "."))
    argv = [process.python(), "-P", "-m", "release", *words, "--json", "--project", str(PROJECT)]
    out = STAGE / "stdout.json"
    code = process.stream(argv, cwd=PROJECT, env=process.environment(), out=out)
    if code:
        raise FailedError(f"the demonstration stopped at {step!r}", why=f"exit code {code}, above")
    document: Row = json.loads(out.read_text(encoding="utf-8"))
    return document


def check(rows: list[Row]) -> None:
    """The story must have gone as it should; otherwise the demonstration has failed."""
    told = [(row["action"], row["verdict"], row["version"]) for row in rows]
    expected = [
        ("release", None, "1.0.0"),
        ("none", None, None),
        ("hold", "blocked-by-us", None),
        ("release", "blocked-by-us", "1.0.1"),
        ("none", None, None),
    ]
    if told != expected:
        raise FailedError("the story went another way", why=f"{told} instead of {expected}")


def say(text: str) -> None:
    """Talk goes to stderr."""
    from rich.console import Console

    Console(file=sys.stderr, soft_wrap=True, highlight=False).print(text)


def show(rows: list[Row], seconds: float) -> None:
    """What was decided and why, and where the site lies."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="What was decided, and why", title_justify="left")
    for name in ("step", "action", "rule", "verdict", "version"):
        table.add_column(name, overflow="fold")
    for item in rows:
        table.add_row(
            *(str(item[name] or "-") for name in ("step", "action", "rule", "verdict", "version"))
        )
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"site:    {PROJECT / 'security-status' / 'index.html'}", soft_wrap=True)
    console.print(f"summary: {STAGE / 'summary.json'}", soft_wrap=True)
    console.print(f"in {seconds:.0f} s")
