"""What users get and who stands in the way: real uv, a real index full of made-up packages."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import socket
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from kit import commit, make_project, warden
from osv_server import Trouble, osv_api

from release.adapters import process
from release.adapters.index import SimpleIndex, pypi_simple_url
from release.adapters.uv import Uv, reasons, root_wheel
from release.adapters.web import session_for
from release.config import Config
from release.flows.roots import ScanRequest
from release.flows.snapshot import take_snapshot
from release.model.metadata import CoreMetadata
from release.model.snapshot import Closure, Project, Reach, Snapshot
from release.record.carry import carry_forward
from release.scan.resolution import NoSolution, Query, Solution, Unanswered

PYTHONS = ("3.11", "3.12")
EXAMPLES = Path(__file__).parents[2] / "examples" / "advisories"


@dataclass
class World:
    """An index on loopback; every test has a prefix of its own for its packages."""

    url: str
    folder: Path
    prefix: str
    advisories: list[dict[str, Any]] = field(default_factory=list)
    held: dict[tuple[str, str], bool] = field(default_factory=dict)

    def put(
        self, name: str, version: str, *requires: str, python: str = "", extras: Iterable[str] = ()
    ) -> str:
        """Upload a wheel; ``{}`` in names stands for the prefix."""
        text = core_metadata(self.named(name), version, map(self.named, requires), python, extras)
        file = f"{self.named(name).replace('-', '_')}-{version}-py3-none-any.whl"
        self._upload(name, version, file, wheel(file, text), python)
        return file

    def put_sdist(self, name: str, version: str, text: str) -> None:
        """Upload an sdist alone."""
        file = f"{self.named(name)}-{version}.tar.gz"
        self._upload(name, version, file, sdist(f"{self.named(name)}-{version}", text), "")

    def _upload(self, name: str, version: str, file: str, data: bytes, python: str) -> None:
        form = {
            ":action": "file_upload",
            "protocol_version": "1",
            "metadata_version": "2.1",
            "name": self.named(name),
            "version": version,
            "filetype": "bdist_wheel" if file.endswith(".whl") else "sdist",
            "pyversion": "py3" if file.endswith(".whl") else "source",
            "requires_python": python,
            "sha256_digest": hashlib.sha256(data).hexdigest(),
        }
        self._post("/legacy/", ("u", "p"), data=form, files={"content": (file, data)})
        self.held[self.named(name), file] = False

    def yank(self, name: str, file: str) -> None:
        self._post(f"/files/{self.named(name)}/{file}/yank", ("a", "b"))
        self.held[self.named(name), file] = True

    def settle(self) -> None:
        """Wait until the index lists what was uploaded: it writes its pages a moment later."""
        index = SimpleIndex(f"{self.url}/simple/", fresh=True)
        for name in {name for name, _ in self.held}:
            mine = {file: yanked for (whose, file), yanked in self.held.items() if whose == name}
            for _ in range(500):
                if mine == {one.name: one.yanked for one in index.files(name)}:
                    break
                time.sleep(0.02)
            else:
                pytest.fail(f"the index does not list {mine}")

    def _post(self, path: str, auth: tuple[str, str], **what: Any) -> None:
        with session_for(self.url) as session:
            answer = session.post(self.url + path, auth=auth, timeout=20, **what)
            assert answer.ok, answer.text

    def named(self, text: str) -> str:
        return text.format(self.prefix)

    def warn(self, id_: str, name: str, *spans: str, severity: str = "HIGH", **other: Any) -> None:
        """An advisory: ``"0 2"`` is affected from 0 up to 2, ``"3"`` from 3 on."""
        events = [
            {"introduced": start} | ({"fixed": end} if end else {})
            for start, _, end in (span.partition(" ") for span in spans)
        ]
        turns = [{kind: at} for event in events for kind, at in event.items()]
        self.advisories.append(
            {
                "id": id_,
                "modified": "2026-01-01T00:00:00Z",
                "affected": [
                    {
                        "package": {"name": self.named(name), "ecosystem": "PyPI"},
                        "ranges": [{"type": "ECOSYSTEM", "events": turns}],
                    }
                ],
                "database_specific": {"severity": severity},
            }
            | other
        )

    def database(self) -> Path:
        folder = self.folder / "advisories"
        folder.mkdir(exist_ok=True)
        far = {"id": "PYSEC-FAR", "modified": "2026-01-01T00:00:00Z", "affected": []}
        for one in (*self.advisories, far):
            (folder / f"{one['id']}.json").write_text(json.dumps(one))
        return folder

    def request(self, *head: str, extras: Iterable[str] = (), **other: Any) -> ScanRequest:
        self.settle()
        metadata = CoreMetadata(
            name=self.named("{}-demo"),
            version="2.0",
            requires_python=">=3.11",
            requires_dist=tuple(map(self.named, head)),
            extras=tuple(extras),
        )
        index = SimpleIndex(f"{self.url}/simple/")
        facts: dict[str, Any] = {
            "project": Project(name=metadata.normalized_name, version="2.0", commit="c" * 40),
            "candidate": metadata,
            "repository": "local",
            "releases": index,
            "dependencies": index,
            "config": Config(pythons=PYTHONS),
            "advisories": str(self.database()),
            "known": None,
            "now": datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1),
            "cache": self.folder / "cache",
            "tell": lambda line: None,
        }
        return ScanRequest(**(facts | other))

    def scan(self, *head: str, **other: Any) -> Snapshot:
        return take_snapshot(self.request(*head, **other))

    def users_get(self, *requires: str, version: str = "1.0", extras: Iterable[str] = ()) -> str:
        """Publish the project with these requirements."""
        return self.put("{}-demo", version, *requires, extras=extras)

    def verdict(self, *head: str, **other: Any) -> Reach:
        (one,) = self.scan(*head, **other).reach
        return one


def core_metadata(
    name: str, version: str, requires: Iterable[str], python: str, extras: Iterable[str]
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    return "\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]) + "\n"


def wheel(file: str, metadata: str) -> bytes:
    info = "-".join(file.split("-")[:2]) + ".dist-info"
    packed = io.BytesIO()
    tags = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in {"METADATA": metadata, "WHEEL": tags, "RECORD": ""}.items():
            archive.writestr(f"{info}/{name}", text)
    return packed.getvalue()


def sdist(stem: str, metadata: str, setup: str = "raise SystemExit('was run')") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in {"PKG-INFO": metadata, "setup.py": setup}.items():
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, url = tmp_path_factory.mktemp("index"), f"http://127.0.0.1:{free_port()}"
    command = [
        process.script("pypiron"), "serve", "--data-dir", folder / "data",
        "--bind-addr", url.removeprefix("http://"), "--uploader-user", "u", "--uploader-pass", "p",
        "--admin-user", "a", "--admin-pass", "b", "--advisory-feed", "", "--malware-block", "false",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until_healthy(url)
        yield url
    finally:
        child.terminate()
        child.wait(10)


def until_healthy(url: str) -> None:
    for _ in range(500):
        try:
            with session_for(url) as session:
                if session.get(f"{url}/health", timeout=2).ok:
                    return
        except requests.ConnectionError:
            time.sleep(0.02)
    pytest.fail("the index did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PREFIXES = (f"w{number}" for number in itertools.count())


@pytest.fixture
def world(server: str, tmp_path: Path) -> World:
    return World(server, tmp_path, next(PREFIXES))


def pins(closure: Closure | None) -> dict[str, str]:
    """``name==version`` -> where, the prefix left out."""
    assert closure
    return {
        f"{one.name.partition('-')[2]}=={one.version}": " ".join(
            (*one.pythons, *one.extras)
        ).strip()
        for one in closure.pins
    }


# --- closures


def test_published_and_candidate_are_what_each_would_get(world: World) -> None:
    world.put("{}-a", "1.0", "{}-b>=1")
    world.put("{}-a", "2.0", "{}-b>=1")
    world.put("{}-b", "1.0")
    world.put("{}-b", "1.1")
    world.put("{}-b", "2.0rc1")
    world.users_get("{}-a<2")
    shot = world.scan("{}-a")
    both = "3.11 3.12"
    assert pins(shot.closure("published")) == {"a==1.0": both, "b==1.1": both, "demo==1.0": both}
    assert pins(shot.closure("candidate")) == {"a==2.0": both, "b==1.1": both, "demo==2.0": both}
    (b,) = (one for one in shot.closure("candidate").pins if one.name.endswith("-b"))  # type: ignore[union-attr]
    assert b.via == (world.named("{}-a"),)
    scanner = shot.scanners["osv"]
    assert (scanner.state, scanner.skipped, shot.findings) == ("ok", (), ())
    assert scanner.covered == tuple(
        map(
            world.named,
            ("{}-a==1.0", "{}-a==2.0", "{}-b==1.1", "{}-demo==1.0", "{}-demo==2.0"),
        )
    )


def test_an_unchanged_scan_is_the_same_but_for_the_clock(world: World) -> None:
    from release.model.base import digest

    world.put("{}-a", "1.0")
    world.users_get("{}-a")
    request = world.request("{}-a")
    later = replace(request, now=request.now + timedelta(days=1))
    assert digest(take_snapshot(request)) == digest(take_snapshot(later))


def test_extras_are_resolved_each_and_named(world: World) -> None:
    for name in ("a", "b", "c"):
        world.put(f"{{}}-{name}", "1.0")
    lines = (
        "{}-a",
        "{}-b ; extra == 'x'",
        "{}-c ; extra == 'y-z'",
        "{}-demo[x,y_z] ; extra == 'all'",
    )
    shot = world.scan(*lines, extras=("x", "y-z", "all"), releases=None)
    assert shot.scanners["osv"].state == "ok"
    assert pins(shot.closure("candidate")) == {
        "a==1.0": "3.11 3.12  all x y-z",
        "b==1.0": "3.11 3.12 all x",
        "c==1.0": "3.11 3.12 all y-z",
        "demo==2.0": "3.11 3.12",
    }


def test_each_python_gets_the_newest_that_runs_there(world: World) -> None:
    world.put("{}-a", "1.0", python=">=3.8")
    world.put("{}-a", "2.0", python=">=3.12")
    world.put("{}-b", "1.0")
    world.put("{}-c", "1.0")
    shot = world.scan(
        "{}-a", "{}-b ; python_version < '3.12'", "{}-c ; sys_platform == 'win32'", releases=None
    )
    found = pins(shot.closure("candidate"))
    assert (found["a==1.0"], found["a==2.0"]) == ("3.11", "3.12")
    assert (found["b==1.0"], found["c==1.0"]) == ("3.11", "3.11 3.12")


def test_what_does_not_run_on_a_python_is_not_what_its_users_get(world: World) -> None:
    """uv's universal mode takes no notice of an upper bound on Python; installers do."""
    world.put("{}-a", "1.0")
    world.put("{}-a", "1.5", python="<3.12")
    world.put("{}-a", "2.0", python=">=3.8,<3.12")
    world.put("{}-b", "1.0", python="<3.12")
    world.put("{}-c", "1.0", "{}-d")
    world.put("{}-c", "2.0", python="<3.12")
    world.put("{}-d", "1.0")
    shot = world.scan("{}-a", "{}-c", releases=None)
    assert shot.scanners["osv"].state == "ok"
    assert pins(shot.closure("candidate")) == {
        "a==1.0": "3.12",
        "a==2.0": "3.11",
        "c==1.0": "3.12",
        "c==2.0": "3.11",
        "d==1.0": "3.12",
        "demo==2.0": "3.11 3.12",
    }
    shot = world.scan("{}-a", "{}-b", releases=None)
    assert shot.scanners["osv"].state == "partial"
    (gap,) = shot.scanners["osv"].skipped
    assert gap.name == world.named("{}-demo on Python 3.12")
    assert world.named("{}-b") in gap.reason
    assert pins(shot.closure("candidate"))["a==2.0"] == "3.11"
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a")
    shot = world.scan("{}-a")
    assert [(one.version, one.pythons) for one in shot.findings] == [("1.0", ("3.12",))]
    assert shot.reach[0].verdict == "no-fix"


