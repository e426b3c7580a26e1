"""What the nox sessions do: plain functions that take a session.

A noxfile lists them as a table of :class:`Gate`. *Gates* do their work themselves; *doors* install
the project, run one Invoke task with the words after ``--`` and exit with its code. This module
imports nox and the standard library only, so that a bare ``nox`` can read it.

Installing is done once: the session's folder keeps a digest of pyproject.toml and of what was
asked for, and while that is the same the session starts at once. ``nox --reuse-venv=never -s NAME``
makes a fresh one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import which
from typing import Any

import nox
from nox.command import CommandFailed

STAMP = ".installed"
"""The file in a session's folder that holds the digest of what is installed there."""

PASSED_THROUGH = (2, 3, 4, 75)
"""The exit codes of a task that mean more than "failed" (1), which is all that nox can say."""

CTRL_C_SECONDS = 60.0
"""How long a door's task may take to come to rest after Ctrl-C; nox's default is 0.3 s."""

PACKAGES = ("release", "status_site")
SHIPPED = frozenset({"runtime", "extra"})
"""The scopes of what an install of the project gets."""
LIGHTHOUSE = "lighthouse@12.8.2"
"""What npm installs for the gate ``browser``; 12 is the last with which node 20 is enough."""
SITE = "build/docs"
"""Where the gate ``docs`` puts the pages."""

DOORS = (
    ("build", "build this project's archives", "release.build"),
    ("verify", "check the archives against the project", "release.verify"),
    ("publish", "release this project", "release.publish"),
    ("auto", "release this project if one is owed", "release.auto"),
    ("status", "write the status site", "status.build"),
    ("monitor", "look at the published site", "status.check"),
    ("alert", "tell people what is wrong", "release.alert"),
    ("mirror", "copy the remote's refs for what must hold no token", "release.mirror"),
)
"""Name, title and task of the doors that every project has."""

INVOKE = ("python", "-m", "invoke")
COMPARED = "the workflows as generated"
DESCRIBES_ITSELF = ("pyproject.toml", "setup.py", "setup.cfg")
"""The files that tell what installing a project brings."""

TYPED = (
    "release", "status_site", "benchmarks",
    "noxfile.py", "tasks.py", "docs/reference.py",
)  # fmt: skip
"""What the type checker reads."""


@dataclass(frozen=True)
class Gate:
    """One line of the table.

    :param name: the session's name.
    :param title: what it does, in one line; ``nox -l`` shows it.
    :param work: what it does, as a function of the session.
    :param default: whether a bare ``nox`` runs it.
    :param parallel: whether ``nox -j`` may run it beside others.
    """

    name: str
    title: str
    work: Callable[[nox.Session], None]
    default: bool = False
    parallel: bool = True


def register(table: tuple[Gate, ...]) -> None:
    """Make a nox session of each line of the table."""
    for gate in table:
        _register(gate)


def _register(gate: Gate) -> None:
    def session(session: nox.Session) -> None:
        gate.work(session)

    session.__doc__ = gate.title
    nox.session(
        name=gate.name,
        default=gate.default,
        allow_parallel=gate.parallel,
        venv_backend=_backend(gate),
    )(session)


def _backend(gate: Gate) -> str | None:
    """``none`` for what runs nothing of an environment's; else as the noxfile says."""
    work = gate.work.func if isinstance(gate.work, partial) else gate.work
    idle = isinstance(gate.work, partial) and gate.work.keywords.get("commands") == ()
    bare = idle or work is _skip or (work is _go_through and not _is_ours())
    return "none" if bare else None


def tool(name: str, *commands: str, needs: Sequence[str] = (), workflows: bool = False) -> Gate:
    """A gate that fits any project: it installs what is needed, and runs commands.

    :param name: the session's name.
    :param commands: such as ``ruff check``; the words after ``--`` go to the last one.
    :param needs: what ``pip install`` is given, such as ``-e``, ``.[test]``.
    :param workflows: also compare the project's GitHub workflows with the generated ones.
    """
    work = partial(_run_tool, commands=commands, needs=tuple(needs), workflows=workflows)
    told = (*commands, *((COMPARED,) if workflows else ()))
    return Gate(name, ", then ".join(told), work, default=True)


def skipped(name: str, why: str) -> Gate:
    """A gate that runs nothing, and says why."""
    return Gate(name, f"skipped: {why}", partial(_skip, why=why), default=True)


def doors(without: Sequence[str] = ()) -> tuple[Gate, ...]:
    """The doors of a project that Release Warden is installed beside.

    :param without: those whose name the project has a session of its own for.
    """
    return tuple(
        Gate(name, title, door(task), parallel=False)
        for name, title, task in DOORS
        if name not in without
    )


