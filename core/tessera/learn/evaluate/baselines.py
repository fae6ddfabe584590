"""What a run has to beat.

Colour, colour and edges, the same after stain normalisation, a random network, the starting weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from torch import nn

from tessera.learn.features.device import choose_device, place
from tessera.learn.features.extract import extract
from tessera.learn.features.layers import read_layers
from tessera.learn.reuse.trained import load_trained, starting, untrained
from tessera.runs.rows import Run
from tessera.tiles.augment.stain import fit_stain
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

COLOUR, EDGES, REINHARD = "mean and spread of RGB", "colour statistics", "colour statistics, Reinhard"
OWN, RANDOM = "run", "random encoder"
START_LAST, START_MIDDLE = "starting weights, last layer", "starting weights, middle layers"
OWN_MIDDLE = "run, middle layers"
_AT_A_TIME = 512

Features = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Tile = npt.NDArray[np.uint8]


def colour_statistics(tile: npt.NDArray[np.uint8]) -> Features:
    """The baseline that needs no learning: means, spreads, grey percentiles, edges, hue and saturation histograms.

    Args:
        tile: uint8 (H, W, 3), RGB.

    Returns:
        float32 (28,).
    """
    pixels = tile.reshape(-1, 3).astype(np.float32)
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    hsv = cv2.cvtColor(tile, cv2.COLOR_RGB2HSV)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    hue, _ = np.histogram(hsv[..., 0], 8, (0, 180))
    saturation, _ = np.histogram(hsv[..., 1], 5, (0, 256))
    parts = [
        pixels.mean(axis=0),
        pixels.std(axis=0),
        np.percentile(grey, [5, 25, 50, 75, 95]),
        [edges.mean(), edges.std()],
        100 * hue / grey.size,
        100 * saturation / grey.size,
        [grey.std(), hsv[..., 2].std()],
    ]
    return np.concatenate(parts).astype(np.float32)


def statistics(tiles: Iterator[Tile]) -> dict[str, Features]:
    """The three baselines that need no network.

    Args:
        tiles: uint8 (H, W, 3), RGB.

    Returns:
        Name to float32 (N, 6) or (N, 28).
    """
    plain, normalised = [], []
    for tile in tiles:
        stain = fit_stain([tile], "reinhard")
        plain.append(colour_statistics(tile))
        normalised.append(colour_statistics(tile if stain is None else stain.normalise(tile)))
    return {COLOUR: np.stack(plain)[:, :6], EDGES: np.stack(plain), REINHARD: np.stack(normalised)}


def feature_sets(workspace: Workspace, run: Run, store: TileStore, ids: Ids) -> dict[str, Features]:
    """Features of some tiles, float32 (M, D) each, by every baseline and by the run, judged at the same layers.

    Args:
        workspace: where the run is.
        run: has a checkpoint.
        store: its tiles.
        ids: int64 (M,), tile numbers.

    Raises:
        RunError: the run has no checkpoint.
    """
    trained, start = load_trained(workspace, run).encoder, starting(run.config)
    networks: dict[str, Callable[[], nn.Module]] = {
        OWN: lambda: trained,
        OWN_MIDDLE: lambda: read_layers(trained),
        RANDOM: lambda: untrained(run.config),
    }
    if start is not None:
        networks |= {START_LAST: lambda: start, START_MIDDLE: lambda: read_layers(start)}
    sets = {}
    loader = TileLoader(store, run.config.tile_px, run.config.threads)
    for what, make in networks.items():
        sets[what] = _read(make(), loader, run, ids)
    loader.close()
    return sets | statistics(_decoded(store, ids))


def _read(network: nn.Module, loader: TileLoader, run: Run, ids: Ids) -> Features:
    device = choose_device(run.config.device)
    parts = extract(
        place(network, device),
        loader,
        ids,
        batch_size=run.config.features.batch_size,
        device=device,
        precision=run.config.precision,
    )
    return np.concatenate([features for _, features in parts])


def _decoded(store: TileStore, ids: Ids) -> Iterator[Tile]:
    for start in range(0, len(ids), _AT_A_TIME):
        for jpeg in store.batch(ids[start : start + _AT_A_TIME]):
            yield simplejpeg.decode_jpeg(jpeg)