def test_a_legacy_requirement_is_a_gap_and_the_rest_is_seen(world: World) -> None:
    world.put("{}-a", "1.0")
    shot = world.scan("{}-a", "pytz (>dev)", releases=None)
    assert "a==1.0" in pins(shot.closure("candidate"))
    scanner = shot.scanners["osv"]
    assert scanner.state == "partial"
    (gap,) = scanner.skipped
    assert (gap.name, gap.package) == ("pytz (>dev)", "pytz")


def test_the_published_release_is_the_newest_that_is_not_yanked(world: World) -> None:
    world.put("{}-a", "1.0")
    world.users_get(version="1.0")
    world.users_get(version="1.1")
    world.yank("{}-demo", world.users_get("{}-a", version="1.2"))
    world.users_get("{}-a", version="2.0rc1")
    published = world.scan().closure("published")
    assert published
    assert (published.version, pins(published)) == ("1.1", {"demo==1.1": "3.11 3.12"})


def test_where_there_are_only_pre_releases_they_are_what_users_get(world: World) -> None:
    world.put("{}-a", "1.0")
    world.users_get("{}-a", version="0.1a1")
    published = world.scan().closure("published")
    assert published
    assert published.version == "0.1a1"


def test_nothing_published_or_all_of_it_yanked_is_no_closure(world: World) -> None:
    assert world.scan().closure("published") is None
    world.yank("{}-demo", world.users_get())
    shot = world.scan()
    assert (shot.closure("published"), shot.scanners["osv"].state) == (None, "ok")


