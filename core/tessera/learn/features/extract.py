"""Feature passes: every tile through a network and into the bank; raw features are never stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tessera.config import RunConfig
from tessera.learn.features.distributed import Ranks
from tessera.learn.features.whitening import Moments, Normalisation, finish_normalisation
from tessera.learn.nets.runtime import Runtime, choose_runtime
from tessera.learn.train.randomness import Stream
from tessera.tiles.augment.view import turn
from tessera.tiles.loader import TileLoader

_FIT_TILES, _FIT_VALUES = 100_000, 200_000_000  # the sample of the fit, and its size in memory, whichever is smaller
_CHUNK = 65_536
# four: as it is, mirrored, turned by a quarter, and both
SYMMETRIES = {1: (0,), 4: (0, 5, 2, 7), 8: tuple(range(8))}

Told = Callable[[float, float], None]
Ids = npt.NDArray[np.int64]
Bank = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Filled:
    """What a pass found.

    Attributes:
        normalisation: as applied to the bank.
        unreadable: int64, tiles that do not decode; their rows are zero.
    """

    normalisation: Normalisation
    unreadable: Ids


def extract(
    network: nn.Module,
    loader: TileLoader,
    ids: Ids,
    *,
    batch_size: int,
    device: torch.device,
    precision: str = "auto",
    views: int = 1,
) -> Iterator[tuple[Ids, npt.NDArray[np.float32]]]:
    """Features of un-augmented tiles, batch by batch, in evaluation mode.

    Args:
        network: uint8 (B, 3, H, W) -> float (B, dim); it is left in evaluation mode.
        loader: reads the tiles.
        ids: int64 (M,), tile numbers.
        batch_size: tiles a step.
        device: device of the network.
        precision: of its products, see `tessera.learn.features.device.autocast`.
        views: 1, 4 or 8 of the square's symmetries, over which features are averaged. Tiles are decoded once and
            turned.

    Yields:
        Tile numbers int64 (B,) and features float32 (B, dim); tiles that do not decode are missing.
    """
    network.eval()
    run: Runtime | None = None
    size = min(batch_size, max(1, len(ids)))
    for batch in loader.plain(ids, batch_size):
        if not len(batch.ids):
            continue
        if run is None:
            run = choose_runtime(
                network, batch.images, device, precision=precision, images=len(ids) * views, batch_size=size
            )
        features = run(batch.images)
        for symmetry in SYMMETRIES[views][1:]:
            features += run(turned(batch.images, symmetry))
        yield batch.ids, features / np.float32(views)


def turned(images: npt.NDArray[np.uint8], symmetry: int) -> npt.NDArray[np.uint8]:
    """One of the square's eight symmetries of images (B, C, H, W), numbered as in `tessera.tiles.augment.view.turn`."""
    turned = turn(images.transpose(2, 3, 0, 1), symmetry)  # the first two axes are turned
    return np.ascontiguousarray(turned.transpose(2, 0, 1, 3)).transpose(0, 3, 1, 2)  # colours last in memory


