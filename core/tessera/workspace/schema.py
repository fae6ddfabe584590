"""The tables of the ledger, their version, and what brings an older ledger up to date.

To change a table: change `SCHEMA`, add the statements that turn the version before into the new one to `MIGRATIONS`,
and raise `SCHEMA_VERSION`. Add columns with a default and leave old ones in place, so that a process of the version
before that is still running can go on writing. `tests/tessera/workspace/ledgers` has the tables of every released
version.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera import __version__
from tessera.errors import WorkspaceError
from tessera.workspace import files

PACKAGE = "tessera-pathology"
REPAIR = (
    "put back a copy of it from your backup (ledger-schema*.sqlite beside it are copies of before an upgrade), or save "
    "what can be read with `sqlite3 ledger.sqlite .recover`; tiles and runs beside it are untouched"
)
_FILED_UNDER_IT = ("tiles.lance", "runs", "slides")  # in a workspace folder, these exist only after the ledger
WRITER_KEY = "tessera_version"  # in `meta`: the newest Tessera that has opened this workspace

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
CREATE TABLE IF NOT EXISTS slide_change (id INTEGER PRIMARY KEY AUTOINCREMENT, slide_id INTEGER NOT NULL,
    time REAL NOT NULL,
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
  -- he, ihc, special, fluorescence, grey; guess or user
  stain TEXT NOT NULL DEFAULT '', stain_source TEXT NOT NULL DEFAULT '',
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

-- ground truth of ready-made tiles
CREATE TABLE IF NOT EXISTS label (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

-- The intent written before a store commit: after a kill it tells whether the commit took place.
CREATE TABLE IF NOT EXISTS pending_commit (id INTEGER PRIMARY KEY CHECK (id = 1), n_before INTEGER NOT NULL,
    n_after INTEGER NOT NULL,
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
CREATE TABLE IF NOT EXISTS metric (run_id INTEGER NOT NULL, name TEXT NOT NULL, interval INTEGER NOT NULL,
    step INTEGER NOT NULL,
  value REAL NOT NULL, time REAL NOT NULL, PRIMARY KEY (run_id, name, step, interval)) WITHOUT ROWID, STRICT;

CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, run_id INTEGER, time REAL NOT NULL, level TEXT NOT NULL,
    text TEXT NOT NULL)
  STRICT;
CREATE INDEX IF NOT EXISTS event_run ON event (run_id, id);

-- Append-only curation. A row is never changed; undo is a row that names the row it takes back.
CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL,
    interval INTEGER NOT NULL,
  time REAL NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL, cluster INTEGER, payload TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS decision_run ON decision (run_id, id);

-- Work that is going on outside training (ingest, map, export, demo), so that every page can say so.
-- state: running, done, failed.
CREATE TABLE IF NOT EXISTS activity (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
  phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL, pid_started REAL NOT NULL, started REAL NOT NULL,
  updated REAL NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS export (id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, interval INTEGER NOT NULL,
    path TEXT NOT NULL,
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


def apply(connection: sqlite3.Connection, path: Path) -> None:
    """Give a new ledger its tables, bring an older one up to date, and refuse all others.

    A migration is one transaction: whoever dies in it leaves the old ledger. A copy of the old ledger is kept beside
    it.

    Args:
        connection: to the ledger, outside a transaction.
        path: the ledger's file.

    Raises:
        WorkspaceError: it is newer than this Tessera, or a database of something else.
    """
    version = _version(connection)
    if version == 0:
        _make(connection, path)
    elif version in MIGRATIONS:
        _migrate(connection, path)
    elif version != SCHEMA_VERSION:
        raise WorkspaceError(too_new(connection, path, version))
    _sign(connection)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to write to a ledger that another version has changed since it was opened.

    Raises:
        WorkspaceError: it has been upgraded meanwhile.
    """
    version = _version(connection)
    if version != SCHEMA_VERSION:
        raise WorkspaceError(
            f"it has been upgraded while this process had it open: {too_new(connection, path, version)}"
        )


def too_new(connection: sqlite3.Connection, path: Path, version: int) -> str:
    """What is wrong and what to install."""
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (WRITER_KEY,)).fetchone()
    except sqlite3.OperationalError:  # no such table
        row = None
    wanted = f"{PACKAGE}>={row[0]}" if row else f"--upgrade {PACKAGE}"
    by = f"Tessera {row[0]}" if row else "a newer Tessera"
    return (
        f"{path} was written by {by} (schema {version}); this is Tessera {__version__}, which knows schemas 1 to "
        f"{SCHEMA_VERSION}: install the newer one, `pip install '{wanted}'`; nothing has been changed"
    )


def refuse_to_replace(path: Path) -> None:
    """Make no new ledger where an old one must have been: what people decided would seem never to have been.

    Raises:
        WorkspaceError: the folder holds tiles or runs.
    """
    left = [name for name in _FILED_UNDER_IT if (path.parent / name).exists()]
    if left:
        how = "empty" if path.is_file() else "missing"
        raise WorkspaceError(f"the ledger {path} is {how}, but {', '.join(left)} of its workspace are there: {REPAIR}")


def backup_path(path: Path, version: int) -> Path:
    """Where the copy of a ledger lies that was made before it was migrated from `version`."""
    return path.with_name(f"{path.stem}-schema{version}{path.suffix}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection, path: Path) -> None:
    with _transaction(connection):
        if _version(connection):  # another process was quicker
            return
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise WorkspaceError(f"{path} is a database of something else: choose another folder with --workspace")
        refuse_to_replace(path)
        for statement in statements(SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    with _transaction(connection):
        version = _version(connection)
        if version in MIGRATIONS:  # unless another process was quicker
            _keep_copy(path, version)
        while version in MIGRATIONS:
            for statement in statements(MIGRATIONS[version]):
                connection.execute(statement)
            version += 1
            connection.execute(f"PRAGMA user_version = {version}")


def _keep_copy(path: Path, version: int) -> None:
    """Copy the ledger as it is, once; the caller holds the write lock, so nobody changes it meanwhile."""
    copy = backup_path(path, version)
    if copy.exists():
        return
    temporary = copy.with_name(f".{copy.name}.{os.getpid()}.tmp")
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(temporary)) as target:
        source.backup(target)
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())
    temporary.replace(copy)
    files.fsync_directory(path.parent)


def _sign(connection: sqlite3.Connection) -> None:
    """Record which Tessera was the last to open the workspace, for the message that an older one gives."""
    known = connection.execute("SELECT value FROM meta WHERE key = ?", (WRITER_KEY,)).fetchone()
    if known is None or known[0] != __version__:
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (WRITER_KEY, __version__))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def statements(script: str) -> Iterator[str]:
    """The single statements of an SQL script; comments may hold semicolons."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered.strip()
            gathered = ""
