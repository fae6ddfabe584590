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

SCHEMA_VERSION = 3

# Slides that are fetched from an archive (tessera.ingest.archive.coordinator).
_STREAM = """
-- state: queued, reserved, downloading, verifying, tiling, tiled (tiles durable in a shard, slide deleted), committed
-- (tiles in the store), failed, set_aside. reason: why failed or set aside, or why it waits until retry_at.
CREATE TABLE IF NOT EXISTS remote_slide (
  file_id TEXT PRIMARY KEY,               -- the archive's id
  name TEXT NOT NULL,                     -- file name
  size_bytes INTEGER NOT NULL, md5 TEXT NOT NULL,
  urls TEXT NOT NULL,                     -- JSON list, in order of preference
  project TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  rounds INTEGER NOT NULL DEFAULT 0, retry_at REAL NOT NULL DEFAULT 0,
  bytes_done INTEGER NOT NULL DEFAULT 0,
  slide_id INTEGER,                       -- its row in slide, once it has tiles or is known to have none
  updated REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS remote_state ON remote_slide (state);
CREATE INDEX IF NOT EXISTS remote_slide_id ON remote_slide (slide_id);

-- The one streaming ingest of a workspace. state: running, paused, stopped, finished, failed. want: run, pause, stop.
CREATE TABLE IF NOT EXISTS stream (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL, config TEXT NOT NULL,  -- JSON of both configs
  state TEXT NOT NULL, want TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
  pid INTEGER, pid_started REAL,
  slides_held INTEGER NOT NULL DEFAULT 0, high_water INTEGER NOT NULL DEFAULT 0,
  tiles_kept INTEGER NOT NULL DEFAULT 0, rate REAL NOT NULL DEFAULT 0,
  started REAL NOT NULL, updated REAL NOT NULL
) STRICT;
"""

# What people corrected in the cohort; append-only, the slide's row holds the present values.
_COHORT_CHANGES = """
CREATE TABLE IF NOT EXISTS slide_change (id INTEGER PRIMARY KEY AUTOINCREMENT, slide_id INTEGER NOT NULL, time REAL NOT NULL,
  author TEXT NOT NULL, field TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL) STRICT;
"""

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- One row a slide, or a group of ready-made tiles. state: found, ingesting, done, empty (no tile kept), set_aside
-- (no resolution), duplicate (same bytes as another slide), failed. reason: one sentence for every state but done.
CREATE TABLE IF NOT EXISTS slide (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('slide', 'tiles')),
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  sha256 TEXT,
  size_bytes INTEGER,
  vendor TEXT,
  width INTEGER, height INTEGER,          -- level-0 pixels
  mpp REAL, mpp_source TEXT,              -- um per level-0 pixel and where the value came from
  reader TEXT,                            -- native or openslide
  patient TEXT NOT NULL DEFAULT '', site TEXT NOT NULL DEFAULT '',
  patient_source TEXT NOT NULL DEFAULT '', site_source TEXT NOT NULL DEFAULT '',  -- user, archive, dicom, barcode
  stain TEXT NOT NULL DEFAULT '', stain_source TEXT NOT NULL DEFAULT '',  -- he, ihc, special, fluorescence, grey; guess or user
  cut_with TEXT NOT NULL DEFAULT '',      -- JSON of the settings that its tiles were cut with
  replaced_by INTEGER,                    -- the slide whose tiles took the place of this one's when it was cut again
  project TEXT NOT NULL DEFAULT '', sample_type TEXT NOT NULL DEFAULT '',
  step0 REAL, side0 REAL,                 -- grid step and tile side in level-0 pixels
  grid_rows INTEGER, grid_columns INTEGER,
  grid BLOB,                              -- zlib of uint8 (rows, columns): the Reason code of every grid position
  first_tile INTEGER, n_tiles INTEGER NOT NULL DEFAULT 0,
  seconds REAL,
  updated REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS slide_sha ON slide (sha256);

-- How many grid positions of a slide were kept or dropped, by reason.
CREATE TABLE IF NOT EXISTS grid_count (slide_id INTEGER NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (slide_id, reason)) WITHOUT ROWID, STRICT;

