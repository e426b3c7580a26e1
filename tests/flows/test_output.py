"""What people see: at a real terminal, in CI, in a pipe; and what a signal leaves behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sysconfig
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kit import commit, git, make_project, refs

SCRIPT = Path(sysconfig.get_path("scripts")) / "release-warden"
PUBLISH = "release.publish"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LEDGER = "refs/release-warden/plain-thing/local"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def at_terminal(
    project: Path, *words: str, columns: int = 100, stop_at: str = "", code: int = 0, **env: str
) -> str:
    """Everything that the tool writes to a terminal; ``CI`` is unset, unless given.

    :param stop_at: press Ctrl-C when this comes.
    """
    driver, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in {"CI", "NO_COLOR", "COLUMNS"}}
    child = subprocess.Popen(
        [SCRIPT, *words],
        cwd=project,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=inherited | {"TERM": "xterm-256color"} | env,
        preexec_fn=reset_signals,
    )
    os.close(terminal)
    said = b""
    while True:
        try:
            part = os.read(driver, 4096)
        except OSError:  # Linux says EIO when the last writer has gone
            break
        said += part
        if not part:
            break
        if stop_at and re.search(stop_at, ESCAPE.sub("", said.decode(errors="ignore"))):
            child.send_signal(signal.SIGINT)
            stop_at = ""
    os.close(driver)
    assert child.wait() in {code, 0, 2}, said.decode()
    return said.decode().replace("\r\n", "\n")


def piped(project: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        env=unattended() | env,
    )


def unattended() -> dict[str, str]:
    """Our environment, as if we were no job of a CI service."""
    return {name: value for name, value in os.environ.items() if name != "CI"}


def test_a_narrow_terminal_shows_the_step_alive_keeps_its_line_and_cuts_no_table(project):
    said = at_terminal(project, PUBLISH, columns=40)
    assert re.search(r"build .*0:00:0\d", ESCAPE.sub("", said))
    assert "build ..." not in said
    kept = said.split("\r\x1b[1A\x1b[2K")  # the live line is taken away again
    assert any("✔ build: plain_thing-1.0.0" in ESCAPE.sub("", part) for part in kept)
    cursor = re.findall(r"\x1b\[\?25([lh])", said)
    assert "".join(cursor).strip("lh") == ""
    assert cursor[-1] == "h", "the cursor is shown"
    assert "ll" not in "".join(cursor), "and it is at once: who is killed cannot bring it back"

    said = ESCAPE.sub("", said)
    assert re.search(r"^file {4}plain_thing-1\.0\.0\.tar\.gz$", said, re.MULTILINE)
    assert len(re.findall(r"^sha256 {2}[0-9a-f]{64}$", said, re.MULTILINE)) == 2


def test_ci_gets_plain_lines_even_at_a_terminal(project):
    said = at_terminal(project, PUBLISH, CI="true")
    for step in ("commit", "gates", "build", "verify", "upload", "confirm", "prove", "tag"):
        (line,) = [line for line in said.splitlines() if line.startswith(step)][-1:]
        assert re.fullmatch(rf"{step}: .* \(\d+\.\d s\)", line), "one line, with its time"
    assert " ...\n" not in said
    assert "0:00:0" not in said
    assert "\x1b" not in said
    assert "\x1b" not in at_terminal(project, "release.verify", CI="true")


def test_no_color_means_no_colour(project):
    plain = at_terminal(project, PUBLISH, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3\dm", plain)
    assert "\x1b[1;31m" in at_terminal(project, "release.verify")
    assert "\x1b" not in at_terminal(project, "release.verify", NO_COLOR="1")


def test_a_dumb_terminal_gets_no_cursor_games(project):
    assert "\x1b" not in at_terminal(project, PUBLISH, TERM="dumb")


def test_a_pipe_gets_plain_lines_and_whole_tables(project):
    done = piped(project, PUBLISH, COLUMNS="40")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "build ...\n" in done.stderr
    assert re.search(r"^file +size +sha256$", done.stdout, re.MULTILINE)
    rows = re.findall(r"^plain_thing-\S+ +[\d,]+ B +[0-9a-f]{64}$", done.stdout, re.MULTILINE)
    assert len(rows) == 2
    # twine keeps quiet while all goes well
    assert "Uploading" not in done.stderr + done.stdout
    assert "View at" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_crash(unbuffered):
    done = subprocess.run(
        ["bash", "-c", f"{SCRIPT} --help {PUBLISH} | true; echo ${{PIPESTATUS[0]}}"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert done.stdout.strip() in {"0", "141"}
    assert "Traceback" not in done.stderr


def test_every_task_has_an_example_that_names_it():
    listed = json.loads(piped(Path.cwd(), "--list", "--list-format=json").stdout)
    tasks = [
        f"{group['name']}.{task['name']}"
        for group in listed["collections"]
        for task in group["tasks"]
    ]
    assert PUBLISH in tasks
    for task in tasks:
        said = piped(Path.cwd(), "--help", task).stdout
        assert "For example:" in said, task
        assert f"release-warden {task}" in said


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("release-warden release.pu", ["release.publish"]),
        ("release-warden release.publish --dr", ["--dry-run"]),
        ("release-warden status.", ["status.build", "status.serve"]),
    ],
)
def test_bash_completes_tasks_and_flags(line, offered):
    """As bash does it: source the script, set COMP_WORDS, call the function."""
    words = line.split()
    script = f"""
        export PATH={SCRIPT.parent}:$PATH
        source <(release-warden --print-completion-script bash)
        function=$(complete -p release-warden | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=({line}) COMP_CWORD={len(words) - 1} COMP_LINE="{line}"
        $function release-warden {words[-1]} {words[-2]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    found = set(done.stdout.split())
    assert set(offered) <= found
    assert all(word.startswith(words[-1]) for word in found)


# Ctrl-C, and what a CI runner sends.


def reset_signals() -> None:
    """A test run in the background has SIGINT ignored, and the tool would respect that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def stopped_at(
    project: Path, mark: Callable[[str], bool], number: int, pause: float = 0.0
) -> tuple[int, dict[str, object], str]:
    """Publish, and send a signal when a line of the talk comes: code, document, talk."""
    child = subprocess.Popen(
        [SCRIPT, PUBLISH, "--json"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=reset_signals,
        env=unattended(),
    )
    said = ""
    for line in child.stderr:
        said += line
        if mark(line):
            time.sleep(pause)
            child.send_signal(number)
            break
    out, rest = child.communicate(timeout=60)
    return child.returncode, json.loads(out), said + rest


def slow(project: Path, name: str, where: str) -> str:
    """Make a step start a child that would go on for minutes; a word to find that child by."""
    word = f"slow-{os.getpid()}-{time.monotonic_ns()}"
    program = f"import time; time.sleep(300)  # {word}"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    path = project / name
    path.write_text((path.read_text() if path.exists() else "") + where.format(start=start))
    commit(project)
    return word


def alive(word: str) -> list[str]:
    """The processes that have a word in their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


SLOW_GATE = """
import nox

@nox.session(venv_backend="none")
def tests(session):
    print("the gate has begun", flush=True)
    {start}
"""
CASES = [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]


@pytest.mark.parametrize(("number", "code", "name"), CASES)
def test_stopped_in_the_gates_nothing_is_irreversible(project, number, code, name):
    word = slow(project, "noxfile.py", SLOW_GATE)
    ended, document, _ = stopped_at(project, lambda line: "has begun" in line, number, 0.3)
    assert ended == document["exit_code"] == code
    assert document["error"] == "stopped"
    assert document["what"] == f"stopped by {name}"
    assert document["why"] == "irreversible so far: nothing"
    assert alive(word) == []
    assert refs(project, LEDGER) == ""
    assert git(project, "status", "--porcelain") == ""


def test_stopped_in_the_build_nothing_is_irreversible(project):
    word = slow(project, "plain_backend.py", "\n{start}\n")
    began = time.monotonic()
    ended, document, _ = stopped_at(
        project, lambda line: line.startswith("build ..."), signal.SIGINT, 0.7
    )
    assert (ended, document["why"]) == (130, "irreversible so far: nothing")
    assert time.monotonic() - began < 30
    assert alive(word) == []
    assert refs(project, LEDGER) == ""


@pytest.mark.parametrize(
    ("mark", "number"),
    [
        ("seal:", signal.SIGINT),
        ("upload ...", signal.SIGTERM),
        ("prove ...", signal.SIGINT),
        ("tag ...", signal.SIGHUP),
    ],
)
def test_stopped_after_the_seal_it_says_so_and_goes_on_from_there(project, mark, number):
    ended, document, _ = stopped_at(project, lambda line: line.startswith(mark), number)
    assert ended == 128 + number
    why = document["why"]
    assert why.startswith("irreversible so far: 1.0.0 is "), why
    sealed = json.loads(git(project, "show", f"{LEDGER}/releases/1.0.0:manifest.json"))
    again = piped(project, PUBLISH, "--json")
    if "with every step done" in why:
        return
    assert again.returncode == 0, again.stderr
    receipt = json.loads(again.stdout)
    assert (receipt["version"], receipt["seal"]) == ("1.0.0", sealed["seal"])
    assert [f["sha256"] for f in receipt["files"]] == [f["sha256"] for f in sealed["files"]]
    assert not list(project.rglob(".git/refs/**/*.lock"))


def test_a_stopped_run_leaves_no_server_and_nothing_in_run(project):
    stopped_at(project, lambda line: line.startswith("prove ..."), signal.SIGINT)
    assert alive(f"{project}/.release/index") == []
    left = {p.name for p in (project / ".release" / "run").iterdir()}
    assert left <= {"documents", "events"}


def test_a_diagnosis_is_coloured_and_fits_the_terminal(project):
    columns = 60
    said = at_terminal(project, "release.doctor", columns=columns)
    assert "\x1b[" in said
    lines = ESCAPE.sub("", said).partition("\n\nwhat it means")[0].splitlines()
    assert any(line.startswith("ok ") for line in lines)
    assert max(map(len, lines)) <= columns
    plain = at_terminal(project, "release.doctor", columns=columns, NO_COLOR="1")
    assert "\x1b[3" not in plain


NOXFILE = """
import nox

@nox.session(venv_backend="none", allow_parallel=True)
def lint(session):
    session.run("python", "-c", "print('the talk of ' + 'lint')", external=True)

@nox.session(venv_backend="none", allow_parallel=True)
def tests(session):
    session.run("python", "-c", "print('the talk of ' + 'tests')", external=True)
    if "{red}":
        session.error("no")
"""


def test_at_a_terminal_gates_are_shown_as_they_run_and_the_end_says_what_to_do_next(project):
    (project / "noxfile.py").write_text(NOXFILE.format(red=""))
    commit(project, "gates")
    said = ESCAPE.sub("", at_terminal(project, PUBLISH))
    assert re.search(r"gates  0:00:\d\d  1 of 2 done", said)
    assert re.search(r"✔ lint +0:00:\d\d green", said)
    assert re.search(r"· tests +0:00:\d\d", said)
    assert re.search(r"then: build, verify, seal, upload, .* \(1 of \d+ done, 0:00:\d\d\)", said)
    assert "gates: lint, tests green" in said
    assert "the talk of" not in said
    assert re.search(r"upload  0:00:\d\d  2 file\(s\), [\d,]+ B", said)
    assert "what it means: the rehearsal went through" in said
    assert said.rstrip().splitlines()[-1].startswith("next: ")


def test_in_ci_the_gates_talk_as_they_run(project):
    (project / "noxfile.py").write_text(NOXFILE.format(red="red"))
    commit(project, "gates")
    done = piped(project, PUBLISH, CI="true")
    assert done.returncode == 3
    assert "the talk of tests" in done.stderr
    assert "a gate is red: tests" in done.stderr
    assert " of 2 done" not in done.stderr


def test_a_stopped_gate_shows_what_it_said_at_a_terminal(project):
    talk = "import time; print('the last word of ' + 'the gate', flush=True); time.sleep(300)"
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        f"    session.run('python', '-c', {talk!r}, external=True)\n"
    )
    commit(project, "a gate that hangs")
    said = at_terminal(project, PUBLISH, stop_at="tests +0:00:0[1-9]", code=130)
    shown = ESCAPE.sub("", said)
    assert re.search(r"^the last word of the gate", shown, re.MULTILINE)
    assert re.search(r"✘ gates: stopped after \d+\.\d s", shown)
    assert "stopped by Ctrl-C" in shown
    assert re.findall(r"\x1b\[\?25([lh])", said)[-1] == "h"


def test_github_folds_the_talk_of_gates_away(project):
    (project / "noxfile.py").write_text(NOXFILE.format(red=""))
    commit(project, "gates")
    done = piped(project, PUBLISH, CI="true", GITHUB_ACTIONS="true")
    assert done.returncode == 0, done.stderr
    before, _, after = done.stderr.partition("::group::what nox says of lint, tests\n")
    inside, _, rest = after.partition("::endgroup::\n")
    assert "the talk of tests" in inside
    assert "the talk of" not in before + rest
    assert "gates: lint, tests green" in rest


def test_progress_is_no_part_of_the_document(project):
    done = piped(project, PUBLISH, "--json", CI="true")
    assert json.loads(done.stdout)["version"] == "1.0.0"
    assert at_terminal(project, "release.history", "--json").count("\x1b") == 0


def test_a_build_and_its_check_show_their_parts_at_a_terminal(project):
    said = ESCAPE.sub("", at_terminal(project, "release.build"))
    assert re.search(r"building HEAD  0:00:0\d", said)
    assert re.search(r"· what is shipped +0:00:0\d", said)
    assert re.search(r"· once more, to compare +0:00:0\d", said)
    said = ESCAPE.sub("", at_terminal(project, "release.verify"))
    assert re.search(r"checking the archives, and installing them  0:00:0\d", said)
    assert re.search(r"[·✔] install the wheel on Python 3\.\d+ +0:00:0\d", said)
    assert re.search(r"[·✔] install the sdist +0:00:0\d", said)


ENDING = re.compile(r"\n\nwhat it means: .+\nnext: \S.+(\n {6}.+)*\n\Z")


def test_every_task_ends_with_what_it_means_and_what_is_next(project, tmp_path):
    (tmp_path / "none").mkdir()
    for words in (
        ("release.scan", "--advisories", str(tmp_path / "none")),
        ("release.decide",),
        ("release.publish", "--dry-run"),
        ("release.publish",),
        ("release.reconcile",),
        ("release.metrics",),
        ("release.alert",),
        ("release.doctor",),
        ("release.init", "--dry-run"),
        ("status.build",),
        ("status.publish", "--to", str(tmp_path / "public")),
        ("status.check", "http://127.0.0.1:1/x", "--tries", "1"),
    ):
        done = piped(project, *words)
        assert ENDING.search(done.stdout), (words, done.stdout[-300:], done.stderr[-300:])
    wrong = piped(project, "release.publish", "--bump", "0.1")
    assert wrong.returncode == 3
    assert re.search(r"error: .+\nwhy:  .+\nnext: .+", wrong.stderr, re.DOTALL)
