"""What a person does wrong, what they are told, and that nothing is changed by it.

Each case is one row of docs/errors.md, which it checks. The console script is run as installed, in
the project's folder.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from kit import Ran, commit, git, make_project, refs

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
SCRIPT = Path(sysconfig.get_path("scripts")) / "release-warden"
PYPROJECT = "pyproject.toml"


def tool(project: Path, *words: str, **env: str) -> Ran:
    """``release-warden WORDS`` in the project's folder."""
    done = subprocess.run(
        [SCRIPT, *words],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **env},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def state(project: Path) -> tuple[object, ...]:
    """Everything that a wrong usage must leave alone: refs but decisions, HEAD, files."""
    files = {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and path.relative_to(project).parts[0] not in {".git", ".release"}
    }
    repository = project / ".git"
    if not repository.is_dir():
        return None, files
    kept = [line for line in refs(project).splitlines() if "/decisions" not in line]
    return (kept, (repository / "HEAD").read_text()), files


def append(project: Path, name: str, text: str) -> None:
    path = project / name
    path.write_text((path.read_text() if path.exists() else "") + text)


def configure(text: str) -> Callable[[Path], None]:
    """Set keys of [tool.release-warden], committed."""

    def act(project: Path) -> None:
        append(project, PYPROJECT, f"\n[tool.release-warden]\n{text}\n")
        commit(project)

    return act


def rewrite(old: str, new: str) -> Callable[[Path], None]:
    """Change pyproject.toml, committed."""

    def act(project: Path) -> None:
        path = project / PYPROJECT
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        commit(project)

    return act


def no_repository(project: Path) -> None:
    shutil.rmtree(project / ".git")


def no_commit(project: Path) -> None:
    no_repository(project)
    git(project, "init", "--quiet")


def no_pyproject(project: Path) -> None:
    (project / PYPROJECT).unlink()


def latin_1(project: Path) -> None:
    (project / PYPROJECT).write_bytes(b'[project]\nname = "caf\xe9"\n')


def shallow(project: Path) -> None:
    append(project, "CHANGELOG.md", "\nmore\n")
    commit(project)
    deep = project.with_name("deep")
    project.rename(deep)
    subprocess.run(
        ["git", "clone", "--quiet", "--depth", "1", deep.as_uri(), project], check=True
    )  # a path would be copied whole


def dirty(project: Path) -> None:
    append(project, "CHANGELOG.md", "\nhalf a sentence")


def stray(project: Path) -> None:
    append(project, "stray.txt", "x")


def broken_backend(project: Path) -> None:
    append(project, "plain_backend.py", "\nraise RuntimeError('the backend is broken')\n")
    commit(project)


def dynamic_and_broken(project: Path) -> None:
    rewrite('version = "1.0.0"', 'dynamic = ["version"]')(project)
    broken_backend(project)


def red_gate(project: Path) -> None:
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        "    session.run('python', '-c', 'raise SystemExit(7)', external=True)\n"
    )
    commit(project)


def broken_noxfile(project: Path) -> None:
    (project / "noxfile.py").write_text("import nox\nraise RuntimeError('a broken noxfile')\n")
    commit(project)


def broken_wheel(project: Path) -> None:
    append(project, "plain_thing.py", "\nraise RuntimeError('does not import')\n")
    commit(project)


def tag_taken(project: Path) -> None:
    git(project, "tag", "local/v2.0.0")


def locked_ref(project: Path) -> None:
    lock = project / ".git/refs/release-warden/plain-thing/local/releases/1.0.0.lock"
    lock.mkdir(parents=True)


@dataclass(frozen=True)
class Wrong:
    """One wrong usage: what was done, the call, the exit code and what it says first."""

    did: str
    words: str
    code: int
    what: str
    prepare: Callable[[Path], None] = lambda _: None
    why: str = ""
    """Words that the cause must hold."""

    @property
    def row(self) -> str:
        """Its row in the table of docs/errors.md."""
        return f"| {self.did} | `{self.words}` | {self.code} | {self.what} |"


