"""From an advisory to the edit that frees users, to its pull request, and to a released patch.

A real repository, the real embedded index, and on loopback: an index of made-up dependencies, the
OSV API and GitHub's.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from forge_server import TOKEN, Forge, Trouble, github
from kit import commit, git, make_project, served, warden
from osv_server import Osv, osv_api

LEDGER = "refs/release-warden/plain-thing"
LIB = "lib>=1, <2"
PYPROJECT = """\
# A project whose backend lies beside it, so that building it needs no registry.
[build-system]
requires = []
build-backend = "plain_backend"
backend-path = ["."]

[project]
name = "plain-thing"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = [
  # nobody remembers why
  "lib>=1, <2",  # capped
  'safe' ,
]

[tool.release-warden]
gates = []
pythons = ["3.11"]
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Shelf:
    """An index of made-up packages: a folder of pages (PEP 503)."""

    folder: Path
    url: str

    def put(self, name: str, version: str, *requires: str, yanked: bool = False) -> None:
        folder = self.folder / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        file, info = f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
        requirements = "".join(f"Requires-Dist: {line}\n" for line in requires)
        texts = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            + requirements,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        with zipfile.ZipFile(folder / file, "w") as wheel:
            for path, text in texts.items():
                wheel.writestr(path, text)
            wheel.writestr(f"{info}/RECORD", "".join(f"{p},,\n" for p in (*texts, "RECORD")))
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        mark = ' data-yanked="broken"' if yanked else ""
        with (folder / "index.html").open("a") as page:
            page.write(f'<a href="{file}#sha256={digest}"{mark}>{file}</a>\n')


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    serving = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serving)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made = Shelf(folder, f"http://127.0.0.1:{server.server_port}/simple/")
    for version in ("1.0", "1.1", "2.0"):
        made.put("lib", version)
    made.put("safe", "1.0")
    made.put("safe", "1.1")
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def osv_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Osv]:
    with osv_api(tmp_path_factory.mktemp("osv")) as told:
        yield told


@pytest.fixture
def osv(osv_server: Osv) -> Iterator[Osv]:
    yield osv_server
    osv_server.records.clear()
    osv_server.raw.clear()


def warn(osv: Osv, id_: str, name: str, fixed: str, severity: str = "HIGH") -> None:
    """An advisory appears."""
    record = {
        "id": id_,
        "modified": "2026-11-01T00:00:00Z",
        "summary": "A *hole* for @everybody",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
        "database_specific": {"severity": severity},
    }
    osv.records[id_] = record
    osv.raw[id_] = json.dumps(record).encode()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, shelf: Shelf, osv_server: Osv) -> Path:
    """A project of which 1.0.0 is released, before anybody knew anything."""
    project = make_project(tmp_path_factory.mktemp("template") / "project")
    text = PYPROJECT + f'index-url = "{shelf.url}"\nosv-url = "{osv_server.url}"\n'
    (project / "pyproject.toml").write_text(text)
    commit(project, "capped")
    ran = warden(project, "release.publish")
    assert ran.code == 0, ran.err
    return project


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project", symlinks=True))


def configure(project: Path, *lines: str) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    commit(project, "configured")


def branches(project: Path) -> list[str]:
    return git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


