"""A workspace to name clusters in: real tiles, grouped in seconds by colour and texture, with a map, untrained."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from tessera.config import IngestConfig, RunConfig
from tessera.ingest.pipeline import ingest
from tessera.ingest.tile_folder import ingest_tiles
from tessera.runs import control
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

RUN = "colours"
_DIM, _SIDE_PX, _CHUNK = 24, 64, 256


def build(root: Path, sources: list[Path], clusters: int, settings: IngestConfig | None = None) -> Workspace:
    """Ingest and group.

    Args:
        root: a new folder.
        sources: slides, or folders of tiles.
        clusters: how many.
        settings: of the ingest.
    """
    workspace = Workspace.create(root)
    config = settings or IngestConfig()
    for folder in (source for source in sources if source.is_dir()):
        ingest_tiles(workspace, folder, config)
    if slides := [source for source in sources if not source.is_dir()]:
        ingest(workspace, slides, config)
    points = np.ascontiguousarray(PCA(_DIM, random_state=0).fit_transform(_features(workspace)), np.float32)
    found = KMeans(clusters, n_init=3, random_state=0).fit(points)
    labels = found.labels_.astype(np.int32)
    distances = np.linalg.norm(points - found.cluster_centers_[labels], axis=1)
    record(workspace, labels, distances.astype(np.float16), points)
    return workspace


def record(
    workspace: Workspace,
    labels: npt.NDArray[np.int32],
    distances: npt.NDArray[np.float16],
    points: npt.NDArray[np.float32],
) -> None:
    """Write labels as a finished run of one clustering, with a map of the first two components."""
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    control.create(workspace, RunConfig.of({"clustering.clusters": len(ids), "epochs": 1}), RUN)
    folder = workspace.run_folder(RUN)
    folder.save_distances(0, distances)
    folder.save_interval(0, labels, Clusters(ids, sizes, np.zeros((len(ids), points.shape[1]), np.float32)))
    bank = folder.open_bank(points.shape)
    bank[:] = points
    bank.flush()
    xy = points[:, :2] / np.abs(points[:, :2]).max()
    folder.save_projection(0, xy.astype(np.float32))
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET state = 'finished', interval = 0 WHERE name = ?", (RUN,))


def _features(workspace: Workspace) -> npt.NDArray[np.float32]:
    """Colour and its variation in parts of each tile, float32 (N, 60)."""
    store, found = TileStore(workspace.tiles_path), []
    for start in range(0, workspace.n_tiles(), _CHUNK):
        for jpeg in store.batch(np.arange(start, min(start + _CHUNK, workspace.n_tiles()))):
            tile = cv2.resize(simplejpeg.decode_jpeg(jpeg), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
            lab = cv2.cvtColor(tile, cv2.COLOR_RGB2LAB).astype(np.float32)
            light = lab[..., 0]
            edges = [
                float(np.abs(np.diff(cv2.GaussianBlur(light, (0, 0), s), axis=a)).mean())
                for s in (0.8, 2, 4)
                for a in (0, 1)
            ]
            counts = [np.histogram(lab[..., c], 16, (0, 255))[0] / lab[..., c].size * 30 for c in range(3)]
            found.append([*lab.mean((0, 1)), *lab.std((0, 1)), *(4 * edge for edge in edges), *np.concatenate(counts)])
    return np.asarray(found, np.float32)
