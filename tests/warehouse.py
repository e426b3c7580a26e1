"""What its owner, and a stranger with the right to upload, do to an index by hand."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from release.adapters import embedded
from release.adapters.index import SimpleIndex
from release.adapters.web import session_for
from release.model.listing import IndexFile


class Warehouse:
    """A running embedded index.

    :param folder: the index's; its administrator's password is read from the server process, which
        is a child of ours.
    """

    def __init__(self, server: embedded.Server, folder: Path) -> None:
        pid = json.loads((folder / "server.json").read_text())["server"]["pid"]
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        found = dict(line.decode().split("=", 1) for line in variables if b"=" in line)
        self.admin = (embedded.ADMIN, found["PYPIRON_ADMIN_PASS"])
        self.server = server
        self.url = server.upload_url.removesuffix("/legacy/")

    def upload(self, project: str, version: str, name: str, data: bytes) -> None:
        """Upload a file past the tool."""
        wheel = name.endswith(".whl")
        form = {
            ":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1",
            "name": project, "version": version,
            "filetype": "bdist_wheel" if wheel else "sdist",
            "pyversion": "py3" if wheel else "source",
            "sha256_digest": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        auth = (self.server.username, self.server.password)
        self._ask("POST", "/legacy/", auth, data=form, files={"content": (name, data)})
        self._settle(project, lambda files: name in files)

    def upload_tiny(self, project: str, version: str, content: str = "") -> str:
        """Upload a made-up wheel of a version."""
        stem = f"{project.replace('-', '_')}-{version}"
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as archive:
            archive.writestr("made_up/__init__.py", content)
            head = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
            archive.writestr(f"{stem}.dist-info/METADATA", head)
            archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{stem}.dist-info/RECORD", "")
        name = f"{stem}-py3-none-any.whl"
        self.upload(project, version, name, body.getvalue())
        return name

    def yank(self, project: str, version: str) -> None:
        """Yank every file of a version, as its owner does."""
        for file in SimpleIndex(self.server.simple_url).files(project):
            if str(file.version) == version:
                self._ask("POST", f"/files/{project}/{file.name}/yank", self.admin)
        self._settle(
            project,
            lambda files: all(f.yanked for f in files.values() if str(f.version) == version),
        )

    def delete_all(self, project: str) -> None:
        """Delete every file."""
        for file in SimpleIndex(self.server.simple_url).files(project):
            self._ask("DELETE", f"/files/{project}/{file.name}", self.admin)
        self._settle(project, lambda files: not files)

    def _ask(self, method: str, path: str, auth: tuple[str, str], **what: Any) -> None:
        with session_for(self.url) as session:
            answer = session.request(method, self.url + path, auth=auth, timeout=20, **what)
            assert answer.ok, (method, path, answer.status_code, answer.text)

    def _settle(self, project: str, met: Any) -> None:
        for _ in range(500):
            listed = SimpleIndex(self.server.simple_url, fresh=True).files(project)
            if met({file.name: file for file in listed}):
                return
            time.sleep(0.02)
        raise AssertionError("the index does not show it")


def _is_yanked(files: Iterable[IndexFile], version: str) -> bool:
    return all(file.yanked for file in files if str(file.version) == version)
