"""A feature pass over frozen weights: raw features into the kept ones, then into a bank, normalised.

What is read, and how, is a `Reading`; with the encoder's weights it makes the recipe that is stored beside the bank.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tessera.errors import RunError
from tessera.learn.features.adapt import SAMPLE, adapt_statistics
from tessera.learn.features.context import neighbours, with_context
from tessera.learn.features.extract import Bank, Filled, Told, extract
from tessera.learn.features.kept import Kept, state_digest
from tessera.learn.features.layers import read_layers
from tessera.learn.features.whitening import Moments, Normalisation, finish_normalisation
from tessera.learn.nets.encoders import Encoder
from tessera.learn.train.randomness import Stream
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileIndex
from tessera.workspace import files

RECIPE = "recipe.json"  # beside a run's bank
_FIT_TILES, _CHUNK = 100_000, 16_384


@dataclass(frozen=True)
class Reading:
    """How features are read.

    Attributes:
        layers: see `tessera.learn.features.layers.read_layers`.
        pool: mean or mean-and-spread.
        views: 1, 4 or 8 symmetries of the square, averaged.
        adapt_bn: batch statistics of the own tiles in place of the published ones.
        context: mean with the tiles that touch it on its slide.
        tile_px: side of the image that the encoder sees.
    """

    layers: str = "auto"
    pool: str = "mean"
    views: int = 4
    adapt_bn: bool = True
    context: bool = False
    tile_px: int = 96


@dataclass(frozen=True)
class Pass:
    """Where a pass works.

    Attributes:
        loader: reads the tiles.
        device: where the encoder is.
        batch_size: tiles a step.
        precision: of products.
        seed: of the samples.
        shared: folder of the workspace's kept features.
        own: folder of the run.
        subset: digest of the tiles that are numbered from 0, when they are not all; else empty.
    """

    loader: TileLoader
    device: torch.device
    batch_size: int
    precision: str
    seed: int
    shared: Path
    own: Path
    subset: str = ""


def prepared(encoder: Encoder, reading: Reading, place: Pass, n_tiles: int) -> nn.Module:
    """The network that is read, its statistics adapted to a sample of the tiles when that is asked for."""
    network = read_layers(encoder, reading.layers, reading.pool)
    if reading.adapt_bn:
        rng = np.random.default_rng((place.seed, 0, Stream.ADAPTING))
        sample = np.sort(rng.choice(n_tiles, min(SAMPLE, n_tiles), replace=False))
        adapt_statistics(network, _images(place.loader, sample), place.device, place.precision)
    return network.eval()


def _images(loader: TileLoader, ids: npt.NDArray[np.int64]) -> Iterator[torch.Tensor]:
    for batch in loader.plain(ids, 128):
        if len(batch.ids):
            yield torch.from_numpy(batch.images)


def read_bank(
    encoder: Encoder,
    reading: Reading,
    place: Pass,
    *,
    n_tiles: int,
    open_bank: Callable[[int], Bank],
    normalise: tuple[str, int],
    index: Callable[[], TileIndex],
    told: Told,
) -> tuple[nn.Module, Filled]:
    """Fill a bank.

    Args:
        encoder: on the device; its batch statistics change when the reading adapts them.
        reading: what is read.
        place: where.
        n_tiles: tiles to read, numbered from 0.
        open_bank: a bank of a given width, float16 (N, d), written in place.
        normalise: kind of normalisation, and the dimensions that PCA keeps.
        index: where tiles lie; asked for only with context.
        told: hears (share done, tiles a second).

    Returns:
        The network that was read, and what was found.

    Raises:
        RunError: not one tile can be read, or features are not finite.
    """
    network = prepared(encoder, reading, place, n_tiles)
    dim = int(network.dim)
    recipe = recipe_of(encoder, reading, dim, place)
    with Kept(place.shared, recipe, n_tiles, dim, own=place.own / "features") as kept:
        _read(network, reading, place, kept, told)
        near = neighbours(index()) if reading.context else None
        normalisation = _fit(kept.rows, near, normalise, np.random.default_rng((place.seed, 0, Stream.FITTING)))
        bank = open_bank(normalisation.projection.shape[1])
        unreadable = _write(kept.rows, near, normalisation, bank)
    stored = {
        **recipe,
        "normalisation": normalise[0],
        "kept_dimensions": bank.shape[1],
        "origin": asdict(encoder.origin),
    }
    files.write_text(place.own / RECIPE, json.dumps(stored, indent=2))
    return network, Filled(normalisation, unreadable)


def recipe_of(encoder: Encoder, reading: Reading, dim: int, place: Pass) -> dict[str, Any]:
    """What decides the raw features, as plain values."""
    return {
        "version": 1,
        "encoder": encoder.origin.encoder,
        "weights": state_digest(encoder),
        "input": type(encoder.front).__name__,
        "colour": [buffer.flatten().tolist() for buffer in encoder.front.buffers()],
        "dim": dim,
        "precision": place.precision,
        "device": place.device.type,
        "subset": place.subset,
        **{key: value for key, value in asdict(reading).items() if key != "context"},
    }


def _read(network: nn.Module, reading: Reading, place: Pass, kept: Kept, told: Told) -> None:
    """Raw features of the tiles that are not there yet."""
    n_tiles, began, first = len(kept.rows), time.monotonic(), kept.done
    missing = np.arange(first, n_tiles, dtype=np.int64)
    at = first
    for ids, features in extract(
        network,
        place.loader,
        missing,
        batch_size=place.batch_size,
        device=place.device,
        precision=place.precision,
        views=reading.views,
    ):
        if not np.isfinite(features).all():
            raise RunError(
                "the encoder gives features that are not finite: are these its weights? try precision=float32"
            )
        end = int(ids[-1]) + 1
        kept.rows[at:end] = np.nan  # those in between do not decode
        kept.rows[ids] = features.clip(-65_504, 65_504)
        at = end
        kept.mark(at)
        told(at / n_tiles, (at - first) / max(time.monotonic() - began, 1e-6))
    kept.rows[at:] = np.nan
    kept.mark(n_tiles, now=True)


def _fit(
    rows: npt.NDArray[np.float16],
    near: npt.NDArray[np.int64] | None,
    normalise: tuple[str, int],
    rng: np.random.Generator,
) -> Normalisation:
    sample = np.sort(rng.choice(len(rows), min(len(rows), _FIT_TILES), replace=False))
    moments = Moments()
    for start in range(0, len(sample), _CHUNK):
        features, readable = _with_neighbours(rows, near, sample[start : start + _CHUNK])
        if readable.any():
            moments.add(features[readable])
    return finish_normalisation(moments, *normalise)


def _write(
    rows: npt.NDArray[np.float16], near: npt.NDArray[np.int64] | None, normalisation: Normalisation, bank: Bank
) -> npt.NDArray[np.int64]:
    """The rows, normalised, in the bank; the tiles that could not be read."""
    unreadable = []
    for start in range(0, len(rows), _CHUNK):
        ids = np.arange(start, min(start + _CHUNK, len(rows)))
        features, readable = _with_neighbours(rows, near, ids)
        bank[ids] = np.where(readable[:, None], normalisation.apply(np.nan_to_num(features)), 0)
        unreadable.append(ids[~readable])
    if isinstance(bank, np.memmap):
        bank.flush()
    return np.concatenate(unreadable)


def _with_neighbours(
    rows: npt.NDArray[np.float16], near: npt.NDArray[np.int64] | None, ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    features = np.asarray(rows[ids], np.float32)
    readable: npt.NDArray[np.bool_] = np.asarray(np.isfinite(features).all(axis=1), np.bool_)
    if near is not None:
        features = with_context(np.nan_to_num(features), near[ids], rows)
    return features, readable