SCAN, PUBLISH = "release.scan", "release.publish"
CASES = (
    Wrong("a task that there is not", "relese.scan", 2, "there is no task 'relese.scan'",
          why="did you mean 'release.scan'?"),
    Wrong("a flag that there is not", f"{SCAN} --no-recrod", 2, "there is no flag '--no-recrod'",
          why="did you mean '--no-record'?"),
    Wrong("a flag of a task before the task", f"--project . {SCAN}", 2,
          "there is no flag '--project'"),
    Wrong("a flag without its value", f"{PUBLISH} --bump", 2, "the call is wrong", why="bump"),
    Wrong("a word where a number belongs", "status.serve --port http", 2, "the call is wrong",
          why="http"),
    Wrong("a project folder that there is not", f"{SCAN} --project nowhere", 2,
          "nowhere is no folder"),
    Wrong("a moment that is none", f"{SCAN} --at yesterday", 2, "'yesterday' is no moment"),
    Wrong("a moment without time zone", f"{SCAN} --at 2026-01-01T00:00", 2,
          "'2026-01-01T00:00' has no time zone"),
    Wrong("a version that is none", f"{PUBLISH} --bump bigger", 2, "--bump bigger is no version"),
    Wrong("a repository that there is not", f"{PUBLISH} --to nowhere", 2,
          "there is no repository 'nowhere'", why="local"),
    Wrong("an index over plain http", f"{PUBLISH} --to http://index.example/legacy/", 2,
          "http://index.example/legacy/ would send the password unencrypted"),
    Wrong("a password in an address", f"{PUBLISH} --to https://me:pass@index.example/legacy/", 2,
          "the address of index.example holds a user or a password"),
    Wrong("a repository that may not be called so", f"{PUBLISH} --to Own", 2,
          "a repository may not be called 'Own'", configure('repositories.Own.upload-url = "https://index.example/"')),
    Wrong("a git remote that there is not", f"{PUBLISH} --to https://index.example/legacy/", 2,
          "git knows no remote 'origin'", configure('remote = "origin"')),
    Wrong("a stage that there is not", f"{PUBLISH} --stage bake", 2,
          "there is no stage 'bake'"),
    Wrong("a stage without the digest of the one before", f"{PUBLISH} --stage build", 2,
          "nothing with the digest '' was handed over"),
    Wrong("archives that are not there", f"{PUBLISH} --artifacts nowhere", 2,
          "PROJECT/nowhere holds no archives"),
    Wrong("giving up a release that there is not", f"{PUBLISH} --abandon mistake", 3,
          "no release to local is unfinished"),
    Wrong("yanking what the index does not have", "release.yank 1.0.0", 2,
          "local lists no plain-thing 1.0.0"),
    Wrong("yanking what is no version", "release.yank newest --reason broken", 2,
          "'newest' is no version"),
    Wrong("watching for no number of seconds", "release.yank 1.0.0 --watch=long", 2,
          "--watch long is no number of seconds"),
    Wrong("minting without saying so twice", "release.doctor --mint", 2, "--mint needs --deep"),
    Wrong("minting for a keyboard", "release.doctor --deep --mint", 2, "--mint is for jobs"),
    Wrong("advisories that are not there", f"{SCAN} --advisories nowhere.zip", 2,
          "there are no advisories at nowhere.zip"),
    Wrong("reports that are not there", f"{SCAN} --from nowhere", 2, "there is no folder nowhere"),
    Wrong("a folder without a report", f"{SCAN} --from .", 2, ". holds no report",
          why="pip-audit*.json"),
    Wrong("retiring a scanner that no scan has seen", f"{SCAN} --forget-scanner bandti", 2,
          "no scan has seen a scanner 'bandti'", why="seen: none"),
    Wrong("retiring a scanner that is asked for", f"{SCAN} --forget-scanner osv", 2,
          "the scanner osv cannot be retired: it is still asked for", why="policy.required"),
    Wrong("verifying before building", "release.verify", 2, "PROJECT/dist holds no archives"),
    Wrong("publishing nowhere in particular", "status.publish", 2, "no place is named"),
    Wrong("publishing to what is no folder and no bucket", "status.publish --to gs://bucket/site",
          2, "the site cannot be published to gs://..."),
    Wrong("building over the project itself", "status.build --output .", 2,
          "PROJECT holds the project itself"),
    Wrong("publishing to a file", "status.publish --to pyproject.toml", 2,
          "PROJECT/pyproject.toml is no folder"),
    Wrong("looking at no address", "status.check paperboy", 2,
          "'paperboy' is no address of a status site"),
    Wrong("badges that lead nowhere", "status.badges", 2,
          "there is no address that the badges could lead to"),
    Wrong("badges without a place for them", "status.badges --url https://x.example", 2,
          "the README has 0 places for badges, not one",
          lambda project: append(project, "README.md", "# Plain\n")),
    Wrong("the stack in AWS before anything says where", "aws.check", 2,
          "the configuration does not say enough for AWS"),
    Wrong("a choice that is none", "aws.deploy --key perhaps", 2,
          "--key perhaps: yes or no is wanted"),
    Wrong("days that are none", "aws.deploy --days many", 2,
          "--days many: a number from 1 to 3650 is wanted"),
    Wrong("figures in a form that there is not", "release.metrics --format xml", 2,
          "there are no figures as 'xml'"),
    Wrong("a report in a form that there is not", "release.report --format pdf", 2,
          "there is no report as 'pdf'"),
    Wrong("reporting before scanning", "release.report", 4, "no scan is recorded yet"),
    Wrong("deciding before scanning", "release.decide", 4,
          "nothing is known of this project yet"),
    Wrong("asking for changes before scanning", "release.changes", 4, "no scan is recorded yet"),
    Wrong("replaying a decision that there is not", "release.replay nowhere", 2,
          "there is no decision 'nowhere'", why="no file"),
    Wrong("a rule that there is not", SCAN, 2,
          "unknown key 'nothing-to-shop' in [tool.release-warden.policy.rules]",
          configure('policy.rules.nothing-to-shop = "hold"'), why="nothing-to-ship"),
    Wrong("a key of the configuration that there is not", SCAN, 2,
          "unknown key 'repositry' in [tool.release-warden]", configure('repositry = "local"'),
          why="did you mean 'repository'?"),
    Wrong("a scanner that there is not", SCAN, 2,
          "unknown scanner 'bandti' in [tool.release-warden]", configure('scanners = ["bandti"]'),
          why="did you mean 'bandit'?"),
    Wrong("a value of the wrong type", SCAN, 2,
          "a value of [tool.release-warden] has the wrong type", configure('gates = "tests"'),
          why="gates"),
    Wrong("a password in the configuration", SCAN, 2,
          "the address in index-url holds a user or a password",
          configure('index-url = "https://me:pass@index.example/simple/"'), why="committed"),
    Wrong("a named file without the version", f"{PUBLISH} --bump 2.0.0", 2,
          "version-files names CHANGELOG.md, which does not tell the version 1.0.0",
          configure('version-files = ["CHANGELOG.md"]'), why="another version, or none"),
    Wrong("a project whose version is none", PUBLISH, 2,
          "the project's version 'one' is none (PEP 440)",
          rewrite('version = "1.0.0"', 'version = "one"')),
    Wrong("TOML that is none", SCAN, 2, "pyproject.toml is no TOML",
          lambda p: append(p, PYPROJECT, "\n[oops\n"), why="line"),
    Wrong("a pyproject.toml in Latin-1", SCAN, 2, "pyproject.toml is not UTF-8", latin_1,
          why="byte"),
    Wrong("a folder without git", SCAN, 2, "PROJECT is in no git repository that can be used",
          no_repository, why="not a git repository"),
    Wrong("a repository without a commit", SCAN, 2, "the repository has no commit yet", no_commit),
    Wrong("a folder without pyproject.toml", SCAN, 2,
          "PROJECT holds no pyproject.toml, nor an old setup.py", no_pyproject),
    Wrong("a requirement that is none", PUBLISH, 2, "pyproject.toml does not describe a project",
          rewrite("dependencies = []", 'dependencies = ["what ever"]'), why="what ever"),
    Wrong("a shallow clone, releasing", PUBLISH, 3,
          "plain-thing 1.0.0 cannot be released as things are", shallow, why="shallow"),
    Wrong("a shallow clone, releasing automatically", "release.auto", 3,
          "the clone is shallow: tags and history, which number a release, may be missing",
          shallow),
    Wrong("a changed file", PUBLISH, 3, "plain-thing 1.0.0 cannot be released as things are",
          dirty, why="CHANGELOG.md"),
    Wrong("a stray file", PUBLISH, 3, "plain-thing 1.0.0 cannot be released as things are",
          stray, why="stray.txt"),
    Wrong("a version that is taken", f"{PUBLISH} --bump 2.0.0", 3,
          "plain-thing 2.0.0 cannot be released as things are", tag_taken, why="tagged"),
    Wrong("workflows that are not as generated", "release.workflows", 3,
          "the workflows are not the generated ones", why="release.yml"),
    Wrong("a red gate", PUBLISH, 3, "a gate is red: tests", red_gate, why="nothing was sealed"),
    Wrong("a noxfile that does not load", PUBLISH, 1, "nox cannot read noxfile.py", broken_noxfile,
          why="a broken noxfile"),
    Wrong("a project that does not build", PUBLISH, 1, "the project did not build",
          broken_backend, why="the backend is broken"),
    Wrong("dynamic metadata that fail", SCAN, 1, "the project's metadata could not be built",
          dynamic_and_broken, why="the backend is broken"),
    Wrong("a package that does not import", PUBLISH, 1,
          "plain-thing 1.0.0 does not install and import from FILE", broken_wheel,
          why="does not import"),
    Wrong("a lock of git that cannot be removed", PUBLISH, 75,
          "git could not lock refs/release-warden/plain-thing/local/releases/1.0.0", locked_ref,
          why="1.0.0.lock"),
)  # fmt: skip


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def generalised(what: str, project: Path) -> str:
    """What was said, without this run's paths."""
    words = [w if not w.startswith("file:") else "FILE" for w in what.split(" ")]
    return " ".join(words).replace(str(project), "PROJECT")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.did)
