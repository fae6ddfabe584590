"""Some tiles of the store, numbered anew from 0, for a run that learns from those only."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera.errors import StoreError
from tessera.tiles.store import Ids, TileIndex, TileStore


class StoreSubset:
    """Reads as a `TileStore` does. Pickles by path.

    Args:
        store: the whole store.
        tiles: int64 (B,), tile numbers, ascending; their place is their number here.
    """

    def __init__(self, store: TileStore, tiles: npt.NDArray[np.int64]) -> None:
        self._store, self._tiles = store, tiles

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self._tiles)

    @property
    def version(self) -> int:
        """Version of the whole store."""
        return self._store.version

    def batch(self, ids: Ids) -> list[bytes]:
        """JPEG bytes of some tiles, in the order of `ids`."""
        return self._store.batch(self._whole(ids))

    def rows(self, ids: Ids, columns: list[str]) -> pa.Table:
        """Some columns of some tiles, in the order of `ids`."""
        return self._store.rows(self._whole(ids), columns)

    def index(self) -> TileIndex:
        """Coordinates and labels of these tiles."""
        whole = self._store.index()
        return TileIndex(*(getattr(whole, column.name)[self._tiles] for column in fields(TileIndex)))

    def _whole(self, ids: Ids) -> npt.NDArray[np.int64]:
        wanted = np.asarray(ids, np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= len(self._tiles)):
            raise StoreError(f"the run learns from {len(self._tiles)} tiles; tile {wanted.max()} is not among them")
        return self._tiles[wanted]
