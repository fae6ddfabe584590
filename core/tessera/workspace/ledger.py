"""The ledger: one SQLite file (WAL) that says what is true in a workspace.

Tables are grouped by the room that writes them: slides (ingest), runs and metrics (learn), decisions (curate).
A row is written only after what it speaks of is durable on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera.errors import WorkspaceError
from tessera.workspace import schema

_WAIT_S = 60
# What a person can do about the troubles of the place where the ledger lies, by SQLite's primary result code.
_TROUBLE = {
    sqlite3.SQLITE_FULL: "make room on the disk and start again",
    sqlite3.SQLITE_IOERR: "the disk is full or broken: free some space and start again",
    sqlite3.SQLITE_READONLY: "make it writable and start again",
    sqlite3.SQLITE_CANTOPEN: "see that its folder exists, is writable and has room",
    sqlite3.SQLITE_NOTADB: f"it is not a Tessera ledger, or damaged: {schema.REPAIR}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: {schema.REPAIR}",
    sqlite3.SQLITE_BUSY: f"another process has held it for {_WAIT_S} s: wait for it, or end it",
}


class Ledger:
    """Opens short connections to the ledger file; safe to share between threads and to pickle.

    Args:
        path: the SQLite file; it must exist (see `create`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Ledger:
        """Create the file with its tables, or open it when it is there already.

        Raises:
            WorkspaceError: the file is damaged, not a ledger, of a newer Tessera, or gone from beside its tiles.
        """
        ledger = cls(path)
        if not path.is_file():
            schema.refuse_to_replace(path)  # SQLite would make the file
        with ledger._connection() as connection:
            schema.apply(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
        return ledger

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; rows are `sqlite3.Row`."""
        with self._connection() as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: committed when the block ends, rolled back when it raises."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                schema.check(connection, self.path)
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            advice = _TROUBLE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            if advice is None:
                raise
            raise WorkspaceError(f"the ledger {self.path} cannot be used: {error}; {advice}") from error