def state(project: Path) -> tuple[str, ...]:
    """Everything of the project that a person works on."""
    files = sorted(p for p in project.iterdir() if p.is_file())
    digests = (hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
    head = (git(project, "rev-parse", "HEAD"), git(project, "symbolic-ref", "HEAD"))
    return (*head, git(project, "status", "--porcelain"), git(project, "ls-files", "-s"), *digests)


def fixed(text: str) -> str:
    return text.replace('"lib>=1, <2",', '"lib>=1",')


# --- by hand


def test_without_anything_to_free_there_is_nothing_to_do(project, osv):
    ran = warden(project, "release.fix")
    assert (ran.code, ran.document["edits"], branches(project)) == (0, [], ["main"])


def test_a_dry_run_shows_the_edit_and_changes_nothing(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    before = git(project, "for-each-ref")
    ran = warden(project, "release.fix", "--dry-run")
    assert ran.code == 0, ran.err
    assert ran.document["edits"] == [{"requirement": LIB, "becomes": "lib>=1"}]
    assert ran.document["commit"] is None
    changed = [line for line in ran.document["diff"].splitlines() if line[0] in "+-"]
    assert changed == [
        "--- a/pyproject.toml",
        "+++ b/pyproject.toml",
        '-  "lib>=1, <2",  # capped',
        '+  "lib>=1",  # capped',
    ]
    assert git(project, "for-each-ref") == before
    page = (Path(__file__).parents[2] / "docs" / "fix.md").read_text()
    assert page.partition("```diff\n")[2].partition("```")[0].splitlines() == changed


def test_the_edit_is_a_commit_on_a_branch_of_its_own_made_once(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    (project / "plain_thing.py").write_text("work = 'in progress'\n")
    (project / "staged.txt").write_text("x")
    git(project, "add", "staged.txt")
    before = state(project)
    ran = warden(project, "release.fix")
    assert ran.code == 0, ran.err
    assert state(project) == before
    branch, tip = ran.document["branch"], ran.document["commit"]
    assert branch.startswith("release-warden/fix/")
    assert branches(project) == ["main", branch]
    assert git(project, "rev-parse", f"{branch}^") == before[0]
    assert git(project, "diff", "--name-only", "HEAD", branch) == "pyproject.toml"
    text = (project / "pyproject.toml").read_text()
    assert git(project, "show", f"{branch}:pyproject.toml") == fixed(text).strip()
    message = git(project, "log", "-1", "--format=%an%n%B", branch)
    assert message.startswith("Release Warden\nFree users of known weaknesses in lib\n")
    assert "PYSEC-1" in message
    again = warden(project, "release.fix")
    assert (again.code, again.document["commit"]) == (0, tip)
    assert branches(project) == ["main", branch]


def test_a_project_in_a_folder_of_a_larger_repository(project, osv, tmp_path):
    warn(osv, "PYSEC-1", "lib", "2.0")
    larger = tmp_path / "larger"
    larger.mkdir()
    git(larger, "init", "--quiet", "--initial-branch=main")
    shutil.copytree(project, larger / "one", ignore=shutil.ignore_patterns(".git", ".release"))
    shutil.copytree(project / ".release" / "index", larger / "one" / ".release" / "index")
    commit(larger)
    ran = warden(larger / "one", "release.fix")
    assert ran.code == 0, ran.err
    assert (
        git(larger, "diff", "--name-only", "main", ran.document["branch"]) == "one/pyproject.toml"
    )
    assert "+++ b/one/pyproject.toml" in ran.document["diff"]


def test_floors_are_raised_only_when_asked(project, osv):
    warn(osv, "PYSEC-1", "lib", "1.1")
    plain = warden(project, "release.fix")
    assert (plain.code, plain.document["edits"]) == (0, [])


def test_a_fix_that_is_yanked_is_no_edit(project, osv, shelf):
    shelf.put("lib", "3.0", yanked=True)
    warn(osv, "PYSEC-1", "lib", "2.5")
    ran = warden(project, "release.fix")
    assert (ran.code, ran.document["edits"], branches(project)) == (0, [], ["main"])


def test_an_edit_that_cannot_be_written_is_told_to_a_person(project, osv):
    """The backend reads the requirements from a file that nobody declared."""
    warn(osv, "PYSEC-1", "lib", "2.0")
    text = (project / "pyproject.toml").read_text()
    listed = text[text.index("dependencies = [") : text.index("]\n\n[tool") + 2]
    (project / "pyproject.toml").write_text(text.replace(listed, 'dynamic = ["dependencies"]\n'))
    (project / "needs.txt").write_text("lib>=1, <2\nsafe\n")
    backend = (project / "plain_backend.py").read_text()
    for old, new in (
        ('project["dependencies"]', 'Path("needs.txt").read_text().splitlines()'),
        ('plain_thing.py", "pyproject.toml")', 'plain_thing.py", "pyproject.toml", "needs.txt")'),
    ):
        assert old in backend
        backend = backend.replace(old, new)
    (project / "plain_backend.py").write_text(backend)
    commit(project)
    ran = warden(project, "release.fix")
    assert ran.code == 3, ran.err
    assert f"replace {LIB} by lib>=1" in ran.document["next"]
    assert branches(project) == ["main"]


def test_an_unreachable_database_is_unknown(project):
    text = (project / "pyproject.toml").read_text()
    url = next(line for line in text.splitlines() if line.startswith("osv-url"))
    (project / "pyproject.toml").write_text(text.replace(url, 'osv-url = "http://127.0.0.1:9"'))
    commit(project)
    ran = warden(project, "release.fix")
    assert (ran.code, branches(project)) == (4, ["main"])


# --- proposed


def test_by_default_an_automatic_run_only_names_the_next_step(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"], ran.document["fix"]) == (0, "hold", None)
    assert branches(project) == ["main"]


def test_propose_makes_the_branch_once_even_if_it_was_thrown_away(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "propose"')
    before = state(project)
    dry = warden(project, "release.auto", "--dry-run")
    assert (dry.code, dry.document["fix"]["commit"]) == (0, None)
    assert branches(project) == ["main"]
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"]) == (0, "hold"), ran.err
    branch = ran.document["fix"]["branch"]
    assert branches(project) == ["main", branch]
    assert git(project, "tag") == "local/v1.0.0"
    assert {k: v for k, v in enumerate(state(project)) if k != 2} == {
        k: v for k, v in enumerate(before) if k != 2
    }
    git(project, "branch", "-D", branch)
    again = warden(project, "release.auto")
    assert (again.code, again.document["fix"]) == (0, ran.document["fix"])
    assert branches(project) == ["main"]


@pytest.fixture
def forge(project: Path, tmp_path: Path) -> Iterator[Forge]:
    """GitHub, with the project's repository on it as the remote ``origin``."""
    git(tmp_path, "clone", "-q", "--bare", str(project), "bare.git")
    git(project, "remote", "add", "origin", str(tmp_path / "bare.git"))
    with github(tmp_path / "bare.git") as told:
        yield told


def on_github(forge: Forge, project: Path, *lines: str) -> dict[str, str]:
    url = f'forge-url = "{forge.url}"'
    configure(project, 'remote = "origin"', 'forge = "github"', url, *lines)
    git(project, "push", "-q", "origin", "main")
    return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": forge.repository}


def test_propose_pushes_the_branch_and_opens_one_pull_request(project, osv, forge):
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    ran = warden(project, "release.auto", **env)
    assert ran.code == 0, ran.err
    fix = ran.document["fix"]
    assert forge.git("rev-parse", f"refs/heads/{fix['branch']}") == fix["commit"]
    (pull,) = forge.pulls
    assert fix["pull_request"] == pull["html_url"]
    assert pull["base"]["ref"] == "main"
    assert pull["title"] == "Free users of known weaknesses in lib"
    assert "`lib>=1`" in pull["body"]
    assert forge.git("rev-parse", "main") == git(project, "rev-parse", "HEAD")
    pull["state"] = "closed"
    count = len(forge.seen)
    again = warden(project, "release.auto", **env)
    assert again.document["fix"] == fix
    assert len(forge.seen) == count, "what was proposed once is not asked about again"
    assert TOKEN not in ran.out + ran.err
    git(project, "update-ref", "-d", f"{LEDGER}/fixes/{fix['branch'].rpartition('/')[2]}")
    assert warden(project, "release.auto", **env).code == 0, "a fresh clone finds it on GitHub"
    assert [(p["number"], p["state"]) for p in forge.pulls] == [(pull["number"], "closed")]


def test_a_proposal_that_broke_off_is_gone_on_with(project, osv, forge):
    warn(osv, "PYSEC-1", "lib", "2.0")
    env = on_github(forge, project, 'fix = "propose"')
    ran = warden(project, "release.auto", **(env | {"GITHUB_TOKEN": ""}))
    assert (ran.code, ran.document["what"]) == (1, "there is no token for GitHub")
    assert "GITHUB_TOKEN" in ran.document["next"]
    forge.troubles += [Trouble("GET", "", 403, {"Retry-After": "1"})]
    busy = warden(project, "release.auto", **env)
    assert (busy.code, forge.pulls) == (75, [])
    assert warden(project, "release.auto", **env).code == 0
    assert len(forge.pulls) == 1


# --- released


def test_from_an_advisory_to_a_released_and_proven_patch_without_a_hand(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    before = state(project)
    dry = warden(project, "release.auto", "--dry-run")
    assert dry.code == 0, dry.err
    plan = dry.document["plan"]
    assert plan["edits"][0]["path"] == "pyproject.toml"
    assert plan["commit"] == before[0]
    assert len(served(project)) == 2
    ran = warden(project, "release.auto")
    assert ran.code == 0, ran.err
    assert (ran.document["action"], ran.document["trigger"]) == ("release", "security-auto")
    receipt = ran.document["receipt"]
    assert (receipt["version"], receipt["tag"]) == ("1.0.1", "local/v1.0.1")
    assert {f["name"]: f["sha256"] for f in receipt["files"]}.items() <= served(project).items()
    assert git(project, "rev-parse", "local/v1.0.1^") == before[0]
    text = (project / "pyproject.toml").read_text()
    released = fixed(text).replace('version = "1.0.0"', 'version = "1.0.1"')
    assert git(project, "show", "local/v1.0.1:pyproject.toml") == released.strip()
    assert "no longer gets `PYSEC-1`" in git(project, "show", "local/v1.0.1:CHANGELOG.md")
    assert state(project)[:2] == before[:2]
    assert branches(project) == ["main"]
    assert "unmerged" in ran.err
    assert "git merge local/v1.0.1" in ran.err
    tags = git(project, "tag")
    again = warden(project, "release.auto")
    assert (again.code, git(project, "tag")) == (0, tags), again.err
    git(project, "checkout", "-q", ".")
    shutil.rmtree(project / "security-status", ignore_errors=True)
    shutil.rmtree(project / "security", ignore_errors=True)
    git(project, "merge", "-q", "--ff-only", "local/v1.0.1")
    merged = warden(project, "release.auto")
    assert (merged.code, merged.document["action"]) == (0, "none"), merged.err


def test_a_run_that_dies_after_the_seal_is_gone_on_with(project, osv, monkeypatch):
    from release.adapters.clock import Clock
    from release.adapters.repository import open_repository
    from release.adapters.workspace import open_workspace
    from release.flows import publish as shipping
    from release.flows.auto import auto
    from release.flows.context import Context

    class KilledError(Exception):
        pass

    def die(*_):
        raise KilledError

    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"')
    context = Context(open_workspace(project), Clock(), lambda _: None)
    with pytest.MonkeyPatch.context() as patch, open_repository("local", project) as repository:
        patch.setattr(shipping, "_upload", die)
        with pytest.raises(KilledError):
            auto(context, repository, advisories=None, dry_run=False)
    manifest = json.loads(git(project, "show", f"{LEDGER}/local/releases/1.0.1:manifest.json"))
    ran = warden(project, "release.auto")
    assert ran.code == 0, ran.err
    assert {f["name"]: f["sha256"] for f in manifest["files"]}.items() <= served(project).items()
    assert git(project, "rev-parse", "local/v1.0.1") == manifest["commit"]
    assert "git merge local/v1.0.1" in ran.err
    assert git(project, "tag").split() == ["local/v1.0.0", "local/v1.0.1"]


def test_red_gates_release_nothing_and_leave_nothing(project, osv):
    warn(osv, "PYSEC-1", "lib", "2.0")
    (project / "noxfile.py").write_text(
        "import nox\n\n@nox.session(venv_backend='none')\ndef tests(session):\n"
        "    text = open('pyproject.toml').read()\n"
        "    assert '<2' in text, 'it needs the old one'\n"
    )
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("gates = []", 'gates = ["tests"]'))
    configure(project, 'fix = "release"')
    before = git(project, "for-each-ref", "refs/heads", "refs/tags", f"{LEDGER}/local")
    ran = warden(project, "release.auto")
    assert ran.code == 3, ran.err
    assert "the edit that would free users is not released" in ran.document["what"]
    assert "release.fix" in ran.document["next"]
    after = git(project, "for-each-ref", "refs/heads", "refs/tags", f"{LEDGER}/local")
    assert (after, len(served(project))) == (before, 2)


@pytest.mark.parametrize(
    ("policy", "rule"),
    [("automatic = false", "kill-switch"), ("releases-per-week = 0", "weekly-budget-spent")],
)
def test_the_governor_holds_it(project, osv, policy, rule):
    warn(osv, "PYSEC-1", "lib", "2.0")
    configure(project, 'fix = "release"', "[tool.release-warden.policy]", policy)
    ran = warden(project, "release.auto")
    assert (ran.code, ran.document["action"]) == (0, "hold"), ran.err
    assert ran.document["reasons"][0]["rule"] == rule
    assert (git(project, "tag"), branches(project)) == ("local/v1.0.0", ["main"])
