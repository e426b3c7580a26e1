"""The smallest honest PEP 517 backend: reproducible, and nothing to install."""

import base64
import gzip
import hashlib
import io
import os
import tarfile
import tomllib
import zipfile
from pathlib import Path

FILES = ("CHANGELOG.md", "plain_backend.py", "plain_thing.py", "pyproject.toml")


def _project():
    return tomllib.loads(Path("pyproject.toml").read_text())["project"]


def _stem():
    return f"{_project()['name'].replace('-', '_')}-{_project()['version']}"


def _metadata():
    project = _project()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        "Summary: A thing",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {line}" for line in project["dependencies"]),
    ]
    return "\n".join(lines) + "\n\nA thing.\n"


def build_sdist(sdist_directory, config_settings=None):
    name = f"{_stem()}.tar.gz"
    with (
        gzip.GzipFile(Path(sdist_directory, name), "wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        texts = {path: Path(path).read_bytes() for path in FILES}
        for path, data in {**texts, "PKG-INFO": _metadata().encode()}.items():
            entry = tarfile.TarInfo(f"{_stem()}/{path}")
            entry.size, entry.mtime = len(data), int(os.environ.get("SOURCE_DATE_EPOCH", 0))
            archive.addfile(entry, io.BytesIO(data))
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, info = f"{_stem()}-py3-none-any.whl", f"{_stem()}.dist-info"
    files = {
        "plain_thing.py": Path("plain_thing.py").read_text(),
        f"{info}/METADATA": _metadata(),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: plain\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        for path, text in files.items():
            sha = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            rows.append(f"{path},sha256={sha.decode()},{len(text.encode())}")
            wheel.writestr(zipfile.ZipInfo(path), text)
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "\n".join([*rows, f"{info}/RECORD,,"]))
    return name