def test_a_wrong_usage_is_told_and_changes_nothing(case, project):
    case.prepare(project)
    before = state(project)
    ran = tool(project, *case.words.split(), "--json")
    assert ran.code == case.code, ran.err
    document = ran.document
    assert document["schema"] == "release-warden/error/1"
    assert document["exit_code"] == case.code
    assert generalised(document["what"], project) == case.what
    assert case.why in document["why"]
    assert document["next"]
    assert "Traceback" not in ran.err or case.why in ran.err
    assert f"error: {document['what']}" in ran.err
    after = state(project)
    assert after[0] == before[0]
    assert {k: v for k, v in after[1].items() if not k.startswith("security-status/")} == before[1]


def test_the_table_of_the_docs_is_these_cases():
    told = PAGE.read_text().partition("\n## What people do")[2].partition("\n## ")[0]
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    assert rows[1:] == [case.row for case in CASES]


@pytest.mark.parametrize(
    ("words", "told"),
    [("--help release.sacn", "did you mean 'release.scan'?"), ("--list nonsense", "nonsense")],
)
def test_help_on_what_there_is_not_is_2(project, words, told):
    ran = tool(project, *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_without_json_an_error_goes_to_stderr_only(project):
    ran = tool(project, "release.verify")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.splitlines()[-1] == "next: run release.build first"


def test_bare_invoke_says_1_for_a_flag_that_there_is_not(project):
    (project / "tasks.py").write_text(
        "from invoke.collection import Collection\nfrom release.pipelines import collection\n"
        "namespace = Collection(collection)\n"
    )
    argv = [sys.executable, "-P", "-m", "invoke", "release.scan", "--no-recrod"]
    done = subprocess.run(argv, cwd=project, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


# What works, though one might think that it does not.


def test_a_detached_head_is_released_as_ci_has_it(project):
    git(project, "checkout", "--quiet", "--detach")
    head = git(project, "rev-parse", "HEAD")
    ran = tool(project, PUBLISH, "--json")
    assert ran.code == 0, ran.err
    assert git(project, "rev-parse", "HEAD") == head
    assert git(project, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def test_no_identity_is_needed(project):
    asked = subprocess.run(
        ["git", "var", "GIT_AUTHOR_IDENT"],
        cwd=project,
        check=False,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly",
             "GIT_CONFIG_VALUE_0": "true"},
    )  # fmt: skip
    assert asked.returncode != 0, "this test is to run without an identity"
    git(project, "config", "user.useConfigOnly", "true")
    assert tool(project, PUBLISH).code == 0
    author = git(project, "log", "-1", "--format=%an <%ae>", "local/v1.0.0")
    assert author == "Release Warden <release-warden@localhost>"


def test_a_shallow_clone_can_be_scanned(project):
    shallow(project)
    assert tool(project, SCAN, "--no-record", "--advisories", str(no_advisories(project))).code == 0


SHADOWS = ("release", "status_site", "tasks", "nox", "build", "twine", "invoke", "json")


@pytest.mark.parametrize("shape", ["a file", "a folder"])
def test_names_of_ours_in_the_project_shadow_nothing(project, shape):
    for name in SHADOWS:
        path = project / (f"{name}.py" if shape == "a file" else f"{name}/__init__.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise RuntimeError('shadowed')\n")
    (project / "invoke.yaml").write_text("nonsense: [\n")
    commit(project)
    ran = tool(project, PUBLISH)
    assert ran.code == 0, ran.err
    assert "plug-in failed" not in ran.err
    site = json.loads((project / "security-status/index.json").read_text())
    assert [r["version"] for r in site["releases"]] == ["1.0.0"]


# Servers that are down, or are no servers.


def no_advisories(project: Path) -> Path:
    """A folder of OSV records, about something else."""
    folder = project.with_name("advisories")
    folder.mkdir()
    package = {"ecosystem": "PyPI", "name": "something-else"}
    record = {
        "id": "PYSEC-2026-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": package, "versions": ["1.0"]}],
    }
    (folder / "PYSEC-2026-1.json").write_text(json.dumps(record))
    return folder


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


