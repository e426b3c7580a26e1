"""Canary secrets wherever a credential may lie: no run writes one down, nor hands one to a child.

The build backend, the gate and the module of the project write all that they see into files, and a
thread reads the environment and the arguments of every child while the tool runs. Any ten
characters in a row of a canary count, so that half of one is found as well.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from aws_server import ISSUER, REGION, ROLE, serve_aws
from kit import Ran, advise, commit, git
from mint_server import serve_mint
from oidc_server import job, serve_oidc
from shops import Shop, open_shop

from release.testing.hostile_index import Answer, Fault, Visit, serve_hostile_index, status

pytestmark = pytest.mark.proof

CANARIES = {
    "password": "Kx7&wQ/twine+pw zR4=9vLm",
    "pypirc": "Hd3%pypirc/pw+Yt8&nB2=cJq",
    "keyring": "Wm5/keyring+pw&Fs1=gT9xVe",
    "github": "ghp_" + "Zu6canaryGitHubToken0Lk2Pd7Rf4Xo9Aa1",
    "netrc": "Ny8canary-netrc-pw-Qb3Vc6",
    "request": "Pw3canary-request-token-Vb8Nc2",
    "claim": "Rt6canary-claim-of-the-job-Mz4",
    "minted": "Qe7canary-in-minted-token-Hs9",
    "stored": "Gd2canary-in-the-vault-Lk5Bw1",
}
"""Names of their own; with what HTML, addresses and base64 write otherwise."""
WINDOW = 10
MASK = b"::add-mask::"
"""Before what GitHub's runner is to hide: it reads that line, and shows it to nobody."""
EYES = """
import os
from pathlib import Path
def look(who, *, at=(".netrc", ".pypirc", ".git-credentials")):
    homes = [Path.home() / name for name in at]
    seen = [f"{name}={value}" for name, value in os.environ.items()]
    seen += [path.read_text() for path in homes if path.is_file()]
    with open(SEEN, "a") as sink:
        sink.write("\\n".join([f"== {who}", *seen, ""]))
"""
RING = """
from pathlib import Path
from keyring.backend import KeyringBackend
class Ring(KeyringBackend):
    priority = 9
    def get_password(self, service, username):
        name, _, password = Path(__file__).with_name("ring").read_text().partition(":")
        return password if username == name else None
    def set_password(self, service, username, password): ...
    def delete_password(self, service, username): ...
"""
"""A keyring that is a file."""


def windows() -> dict[bytes, str]:
    """Every piece of a canary in every form, and whose it is."""
    found: dict[bytes, str] = {}
    for name, canary in CANARIES.items():
        texts = {canary, quote(canary), quote(canary, safe=""), quote_plus(canary)}
        texts |= {canary.replace("&", "&amp;")}
        for before in ("", "x", "xx"):  # base64 has three ways to begin inside of a text
            code = base64.b64encode((before + canary).encode()).decode()
            texts |= {code[4:-4], code[4:-4].replace("+", "-").replace("/", "_")}
        for text in texts:
            pieces = (text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1))
            found |= {piece.encode(): name for piece in pieces}
    return found


PIECES = windows()
ANY = re.compile(b"|".join(re.escape(piece) for piece in PIECES))


def leaks(data: bytes) -> set[str]:
    """Whose pieces stand in some bytes."""
    return {PIECES[match.group()] for match in ANY.finditer(data)}