-- Files that are no slide and no tile, by name and with the reason.
CREATE TABLE IF NOT EXISTS rejected_file (path TEXT PRIMARY KEY, reason TEXT NOT NULL, updated REAL NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS label (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;  -- ground truth of ready-made tiles

-- The intent written before a store commit: after a kill it tells whether the commit took place.
CREATE TABLE IF NOT EXISTS pending_commit (id INTEGER PRIMARY KEY CHECK (id = 1), n_before INTEGER NOT NULL, n_after INTEGER NOT NULL,
  payload TEXT NOT NULL) STRICT;

-- state: queued, running, paused, stopped, finished, failed. want: run, pause, stop.
CREATE TABLE IF NOT EXISTS run (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  config TEXT NOT NULL, digest TEXT NOT NULL,
  state TEXT NOT NULL, want TEXT NOT NULL,
  pid INTEGER, pid_started REAL, heartbeat REAL,
  created REAL NOT NULL, started REAL, finished REAL,
  n_tiles INTEGER NOT NULL, store_version INTEGER NOT NULL,
  interval INTEGER NOT NULL DEFAULT -1,   -- last clustering whose files are complete; a finished run has `epochs`
  phase TEXT NOT NULL DEFAULT '', progress REAL NOT NULL DEFAULT 0, rate REAL NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT ''
) STRICT;

-- step counts training batches over the whole run; interval-wise figures carry the step at which the interval began.
CREATE TABLE IF NOT EXISTS metric (run_id INTEGER NOT NULL, name TEXT NOT NULL, interval INTEGER NOT NULL, step INTEGER NOT NULL,
  value REAL NOT NULL, time REAL NOT NULL, PRIMARY KEY (run_id, name, step, interval)) WITHOUT ROWID, STRICT;

CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, run_id INTEGER, time REAL NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL)
  STRICT;
CREATE INDEX IF NOT EXISTS event_run ON event (run_id, id);

-- Append-only curation. A row is never changed; undo is a row that names the row it takes back.
CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, interval INTEGER NOT NULL,
  time REAL NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL, cluster INTEGER, payload TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS decision_run ON decision (run_id, id);

-- Work that is going on outside training (ingest, map, export, demo), so that every page can say so.
-- state: running, done, failed.
CREATE TABLE IF NOT EXISTS activity (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL DEFAULT '', state TEXT NOT NULL,
  phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL, pid_started REAL NOT NULL, started REAL NOT NULL,
  updated REAL NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS export (id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, interval INTEGER NOT NULL, path TEXT NOT NULL,
  format TEXT NOT NULL, n_tiles INTEGER NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
  time REAL NOT NULL) STRICT;
"""
    + _STREAM
    + _COHORT_CHANGES
)

# What turns a ledger of the version before into this one; a workspace of months is never thrown away for a column.
MIGRATIONS = {
    1: """
ALTER TABLE slide ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN sample_type TEXT NOT NULL DEFAULT '';
"""
    + _STREAM,
    2: """
ALTER TABLE slide ADD COLUMN patient_source TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN site_source TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN stain TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN stain_source TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN cut_with TEXT NOT NULL DEFAULT '';
ALTER TABLE slide ADD COLUMN replaced_by INTEGER;
UPDATE slide SET patient_source = 'barcode' WHERE patient != '';
UPDATE slide SET site_source = 'barcode' WHERE site != '';
"""
    + _COHORT_CHANGES,
}


_WAIT_S = 60
# What a person can do about the troubles of the place where the ledger lies, by SQLite's primary result code.
_TROUBLE = {
    sqlite3.SQLITE_FULL: "make room on the disk and start again",
    sqlite3.SQLITE_IOERR: "the disk is full or broken: make room and start again",
    sqlite3.SQLITE_READONLY: "make it writable and start again",
    sqlite3.SQLITE_CANTOPEN: "see that its folder exists, is writable and has room",
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
            WorkspaceError: the file is of another schema version, or not a ledger.
        """
        ledger = cls(path)
        try:
            with ledger._connection() as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    connection.executescript(
                        f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                    )
                elif version in MIGRATIONS:
                    version = _migrate(connection)
        except sqlite3.DatabaseError as error:
            raise WorkspaceError(f"{path} is not a Tessera ledger: {error}") from error
        if version not in (0, SCHEMA_VERSION):
            raise WorkspaceError(
                f"{path} has schema {version}, this Tessera writes schema {SCHEMA_VERSION}: "
                "use the version that made the workspace, or ingest into a new one"
            )
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
        except sqlite3.OperationalError as error:
            advice = _TROUBLE.get((error.sqlite_errorcode or 0) & 0xFF)
            if advice is None:
                raise
            raise WorkspaceError(f"the ledger {self.path} cannot be used: {error}; {advice}") from error


def _migrate(connection: sqlite3.Connection) -> int:
    """Bring an older ledger to this version, in one transaction; another process may have done it meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        while version in MIGRATIONS:
            for statement in MIGRATIONS[version].split(";\n"):
                connection.execute(statement)
            version += 1
            connection.execute(f"PRAGMA user_version = {version}")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return version
