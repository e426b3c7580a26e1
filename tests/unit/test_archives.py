"""What archives say and hold."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from release.errors import VerificationError
from release.ship import archives

NAME = "tiny_p-1.0-py3-none-any.whl"
SDIST = "tiny_p-1.0.tar.gz"
TRACKED = {"pyproject.toml", "src/tiny/__init__.py"}


def wheel(
    *paths: str, version: str = "1.0", requires: str = "", body: str = "", **contents: str
) -> bytes:
    """A wheel of ``tiny-p``; ``paths`` are files that hold nothing."""
    info = f"tiny_p-{version}.dist-info"
    head = f"Metadata-Version: 2.4\nName: tiny-p\nVersion: {version}\n{requires}"
    files = dict.fromkeys(paths, "") | contents
    files |= {
        f"{info}/METADATA": f"{head}\n{body}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: x {version}\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    return zipped(files)


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return data.getvalue()


def sdist(*paths: str, root: str = "tiny_p-1.0", version: str = "1.0", link: str = "") -> bytes:
    data = io.BytesIO()
    head = f"Metadata-Version: 2.4\nName: tiny-p\nVersion: {version}\n".encode()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for path in ("PKG-INFO", *paths):
            info = tarfile.TarInfo(f"{root}/{path}")
            info.size = len(head)
            tar.addfile(info, io.BytesIO(head))
        if link:
            info = tarfile.TarInfo(f"{root}/link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info)
    return data.getvalue()


def check(wheel_bytes: bytes, sdist_bytes: bytes, version: str = "1.0") -> list[str]:
    files = {NAME: wheel_bytes, SDIST: sdist_bytes}
    return archives.problems(files, project="Tiny.P", version=version, tracked=TRACKED)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["tiny/__init__.py", "tiny/sub/__init__.py"], ("tiny",)),
        (["tiny.py"], ("tiny",)),
        (["tiny.cpython-311-x86_64-linux-gnu.so"], ("tiny",)),
        (["tiny/__init__.py", "_tiny.abi3.so"], ("tiny",)),
        (["_tiny/__init__.py"], ("_tiny",)),
        (["tiny/__init__.py", "tests/__init__.py"], ("tiny",)),
        (["tests/__init__.py"], ("tests",)),
        (["acme/tools/__init__.py", "acme/tools/x.py"], ("acme.tools",)),
        (["acme/a/__init__.py", "acme/b/c/__init__.py"], ("acme.a", "acme.b.c")),
        (["acme/one.py", "acme/_two.py"], ("acme.one",)),
        (["acme/__main__.py"], ("acme",)),
        (["tiny_p-1.0.data/purelib/tiny/__init__.py"], ("tiny",)),
        (["tiny_p-1.0.data/scripts/run.py", "tiny.py"], ("tiny",)),
        (["tiny-stubs/__init__.pyi", "my-data/x.py"], ()),
        (["a.py", "b/__init__.py"], ("a", "b")),
        (["class.py", "data/x.json"], ()),
    ],
)
def test_import_names(paths: list[str], names: tuple[str, ...]) -> None:
    assert archives.import_names(wheel(*paths)) == names


def code(version: str, text: str, **more: str) -> bytes:
    return wheel(version=version, **({"tiny/__init__.py": text} | more))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (code("1.0", '__version__ = "1.0"\n'), code("1.1", '__version__ = "1.1"\n')),
        (code("1.0", "VERSION: str = '1.0.0'\n"), code("1.1", "VERSION: str = '1.1'\n")),
        (
            code("1.0", "__version__ = version = '1.0'\nversion_tuple = (1, 0)\n"),
            code("1.1", "__version__ = version = '1.1'\nversion_tuple = (1, 1)\n"),
        ),
        (
            wheel("a.py", body="# 1.0 (2026-01-02)\nGood."),
            wheel("a.py", version="1.1", body="# 1.1 (2026-11-23)\nGood."),
        ),
        (wheel("a.py", "b.py"), wheel("b.py", "a.py", version="1.0.1")),
        (
            wheel("tiny_p-1.0.data/purelib/a.py"),
            wheel("tiny_p-2.0.data/purelib/a.py", version="2.0"),
        ),
    ],
)
def test_a_mere_release_changes_no_content(before: bytes, after: bytes) -> None:
    assert archives.content_digest(before) == archives.content_digest(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (code("1.0", "x = 1\n"), code("1.1", "x = 2\n")),
        (code("1.0", '__version__ = "1.0"\n'), code("1.1", '__version__ = "1.0"\n')),
        (code("1.0", 'if version == "1.0": a()\n'), code("1.1", 'if version == "1.1": a()\n')),
        (wheel("a.py"), wheel("b.py")),
        (wheel("a.py", body="Good."), wheel("a.py", body="Better.")),
        (
            wheel("a.py", requires="Requires-Dist: b==1.0\n"),
            wheel("a.py", version="1.1", requires="Requires-Dist: b==1.1\n"),
        ),
        (
            wheel("a.py", requires="Requires-Python: >=3.11\n"),
            wheel("a.py", requires="Requires-Python: >=3.12\n"),
        ),
    ],
)
def test_what_users_get_changes_content(before: bytes, after: bytes) -> None:
    assert archives.content_digest(before) != archives.content_digest(after)


def test_good_archives_have_no_problems() -> None:
    assert check(wheel("tiny/__init__.py"), sdist(*TRACKED)) == []


def test_backend_files_are_tolerated() -> None:
    made = sdist(*TRACKED, "setup.cfg", "src/tiny_p.egg-info/SOURCES.txt", "src/tiny/_version.py")
    assert check(wheel("tiny/__init__.py"), made) == []


@pytest.mark.parametrize(
    ("wheel_bytes", "sdist_bytes", "complaint"),
    [
        (wheel("tiny.py", version="1.1"), sdist(), "metadata says tiny-p 1.1, the plan Tiny.P 1.0"),
        (wheel("tiny.py"), sdist(version="0.9"), "metadata says tiny-p 0.9"),
        (wheel("data/x.json"), sdist(), "nothing in it can be imported"),
        (wheel("tiny.py", ".env"), sdist(), ".env looks like a secret"),
        (wheel("tiny.py", "tiny/id_rsa"), sdist(), "tiny/id_rsa looks like a secret"),
        (wheel("tiny.py", "tiny/server.pem"), sdist(), "tiny/server.pem looks like a secret"),
        (wheel("tiny.py", "../evil.py"), sdist(), "leads out of the archive"),
        (wheel("tiny.py", "/etc/evil.py"), sdist(), "leads out of the archive"),
        (wheel("tiny.py", "a\\..\\..\\evil.py"), sdist(), "leads out of the archive"),
        (wheel("tiny.py"), sdist(link="/etc/passwd"), "leads out of the archive"),
        (wheel("tiny.py"), sdist(link="../../x"), "leads out of the archive"),
        (wheel("tiny.py"), sdist(".pypirc"), ".pypirc looks like a secret"),
        (wheel("tiny.py"), sdist("build-to-host.m4"), "not in the release commit"),
        (wheel("tiny.py"), sdist("../other/x"), "leads out of the archive"),
        (wheel("tiny.py"), b"rubbish", f"{SDIST} cannot be read"),
        (b"rubbish", sdist(), f"{NAME} cannot be read"),
        (wheel("tiny.py")[:-40], sdist(), f"{NAME} cannot be read"),
        (wheel("tiny.py"), sdist(*TRACKED)[:-60], f"{SDIST} cannot be read"),
        (zipped({"tiny.py": ""}), sdist(), "holds no core metadata"),
        (zipped({"tiny_p-1.0.dist-info/METADATA": "x"}), sdist(), "no name or no version"),
        (
            zipped({"a.py": "", "x.dist-info/METADATA": "Name: tiny-p\nVersion: 1.0\n"}),
            sdist(),
            "a.py is not in its RECORD",
        ),
    ],
)
def test_problems(wheel_bytes: bytes, sdist_bytes: bytes, complaint: str) -> None:
    found = check(wheel_bytes, sdist_bytes)
    assert any(complaint in problem for problem in found), found


def test_every_problem_is_told_at_once() -> None:
    found = check(wheel("../a", version="2.0"), sdist("stray", version="3.0"))
    assert len(found) == 5


def test_keys_that_the_commit_ships_are_no_secret() -> None:
    files = {NAME: wheel("tiny/__init__.py", "tiny/cacert.pem"), SDIST: sdist(*TRACKED)}
    tracked = TRACKED | {"src/tiny/cacert.pem"}
    assert archives.problems(files, project="tiny-p", version="1.0", tracked=tracked) == []


def test_file_names_count_too() -> None:
    files = {"tiny_p-1.0-py3-none.whl": wheel("tiny.py"), "other-1.0.tar.gz": sdist()}
    found = archives.problems(files, project="tiny-p", version="1.0", tracked=TRACKED)
    assert any("Invalid wheel filename" in problem for problem in found), found
    assert any("file name says other 1.0" in problem for problem in found), found


def test_metadata_of_a_wheel() -> None:
    assert archives.wheel_metadata(wheel(requires="Requires-Dist: b\n")).requires_dist == ("b",)
    with pytest.raises(VerificationError, match="cannot be read"):
        archives.content_digest(b"")
