"""Where clusters lie on a slide: a label for every grid position, drawn as one pixel a tile."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.palette import colours
from tessera.workspace.folder import Workspace

_SCALE = 8  # enlarged without smoothing, or the browser would blur one pixel a tile


@dataclass(frozen=True)
class TileInfo:
    """Where a tile lies.

    Attributes:
        tile: number of the tile.
        slide_id: row of the slide.
        slide: name of the slide.
        kind: slide, or tiles for ready-made ones.
        x0: left edge, level-0 pixels.
        y0: upper edge, level-0 pixels.
        side0: side, level-0 pixels.
        width: of the slide, level-0 pixels, 0 for ready-made tiles.
        height: of the slide, level-0 pixels, 0 for ready-made tiles.
        side_um: side in um.
    """

    tile: int
    slide_id: int
    slide: str
    kind: str
    x0: int
    y0: int
    side0: int
    width: int
    height: int
    side_um: float


def tile_info(clustering: Clustering, tile: int) -> TileInfo:
    """Where a tile lies.

    Raises:
        TesseraError: no such tile.
    """
    if not 0 <= tile < len(clustering.index):
        raise TesseraError(f"there is no tile {tile}")
    slide = slide_row(clustering.workspace, int(clustering.index.slide[tile]))
    side0 = int(clustering.index.side0[tile])
    return TileInfo(
        tile=tile,
        slide_id=slide["id"],
        slide=slide["name"],
        kind=slide["kind"],
        x0=int(clustering.index.x0[tile]),
        y0=int(clustering.index.y0[tile]),
        side0=side0,
        width=slide["width"] or 0,
        height=slide["height"] or 0,
        side_um=side0 * (slide["mpp"] or 0),
    )


def slide_row(workspace: Workspace, slide_id: int) -> sqlite3.Row:
    """A slide's row in the ledger.

    Raises:
        TesseraError: no such slide.
    """
    with workspace.ledger.read() as connection:
        row: sqlite3.Row | None = connection.execute("SELECT * FROM slide WHERE id = ?", (slide_id,)).fetchone()
    if row is None:
        raise TesseraError(f"there is no slide {slide_id}")
    return row


def reason_grid(workspace: Workspace, slide_id: int) -> npt.NDArray[np.uint8] | None:
    """Why each grid position was kept or dropped, uint8 (rows, columns) of `Reason`; None when it has no grid."""
    row = slide_row(workspace, slide_id)
    if row["grid"] is None:
        return None
    codes = np.frombuffer(zlib.decompress(row["grid"]), np.uint8)
    return codes.reshape(row["grid_rows"], row["grid_columns"])


def viewable_row(workspace: Workspace, slide_id: int) -> sqlite3.Row:
    """A slide's row, if it is a slide whose size is known.

    Raises:
        TesseraError: no such slide, or ready-made tiles, or it was never opened.
    """
    row = slide_row(workspace, slide_id)
    if row["kind"] != "slide" or not row["width"]:
        why = row["reason"] or f"it is {row['state']}"
        raise TesseraError(
            f"{row['name']} "
            + ("consists of ready-made tiles: it has no map" if row["kind"] != "slide" else f"cannot be shown: {why}")
        )
    return row


def slide_path(row: sqlite3.Row) -> Path:
    """Where the slide's file was when it was ingested."""
    return Path(row["path"])


def tile_grid(clustering: Clustering, slide_id: int) -> npt.NDArray[np.int64]:
    """Tile of every grid position of a slide, int64 (rows, columns), -1 where there is none.

    Raises:
        TesseraError: no such slide, or it has no grid (ready-made tiles).
    """
    row = slide_row(clustering.workspace, slide_id)
    if row["grid_rows"] is None:
        raise TesseraError(f"{row['name']} consists of ready-made tiles: it has no map")
    tiles = np.flatnonzero(clustering.index.slide[: len(clustering.labels)] == slide_id)
    grid = np.full((row["grid_rows"], row["grid_columns"]), -1, np.int64)
    rows = np.round(clustering.index.y0[tiles] / row["step0"]).astype(np.int64)
    columns = np.round(clustering.index.x0[tiles] / row["step0"]).astype(np.int64)
    grid[rows, columns] = tiles
    return grid


def label_grid(clustering: Clustering, slide_id: int) -> npt.NDArray[np.int32]:
    """Cluster of every grid position of a slide, int32 (rows, columns), -1 where there is no tile.

    Raises:
        TesseraError: no such slide, or it has no grid (ready-made tiles).
    """
    return labels_at(clustering, tile_grid(clustering, slide_id))


def labels_at(clustering: Clustering, tiles: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Cluster of each tile of a grid, int32 of the same shape, -1 where there is no tile."""
    return np.where(tiles >= 0, clustering.labels[np.maximum(tiles, 0)], -1).astype(np.int32)


def cells_file(clustering: Clustering, slide_id: int) -> bytes:
    """What the slide page draws and asks.

    Uint32 rows and columns, then int32 clusters and int32 tiles of all positions.

    Both grids run row by row and hold -1 where there is no tile; a tile without a cluster has -1 in the first only.

    Raises:
        TesseraError: no such slide, or it has no grid.
    """
    tiles = tile_grid(clustering, slide_id)
    shape = np.array(tiles.shape, "<u4").tobytes()
    return shape + labels_at(clustering, tiles).astype("<i4").tobytes() + tiles.astype("<i4").tobytes()


def clusters_on_slide(clustering: Clustering, slide_id: int) -> list[tuple[int, int]]:
    """Clusters of a slide and how many of its tiles each has, the largest first."""
    labels = clustering.labels[clustering.index.slide[: len(clustering.labels)] == slide_id]
    ids, sizes = np.unique(labels[labels >= 0], return_counts=True)
    order = np.lexsort((ids, -sizes))
    return [(int(ids[i]), int(sizes[i])) for i in order]


def overlay_png(grid: npt.NDArray[np.int32], highlight: int | None = None) -> bytes:
    """A label grid as PNG with transparency, 8 x 8 pixels a tile.

    Args:
        grid: int32 (rows, columns), -1 = transparent.
        highlight: paint only this cluster fully and the others faintly.
    """
    ids, inverse = np.unique(grid, return_inverse=True)
    picture = np.dstack([colours(ids)[inverse.reshape(grid.shape)], np.full(grid.shape, 255, np.uint8)])
    if highlight is not None:
        picture[grid != highlight, 3] = 50
    picture[grid < 0, 3] = 0
    return _png(picture)


def kept_png(codes: npt.NDArray[np.uint8]) -> bytes:
    """The kept positions of a slide's grid as a translucent green PNG."""
    picture = np.zeros((*codes.shape, 4), np.uint8)
    picture[codes == 0] = (0, 158, 115, 130)
    return _png(picture)


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    large = np.repeat(np.repeat(picture, _SCALE, axis=0), _SCALE, axis=1)
    _, data = cv2.imencode(".png", cv2.cvtColor(large, cv2.COLOR_RGBA2BGRA))
    return bytes(data.tobytes())