def _run_tool(
    session: nox.Session, commands: tuple[str, ...], needs: tuple[str, ...], *, workflows: bool
) -> None:
    if needs:
        install(session, *needs, compiled=False)
    split = [shlex.split(command) for command in commands]
    for words in split[:-1]:
        session.run(*words, external=words[0] == "make")
    for words in split[-1:]:
        session.run(*words, *session.posargs, external=words[0] == "make")
    if workflows:
        _compare_workflows(session)


def _compare_workflows(session: nox.Session) -> None:
    """Red where they differ; the task has shown how, and what to do."""
    try:
        run_task(session, "release.workflows", program=_program())
    except SystemExit:  # it would end nox without a report, and later gates would not be run
        session.error("the workflows are not as release.workflows writes them")


def _skip(session: nox.Session, why: str) -> None:
    session.skip(why)


def lint(session: nox.Session) -> None:
    """Style, format, the import contracts between the layers, and workflows as generated."""
    install(session, "-e", ".", *_from_extra("dev", "ruff", "import-linter"), compiled=False)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")
    _compare_workflows(session)


def types(session: nox.Session) -> None:
    """Type-check the packages, the noxfile and the tasks with mypy in strict mode."""
    install(session, "-e", ".[dev]", compiled=False)
    session.run("mypy", *(session.posargs or TYPED))


def tests(session: nox.Session) -> None:
    """Run the tests; the words after ``--`` go to pytest."""
    install(session, "-e", ".[dev]")
    # Most of them wait for children, so more run at once than there are processors.
    workers = str(max(4, os.cpu_count() or 1))
    session.run("pytest", *(session.posargs or ("-n", workers, "--dist", "worksteal")))


def audit(session: nox.Session) -> None:
    """Ask our own scanner about what we ship; the words after ``--`` go to ``release.scan``.

    Red where an install of the project gets an open finding, whoever could do something about it;
    what the gates' own environments hold is no matter. What could not be seen ends with 4.
    """
    install(session, "-e", ".")
    words = ("--no-record", "--json", *session.posargs)
    snapshot = json.loads(run_task(session, "release.scan", *words, silent=True))
    got = [f for f in snapshot["findings"] if f["scope"] in SHIPPED and not f.get("suppressed")]
    for finding in got:
        ids = ", ".join(finding["ids"])
        session.warn(f"{finding['package']} {finding['version']}: {ids} ({finding['severity']})")
    if got:
        session.error(f"users get {len(got)} finding(s); see: invoke release.scan --no-record")


def sast(session: nox.Session) -> None:
    """Look for weaknesses in our own code with bandit; a line that is meant so says why."""
    install(session, *_from_extra("dev", "bandit"), compiled=False)
    session.run("bandit", "--quiet", "--recursive", *PACKAGES, *session.posargs)


def workflows(session: nox.Session) -> None:
    """Check the workflows with zizmor, actionlint and their schema, and run them with act."""
    install(session, "-e", ".[dev]", *nox.project.dependency_groups(_pyproject(), "workflows"))
    session.run("pytest", "tests/workflows", *session.posargs)


def proofs(session: nox.Session) -> None:
    """Run what takes long; of it a few cases with ``-- --sample``."""
    groups = nox.project.dependency_groups(_pyproject(), "workflows", "proofs")
    install(session, "-e", ".[dev]", *groups)
    session.run("pytest", "-m", "proof", "tests/proofs", "tests/workflows", *session.posargs)


def bench(session: nox.Session) -> None:
    """Measure what has an aim; the words after ``--`` go to ``python -m benchmarks``.

    Red only where something grows faster than about linearly. The peers of the dependency group
    ``bench`` get an environment of their own, below the session's.
    """
    install(session, "-e", ".[dev]")
    session.run("python", "-m", "benchmarks", *session.posargs)


def docs(session: nox.Session) -> None:
    """Make a site of the pages, where a broken link is an error, and run the commands they show."""
    install(session, "-e", ".[dev]", *nox.project.dependency_groups(_pyproject(), "docs"))
    session.run(
        "sphinx-build", "--conf-dir", "docs", "--doctree-dir", "build/doctrees",
        "--fail-on-warning", "--nitpicky", "--quiet", ".", SITE,
    )  # fmt: skip
    session.run("pytest", "tests/docs", "tests/flows/test_docs.py", *session.posargs)


def infrastructure(session: nox.Session) -> None:
    """Lint the templates of CloudFormation, and look in them for what is known to be unsafe.

    What checkov finds is mended, or explained where it stands (``Metadata`` of the resource).
    """
    pyproject = nox.project.load_toml("pyproject.toml")
    install(session, *nox.project.dependency_groups(pyproject, "infrastructure"), compiled=False)
    session.run("cfn-lint", "cloudformation/*.yaml")
    session.run(
        "checkov", "--directory", "cloudformation", "--framework", "cloudformation",
        "--skip-download", "--compact", "--quiet",
    )  # fmt: skip


