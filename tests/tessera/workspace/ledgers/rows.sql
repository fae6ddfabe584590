-- What people did in a workspace of schema 1 or 2; every later version has to find it.
INSERT INTO meta (key, value) VALUES ('tile_mpp', '0.5'), ('tile_px', '96.0'), ('overlap', '0.0'), ('n_tiles', '7');
INSERT INTO slide (id, name, path, kind, state, patient, n_tiles, first_tile, updated)
  VALUES (1, 'one', '/archive/one.svs', 'slide', 'done', 'P-1', 7, 0, 1);
INSERT INTO slide (id, name, path, kind, state, reason, updated)
  VALUES (2, 'two', '/archive/two.svs', 'slide', 'set_aside', 'no resolution; tell it with --default-mpp', 1);
INSERT INTO grid_count (slide_id, reason, n) VALUES (1, 'kept', 7), (1, 'no tissue', 3);
INSERT INTO run (id, name, config, digest, state, want, created, started, finished, n_tiles, store_version, interval)
  VALUES (4, 'old', '{"method": "deepcluster", "clusters": 3, "epochs": 2, "encoder": "tiny", "rcc_lambda": 8.0}', 'd1gest',
  'finished', 'run', 10, 11, 12, 7, 1, 2);
INSERT INTO metric (run_id, name, interval, step, value, time) VALUES (4, 'nmi', 2, 9, 0.5, 12);
INSERT INTO event (run_id, time, level, text) VALUES (4, 12, 'info', 'it was so');
INSERT INTO decision (run_id, interval, time, author, kind, cluster, payload) VALUES
  (4, 2, 13, 'osler', 'name', 0, '{"value": "stroma"}'),
  (4, 2, 14, 'virchow', 'mark', 1, '{"value": "artefact"}'),
  (4, 2, 15, 'osler', 'name', 1, '{"value": "fat"}'),
  (4, 2, 16, 'osler', 'undo', 1, '{"decision": 3, "value": "3"}');
INSERT INTO export (run_id, interval, path, format, n_tiles, state, time) VALUES (4, 2, '/archive/out', 'parquet', 7, 'done', 17);
