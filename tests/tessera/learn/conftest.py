"""Tiles with known classes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
import simplejpeg
import torch
from tessera.config import IngestConfig
from tessera.demo.synthetic import CLASSES, draw_texture
from tessera.ingest.tile_folder import ingest_tiles
from tessera.workspace.folder import Workspace


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks run several times faster on one thread when the cores are shared."""
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A `Reporter` in this process takes SIGTERM for a wish to stop the run; it must not outlive the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


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
