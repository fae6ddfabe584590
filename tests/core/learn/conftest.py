"""Tiles with known classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from core.config import IngestConfig
from core.ingest.tile_folder import ingest_tiles
from core.synthetic import CLASSES, draw_texture
from core.workspace import Workspace


@pytest.fixture(scope="session")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 tiles of each of the textures, in class folders."""
    folder = tmp_path_factory.mktemp("textures")
    rng = np.random.default_rng(0)
    for kind in CLASSES:
        (folder / kind).mkdir()
        big = draw_texture(kind, rng, 640)
        for i in range(40):
            y, x = divmod(i, 7)
            tile = np.ascontiguousarray(big[y * 96 : y * 96 + 64, x * 80 : x * 80 + 64])
            (folder / kind / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(tile))
    return folder


@pytest.fixture
def ready(workspace: Workspace, textures: Path) -> Workspace:
    ingest_tiles(workspace, textures, IngestConfig(tile_px=64))
    return workspace
