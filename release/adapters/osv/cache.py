"""Records of the OSV API that were fetched before, on disk.

SQLite keeps them whole when runs share the file or are killed. Each record has the ``modified``
that the API listed and a digest beside it: what a power cut or a hand damaged does not fit, and is
fetched anew. One file for all, as making a file for each took most of the time of a scan.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

MOST_RECORDS = 20_000
"""Records that are kept; the ones written longest ago go first."""
LARGEST_RECORD = 1 << 20
"""Bytes of a record that is kept."""
PATIENCE = 2.0
"""Seconds to wait for another run that writes; after them this run goes without."""
TABLE = "CREATE TABLE IF NOT EXISTS records (id TEXT UNIQUE, modified TEXT, sha256 TEXT, data BLOB)"
READ = "SELECT sha256, data FROM records WHERE id = ? AND modified = ?"
WRITE = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)"
PRUNE = "DELETE FROM records WHERE rowid <= (SELECT max(rowid) FROM records) - ?"


class RecordCache:
    """Records by id and ``modified``. It may lose everything at any time; it never answers wrongly.

    :param file: made when it is first needed.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self, wanted: Mapping[str, str]) -> dict[str, bytes]:
        """Those of the wanted records, ids to ``modified``, that are here and whole."""
        found: dict[str, bytes] = {}
        with self._harmless(), self._database() as database:
            for wish in wanted.items():
                row = database.execute(READ, wish).fetchone()
                if row and isinstance(row[1], bytes) and row[0] == _digest(row[1]):
                    found[wish[0]] = row[1]
        return found

    def write(self, records: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep records, ids to (``modified``, bytes)."""
        rows = [
            (id_, modified, _digest(data), data)
            for id_, (modified, data) in records.items()
            if len(data) <= LARGEST_RECORD
        ]
        with self._harmless(), self._database() as database, database:
            database.executemany(WRITE, rows)
            database.execute(PRUNE, (MOST_RECORDS,))

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._file, timeout=PATIENCE)) as database:
            database.execute("PRAGMA synchronous = OFF")  # the digests notice what a cut loses
            database.execute(TABLE)
            yield database

    @contextlib.contextmanager
    def _harmless(self) -> Iterator[None]:
        """What goes wrong here costs time and no answer; a file that is no database goes."""
        try:
            yield
        except (sqlite3.OperationalError, OSError):  # locked, no room, no permission
            return
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
