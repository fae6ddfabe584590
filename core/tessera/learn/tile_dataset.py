"""Tiles of a workspace as a torch dataset, for training loops of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from torch.utils.data import Dataset

from tessera.errors import StoreError
from tessera.tiles.augment.view import resize
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

Item = tuple[torch.Tensor, int, int]


class TileDataset(Dataset[Item]):
    """Reads tiles by number; give it to a `torch.utils.data.DataLoader`.

    An item is (image, label, tile): uint8 (3, tile_px, tile_px) RGB, or what `transform` makes of it; an int; the
    tile's number. The loader reads whole batches at once. Worker processes must be spawned, not forked
    (`multiprocessing_context="spawn"`), because the store cannot be forked; threads of the main process are mostly as
    fast.

    Args:
        workspace: with tiles.
        tile_px: side of the images; tiles are resized.
        tiles: int64 (N,), numbers of the tiles; all if None.
        labels: int (N,), a label for each of `tiles`, such as `tessera.clusters(run)["cluster"]`; the labels that came
            with ready-made tiles if None, -1 where there is none.
        transform: called with each image.

    Raises:
        ValueError: labels and tiles are not of one length, or a tile does not exist.
    """

    def __init__(
        self,
        workspace: Workspace,
        tile_px: int = 224,
        *,
        tiles: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        transform: Callable[[torch.Tensor], Any] | None = None,
    ) -> None:
        self._store = TileStore(workspace.tiles_path)
        known = workspace.n_tiles()
        self._tiles = np.arange(known) if tiles is None else np.asarray(tiles, np.int64)
        if len(self._tiles) and not 0 <= self._tiles.min() <= self._tiles.max() < known:
            raise ValueError(f"the workspace has tiles 0 to {known - 1}")
        own = self._store.index().label[self._tiles] if labels is None else np.asarray(labels)
        if len(own) != len(self._tiles):
            raise ValueError(f"{len(own)} labels for {len(self._tiles)} tiles")
        self._labels, self._tile_px, self._transform = own.astype(np.int64), tile_px, transform

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self._tiles)

    def __getitem__(self, position: int) -> Item:
        """One tile.

        Raises:
            StoreError: its picture is damaged.
        """
        return self.__getitems__([position])[0]

    def __getitems__(self, positions: list[int]) -> list[Item]:
        """Some tiles in one read; torch's loader calls it with the positions of a batch."""
        tiles = self._tiles[positions]
        pictures = self._store.batch(tiles)
        return [
            (self._image(jpeg, int(tile)), int(label), int(tile))
            for jpeg, label, tile in zip(pictures, self._labels[positions], tiles, strict=True)
        ]

    def _image(self, jpeg: bytes, tile: int) -> Any:
        try:
            pixels = simplejpeg.decode_jpeg(jpeg)  # (H, W, 3)
        except ValueError as error:
            raise StoreError(f"tile {tile} does not decode: {error}") from error
        image = torch.from_numpy(resize(pixels, self._tile_px)).permute(2, 0, 1)
        return image if self._transform is None else self._transform(image)