def test_a_package_of_sdists_alone_is_a_gap_by_name_and_hides_nothing_else(world: World) -> None:
    world.put_sdist("{}-a", "1.0", core_metadata(world.named("{}-a"), "1.0", (), "", ()))
    world.put("{}-b", "1.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-b")
    shot = world.scan("{}-a", "{}-b")
    scanner = shot.scanners["osv"]
    assert scanner.state == "partial"
    (gap,) = scanner.skipped
    assert gap.name == world.named("{}-a")
    assert gap.reason == world.named(
        "candidate: no wheel, and so told to who builds it: what {}-a requires"
    )
    found = pins(shot.closure("candidate"))
    assert {"a==1.0", "b==1.0"} <= set(found)
    assert [finding.version for finding in shot.findings] == ["1.0"]


def test_what_only_another_interpreter_builds_is_no_gap(world: World) -> None:
    world.put_sdist("{}-a", "1.0", core_metadata(world.named("{}-a"), "1.0", (), "", ()))
    world.put("{}-b", "1.0")
    line = "{}-a ; platform_python_implementation == 'PyPy'"
    shot = world.scan(line, "{}-b", releases=None)
    assert (shot.scanners["osv"].state, shot.scanners["osv"].skipped) == ("ok", ())
    assert set(pins(shot.closure("candidate"))) == {"b==1.0", "demo==2.0"}


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ("Metadata-Version: 2.1", False),
        ("Metadata-Version: 2.2\nDynamic: Requires-Dist", False),
        ("Metadata-Version: 2.2", True),
    ],
)
def test_an_sdist_s_requirements_count_only_where_they_are_promised(
    world: World, header: str, seen: bool
) -> None:
    name = world.named("{}-demo")
    world.put_sdist("{}-demo", "1.0", f"{header}\nName: {name}\nVersion: 1.0\n\nDynamic: no\n")
    shot = world.scan()
    published = shot.closure("published")
    assert published
    assert bool(published.pins) is seen
    assert shot.scanners["osv"].state == ("ok" if seen else "failed")


def test_no_solution_is_a_gap_with_the_resolver_s_reasons(world: World) -> None:
    world.put("{}-a", "1.0")
    shot = world.scan("{}-a>=2", releases=None)
    (gap,) = shot.scanners["osv"].skipped
    assert gap.name == world.named("{}-demo")
    assert "only" in gap.reason
    assert world.named("{}-a") in gap.reason
    assert "file://" not in gap.reason
    assert str(world.folder) not in gap.reason


def test_a_python_that_cannot_be_served_does_not_hide_the_others(world: World) -> None:
    world.put("{}-a", "2.0", python=">=3.12")
    world.warn("PYSEC-A", "{}-a", "0")
    shot = world.scan("{}-a>=2", releases=None, config=Config(pythons=("3.11", "3.12")))
    scanner = shot.scanners["osv"]
    assert scanner.state == "partial"
    assert [gap.name for gap in scanner.skipped] == [world.named("{}-demo on Python 3.11")]
    (finding,) = shot.findings
    assert finding.pythons == ("3.12",)
    assert world.named("{}-a==2.0") in scanner.covered


def test_the_witness_never_lays_the_published_requirements_to_head(world: World) -> None:
    world.put("{}-a", "1.0")
    world.put("{}-a", "2.0")
    world.users_get("{}-a<2")
    world.warn("PYSEC-A", "{}-a", "0 2")
    one = world.verdict("{}-a")
    assert one.verdict == "blocked-by-us"
    assert world.named("{0}-demo depends on {0}-a<2") in one.witness
    assert world.named("{}-demo==") not in one.witness