def browser(session: nox.Session) -> None:
    """Open the pages of the status site in Chromium; Lighthouse judges them where npm is there."""
    group = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "browser")
    install(session, "-e", ".", *group)
    session.run("pytest", "tests/browser", *session.posargs, env=_lighthouse(session))


def _lighthouse(session: nox.Session) -> dict[str, str]:
    """Where Lighthouse is, installed beside the session's packages; nothing without npm."""
    place = Path(session.virtualenv.location, LIGHTHOUSE)
    program = place / "node_modules" / ".bin" / "lighthouse"
    if not program.exists() and which("npm"):
        words = ("--silent", "--no-audit", "--no-fund", "--prefix", str(place), LIGHTHOUSE)
        session.run_install("npm", "install", *words, external=True)
    return {"LIGHTHOUSE": str(program)} if program.exists() else {}


def door(task: str) -> partial[None]:
    """A session that installs the project, runs one Invoke task and exits with its code.

    :param task: the task's name, such as ``release.publish``.
    """
    return partial(_go_through, task=task)


def _go_through(session: nox.Session, task: str) -> None:
    if _is_ours():
        install(session, "-e", ".")
    run_task(session, task, *session.posargs, program=_program())


def _program() -> Sequence[str]:
    """What runs a task: in our own sessions we are installed.

    Elsewhere what runs nox runs the task too: nothing is installed, and nothing of the project
    runs. ``-P``, as the project may have a module that is called like ours.
    """
    return INVOKE if _is_ours() else (sys.executable, "-P", "-m", "release")


def _is_ours() -> bool:
    """Whether the noxfile is Release Warden's own, which lies beside this package."""
    return Path(__file__).parents[1] == Path.cwd()


def run_task(
    session: nox.Session,
    task: str,
    *words: str,
    silent: bool = False,
    program: Sequence[str] = INVOKE,
) -> str:
    """Run an Invoke task.

    nox turns every failing command into 1. The codes that say more leave as ``SystemExit``, which
    ends nox there and then: sessions named after this one do not run.

    :param silent: return what it says on stdout instead of showing it.
    :raises SystemExit: the task ended with one of :data:`PASSED_THROUGH`.
    """
    try:
        said = session.run(
            *program, task, *words,
            external=True,
            silent=silent,
            stderr=None,  # talk stays on stderr: with --json, stdout is one document
            interrupt_timeout=CTRL_C_SECONDS,
        )  # fmt: skip
    except CommandFailed as failure:
        if failure.return_code in PASSED_THROUGH:
            raise SystemExit(failure.return_code) from failure
        raise
    return said if isinstance(said, str) else ""


def install(session: nox.Session, *words: str, compiled: bool = True) -> None:
    """Install into the session, unless the same is already there.

    :param words: what ``pip install`` would be given.
    :param compiled: write the bytecode of all that is installed, which uv leaves out unless told:
        for what starts Python often, also where PYTHONDONTWRITEBYTECODE is set (5.2 s a start
        against 1.4 s). A checker starts once and imports little: to it that is a loss.
    """
    if not session.virtualenv.is_sandboxed:  # nox --no-venv: it is there, as CI's locked tools are
        return
    stamp = Path(session.virtualenv.location, STAMP)
    digest = _digest(*words)
    if stamp.is_file() and stamp.read_text() == digest:
        return
    session.install(*words, env={"UV_COMPILE_BYTECODE": "1"} if compiled else {})
    # nox's -R installs nothing, and neither does it run this: no stamp tells of what is not there
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    session.run_install("python", "-c", write, stamp, digest, silent=True, log=False)


def _digest(*words: str) -> str:
    """What an environment depends on: the project's place, and the files that tell its needs."""
    parts = (str(Path.cwd()), *words, *_texts([*DESCRIBES_ITSELF, *words]))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _pyproject() -> dict[str, Any]:
    return tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))


def _texts(words: Sequence[str], seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The words that are files, with their texts; requirements files name further ones."""
    for word in words:
        path = Path(word)
        if word and word not in seen and path.suffix and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            yield f"{word}\0{text}"
            named = re.findall(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", text, re.M)
            below = [str(path.parent / one) for one in named]
            yield from _texts(below, (*seen, word))


def _from_extra(extra: str, *names: str) -> tuple[str, ...]:
    """The requirements of an extra of ours with these names, as pyproject.toml writes them.

    :raises LookupError: the extra lacks one of them.
    """
    lines = _pyproject()["project"]["optional-dependencies"][extra]
    by_name = {re.split(r"[^\w.-]", line)[0]: line for line in lines}
    if missing := set(names) - set(by_name):
        raise LookupError(f"the extra {extra} of pyproject.toml lacks {', '.join(sorted(missing))}")
    return tuple(by_name[name] for name in names)