@dataclass
class Watch:
    """What the children of a run could be seen with: environments and arguments."""

    top: int
    ours: bytes
    seen: dict[int, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self.over.wait(0.01):
            parents = dict(_parents())
            for pid in parents:
                if pid != self.top and self._is_below(pid, parents):
                    self.seen[pid] = self.seen.get(pid, b"") + _face(pid, self.ours)

    def _is_below(self, pid: int, parents: dict[int, int]) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == self.top:
                return True
        return False


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                yield (
                    int(folder.name),
                    int((folder / "stat").read_text().rpartition(")")[2].split()[1]),
                )


def _face(pid: int, ours: bytes) -> bytes:
    """Environment and arguments of a process; nothing while it is a fork that still looks as we."""
    with contextlib.suppress(OSError):
        argv = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"" if argv == ours else argv + Path(f"/proc/{pid}/environ").read_bytes()
    return b""


@dataclass
class Aviary:
    """A shop with canaries all around it, and a project that looks at what it is shown."""

    shop: Shop
    home: Path
    seen: Path
    said: list[bytes] = field(default_factory=list)
    masks: set[bytes] = field(default_factory=set)
    children: int = 0

    def run(self, task: str, *words: str, **env: str) -> Ran:
        """A run of the tool with every canary in place."""
        argv = [sys.executable, "-P", "-m", "release", task, *words, "--project", self.shop.project]
        child = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._around() | env
        )
        watch = Watch(child.pid, b"".join(os.fsencode(word) + b"\0" for word in argv))
        thread = threading.Thread(target=watch.look)
        thread.start()
        out, err = child.communicate(timeout=600)
        watch.over.set()
        thread.join()
        lines = err.splitlines(keepends=True)
        masks = [line for line in lines if line.startswith(MASK)]
        self.masks |= {line.removeprefix(MASK).strip() for line in masks}
        heard = b"".join(line for line in lines if line not in masks)
        self.said += [out, heard, *watch.seen.values()]
        self.children += len(watch.seen)
        return Ran(child.returncode, out.decode(), err.decode())

    def _around(self) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self.home),
            "GITHUB_TOKEN": CANARIES["github"],
            "PYTHON_KEYRING_BACKEND": "filering.Ring",
            "PYTHONPATH": str(self.home),
            "CI": "true",
        }

    def leaks(self, data: bytes) -> set[str]:
        """Whose pieces stand in some bytes; and whether a secret does that was made on the way."""
        return leaks(data) | {"made" for mask in self.masks if mask in data}

    def require_silence(self, known: frozenset[str] = frozenset()) -> None:
        """No canary anywhere.

        :param known: objects of git that the project had before any run.
        """
        for data in self.said:
            assert not self.leaks(data), data[-2000:]
        assert not self.leaks(self.seen.read_bytes() if self.seen.exists() else b"")
        folders = [self.shop.project / ".release", self.shop.project / "security"]
        folders += [self.shop.project / "security-status", self.shop.folder / "index"]
        for path in (p for folder in folders for p in folder.rglob("*") if p.is_file()):
            assert not self.leaks(path.read_bytes()), path
        for repository in (self.shop.project, self.shop.remote):
            for name in objects(repository) - known:
                data = subprocess.run(
                    ["git", "cat-file", git(repository, "cat-file", "-t", name), name],
                    cwd=repository, check=True, capture_output=True,
                ).stdout  # fmt: skip
                assert not self.leaks(data), f"{name} in {repository}"