@contextlib.contextmanager
def login_page() -> Iterator[str]:
    """A server that answers everything with a page for people."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b"<html><body><h1>Please log in</h1></body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    yield closed_port()


@pytest.mark.parametrize("server", [nobody, login_page])
@pytest.mark.parametrize("key", ["index-url", "osv-url"])
def test_a_scan_without_an_answer_is_unknown_and_says_who_was_silent(project, key, server):
    rewrite("dependencies = []", 'dependencies = ["iniconfig>=2"]')(project)
    with server() as url:
        configure(f'{key} = "{url}"')(project)
        extra = [] if key == "osv-url" else ["--advisories", str(no_advisories(project))]
        if key == "osv-url":
            configured = (project / PYPROJECT).read_text()
            (project / PYPROJECT).write_text(configured.replace('"iniconfig>=2"', ""))
            commit(project)
        ran = tool(project, SCAN, "--json", "--no-record", *extra)
    assert ran.code == 4, ran.err
    osv = ran.document["scanners"]["osv"]
    assert osv["state"] in {"failed", "partial"}
    told = json.dumps(ran.document)
    assert "127.0.0.1" in told
    assert url.rstrip("/").rpartition(":")[2] in told


@pytest.mark.parametrize("server", [nobody, login_page])
def test_a_release_whose_dependencies_do_not_come_is_not_sealed(project, server):
    rewrite("dependencies = []", 'dependencies = ["iniconfig>=2"]')(project)
    with server() as url:
        configure(f'index-url = "{url}"')(project)
        ran = tool(project, PUBLISH, "--json")
    assert ran.code == 1, ran.err
    assert ran.document["error"] == "verification"
    assert "irreversible so far: nothing" in ran.document["why"]
    assert refs(project, "refs/release-warden/plain-thing/local") == ""


def test_a_held_lock_is_75_and_names_the_holder(project, capsys, monkeypatch):
    from release.__main__ import main
    from release.adapters import embedded

    assert tool(project, PUBLISH).code == 0
    monkeypatch.setattr(embedded, "LOCK_PATIENCE", 0.2)
    folder = project / ".release" / "index"
    before = state(project)
    with FileLock(folder / "lock"):
        (folder / "lock.holder").write_text("4711\n")
        with pytest.raises(SystemExit) as end:
            main([PUBLISH, "--json", "--bump", "minor", "--project", str(project)])
    assert end.value.code == 75
    document = json.loads(capsys.readouterr().out)
    assert document["error"] == "tryagain"
    assert "by process 4711" in document["why"]
    assert state(project)[0] == before[0]


# A machine without room or permission.


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(argv, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_with_room_again_the_run_goes_on(small_disk):
    project = make_project(small_disk / "project")
    before = state(project)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as sink:
        while sink.write(b"x" * 4096):
            pass
    ran = tool(project, PUBLISH, "--json")
    assert ran.code in {1, 2}, ran.err
    assert ran.document["schema"] == "release-warden/error/1"
    assert "No space left on device" in ran.document["why"]
    assert ran.document["next"]
    assert state(project) == before
    filler.unlink()
    assert tool(project, "release.plan").code == 0


def test_a_full_disk_in_the_middle_is_told(project):
    """No file of ours may grow beyond 700 bytes: git's objects are small, the archives are not."""
    limited = [
        sys.executable, "-P", "-c",
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700));"
        "from release.__main__ import main; main(sys.argv[1:])",
    ]  # fmt: skip
    argv = [*limited, PUBLISH, "--json", "--project", str(project)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    # The embedded index dies of it as well; where that is seen first, it is the silent one.
    assert done.returncode in {1, 75}, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "release-warden/error/1"
    assert "File too large" in document["why"] + done.stderr or "exited" in document["what"]
    assert tool(project, PUBLISH).code == 0


NOBODY = 65534


@pytest.fixture
def somebodys():
    """A project of somebody else, who is the one to run the tool."""
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("running as somebody else needs root and setpriv")
    if subprocess.run([*who, SCRIPT, "--version"], check=False, capture_output=True).returncode:
        pytest.skip("somebody else may not read the folder that the tool is installed in")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for one user's eyes
        folder = Path(name)
        project = make_project(folder / "project")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

        def run(*words: str) -> Ran:
            env = {**os.environ, "HOME": name}
            done = subprocess.run(
                [*who, SCRIPT, *words],
                cwd=project, check=False, capture_output=True, text=True, env=env,
            )  # fmt: skip
            return Ran(done.returncode, done.stdout, done.stderr)

        yield project, run


def test_a_folder_that_may_not_be_written_is_told_and_left_alone(somebodys):
    project, run = somebodys
    subprocess.run(["chmod", "-R", "a-w", project], check=True)
    before = sorted(path for path in project.rglob("*"))
    ran = run(PUBLISH, "--json")
    assert ran.code == 2, ran.err
    assert "Permission denied" in ran.document["why"]
    assert "make it writable" in ran.document["next"]
    assert sorted(path for path in project.rglob("*")) == before


def test_a_file_that_may_not_be_read_is_told(somebodys):
    project, run = somebodys
    (project / PYPROJECT).chmod(0o000)
    ran = run(SCAN, "--json")
    assert ran.code == 1, ran.err
    assert ran.document["error"] == "machine"
    assert "Permission denied" in ran.document["why"]
    assert PYPROJECT in ran.document["why"]


def test_a_repository_that_git_distrusts_is_told(somebodys):
    project, run = somebodys
    os.chown(project, 0, 0)
    os.chown(project / ".git", 0, 0)
    ran = run(SCAN, "--json")
    assert ran.code == 2, ran.err
    assert "dubious ownership" in ran.document["why"]
