"""How sharp each tile is.

Variance of the Laplacian of its grey picture, measured once and kept beside the tile store.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from tessera.tiles.store import TileStore
from tessera.workspace.files import write_npy
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

_FILE = "sharpness.npy"
_BATCH = 2048
MOST_AT_ONCE = 200_000  # new tiles that making a map measures too: a minute or so on two cores
_SIDE_PX = 128  # JPEGs are decoded at a half or a quarter where that is still this large


def read_sharpness(workspace: Workspace) -> npt.NDArray[np.float32] | None:
    """What was measured, float32 (N,), row = tile number; newer tiles are not in it.

    None before the first measurement.
    """
    path = workspace.root / _FILE
    return np.load(path, mmap_mode="r") if path.exists() else None


def measure_sharpness(workspace: Workspace, progress: Progress | None = None) -> npt.NDArray[np.float32]:
    """Measure the tiles that are new since the last time, and keep it.

    Args:
        workspace: whose tiles.
        progress: is told how far it is.

    Returns:
        log10 of the variance of the Laplacian (Pech-Pacheco et al. 2000), float32 (N,); NaN for a tile that does not
        decode.
    """
    told = progress or Silent()
    store, before = TileStore(workspace.tiles_path), read_sharpness(workspace)
    known = np.empty(0, np.float32) if before is None else np.asarray(before)
    n = workspace.n_tiles()
    found = np.full(n, np.nan, np.float32)
    found[: len(known)] = known[:n]
    for start in range(len(known), n, _BATCH):
        tiles = np.arange(start, min(start + _BATCH, n))
        found[tiles] = [_sharp(jpeg) for jpeg in store.batch(tiles)]
        told.update("measuring how sharp tiles are", int(tiles[-1]) + 1, n)
    write_npy(workspace.root / _FILE, found)
    return found


def _sharp(jpeg: bytes) -> float:
    try:
        grey = simplejpeg.decode_jpeg(jpeg, "GRAY", min_height=_SIDE_PX, min_width=_SIDE_PX, min_factor=1)
    except ValueError:
        return float("nan")
    return float(np.log10(cv2.Laplacian(grey[..., 0], cv2.CV_32F).var() + 1e-3))
