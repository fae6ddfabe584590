"""A feature pass: every tile through the encoder, normalised and into the bank; raw features are never stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from core.config import RunConfig
from core.learn.encoders import Encoder
from core.learn.whitening import fit_normalisation
from core.tiles.loader import TileLoader

_FIT_TILES = 100_000
_FITTING = 5  # stream of randomness, see core.learn.loop

Told = Callable[[float, float], None]


def extract(
    encoder: Encoder, loader: TileLoader, ids: npt.NDArray[np.int64], *, batch_size: int, device: torch.device
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Features of un-augmented tiles, batch by batch, in evaluation mode.

    Args:
        encoder: the network; it is left in evaluation mode.
        loader: reads the tiles.
        ids: int64 (M,), tile numbers.
        batch_size: tiles a step.
        device: where the encoder is.

    Yields:
        Tile numbers int64 (B,) and features float32 (B, dim); tiles that do not decode are missing.
    """
    encoder.eval()
    with torch.inference_mode():
        for batch in loader.plain(ids, batch_size):
            if len(batch.ids):
                images = torch.from_numpy(batch.images).to(device, non_blocking=True)
                with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                    features = encoder(images)
                yield batch.ids, features.float().cpu().numpy()


class FeaturePass:
    """Fills a bank with normalised features.

    The normalisation is fitted on up to 100,000 tiles; the others are read after it and projected as they come, so memory
    does not grow with the cohort.

    Args:
        encoder: the network.
        loader: reads the tiles.
        config: normalisation, pca_dim, extract_batch, seed.
        device: where the encoder is.
    """

    def __init__(self, encoder: Encoder, loader: TileLoader, config: RunConfig, device: torch.device) -> None:
        self._encoder, self._loader, self._config, self._device = encoder, loader, config, device

    def fill(self, bank: npt.NDArray[np.float16], interval: int, told: Told) -> float:
        """Write a row for every tile.

        Args:
            bank: float16 (N, d), written in place; tiles that do not decode get the zero vector.
            interval: number of the clustering, which decides the sample.
            told: hears (share done, tiles a second).

        Returns:
            Share of the variance that the normalisation keeps.
        """
        n_tiles = len(bank)
        rng = np.random.default_rng((self._config.seed, interval, _FITTING))
        sample = np.sort(rng.choice(n_tiles, min(n_tiles, _FIT_TILES), replace=False))
        counted = self._counted(n_tiles, told)
        ids, raw = [], []
        for batch_ids, features in counted(sample):
            ids.append(batch_ids)
            raw.append(features)
        stacked = np.concatenate(raw)
        normalisation = fit_normalisation(stacked, self._config.normalisation, bank.shape[1])
        bank[:] = 0
        bank[np.concatenate(ids)] = normalisation.apply(stacked)
        for batch_ids, features in counted(np.setdiff1d(np.arange(n_tiles), sample)):
            bank[batch_ids] = normalisation.apply(features)
        if isinstance(bank, np.memmap):
            bank.flush()
        return normalisation.explained

    def _counted(
        self, n_tiles: int, told: Told
    ) -> Callable[[npt.NDArray[np.int64]], Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]]:
        """`extract` that tells how far it is."""
        done, began = 0, time.monotonic()

        def run(ids: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
            nonlocal done
            for batch in extract(
                self._encoder, self._loader, ids, batch_size=self._config.extract_batch, device=self._device
            ):
                done += len(batch[0])
                told(done / n_tiles, done / (time.monotonic() - began))
                yield batch

        return run
