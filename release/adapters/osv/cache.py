"""Records of the OSV API that were fetched before, on disk.

One file a record, named by its id and stamped with the ``modified`` that the API listed and a
digest of its bytes. A file appears whole or not at all, so runs may share the folder and be killed;
what a power cut or a hand damaged does not fit its digest, and is fetched anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

MOST_RECORDS = 20_000
"""Files that are kept; the ones written longest ago go first."""


class RecordCache:
    """A folder of records. It may lose everything at any time; it never answers wrongly.

    :param folder: made when it is first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, id_: str, modified: str) -> bytes | None:
        """The record as it was when the API listed it with this ``modified``, if it is here."""
        try:
            stamp, _, record = self._file(id_).read_bytes().partition(b"\n")
        except OSError:
            return None
        return record if stamp == _stamp(id_, modified, record) else None

    def write(self, id_: str, modified: str, record: bytes) -> None:
        """Keep a record. A disk that takes nothing costs time at the next run, and no answer."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=self._folder, prefix=".part-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_stamp(id_, modified, record) + b"\n" + record)
                Path(part).replace(self._file(id_))
            finally:
                Path(part).unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove what was written longest ago, down to the bound; also parts that a kill left."""
        with contextlib.suppress(OSError):
            files = [entry for entry in os.scandir(self._folder) if entry.is_file()]
            over = len(files) - MOST_RECORDS
            oldest = sorted(files, key=_written)[: max(over, 0)]
            for entry in oldest:
                Path(entry.path).unlink(missing_ok=True)

    def _file(self, id_: str) -> Path:
        return self._folder / f"{hashlib.sha256(id_.encode()).hexdigest()[:32]}.json"


def _stamp(id_: str, modified: str, record: bytes) -> bytes:
    """One line; an id or a time with line breaks in it cannot pass for another's."""
    told = repr((id_, modified)).encode()
    return told + b" " + hashlib.sha256(record).hexdigest().encode()


def _written(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # another run was faster
        return 0.0
