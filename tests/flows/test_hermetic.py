"""What steers a run, and what cannot: the world around a project at its most hostile."""

import base64
import http.client
import os
import shutil
import stat
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kit import advise, commit, git, make_project, refs, warden

from release.adapters import embedded, netrc
from release.adapters.credentials import Credential, Given
from release.adapters.git import Git
from release.adapters.repository import Repository
from release.adapters.upload import upload
from release.adapters.uv import root_wheel

CLOSED = "http://127.0.0.1:9/simple/"  # the discard port (RFC 863): nobody listens
CANARY = "canary-3b1f"
PRIVATE = "packages.invalid"  # RFC 6761: such a name is never found, only a proxy leads there
NETRC = f"machine {PRIVATE} login bot password for-that-host-only\n"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A real index with dep-thing 1.0 and 2.0, at the address it gives."""
    folder = tmp_path_factory.mktemp("packages")
    with embedded.serve(folder / "index") as server:
        repository = Repository(
            name="packages",
            simple_url=server.simple_url,
            upload_url=server.upload_url,
            source=Given(Credential(server.username, server.password)),
        )
        for version in ("1.0", "2.0"):
            upload(repository, [root_wheel(folder, "dep-thing", version, (), "")])
        yield server.simple_url


def depend(project: Path, index: str, *tables: str) -> None:
    """Make a project need dep-thing, to build and to run, from an index."""
    file = project / "pyproject.toml"
    text = file.read_text()
    text = text.replace("requires = []", 'requires = ["dep-thing"]')
    text = text.replace("dependencies = []", 'dependencies = ["dep-thing"]')
    own = f'[tool.release-warden]\nindex-url = "{index}"\n'
    file.write_text("\n".join([text, own, *tables]))
    commit(project)


def candidate(project: Path, folder: Path, **env: str) -> dict[str, str]:
    """Name to version of what users of HEAD would get, by a scan that only looks."""
    advisories = advise(folder, "unheard-of")
    ran = warden(project, "release.scan", "--no-record", "--advisories", str(advisories), **env)
    assert ran.code == 0, ran.out
    [closure] = [c for c in ran.document["closures"] if c["kind"] == "candidate"]
    return {pin["name"]: pin["version"] for pin in closure["pins"]}


def hostile_home(home: Path) -> Path:
    """A home with settings of git, uv and pip, and credentials that nobody may see."""
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{home}/hook-{name}'\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n[commit]\n\tgpgSign = true\n"
        "[tag]\n\tgpgSign = true\n[status]\n\trelativePaths = true\n[log]\n\tshowSignature = true\n"
    )
    (home / ".netrc").write_text(
        f"machine 127.0.0.1 login {CANARY} password {CANARY}\ndefault login {CANARY}"
        f" password {CANARY}\n"
    )
    (home / ".netrc").chmod(0o600)
    sections = "".join(
        f"[{name}]\nrepository = {CLOSED}\nusername = {CANARY}\npassword = {CANARY}\n"
        for name in ("pypi", "local")
    )
    (home / ".pypirc").write_text(f"[distutils]\nindex-servers = pypi local\n{sections}")
    (home / ".config" / "uv").mkdir(parents=True)
    (home / ".config" / "uv" / "uv.toml").write_text(
        f'index-url = "{CLOSED}"\nno-binary = true\nconstraint-dependencies = ["dep-thing<2"]\n'
    )
    return home


def hostile_python(folder: Path) -> Path:
    """A PYTHONPATH whose sitecustomize counts the interpreters that see it."""
    folder.mkdir()
    seen = folder / "seen"
    (folder / "sitecustomize.py").write_text(f"open({str(seen)!r}, 'a').write('x')\n")
    (folder / "plain_thing.py").write_text("raise SystemExit('not the one')\n")
    (folder / "plain_backend.py").write_text("raise SystemExit('not the one')\n")
    return folder


def hostile_variables(tmp_path: Path, other: Path) -> dict[str, str]:
    """Variables that steer git, pip, uv, twine and Python, as a git hook or a CI may set them."""
    (tmp_path / "constraints.txt").write_text("dep-thing<2\n")
    pinned = str(tmp_path / "constraints.txt")
    return {
        "HOME": str(hostile_home(tmp_path / "home")),
        **{f"GIT_{name}": str(other / ".git") for name in ("DIR", "COMMON_DIR")},
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
        "GIT_NAMESPACE": "elsewhere",
        **{f"UV_{name}": CLOSED for name in ("INDEX", "INDEX_URL", "DEFAULT_INDEX")},
        **{f"UV_{name}": pinned for name in ("CONSTRAINT", "OVERRIDE", "BUILD_CONSTRAINT")},
        "UV_PYTHON": "2.7",
        "UV_RESOLUTION": "lowest",
        "UV_NO_BINARY": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv's cache"),
        "UV_CONFIG_FILE": str(tmp_path / "home" / ".config" / "uv" / "uv.toml"),
        **{f"PIP_{name}": CLOSED for name in ("INDEX_URL", "EXTRA_INDEX_URL")},
        **{f"PIP_{name}": "1" for name in ("NO_INDEX", "REQUIRE_VIRTUALENV", "NO_BINARY")},
        "PIP_CONSTRAINT": pinned,
        **{f"TWINE_{name}": CANARY for name in ("USERNAME", "PASSWORD", "REPOSITORY")},
        "TWINE_REPOSITORY_URL": CLOSED,
        "PYTHONPATH": str(hostile_python(tmp_path / "python path")),
        "PYTHONSTARTUP": str(tmp_path / "python path" / "plain_thing.py"),
        "SOURCE_DATE_EPOCH": "1",
        "SETUPTOOLS_SCM_PRETEND_VERSION": "9.9.9",
    }


STEERING = (
    '[tool.uv]\noverride-dependencies = ["dep-thing==1.0"]\n'
    'constraint-dependencies = ["dep-thing<2"]\nno-binary = true\n'
    f'[[tool.uv.index]]\nurl = "{CLOSED}"\ndefault = true\n'
)


def test_a_hostile_world_steers_nothing(tmp_path, packages):
    project, other = make_project(tmp_path / "project"), make_project(tmp_path / "other")
    depend(project, packages, STEERING)
    untouched = _state(other)
    env = hostile_variables(tmp_path, other)
    # What a sitecustomize sees is our own process, which a user's variables do reach.
    ran = warden(project, "release.publish", **env)
    assert ran.code == 0, ran.err
    assert ran.document["version"] == "1.0.0"
    assert (tmp_path / "python path" / "seen").read_text() == "x"
    assert candidate(project, tmp_path / "adv", **env) == {
        "plain-thing": "1.0.0",
        "dep-thing": "2.0",
    }
    assert _state(other) == untouched
    assert list((tmp_path / "home").glob("hook-*")) == []
    assert not (tmp_path / "uv's cache").exists()
    assert git(project, "tag") == "local/v1.0.0"
    assert git(project, "show", "--format=%ae", "--no-patch", "HEAD") == "e@x"
    assert CANARY not in ran.out + ran.err
    _require_no_canary(project)


def _state(repository: Path) -> tuple[str, ...]:
    files = (p for p in repository.rglob("*") if p.is_file() and p.parent.name != ".git")
    listed = " ".join(sorted(str(path) for path in files))
    return listed, refs(repository), git(repository, "status", "--porcelain")


def _require_no_canary(project: Path) -> None:
    """No file and no object of git holds it."""
    for path in (p for p in project.rglob("*") if p.is_file()):
        assert CANARY.encode() not in path.read_bytes(), path
    words = ["git", "cat-file", "--batch", "--batch-all-objects"]
    objects = subprocess.run(words, cwd=project, check=True, capture_output=True).stdout
    assert b"plain-thing" in objects
    assert CANARY.encode() not in objects


@dataclass
class Proxy:
    """A proxy that alone knows the way to a private index, which wants a password."""

    address: str
    refused: int = 0
    credentials: set[tuple[str, str]] = field(default_factory=set)


@contextmanager
def proxy_to(index: str):
    """Serve ``PRIVATE`` out of a real index, to whoever comes by this proxy with the password."""
    target, wanted = urlsplit(index).netloc, base64.b64encode(b"bot:for-that-host-only").decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url, given = urlsplit(self.path), self.headers.get("Authorization", "")
            proxy.credentials.add((url.netloc, given))
            if url.netloc != PRIVATE or given != f"Basic {wanted}":
                proxy.refused += 1
                self.answer(401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
                return
            path = url._replace(scheme="", netloc="").geturl()
            connection = http.client.HTTPConnection(target)
            connection.request("GET", path, headers={"Accept": self.headers.get("Accept", "*/*")})
            got = connection.getresponse()
            self.answer(got.status, {"Content-Type": got.headers["Content-Type"]}, got.read())
            connection.close()

        def answer(self, status: int, headers: dict[str, str], body: bytes):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def test_a_private_index_behind_a_proxy_gives_dependencies(tmp_path, packages):
    """By the configured address, the proxy variables and ~/.netrc: build, install test, scan."""
    project = make_project(tmp_path / "project")
    depend(project, f"http://{PRIVATE}/simple/")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(NETRC + f"default login {CANARY} password {CANARY}\n")
    (home / ".netrc").chmod(0o600)
    with proxy_to(packages) as proxy:
        env = {"HOME": str(home), "http_proxy": proxy.address, "HTTP_PROXY": proxy.address}
        ran = warden(project, "release.publish", **env)
        assert ran.code == 0, ran.err
        found = candidate(project, tmp_path / "adv", **env)
    assert found == {"plain-thing": "1.0.0", "dep-thing": "2.0"}
    assert {host for host, _ in proxy.credentials} == {PRIVATE}
    assert "for-that-host-only" not in ran.out + ran.err
    for path in (p for p in (project / ".release").rglob("*") if p.is_file()):
        assert b"for-that-host-only" not in path.read_bytes(), path


def test_a_netrc_is_lent_for_the_named_host_alone(tmp_path, monkeypatch):
    own, home = tmp_path / "own", tmp_path / "home"
    home.mkdir()
    own.write_text(f"machine 127.0.0.1 login a password b\n{NETRC}default login c password d\n")
    own.chmod(0o600)
    monkeypatch.setenv("NETRC", str(own))
    for url in ("http://127.0.0.1:8080/simple/", "https://else.invalid/simple/"):
        netrc.lend(url, home)
        assert not (home / ".netrc").exists()
    netrc.lend(f"https://{PRIVATE}:8443/simple/", home)
    assert (home / ".netrc").read_text() == NETRC
    assert stat.S_IMODE((home / ".netrc").stat().st_mode) == 0o600


def test_any_working_folder_and_any_way_to_name_the_project(tmp_path):
    project = make_project(tmp_path / "Ein Projekt für Ærø" / "ünï'cødé $HOME")
    (tmp_path / "link").symlink_to(project)
    ran = warden(Path("link"), "release.publish", cwd=tmp_path)
    assert ran.code == 0, ran.err
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ways = ((project, elsewhere), (Path(), project), (Path("../link"), elsewhere))
    words = ("release.history", "--at", "2030-01-01T00:00:00Z")
    said = [warden(way, *words, cwd=cwd) for way, cwd in ways]
    assert {ran.code for ran in said} == {0}
    assert len({ran.out for ran in said}) == 1
    assert [r["version"] for r in said[0].document["releases"]] == ["1.0.0"]
    assert list(elsewhere.iterdir()) == []


def test_two_projects_of_one_repository_have_their_own_tags_and_ledgers(tmp_path):
    top = make_project(tmp_path / "mono" / "libs" / "one").parent.parent
    (top / "libs" / "one" / ".git").rename(top / ".git")
    two = make_project(top / "two")
    shutil.rmtree(two / ".git")
    text = (two / "pyproject.toml").read_text()
    (two / "pyproject.toml").write_text(text.replace("plain-thing", "second-thing"))
    commit(top)
    for project in (top / "libs" / "one", two):
        ran = warden(project, "release.publish")
        assert ran.code == 0, ran.err
    assert git(top, "tag").split() == ["local/plain-thing/v1.0.0", "local/second-thing/v1.0.0"]
    assert (
        git(top, "diff", "--name-only", "HEAD", "local/second-thing/v1.0.0") == "two/CHANGELOG.md"
    )
    ledgers = git(
        top, "for-each-ref", "--format=%(refname)", "refs/release-warden/*/local/releases/*"
    )
    assert [ref.removeprefix("refs/release-warden/") for ref in ledgers.split()] == [
        "plain-thing/local/releases/1.0.0",
        "second-thing/local/releases/1.0.0",
    ]
    plan = warden(two, "release.plan", "--bump", "patch").document
    assert (plan["version"], plan["tag"]) == ("1.0.1", "local/second-thing/v1.0.1")
    assert {edit["path"] for edit in plan["edits"]} == {"CHANGELOG.md", "pyproject.toml"}
    assert git(top, "status", "--porcelain") == ""


def test_a_worktree_releases_what_it_stands_on(tmp_path):
    main = make_project(tmp_path / "main")
    git(main, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = tmp_path / "side"
    (side / "plain_thing.py").write_text('"""Of the side."""\n\n__version__ = "1.0.0"\n')
    commit(side)
    ran = warden(side, "release.publish")
    assert ran.code == 0, ran.err
    assert "Of the side." in git(main, "show", "local/v1.0.0:plain_thing.py")
    assert git(main, "status", "--porcelain") == ""


def with_submodule(tmp_path: Path) -> Path:
    """A project whose folder vendored/ is a repository of its own."""
    part, project = make_project(tmp_path / "part"), make_project(tmp_path / "project")
    allow = ("-c", "protocol.file.allow=always")
    git(project, *allow, "submodule", "--quiet", "add", str(part), "vendored")
    commit(project)
    return project


def test_a_submodule_comes_along_at_its_pinned_commit(tmp_path):
    project = with_submodule(tmp_path)
    vendored = project / "vendored"
    pinned = git(vendored, "rev-parse", "HEAD")
    head = git(project, "rev-parse", "HEAD")
    (vendored / "plain_thing.py").write_text("'moved on'\n")
    commit(vendored)
    Git(project).checkout(head, tmp_path / "clone")
    assert git(tmp_path / "clone" / "vendored", "rev-parse", "HEAD") == pinned
    assert git(tmp_path / "clone", "status", "--porcelain") == ""
    assert "vendored/plain_thing.py" in Git(project).files(head)
    assert Git(project).dirty() == ("vendored",)


def test_a_submodule_that_is_not_here_stays_empty(tmp_path):
    project = with_submodule(tmp_path)
    bare = tmp_path / "without"
    git(tmp_path, "clone", "--quiet", str(project), str(bare))
    Git(bare).checkout(git(bare, "rev-parse", "HEAD"), tmp_path / "clone")
    assert list((tmp_path / "clone" / "vendored").iterdir()) == []
    assert not [path for path in Git(bare).files("HEAD") if path.startswith("vendored")]


def test_the_planned_tag_is_the_one_that_git_describe_tells(tmp_path):
    """Rehearsing a patch right after a real release: git prefers annotated tags of one commit."""
    project = make_project(tmp_path / "project")
    who = ("-c", "user.name=n", "-c", "user.email=e@x")
    git(project, *who, "tag", "--annotate", "--message", "real", "v3.0.0")
    git(project, "tag", "local/v9.0.0")
    Git(project).checkout(git(project, "rev-parse", "HEAD"), tmp_path / "clone", tag="v3.0.1")
    assert git(tmp_path / "clone", "describe", "--tags") == "v3.0.1"
    assert git(tmp_path / "clone", "tag") == "v3.0.1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_somebody_else_is_told_as_git_tells_it(tmp_path):
    project = make_project(tmp_path / "project")
    for path in (project, project / ".git"):
        os.chown(path, 12345, 12345)
    ran = warden(project, "release.publish")
    assert ran.code == 2
    assert "safe.directory" in ran.document["why"]
    assert "git does not use it" in ran.document["next"]
    assert not (project / ".release").exists()