def objects(repository: Path) -> frozenset[str]:
    """All objects of a repository."""
    rows = git(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return frozenset(rows.split())


@pytest.fixture
def aviary(tmp_path: Path) -> Iterator[Aviary]:
    with open_shop(tmp_path, 'pythons = ["3.11"]', 'gates = ["tests"]') as shop:
        home, seen = tmp_path / "home", tmp_path / "seen"
        home.mkdir()
        (home / "filering.py").write_text(RING)
        hosts = ("127.0.0.1", "index.example")
        entries = (f"machine {h} login u password {CANARIES['netrc']}\n" for h in hosts)
        (home / ".netrc").write_text("".join(entries))
        (home / ".netrc").chmod(0o600)
        eyes = EYES.replace("SEEN", repr(str(seen)))
        backend = shop.project / "plain_backend.py"
        backend.write_text(f"{backend.read_text()}\n{eyes}\nlook('backend')\n")
        (shop.project / "noxfile.py").write_text(
            "import nox\n" + eyes + "@nox.session(venv_backend='none')\ndef tests(session):\n"
            "    look('gate', at=())  # its home is the user's, see SECURITY.md\n"
        )
        thing = shop.project / "plain_thing.py"
        thing.write_text(f"{thing.read_text()}\n{eyes}\nlook('module')\n")
        commit(shop.project, "with eyes")
        git(shop.project, "push", "--quiet", "origin", "HEAD:main")
        yield Aviary(shop, home, seen)


def by_pypirc(aviary: Aviary, url: str) -> None:
    (aviary.home / ".pypirc").write_text(
        f"[distutils]\nindex-servers = own\n[own]\nrepository = {url}\nusername = uploader\n"
        f"password = {CANARIES['pypirc']}\n"
    )


def put_right(aviary: Aviary, source: str, url: str) -> dict[str, str]:
    """The canary of a source becomes the right to upload; the variables that it needs."""
    if source == "pypirc":
        by_pypirc(aviary, url)
        return {}
    if source == "keyring":
        (aviary.home / "ring").write_text(f"uploader:{CANARIES['keyring']}")
        return {"TWINE_USERNAME": "uploader"}
    return {"TWINE_USERNAME": "uploader", "TWINE_PASSWORD": CANARIES["password"]}


def swap(shop: Shop, canary: str) -> Fault:
    """A fault: the canary opens the index, whose own password nobody is told."""
    ours = f"Basic {base64.b64encode(f'uploader:{canary}'.encode()).decode()}"

    def judge(visit: Visit) -> Answer:
        if visit.headers["Authorization"] != ours:
            visit.read()
            return Answer(403, b"wrong")
        own = base64.b64encode(f"{shop.server.username}:{shop.server.password}".encode()).decode()
        visit.headers.replace_header("Authorization", f"Basic {own}")
        return visit.proceed()

    return judge


def echo(canary: str) -> Fault:
    """A fault: refuse, and show what was sent in every form."""
    forms = [canary, quote(canary, safe=""), quote_plus(canary), canary.replace("&", "&amp;")]
    forms += [base64.b64encode(f"uploader:{canary}".encode()).decode()]
    # So long that a cut after 500 characters goes through one of them.
    return status(403, (" ".join(forms) + " ") * 9)


def point(aviary: Aviary, url: str) -> None:
    """Let the project upload to another address."""
    path = aviary.shop.project / "pyproject.toml"
    path.write_text(path.read_text().replace(aviary.shop.server.upload_url, url))
    with path.open("a") as file:
        file.write(f'simple-url = "{aviary.shop.server.simple_url}"\n')
    commit(aviary.shop.project, "another address")
    git(aviary.shop.project, "push", "--quiet", "origin", "HEAD:main")


@pytest.mark.parametrize(
    "source", ["password", pytest.param("pypirc", marks=pytest.mark.beyond_sample), "keyring"]
)
def test_no_source_of_the_right_to_upload_leaves_a_trace(aviary, tmp_path, source):
    """Refused with an echo, cut off, and then released; scanned, decided, planned before."""
    shop = aviary.shop
    with serve_hostile_index(shop.server.simple_url) as counter:
        point(aviary, counter.upload_url)
        right = put_right(aviary, source, counter.upload_url)
        advisories = ("--advisories", str(advise(tmp_path / "advisories", "unheard-of")))
        for task, *words in (
            ("release.scan", *advisories),
            ("release.decide", "--explain"),
            ("release.plan", "--json"),
        ):
            assert aviary.run(task, *words, **right).code in {0, 4}
        counter.misbehave("upload", then=echo(CANARIES[source]))
        refused = aviary.run("release.publish", "--json", **right)
        assert (refused.code, refused.document["error"]) == (1, "repository"), refused.err
        assert "***" in refused.document["why"], "the index did show it"
        counter.misbehave("upload", then=swap(shop, CANARIES[source]))
        done = aviary.run("release.publish", **right)
        assert done.code == 0, done.err
        auto = aviary.run("release.auto", "--json", *advisories, **right)
        assert auto.code == 0, auto.err
        assert aviary.run("status.build", **right).code == 0
    assert set(re.findall("== (.*)", aviary.seen.read_text())) == {"backend", "gate", "module"}
    assert aviary.children > 20
    aviary.require_silence()


def test_trusted_publishing_leaves_no_trace(aviary, tmp_path):
    """An error at every point, with an echo of what was sent, and then released."""
    shop = aviary.shop
    claims = job(actor=CANARIES["claim"])
    with (
        serve_oidc(request_token=CANARIES["request"], claims=claims) as issuer,
        serve_mint(tmp_path, shop.server, issuer, identifier=CANARIES["minted"]) as mint,
    ):
        shop.point(mint.upload_url, 'credential = "trusted-publishing"')
        right = {**issuer.env, **mint.env}
        issuer.troubles = [(500, f'"{CANARIES["request"]}"'.encode())] * 3
        assert aviary.run("release.publish", "--json", **right).code == 75
        issuer.troubles = [(200, f'{{"value": "a.{CANARIES["claim"]}.b"}}'.encode())] * 3
        assert aviary.run("release.publish", "--json", **right).code == 75
        mint.echo = lambda token: (422, b'{"errors": [{"code": "%s"}]}' % token.encode(), {})
        assert "***" in aviary.run("release.publish", "--json", **right).document["why"]
        mint.echo = lambda token: (200, token.encode(), {})
        assert aviary.run("release.publish", "--json", **right).code == 75
        mint.echo, mint.parrots = None, True
        refused = aviary.run("release.publish", "--json", **right)
        assert (refused.code, "***" in refused.document["why"]) == (1, True), refused.err
        mint.parrots = False
        done = aviary.run("release.auto", *heard_of_nothing(tmp_path), **right)
        assert done.code == 0, done.err
        assert aviary.run("status.build", **right).code == 0
        assert {token.encode() for token in (*mint.minted, *issuer.given)} - aviary.masks == set()
    assert len(shop.served()) == 2
    aviary.require_silence()


def test_a_token_in_aws_leaves_no_trace(aviary, tmp_path):
    """The same for what AWS gives: the keys of the session, and the secret."""
    shop, claims = aviary.shop, job(actor=CANARIES["claim"])
    with (
        serve_aws(tmp_path) as aws,
        serve_oidc(
            request_token=CANARIES["request"], claims=claims, iss=f"https://{ISSUER}"
        ) as issuer,
    ):
        secret = aws.settle(f"{CANARIES['stored']} with blanks")
        table = f'aws = {{region = "{REGION}", role-arn = "{ROLE}", secret = "{secret}"}}'
        shop.point(shop.server.upload_url, 'credential = "aws"', table)
        right = {**issuer.env, **aws.env}
        dead = right | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        assert aviary.run("release.publish", "--json", **dead).code == 75
        issuer.claims = claims | {"sub": "repo:a-thief/plain-thing:environment:pypi-auto"}
        assert aviary.run("release.publish", "--json", **right).code == 1
        issuer.claims = claims
        misshapen = aviary.run("release.publish", "--json", **right)
        assert "not the form of a token" in misshapen.document["what"], misshapen.err
        for wrong in (CANARIES["stored"], f"pypi-{CANARIES['stored']}"):
            aws.put(json.dumps({"username": "uploader", "password": wrong}), "AWSCURRENT")
            assert aviary.run("release.publish", "--json", **right).code == 1
        server = shop.server
        own = {"username": server.username, "password": server.password}
        aws.put(json.dumps(own), "AWSCURRENT")
        done = aviary.run("release.auto", *heard_of_nothing(tmp_path), **right)
        assert done.code == 0, done.err
        assert aviary.run("status.build", **right).code == 0
    assert len([mask for mask in aviary.masks if mask.startswith(b"ASIA")]) > 2, "keys of sessions"
    assert len(shop.served()) == 2
    aviary.require_silence()


def heard_of_nothing(folder: Path) -> tuple[str, str]:
    return "--advisories", str(advise(folder / "advisories", "unheard-of"))


def test_what_goes_wrong_says_nothing_of_it(aviary, monkeypatch):
    """An index that is down, one that cuts the line, a .pypirc that cannot be read, a stage that
    must hold no right: messages and exceptions of other people's code come into play."""
    shop, right = aviary.shop, put_right(aviary, "password", "")
    with serve_hostile_index(shop.server.simple_url) as counter:
        point(aviary, counter.upload_url)
        stage = aviary.run("release.publish", "--stage", "check", "--json", **right)
        assert stage.code == 2
        counter.misbehave("upload", then=status(500, CANARIES["password"]))
        assert aviary.run("release.publish", **right).code == 75
    assert aviary.run("release.publish", **right).code in {4, 75}
    (aviary.home / ".pypirc").write_text(f"[own\npassword = {CANARIES['pypirc']}\n")
    unread = aviary.run("release.publish", "--to", "https://index.invalid/legacy/", "--json")
    assert unread.code in {3, 4, 75}, unread.err
    in_address = f"https://u:{quote(CANARIES['password'], safe='')}@index.invalid/legacy/"
    known = aviary.run("release.publish", "--to", in_address, "--json")
    assert known.code == 2
    aviary.require_silence()


def test_a_password_in_the_configuration_is_refused_and_not_told(aviary):
    path = aviary.shop.project / "pyproject.toml"
    secret = quote(CANARIES["password"], safe="")
    text = path.read_text()
    for key in ("index-url", "upload-url"):
        path.write_text(re.sub(f'{key} = "http://', f'{key} = "http://u:{secret}@', text))
        commit(aviary.shop.project, f"a password in {key}")
        known = objects(aviary.shop.project)
        for task in ("release.scan", "release.plan", "release.publish", "release.auto"):
            if (key, task) == ("upload-url", "release.scan"):
                continue  # it uploads nothing
            ran = aviary.run(task, "--json")
            assert ran.code == 2, ran.err
            assert "holds a user or a password" in ran.document["what"]
        aviary.require_silence(known)


def test_a_token_in_a_module_stops_the_release(aviary):
    thing = aviary.shop.project / "plain_thing.py"
    thing.write_text(f"{thing.read_text()}\nTOKEN = {CANARIES['github']!r}\n")
    commit(aviary.shop.project, "a token")
    known = objects(aviary.shop.project)
    stopped = aviary.run("release.publish", "--json", **put_right(aviary, "password", ""))
    assert (stopped.code, stopped.document["error"]) == (1, "verification")
    assert "plain_thing.py holds a GitHub token" in stopped.document["why"]
    assert aviary.shop.served() == {}
    aviary.require_silence(known)