class FeaturePass:
    """Fills a bank with normalised features.

    The normalisation is fitted on up to 100,000 tiles; the others are read after it and projected as they come, so
    memory does not grow with the cohort.

    Args:
        network: uint8 images to features.
        loader: reads the tiles.
        config: pca_dim, features.batch_size, precision, seed.
        device: device of the network.
        ranks: the processes that share the pass; each reads its part of the tiles and writes their rows.
        views: symmetries of the square over which features are averaged: 1, 4 or 8.
    """

    def __init__(
        self,
        network: nn.Module,
        loader: TileLoader,
        config: RunConfig,
        device: torch.device,
        ranks: Ranks,
        views: int = 1,
    ) -> None:
        self._network, self._loader, self._config, self._device = network, loader, config, device
        self._ranks, self._views = ranks, views

    def fill(self, bank: Bank, kind: str, interval: int, told: Told) -> Filled:
        """Write a row for every tile.

        Args:
            bank: float16 (N, d), written in place; tiles that do not decode get the zero vector.
            kind: normalisation.
            interval: number of the clustering, which decides the sample of the fit.
            told: called with (share done, tiles a second).

        Raises:
            RunError: features are not finite.
        """
        n_tiles, ranks = len(bank), self._ranks
        counted = self._counted(n_tiles // ranks.world, told)
        rng = np.random.default_rng((self._config.seed, interval, Stream.FITTING))
        sample = np.sort(rng.choice(n_tiles, min(n_tiles, self._fit_size(bank, kind)), replace=False))
        moments, kept = Moments(), []
        for batch_ids, features in counted(sample[ranks.share(len(sample))]):
            moments.add(features)
            kept.append((batch_ids, features))
        normalisation = ranks.tell(finish_normalisation(_joined(ranks.gather(moments)), kind, bank.shape[1]))
        readable = np.zeros(n_tiles, np.uint8)
        bank[ranks.share(n_tiles)] = 0
        ranks.wait()
        for batch_ids, features in kept:
            bank[batch_ids] = normalisation.apply(features)
            readable[batch_ids] = 1
        del kept
        others = np.setdiff1d(np.arange(n_tiles), sample)
        for batch_ids, features in counted(others[ranks.share(len(others))]):
            bank[batch_ids] = normalisation.apply(features)
            readable[batch_ids] = 1
        if isinstance(bank, np.memmap):
            bank.flush()
        return Filled(normalisation, np.flatnonzero(ranks.total_array(readable) == 0))

    def _fit_size(self, bank: Bank, kind: str) -> int:
        if kind == "none":
            return 1_000  # nothing is fitted but that features are finite
        dim: int = getattr(self._network, "dim", None) or bank.shape[1]
        return max(1_000, min(_FIT_TILES, _FIT_VALUES // dim))

    def _counted(self, n_tiles: int, told: Told) -> Callable[[Ids], Iterator[tuple[Ids, npt.NDArray[np.float32]]]]:
        """`extract` that tells how far it is."""
        done, began = 0, time.monotonic()

        def run(ids: Ids) -> Iterator[tuple[Ids, npt.NDArray[np.float32]]]:
            nonlocal done
            for batch in extract(
                self._network,
                self._loader,
                ids,
                batch_size=self._config.features.batch_size,
                device=self._device,
                precision=self._config.precision,
                views=self._views,
            ):
                done += len(batch[0])
                told(done / n_tiles, done / (time.monotonic() - began))
                yield batch

        return run


def _joined(parts: list[Moments]) -> Moments:
    whole = Moments()
    for part in parts:
        whole.join(part)
    return whole


def normalise_bank(bank: Bank, out: Bank, kind: str, rng: np.random.Generator) -> Normalisation:
    """Normalise a bank into another array, chunk by chunk; a row of zeros stays zero.

    Args:
        bank: float16 (N, D).
        out: float16 (N, d), written in place.
        kind: see `tessera.learn.features.whitening`.
        rng: decides the sample of the fit.

    Returns:
        What was applied.
    """
    sample = np.sort(rng.choice(len(bank), min(len(bank), _FIT_TILES), replace=False))
    moments = Moments()
    for start in range(0, len(sample), _CHUNK):
        moments.add(np.asarray(bank[sample[start : start + _CHUNK]], np.float32))
    normalisation = finish_normalisation(moments, kind, out.shape[1])
    apply_normalisation(normalisation, bank, out)
    return normalisation


def apply_normalisation(normalisation: Normalisation, bank: Bank, out: Bank) -> None:
    """Write a bank, float16 (N, D), normalised into another one, float16 (N, d), chunk by chunk."""
    for start in range(0, len(bank), _CHUNK):
        rows = slice(start, start + _CHUNK)
        out[rows] = normalisation.apply(bank[rows])
