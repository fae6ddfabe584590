"""A run sees the tiles that were there when it was made, though an ingest goes on meanwhile; the next run sees more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tessera.config import IngestConfig
from tessera.ingest.tile_folder import ingest_tiles
from tessera.runs import control
from tessera.workspace.folder import Workspace

from tests.tessera.learn.train.test_run import CONFIG, finished, train, wait_until


@pytest.mark.slow
def test_training_begins_on_the_committed_part(ready: Workspace, textures: Path, tmp_path: Path) -> None:
    n = ready.n_tiles()
    control.create(ready, CONFIG, "first")
    more = tmp_path / "more"
    for kind in textures.iterdir():
        (more / kind.name).mkdir(parents=True)
        shutil.copy(kind / "0.jpg", more / kind.name / "again.jpg")
    ingest_tiles(ready, more, IngestConfig(tile_px=64))
    assert ready.n_tiles() > n
    control.launch(ready, "first")
    wait_until(lambda: finished(ready, "first"))
    assert len(ready.run_folder("first").assignment(CONFIG.epochs)) == n
    train(ready, CONFIG, "second")
    assert len(ready.run_folder("second").assignment(CONFIG.epochs)) == ready.n_tiles()
