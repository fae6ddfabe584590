-- The tables of schema 2, as commit b674df0 made them. Never change this file.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE slide (
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
  project TEXT NOT NULL DEFAULT '', sample_type TEXT NOT NULL DEFAULT '',
  step0 REAL, side0 REAL,                 -- grid step and tile side in level-0 pixels
  grid_rows INTEGER, grid_columns INTEGER,
  grid BLOB,                              -- zlib of uint8 (rows, columns): the Reason code of every grid position
  first_tile INTEGER, n_tiles INTEGER NOT NULL DEFAULT 0,
  seconds REAL,
  updated REAL NOT NULL
) STRICT;
CREATE TABLE grid_count (slide_id INTEGER NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (slide_id, reason)) WITHOUT ROWID, STRICT;
CREATE TABLE rejected_file (path TEXT PRIMARY KEY, reason TEXT NOT NULL, updated REAL NOT NULL) STRICT;
CREATE TABLE label (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE pending_commit (id INTEGER PRIMARY KEY CHECK (id = 1), n_before INTEGER NOT NULL, n_after INTEGER NOT NULL,
  payload TEXT NOT NULL) STRICT;
CREATE TABLE run (
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
CREATE TABLE metric (run_id INTEGER NOT NULL, name TEXT NOT NULL, interval INTEGER NOT NULL, step INTEGER NOT NULL,
  value REAL NOT NULL, time REAL NOT NULL, PRIMARY KEY (run_id, name, step, interval)) WITHOUT ROWID, STRICT;
CREATE TABLE event (id INTEGER PRIMARY KEY, run_id INTEGER, time REAL NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL)
  STRICT;
CREATE TABLE decision (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, interval INTEGER NOT NULL,
  time REAL NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL, cluster INTEGER, payload TEXT NOT NULL) STRICT;
CREATE TABLE activity (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL DEFAULT '', state TEXT NOT NULL,
  phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL, pid_started REAL NOT NULL, started REAL NOT NULL,
  updated REAL NOT NULL) STRICT;
CREATE TABLE export (id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, interval INTEGER NOT NULL, path TEXT NOT NULL,
  format TEXT NOT NULL, n_tiles INTEGER NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
  time REAL NOT NULL) STRICT;
CREATE TABLE remote_slide (
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
CREATE TABLE stream (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL, config TEXT NOT NULL,  -- JSON of both configs
  state TEXT NOT NULL, want TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
  pid INTEGER, pid_started REAL,
  slides_held INTEGER NOT NULL DEFAULT 0, high_water INTEGER NOT NULL DEFAULT 0,
  tiles_kept INTEGER NOT NULL DEFAULT 0, rate REAL NOT NULL DEFAULT 0,
  started REAL NOT NULL, updated REAL NOT NULL
) STRICT;
CREATE INDEX slide_sha ON slide (sha256);
CREATE INDEX event_run ON event (run_id, id);
CREATE INDEX decision_run ON decision (run_id, id);
CREATE INDEX remote_state ON remote_slide (state);
CREATE INDEX remote_slide_id ON remote_slide (slide_id);
PRAGMA user_version = 2;