def test_a_published_release_that_cannot_be_seen_is_a_gap(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.adapters.web._pause", lambda state: 0)
    world.put("{}-a", "1.0")
    dead = SimpleIndex(f"http://127.0.0.1:{free_port()}/simple/")
    shot = world.scan("{}-a", releases=dead)
    (gap,) = shot.scanners["osv"].skipped
    assert gap.reason.startswith("published: the published release cannot be seen: ")
    assert shot.scanners["osv"].state == "partial"


# --- the resolver is not steered


def solver(world: World, now: datetime | None = None) -> Uv:
    world.settle()
    return Uv(
        name="root-thing",
        version="1.0",
        index_url=f"{world.url}/simple/",
        cache=world.folder / "uv",
        exclude_newer=now,
    )


def solved(uv: Uv, *requires: str, constraints: Sequence[str] = ()) -> set[str]:
    answer = uv.solve(Query(tuple(requires), "", PYTHONS, tuple(constraints)))
    assert isinstance(answer, Solution), answer
    return {f"{one.name}=={one.version}" for one in answer.pins}


def test_nothing_around_steers_the_resolver(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0"):
        world.put("{}-a", version)
    old = world.named("{}-a<2")
    project, home = tmp_path / "project", tmp_path / "hostile"
    for folder, table in ((project, "tool.uv"), (home, "")):
        folder.mkdir()
        head = f"[{table}]\n" if table else ""
        text = f'{head}constraint-dependencies = ["{old}"]\noverride-dependencies = ["{old}"]\n'
        (folder / ("pyproject.toml" if table else "uv.toml")).write_text(text)
    config = home / ".config" / "uv"
    config.mkdir(parents=True)
    (home / "uv.toml").rename(config / "uv.toml")
    (home / "old.txt").write_text(old)
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("UV_CONFIG_FILE", str(config / "uv.toml"))
    for name in ("CONSTRAINT", "OVERRIDE", "EXCLUDE", "BUILD_CONSTRAINT"):
        monkeypatch.setenv(f"UV_{name}", str(home / "old.txt"))
    for name, value in {
        "UV_INDEX_URL": "http://127.0.0.1:9/simple/",
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple/",
        "UV_RESOLUTION": "lowest",
        "UV_PRERELEASE": "allow",
        "UV_EXCLUDE_NEWER": "2001-01-01",
        "UV_OFFLINE": "1",
        "PIP_CONSTRAINT": str(home / "old.txt"),
    }.items():
        monkeypatch.setenv(name, value)
    assert solved(solver(world), world.named("{}-a")) == {world.named("{}-a==2.0")}


HOSTILE = {
    "pyproject.toml": '[tool.uv]\noverride-dependencies = ["{}-a<2"]\nconstraint-dependencies = '
    '["{}-a<2"]\nresolution = "lowest"\nprerelease = "allow"\nno-index = true\n'
    'index-url = "http://127.0.0.1:9/simple/"\n[tool.uv.sources]\n"{}-a" = { path = "evil" }\n',
    "uv.toml": 'override-dependencies = ["{}-a<2"]\nindex-url = "http://127.0.0.1:9/simple/"\n',
    "pip.conf": "[global]\nconstraint = constraints.txt\nindex-url = http://127.0.0.1:9/simple/\n",
    ".python-version": "3.8\n",
    ".env": "UV_OVERRIDE=constraints.txt\n",
    "constraints.txt": "{}-a<2\n",
    "requirements.txt": "{}-a==1.0\n",
    "uv.lock": 'version = 1\n[[package]]\nname = "{}-a"\nversion = "1.0"\n',
}


@pytest.mark.parametrize("where", ["the project", "home", "a folder above"])
def test_no_file_steers_the_answer(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for version in ("1.0", "2.0", "3.0rc1"):
        world.put("{}-a", version)
    asked = Query((world.named("{}-a"),), "", PYTHONS)
    honest = solver(world).solve(asked)
    home, project = tmp_path / "home", tmp_path / "above" / "project"
    project.mkdir(parents=True)
    places = {
        "the project": [project],
        "a folder above": [project.parent],
        "home": [home, home / ".config", home / ".config" / "uv", home / ".config" / "pip"],
    }[where]
    for folder in places:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in HOSTILE.items():
            (folder / file).write_text(text.replace("{}", world.prefix))
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    assert repr(solver(world).solve(asked)) == repr(honest)


@pytest.mark.parametrize("tool", ["UV", "PIP"])
def test_no_variable_steers_the_answer(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    for version in ("1.0", "2.0", "3.0rc1"):
        world.put("{}-a", version)
    asked = Query((world.named("{}-a"),), "", PYTHONS)
    honest = solver(world).solve(asked)
    old = tmp_path / "old.txt"
    old.write_text(world.named("{}-a<2"))
    closed = "http://127.0.0.1:9/simple/"
    names = {
        str(old): (
            "CONSTRAINT",
            "OVERRIDE",
            "EXCLUDE",
            "BUILD_CONSTRAINT",
            "REQUIREMENT",
            "ENV_FILE",
        ),
        closed: ("INDEX", "INDEX_URL", "DEFAULT_INDEX", "EXTRA_INDEX_URL", "FIND_LINKS"),
        "1": ("NO_INDEX", "OFFLINE", "NO_BINARY", "PRE", "FROZEN", "NO_CACHE", "REQUIRE_HASHES"),
        "lowest": ("RESOLUTION",),
        "allow": ("PRERELEASE",),
        "fewest": ("FORK_STRATEGY",),
        "2001-01-01": ("EXCLUDE_NEWER", "UPLOADED_PRIOR_TO"),
        "3.8": ("PYTHON", "PYTHON_VERSION"),
        str(tmp_path): ("WORKING_DIR", "PROJECT", "CONFIG_FILE", "CACHE_DIR", "TARGET"),
    }
    for value, ends in names.items():
        for end in ends:
            monkeypatch.setenv(f"{tool}_{end}", value)
    assert repr(solver(world).solve(asked)) == repr(honest)


def test_nothing_of_a_third_party_is_run(world: World, tmp_path: Path) -> None:
    """Neither to read what users get, nor the lowest, nor what developers install."""
    trace = tmp_path / "trace"
    setup = f"open({str(trace)!r}, 'w').close()\nfrom setuptools import setup\nsetup()\n"
    name = world.named("{}-a")
    text = core_metadata(name, "1.0", (), "", ())
    data = sdist(f"{name}-1.0", text, setup)
    world._upload("{}-a", "1.0", f"{name}-1.0.tar.gz", data, "")
    world.users_get("{}-a")
    shot = world.scan("{}-a", pyproject=f'[dependency-groups]\ndev = ["{name}"]\n')
    assert not trace.exists()
    assert [gap.name for gap in shot.scanners["osv"].skipped] == [name, name]
    assert [scanner.state for scanner in shot.scanners.values()] == ["partial", "failed", "partial"]


def test_a_moment_hides_what_came_later(world: World) -> None:
    world.put("{}-a", "1.0")
    name, past = world.named("{}-a"), datetime(2020, 1, 1, tzinfo=UTC)
    assert isinstance(solver(world, past).solve(Query((name,), "", PYTHONS)), NoSolution)
    assert solved(solver(world, past).untimed(), name) == {f"{name}==1.0"}


def test_constraints_bind_and_leave_no_trace_of_their_file(world: World) -> None:
    for version in ("1.0", "2.0"):
        world.put("{}-a", version, "{}-b")
    world.put("{}-b", "1.0")
    name = world.named("{}-a")
    assert f"{name}==1.0" in solved(solver(world), name, constraints=[f"{name}!=2.0"])
    answer = solver(world).solve(Query((name,), "", PYTHONS, (f"{name}!=2.0",)))
    assert isinstance(answer, Solution)
    assert {one.via for one in answer.pins} == {("root-thing",), (name,)}
    refused = solver(world).solve(Query((f"{name}>=2",), "", PYTHONS, (f"{name}<2",)))
    assert isinstance(refused, NoSolution)
    assert refused.words.startswith("Because ")


def test_a_proof_is_told_from_not_knowing(world: World) -> None:
    assert isinstance(solver(world).solve(Query((), "bad extra", PYTHONS)), Unanswered)
    assert solver(world).solve(Query((), "", PYTHONS)) == Solution(())


def test_arguments_hold_no_password(world: World) -> None:
    secret = replace(solver(world), index_url="https://user:hunter2@index.example/simple/")
    assert "hunter2" not in " ".join(secret.arguments("3.11"))


def test_the_root_is_a_wheel_of_metadata_alone(tmp_path: Path) -> None:
    path = root_wheel(tmp_path, "My.Thing", "1!2.0+l", ("a<2",), ("x",))
    assert path.name == "my_thing-1!2.0+l-py3-none-any.whl"
    with zipfile.ZipFile(path) as archive:
        assert {name.partition("/")[2] for name in archive.namelist()} == {
            "METADATA",
            "WHEEL",
            "RECORD",
        }
        text = archive.read("my_thing-1!2.0+l.dist-info/METADATA").decode()
    assert text.splitlines()[1:] == [
        "Name: My.Thing",
        "Version: 1!2.0+l",
        "Requires-Dist: a<2",
        "Provides-Extra: x",
    ]


def test_reasons_are_short_and_name_no_folder() -> None:
    said = "error: No solution\n  cause: Because only file:///tmp/x\nBecause a<2 and b.\n\nhint: x"
    assert reasons(said) == "Because a<2 and b."
    assert len(reasons("x" * 5000)) <= 801


# --- reach


def versions_of(world: World, name: str, *versions: str) -> None:
    for version in versions:
        world.put(name, version)


def test_a_fresh_install_can_go_around_it(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "2")
    world.users_get("{}-a")
    shot = world.scan("{}-a")
    (one,) = shot.reach
    assert (one.verdict, one.edit, one.blocker) == ("installable-fix", (), None)
    assert one.witness == world.named("resolves with {}-a==1.0")
    assert shot.findings[0].affects == {"published": ("2.0",), "candidate": ("2.0",)}


@pytest.mark.parametrize(
    ("ours", "becomes"),
    [
        ("{}-a<2", "{}-a"),
        ("{}-a<2,>=1", "{}-a>=1"),
        ("{}-a==1.0", "{}-a>=1.0"),
        ("{}-a~=1.0", "{}-a>=1.0"),
        ("{}-a!=2.0", "{}-a"),
    ],
)
def test_our_own_bound_is_in_the_way(world: World, ours: str, becomes: str) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    versions_of(world, "{}-z", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get(ours, "{}-z<2")
    one = world.verdict(ours, "{}-z<2")
    assert (one.verdict, one.blocker) == ("blocked-by-us", world.named(ours))
    assert [(edit.requirement, edit.becomes) for edit in one.edit] == [
        (world.named(ours), world.named(becomes))
    ]
    assert world.named("{}-a") in one.witness


def test_our_bound_on_another_package_is_in_the_way(world: World) -> None:
    world.put("{}-b", "1.0", "{}-a<2")
    world.put("{}-b", "2.0", "{}-a")
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-b<2")
    one = world.verdict("{}-b<2")
    assert (one.verdict, one.blocker) == ("blocked-by-us", world.named("{}-b<2"))
    assert [edit.becomes for edit in one.edit] == [world.named("{}-b")]


def test_two_bounds_at_once_need_both_edits(world: World) -> None:
    world.put("{}-b", "1.0", "{}-a<2")
    world.put("{}-b", "2.0", "{}-a")
    versions_of(world, "{}-a", "1.0", "2.0")
    versions_of(world, "{}-z", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    lines = ("{}-a<2", "{}-b<2", "{}-z<2")
    world.users_get(*lines)
    one = world.verdict(*lines)
    assert one.verdict == "blocked-by-us"
    assert {edit.requirement for edit in one.edit} == set(map(world.named, lines[:2]))


def test_several_findings_have_an_edit_each(world: World) -> None:
    for name, id_ in (("{}-a", "PYSEC-1"), ("{}-b", "PYSEC-2")):
        versions_of(world, name, "1.0", "2.0")
        world.warn(id_, name, "0 2")
    lines = ("{}-a<2", "{}-b<2")
    world.users_get(*lines)
    first, second = world.scan(*lines).reach
    assert [edit.becomes for edit in first.edit] == [world.named("{}-a")]
    assert [edit.becomes for edit in second.edit] == [world.named("{}-b")]


def test_edits_that_clash_give_way_to_one_that_frees_all(world: World) -> None:
    """a 2 brings x 2, b 2 brings y 2, and both at once go only with y 3, which needs c 2."""
    for name, below, id_ in (("{}-a", "{}-x", "PYSEC-1"), ("{}-b", "{}-y", "PYSEC-2")):
        world.put(name, "1.0", below)
        world.put(name, "2.0", f"{below}>=2")
        world.warn(id_, name, "0 2")
    versions_of(world, "{}-x", "1.0", "2.0")
    versions_of(world, "{}-c", "1.0", "2.0")
    world.put("{}-y", "1.0")
    world.put("{}-y", "2.0", "{}-x<2")
    world.put("{}-y", "3.0", "{}-c>=2")
    lines = tuple(map(world.named, ("{}-a<2", "{}-b<2", "{}-c<2")))
    world.users_get(*lines)
    reach = world.scan(*lines).reach
    assert [one.verdict for one in reach] == ["blocked-by-us"] * 2
    for one in reach:
        assert {edit.requirement for edit in one.edit} == set(lines)
        edited = solved(solver(world), *(edit.becomes for edit in one.edit))
        assert set(map(world.named, ("{}-a==2.0", "{}-b==2.0", "{}-c==2.0"))) <= edited


def test_another_package_s_bound_is_named_and_not_a_bystander(world: World) -> None:
    world.put("{}-bystander", "1.0", "{}-a>=1")
    world.put("{}-holder", "1.0", "{}-a<2")
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-bystander", "{}-holder<5", "{}-a")
    one = world.verdict("{}-bystander", "{}-holder<5", "{}-a")
    assert (one.verdict, one.edit) == ("blocked-upstream", ())
    assert one.blocker == world.named("{}-holder==1.0")


def test_without_a_free_release_there_is_no_fix(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "1.5")
    world.put("{}-a", "2.0rc1")
    world.yank("{}-a", world.put("{}-a", "2.0"))
    world.warn("PYSEC-1", "{}-a", "0 2rc1")
    world.users_get("{}-a")
    one = world.verdict("{}-a")
    assert (one.verdict, one.edit) == ("no-fix", ())
    assert one.witness == world.named(
        "no release of {}-a is free of it for Python 3.11, 3.12 (the plain install)"
    )


def test_a_fix_for_another_python_is_none(world: World) -> None:
    world.put("{}-a", "1.0")
    world.put("{}-a", "2.0", python=">=3.13")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a<2")
    assert world.verdict("{}-a<2").verdict == "no-fix"


def test_a_fix_counts_where_it_runs(world: World) -> None:
    world.put("{}-a", "1.0")
    world.put("{}-a", "2.0", python=">=3.12")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a<2")
    shot = world.scan("{}-a<2")
    assert shot.findings[0].pythons == PYTHONS
    assert (shot.reach[0].verdict, len(shot.reach[0].edit)) == ("blocked-by-us", 1)
    shot = world.scan("{}-a")
    assert shot.findings[0].affects == {"published": ("1.0",), "candidate": ("1.0",)}


def test_a_place_without_a_fix_does_not_hide_one_that_has_it(world: World) -> None:
    world.put("{}-a", "1.0")
    world.put("{}-a", "2.0", python=">=3.12")
    world.warn("PYSEC-1", "{}-a", "0 2")
    lines = (
        "{}-a<2 ; python_version >= '3.12'",
        "{}-a ; python_version < '3.12' and extra == 'x'",
    )
    world.users_get(*lines, extras=["x"])
    assert world.verdict(*lines, extras=["x"]).verdict == "blocked-by-us"


def test_head_frees_it_already(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a<2")
    shot = world.scan("{}-a")
    (one,) = shot.reach
    assert shot.findings[0].affects == {"published": ("1.0",)}
    assert (one.verdict, one.edit) == ("blocked-by-us", ())
    assert one.blocker == world.named("{}-a<2")
    assert one.witness.startswith("HEAD frees it already")


def test_an_advisory_about_the_project_is_its_own_to_mend(world: World) -> None:
    world.warn("PYSEC-1", "{}_Demo", "0 2")
    world.users_get()
    shot = world.scan()
    (one,) = shot.reach
    assert (one.verdict, one.package) == ("own-code", world.named("{}-demo"))
    assert shot.findings[0].affects == {"published": ("1.0",)}


def test_a_release_that_another_record_of_the_group_holds_is_no_fix(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2", aliases=["CVE-1"])
    world.warn("GHSA-1", "{}-a", "2", aliases=["CVE-1"])
    world.users_get("{}-a<2")
    assert world.verdict("{}-a<2").verdict == "no-fix"


def test_a_way_around_into_another_finding_is_none(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0", "3.0")
    world.warn("PYSEC-1", "{}-a", "3")
    world.warn("PYSEC-2", "{}-a", "2 3")
    world.users_get("{}-a")
    one = world.verdict("{}-a")
    assert (one.verdict, one.witness) == (
        "installable-fix",
        world.named("resolves with {}-a==1.0"),
    )


def test_a_lifted_bound_that_brings_worse_is_no_part_of_the_edit(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    versions_of(world, "{}-z", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2", severity="HIGH")
    world.warn("PYSEC-2", "{}-z", "2", severity="CRITICAL")
    world.users_get("{}-a<2", "{}-z<2")
    one = world.verdict("{}-a<2", "{}-z<2")
    assert one.verdict == "blocked-by-us"
    assert [edit.requirement for edit in one.edit] == [world.named("{}-a<2")]


def test_an_extra_s_finding_is_freed_by_the_extra_s_bound(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    line = "{}-a<2 ; extra == 'x'"
    world.users_get(line, extras=["x"])
    shot = world.scan(line, extras=["x"])
    assert (shot.findings[0].scope, shot.findings[0].extras) == ("extra", ("x",))
    assert [edit.becomes for edit in shot.reach[0].edit] == [world.named('{}-a; extra == "x"')]


def test_a_fix_as_sdist_alone_cannot_be_judged(world: World) -> None:
    world.put("{}-a", "1.0")
    world.put_sdist("{}-a", "2.0", core_metadata(world.named("{}-a"), "2.0", (), "", ()))
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a")
    assert world.verdict("{}-a").verdict == "unknown"


def test_the_fewest_requirements_are_edited_for_several_findings(world: World) -> None:
    """Each alone is freed by its own bound; one bound more frees both."""
    for name in ("{}-a", "{}-b"):
        versions_of(world, name, "1.0", "2.0")
    world.put("{}-z", "1.0", "{}-a<2", "{}-b<2")
    world.put("{}-z", "2.0", "{}-a", "{}-b")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.warn("PYSEC-2", "{}-b", "0 2")
    world.users_get("{}-z<2")
    for one in world.scan("{}-z<2").reach:
        assert [edit.becomes for edit in one.edit] == [world.named("{}-z")]


def test_all_lifted_may_be_worse_than_one(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.put("{}-z", "1.0", "{}-a")
    world.put("{}-z", "2.0", "{}-a<2")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a<2", "{}-z<2")
    one = world.verdict("{}-a<2", "{}-z<2")
    assert one.verdict == "blocked-by-us"
    assert [edit.becomes for edit in one.edit] == [world.named("{}-a")]


def test_a_floor_of_ours_above_the_only_fix_is_in_the_way_and_no_edit_helps(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "1.1", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 1.1", "2")
    world.users_get("{}-a>=2")
    one = world.verdict("{}-a>=2")
    assert (one.verdict, one.blocker, one.edit) == ("blocked-by-us", world.named("{}-a>=2"), ())
    assert one.witness.splitlines()[1] == world.named(
        "only older releases are free of it (1.1), and {0}-a>=2 of ours refuses them"
    )


def test_an_edit_must_serve_every_python_that_was_served(world: World) -> None:
    """A floor that only newer Pythons can meet is no edit: 3.11 would have nothing to install."""
    world.put("{}-a", "1.0")
    world.put("{}-a", "2.0", python=">=3.12")
    world.put("{}-z", "1.0", "{}-a<2")
    world.put("{}-z", "2.0", "{}-a")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.users_get("{}-a", "{}-z<2")
    one = world.verdict("{}-a", "{}-z<2")
    assert [edit.becomes for edit in one.edit] == [world.named("{}-z")]


# --- beside what users get


def test_floors_are_shown_with_the_edit_that_raises_them(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "1.5", "2.0")
    world.put("{}-b", "1.0", "{}-c")
    versions_of(world, "{}-c", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 1.5")
    world.warn("PYSEC-2", "{}-c", "0 2")
    world.users_get("{}-a>=1", "{}-b")
    shot = world.scan("{}-a>=1", "{}-b")
    (finding,) = shot.findings
    assert (finding.scope, finding.version, finding.affects) == (
        "floor",
        "1.0",
        {"floor": ("1.0",)},
    )
    assert finding.key == world.named("PYSEC-1@{}-a#floor")
    assert finding.scanners == ("osv-floor",)
    assert not finding.reaches("published")
    assert (shot.reach, shot.scanners["osv-floor"].state) == ((), "ok")
    assert [(e.requirement, e.becomes) for e in shot.floors] == [
        (world.named("{}-a>=1"), world.named("{}-a>=1.5"))
    ]


def test_the_lowest_is_asked_for_once_until_the_requirements_change(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    first = world.scan("{}-a", releases=None)
    kept = list((world.folder / "cache" / "floors").iterdir())
    assert len(kept) == 1
    world.put("{}-a", "0.5")
    assert pins(world.scan("{}-a", releases=None).beside[0]) == pins(first.beside[0])
    kept[0].write_text("torn")
    assert "a==0.5" in pins(world.scan("{}-a", releases=None).beside[0])


def test_a_lowest_resolution_that_fails_makes_nothing_unknown(world: World) -> None:
    world.put("{}-a", "1.0", "{}-missing")
    world.put("{}-a", "2.0")
    world.put_sdist("{}-b", "1.0", core_metadata(world.named("{}-b"), "1.0", (), "", ()))
    world.put("{}-b", "2.0")
    shot = world.scan("{}-a>=2", "{}-b", releases=None)
    assert shot.scanners["osv"].state == "ok"


def test_development_is_scanned_apart(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    versions_of(world, "{}-tool", "1.0")
    versions_of(world, "{}-builder", "1.0")
    world.warn("PYSEC-1", "{}-tool", "0 2")
    world.warn("PYSEC-2", "{}-a", "0 2")
    pyproject = world.named(
        '[build-system]\nrequires = ["{0}-builder"]\n[dependency-groups]\n'
        'dev = ["{0}-tool", {{include-group = "more"}}]\nmore = ["{0}-a<2"]\n'
        'round = [{{include-group = "round"}}]\nnone = []\n'
    )
    shot = world.scan("{}-a", releases=None, pyproject=pyproject, config=Config(beside=("dev",)))
    assert {(f.key, f.scope, f.extras) for f in shot.findings} == {
        (world.named("PYSEC-1@{}-tool#dev"), "dev", ("dev",)),
        (world.named("PYSEC-2@{}-a#dev"), "dev", ("dev", "more")),
    }
    (closure,) = shot.beside
    assert (closure.kind, closure.extras) == ("dev", ("build-system", "dev", "more"))
    assert [gap.name for gap in closure.gaps] == ["round"]
    assert (shot.scanners["osv"].state, shot.scanners["osv-dev"].state) == ("ok", "partial")


def test_a_floor_that_is_raised_is_resolved_apart_from_what_users_get(world: World) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    record = carry_forward(None, world.scan("{}-a", releases=None))
    assert [item.finding.scope for item in record.tracked] == ["floor"]
    record = carry_forward(record, world.scan("{}-a>=2", releases=None, known=record))
    (item,) = record.tracked
    assert not item.is_open
    assert item.sightings["osv-floor"].state == "resolved"


# --- the record over several scans, and the whole tool


def test_a_withdrawn_or_corrected_record_resolves_with_the_database_s_word(world: World) -> None:
    versions_of(world, "{}-a", "1.0")
    versions_of(world, "{}-b", "1.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.warn("PYSEC-2", "{}-b", "0 2")
    world.users_get("{}-a", "{}-b")
    record = carry_forward(None, world.scan("{}-a", "{}-b"))
    first, second = world.advisories
    first["withdrawn"] = "2026-05-05T00:00:00Z"
    second["affected"][0]["ranges"][0]["events"] = [{"introduced": "0"}, {"fixed": "0.5"}]
    shot = world.scan("{}-a", "{}-b", known=record)
    assert [word.ruling for word in shot.words] == ["withdrawn", "range-corrected"]
    world.advisories.clear()
    for file in world.database().glob("PYSEC-[12].json"):
        file.unlink()
    assert [w.ruling for w in world.scan("{}-a", "{}-b", known=record).words] == ["unknown"] * 2


def test_a_malformed_record_makes_the_scan_partial_only_where_it_may_concern(
    world: World,
) -> None:
    world.put("{}-a", "1.0")
    world.warn("PYSEC-1", "{}-a", "0 x")
    world.warn("PYSEC-2", "{}-elsewhere", "0 2", modified="never")
    scanner = world.scan("{}-a", releases=None).scanners["osv"]
    assert (scanner.state, scanner.covered) == ("partial", (world.named("{}-demo==2.0"),))
    assert [gap.name for gap in scanner.skipped] == ["PYSEC-1"]


def test_a_torn_record_settles_nothing_of_the_findings_that_it_told_of(world: World) -> None:
    """Its file alone names it: who named that id before, or does beside it, is left unsettled."""
    for name in ("{}-a", "{}-b", "{}-c"):
        world.put(name, "1.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    world.warn("PYSEC-2", "{}-b", "5", aliases=["CVE-2"])
    needs = ("{}-a", "{}-b", "{}-c")
    known = carry_forward(None, world.scan(*needs, releases=None))
    world.put("{}-a", "2.0")
    database = world.database()
    (database / "PYSEC-1.json").write_text('{"id": "PYSEC-1", "affec')
    (database / "CVE-2.json").write_text("")
    world.advisories.pop(0)
    shot = world.scan(*needs, releases=None, known=known)
    scanner = shot.scanners["osv"]
    assert scanner.state == "partial"
    assert scanner.covered == (world.named("{}-c==1.0"), world.named("{}-demo==2.0"))
    assert [gap.name for gap in scanner.skipped] == ["CVE-2.json", "PYSEC-1.json"]
    after = carry_forward(known, shot)
    assert [finding.ids for finding in after.open] == [("PYSEC-1",)], "upgraded, or still in 2.0?"
    assert {world.named("{}-a"), world.named("{}-b")} <= {*after.scanners["osv"].unknown}


@dataclass(frozen=True)
class Shop:
    """The plain project, set to the index and an OSV API of its own."""

    folder: Path
    at: str

    def scan(self, *words: str) -> Any:
        return warden(self.folder, "release.scan", "--at", self.at, *words)


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Callable[..., Shop]:
    def make(*requires: str, osv: str = "", index: str = "", more: str = "") -> Shop:
        world.settle()
        folder = make_project(tmp_path / "plain")
        config = folder / "pyproject.toml"
        text = config.read_text().replace(
            "dependencies = []", f"dependencies = {json.dumps([world.named(r) for r in requires])}"
        )
        text += f'\n[tool.release-warden]\nindex-url = "{index or world.url + "/simple/"}"\n'
        text += f'osv-url = "{osv}"\npythons = ["3.11"]\n{more}\n'
        text += '\n[tool.uv]\nconstraint-dependencies = ["' + world.named("{}-a<2") + '"]\n'
        config.write_text(text)
        commit(folder)
        return Shop(folder, (datetime.now(UTC) + timedelta(hours=1)).isoformat())

    return make


def test_the_tool_asks_the_api_that_is_configured(world: World, shop: Callable[..., Shop]) -> None:
    versions_of(world, "{}-a", "1.0", "2.0")
    world.warn("PYSEC-1", "{}-a", "1 3", aliases=["CVE-1"])
    with osv_api(world.database(), page=1, token_first=True) as api:
        ran = shop("{}-a", osv=api.url).scan()
    assert ran.code == 0, ran.err
    (finding,) = (one for one in ran.document["findings"] if one["scope"] == "runtime")
    assert finding["key"] == world.named("CVE-1@{}-a")
    assert (finding["version"], finding["severity"]) == ("2.0", "high")
    assert ran.document["scanners"]["osv"]["detail"] == api.url


@pytest.mark.parametrize("trouble", [Trouble(500), Trouble(200, {}, b"<html>busy</html>")])
def test_an_api_that_fails_is_unknown_and_exits_4(
    world: World, shop: Callable[..., Shop], trouble: Trouble
) -> None:
    world.put("{}-a", "1.0")
    with osv_api(world.database(), troubles=[trouble] * 9) as api:
        ran = shop("{}-a", osv=api.url).scan()
    assert ran.code == 4, ran.err
    scanner = ran.document["scanners"]["osv"]
    assert (scanner["state"], scanner.get("covered", [])) == ("failed", [])
    assert ran.document["findings"] == []


def test_an_api_that_is_not_there_leaves_the_record_as_it_was(
    world: World, shop: Callable[..., Shop]
) -> None:
    world.put("{}-a", "1.0")
    world.warn("PYSEC-1", "{}-a", "0 2")
    project = shop("{}-a", osv=f"http://127.0.0.1:{free_port()}")
    assert project.scan("--advisories", str(world.database())).code == 0
    page = project.folder / "security" / "findings" / "SECURITY_FINDINGS.md"
    assert "PYSEC-1" in page.read_text()
    ran = project.scan()
    assert ran.code == 4, ran.err
    assert ran.document["scanners"]["osv"]["state"] == "failed"
    assert "PYSEC-1" in page.read_text()


def test_an_archive_stands_in_for_an_api_that_is_down_and_says_so(
    world: World, shop: Callable[..., Shop]
) -> None:
    world.put("{}-a", "1.0")
    world.warn("PYSEC-1", "{}-a", "0 2", modified="2026-03-03T00:00:00Z")
    world.database()
    dead = f"http://127.0.0.1:{free_port()}"
    project = shop("{}-a", osv=dead, more='osv-archive = "../advisories"')
    ran = project.scan()
    assert ran.code == 0, ran.err
    scanner = ran.document["scanners"]["osv"]
    assert scanner["state"] == "ok"
    assert scanner["detail"] == f"advisories, because {dead} gave no answer"
    assert scanner["database_date"] == "2026-03-03T00:00:00Z"
    assert [one["ids"] for one in ran.document["findings"]] == [["PYSEC-1"]]
    for file in world.database().glob("*.json"):
        file.write_text("{")
    ran = project.scan()
    assert ran.code == 4, ran.err
    detail = ran.document["scanners"]["osv"]["detail"]
    assert "and the archive in its place is no help" in detail
    assert "PYSEC-1" in (project.folder / "security/findings/SECURITY_FINDINGS.md").read_text()


@pytest.mark.slow
def test_an_index_that_is_down_is_unknown_and_exits_4(
    world: World, shop: Callable[..., Shop]
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/simple/"
    with osv_api(world.database()) as api:
        ran = shop("{}-a", osv=api.url, index=dead).scan()
    assert ran.code == 4, ran.err
    scanner = ran.document["scanners"]["osv"]
    assert (scanner["state"], scanner["covered"]) == ("failed", ["plain-thing==1.0.0"])
    (gap,) = scanner["skipped"]
    assert gap["name"] == "plain-thing"
    assert gap["reason"].startswith("candidate: is not resolved: ")


def test_an_empty_database_is_unknown_and_exits_4(
    world: World, shop: Callable[..., Shop], tmp_path: Path
) -> None:
    world.put("{}-a", "1.0")
    (tmp_path / "empty").mkdir()
    ran = shop("{}-a").scan("--advisories", str(tmp_path / "empty"))
    assert ran.code == 4, ran.err
    assert ran.document["scanners"]["osv"]["state"] == "failed"


@pytest.mark.online
def test_a_real_cap_on_a_real_package_is_blocked_by_us(world: World) -> None:
    line = "Werkzeug>=2.2,<2.2.3"
    world.users_get(line)
    shot = world.scan(line, dependencies=SimpleIndex(pypi_simple_url()), advisories=str(EXAMPLES))
    assert {f.version for f in shot.findings if f.scope == "runtime"} == {"2.2.2"}
    assert {one.verdict for one in shot.reach} == {"blocked-by-us"}
    assert {(e.requirement, e.becomes) for one in shot.reach for e in one.edit} == {
        (line, "Werkzeug>=2.2")
    }
