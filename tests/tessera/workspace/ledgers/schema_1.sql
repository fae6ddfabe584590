-- The tables of schema 1, as the first releases made them. Never change this file.
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
PRAGMA user_version = 1;
